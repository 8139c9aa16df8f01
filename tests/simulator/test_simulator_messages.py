"""Messages and hand-offs between agents, by hand: steps of 10 s."""

from __future__ import annotations

import pytest
from simulator.played import Played, decide, play, played, rows_of

from agentchaos.trace import NS

TALK = """
name: by hand
preset: ideal
horizon: 200s
drain: 100s
services: {tool: {kind: tool}, crm: {kind: tool}}
agents:
  a:
    tasks: {loop: 1, steps: 12, success: 0.999}
    step: {work: 10s, act: tool}
    talk: {to: b, EVERY, taints: TAINTS, delay: 2s}
    state: UNSEEN
  b:
    count: COUNT
    required: 1
    tasks: {loop: 1, steps: 12, success: 0.999}
    step: {work: 10s, act: crm}
    state: UNSEEN
    recover: {cold_start: {start: 4s}}
faults: [FAULTS]
"""
BARE = "notice: 0, poison_notice: 0, poison_wrong: 1, corrupt_wrong: 1"
UNSEEN = f"{{memory: {{{BARE}}}, goal: {{{BARE}}}, plan: {{{BARE}}}, context: {{{BARE}}}, tools: {{{BARE}}}}}"
POISON = "{poisoning: {agent: a, parts: [context], at: 37s}}"


def talk(
    faults: str = POISON, every: str = "every: 3 steps", taints: str = "1", count: int = 1, seed: int = 1
) -> Played:
    text = TALK.replace("FAULTS", faults).replace("EVERY", every).replace("TAINTS", taints)
    return play(text.replace("COUNT", str(count)).replace("UNSEEN", UNSEEN), seed=seed)


def acted(run: Played) -> list[tuple[float, int, list[str]]]:
    """(moment, step, what it brought along) of each message that was read."""
    return [(e.time / NS, e.step, (e.detail or {})["taint"]) for e in run.events("message_acted")]


def test_a_message_is_sent_after_a_step_delivered_later_and_read_at_the_next_one() -> None:
    run = talk("")
    assert run.at("message_sent") == [30, 60, 90, 120]
    assert run.at("message_delivered") == [32, 62, 92, 122]
    assert acted(run) == [(40, 5, []), (70, 8, []), (100, 11, [])], "the last finds nothing more to do"
    (first, *_) = run.events("message_sent")
    assert (first.agent, first.member, first.task, first.step, first.subject) == ("a", 0, "a/0:0", 3, "b")
    assert first.detail == {"id": "a/0:0#0.3", "kind": "talk", "to": 0, "taint": []}
    assert run.value("messages{kind=talk}") == 4
    assert run.value("messages_tainted{kind=talk}") == 0


def test_a_tainted_sender_taints_the_context_of_its_reader() -> None:
    run = talk()
    (poison,) = run.incidents
    assert [taint for _, _, taint in acted(run)] == [[], [poison.id], [poison.id]]
    assert [(e.agent, e.subject, e.time / NS) for e in run.events("part_tainted") if e.agent == "b"] == [
        ("b", "context", 70)
    ]
    assert [s.step for s in run.steps if s.agent == "b" and s.taint] == [8, 9, 10, 11, 12]
    assert (poison.cascade_agents, poison.cascade_tasks) == (2, 2)
    assert poison.cascade_steps == 9 + 5
    assert {r.agent: (r.steps, r.tasks, r.agents) for r in poison.reach} == {"a": (9, 1, 1), "b": (5, 1, 1)}
    assert {r.agent: r.time for r in poison.reach} == {"a": (120 - 37) * NS, "b": (120 - 70) * NS}
    assert run.value("messages_tainted{kind=talk}") == 2


def test_taint_is_a_hazard_to_its_reader_and_no_damage() -> None:
    assert [s.outcome for s in talk().steps if s.agent == "b"] == ["right"] * 12


@pytest.mark.parametrize(("taints", "least", "most"), [("0", 0, 0), ("0.3", 15, 45), ("1", 100, 100)])
def test_it_taints_with_its_chance(taints: str, least: int, most: int) -> None:
    tainted = [taint for seed in range(50) for _, _, taint in acted(talk(taints=taints, seed=seed))[1:]]
    assert len(tainted) == 100
    assert least <= sum(bool(taint) for taint in tainted) <= most


def test_with_a_larger_chance_the_same_messages_taint_and_more() -> None:
    few = [bool(taint) for s in range(30) for *_, taint in acted(talk(taints="0.3", seed=s))]
    many = [bool(taint) for s in range(30) for *_, taint in acted(talk(taints="0.6", seed=s))]
    assert sum(few) < sum(many)
    assert all(one <= other for one, other in zip(few, many, strict=True))


def test_a_chance_per_step_instead_of_a_cadence() -> None:
    sent = sum(len(talk("", "chance: 0.25", seed=seed).at("message_sent")) for seed in range(60))
    assert 130 < sent < 230, "720 steps"


def test_readers_are_drawn_and_nobody_talks_to_itself() -> None:
    to = [e.detail["to"] for seed in range(20) for e in talk("", count=3, seed=seed).events("message_sent")
          if e.detail]  # fmt: skip
    assert set(to) == {0, 1, 2}
    text = TALK.replace("to: b", "to: a").replace("a:\n    tasks", "a:\n    count: 3\n    tasks")
    text = text.replace("EVERY", "chance: 1").replace("TAINTS", "1").replace("FAULTS", "")
    run = play(text.replace("COUNT", "1").replace("UNSEEN", UNSEEN))
    pairs = {(e.member, e.detail["to"]) for e in run.events("message_sent") if e.detail}
    assert pairs == {(x, y) for x in range(3) for y in range(3) if x != y}


def test_what_comes_while_it_is_down_is_delivered_when_it_is_up() -> None:
    run = talk("{crash: {agent: b, at: 61s}}")
    assert run.at("message_delivered") == [32, 65, 92, 122]
    assert [moment for moment, *_ in acted(run)] == [40, 65, 95, 125]


def test_what_was_delivered_and_not_yet_read_is_gone_with_the_process() -> None:
    run = talk("{crash: {agent: b, at: 35s}}")
    assert run.at("message_delivered") == [32, 62, 92, 122]
    assert [moment for moment, *_ in acted(run)] == [69, 99, 129]


def test_a_hang_that_passes_forgets_nothing() -> None:
    text = TALK.replace("count: COUNT", "operator: 1h").replace("UNSEEN", UNSEEN)
    text = text.replace("EVERY", "every: 3 steps").replace("TAINTS", "1")
    run = play(text.replace("FAULTS", "{hang: {agent: b, at: 35s, for: 10s}}"))
    assert [moment for moment, *_ in acted(run)] == [45, 65, 95, 125]


def test_a_step_that_is_done_again_says_it_again() -> None:
    run = talk("{crash: {agent: a, at: 35s}}")
    assert [(e.detail or {})["id"] for e in run.events("message_sent")][:2] == ["a/0:0#0.3", "a/0:0#1.3"]


def test_ambient_errors_do_not_travel() -> None:
    run = talk("", "chance: 1")
    text = TALK.replace("0.999", "0.001").replace("FAULTS", "").replace("EVERY", "chance: 1")
    run = play(text.replace("TAINTS", "1").replace("COUNT", "1").replace("UNSEEN", UNSEEN))
    assert any(s.outcome == "wrong" for s in run.steps)
    assert run.events("message_acted")
    assert not run.events("part_tainted")
    assert not any(s.taint for s in run.steps)


# -- hand-offs ----------------------------------------------------------------------------------

HAND = """
name: by hand
preset: ideal
horizon: 400s
drain: 200s
services: {tool: {kind: tool}, crm: {kind: tool}}
agents:
  a:
    tasks: {loop: 2, steps: 4, success: SUCCESS, deadline: 50s}
    step: {work: 10s, act: tool}
    hand_off: {to: b, HOW}
    state: UNSEEN
  b:
    tasks: {steps: 3, success: 0.999, deadline: 100s}
    step: {work: 10s, act: crm}
    state: UNSEEN
    recover: {cold_start: {start: 4s}}
faults: [FAULTS]
"""
LIE = "{hallucination: {service: tool, at: 15s, calls: 1}}"


def hand(
    faults: str = "", how: str = "carries: 1", success: str = "0.999", state: str = UNSEEN, seed: int = 1
) -> Played:
    text = HAND.replace("FAULTS", faults).replace("HOW", how).replace("SUCCESS", success)
    return play(text.replace("UNSEEN", state), seed=seed)


def test_a_task_that_is_done_begets_one_in_the_other_group() -> None:
    run = hand()
    assert run.at("message_sent") == [40, 80]
    planned = [e for e in run.events("task_planned") if e.agent == "b"]
    assert [(e.time / NS, e.task, (e.detail or {})["deadline"]) for e in planned] == [
        (40, "b/(a/0:0)", 100 * NS),
        (80, "b/(a/0:1)", 100 * NS),
    ]
    assert run.at("message_acted") == [40, 80], "when it is taken"
    assert run.value("tasks_done") == 4
    assert run.value("messages{kind=handoff}") == 2
    assert run.value("task_success{agent=b}") == 1


def test_a_task_that_is_not_done_begets_none() -> None:
    run = hand("{server_error: {service: tool, at: 15s, calls: 1}}")
    assert [e.task for e in run.events("message_sent")] == ["a/0:1"]


def test_a_wrong_task_hands_on_a_wrong_goal() -> None:
    run = hand(LIE)
    (lie,) = run.strikes
    steps = [(s.task, s.outcome, s.taint) for s in run.steps if s.agent == "b"]
    assert steps[:3] == [("b/(a/0:0)", "wrong", (lie.id,))] * 3
    assert steps[3:] == [("b/(a/0:1)", "right", ())] * 3
    assert lie.cascade_agents == 2
    assert lie.cascade_tasks == 2
    assert lie.escaped
    assert {e.subject for e in run.events("part_tainted") if e.agent == "b"} >= {"goal", "plan", "context"}


def test_a_task_that_went_wrong_by_nobody_s_fault_hands_on_a_wrong_goal_too() -> None:
    run = hand(success="0.0001")
    (first, *_) = [e for e in run.events("task_ended") if e.agent == "a"]
    assert first.value == 0
    assert [s.outcome for s in run.steps if s.agent == "b"][:3] == ["wrong"] * 3
    assert not run.events("part_tainted"), "ambient errors are nobody's"


def test_a_tainted_agent_whose_task_is_right_hands_on_taint_alone() -> None:
    # memory is poisoned, but harmless: no step goes wrong by it
    mild = UNSEEN.replace("poison_wrong: 1", "poison_wrong: 0")
    run = hand("{poisoning: {agent: a, at: 15s}}", state=mild)
    tainted = {e.subject for e in run.events("part_tainted") if e.agent == "b"}
    assert tainted == {"plan", "context"}
    assert all(s.taint for s in run.steps if s.agent == "b")
    assert all(s.outcome == "right" for s in run.steps if s.agent == "b")


def test_it_carries_with_its_chance() -> None:
    for carries, least, most in (("0", 0, 0), ("0.5", 12, 28), ("1", 40, 40)):
        first = [next(s for s in hand(LIE, f"carries: {carries}", seed=n).steps if s.agent == "b")
                 for n in range(40)]  # fmt: skip
        assert least <= sum(bool(s.taint) for s in first) <= most


def test_some_are_handed_on() -> None:
    number = sum(len(hand(how="chance: 0.5", seed=n).at("message_sent")) for n in range(40))
    assert 25 <= number <= 55, "of 80"


def test_a_restart_begins_with_the_wrong_goal_again_and_one_who_finds_it_asks_again() -> None:
    run = hand(f"{LIE}, {{crash: {{agent: b, at: 55s}}}}")
    again = [s.outcome for s in run.steps if s.task == "b/(a/0:0)" and s.epoch == 1]
    assert again == ["wrong"] * 3, "what is given with the task is as wrong as before"
    seen = hand(LIE, state=UNSEEN.replace(f"goal: {{{BARE}}}", "goal: {notice: 1, corrupt_wrong: 1}"))
    assert [s.outcome for s in seen.steps if s.task == "b/(a/0:0)"] == ["right"] * 3


def test_circles_end_after_their_rounds() -> None:
    text = HAND.replace("HOW", "rounds: 2").replace("SUCCESS", "1").replace("FAULTS", "")
    text = text.replace("    recover: {cold_start: {start: 4s}}\n", "    hand_off: {to: a, rounds: 2}\n")
    run = play(text.replace("UNSEEN", UNSEEN))
    ids = [e.task for e in run.events("task_planned") if "/0:0" in e.task]
    assert [id_.count("/") for id_ in ids] == [1, 2, 3, 4, 5, 6]
    assert [id_[0] for id_ in ids] == ["a", "b", "a", "b", "a", "b"], "twice back, and no more"


def test_a_crash_changes_no_draw_of_a_task_that_it_does_not_touch() -> None:
    """Messages and a shared memory do not either."""
    text = TALK.replace("FAULTS", "{crash: {agent: a, at: 35s}}").replace("EVERY", "chance: 0.5")
    text = text.replace("preset: ideal\n", "").replace("TAINTS", "1").replace("COUNT", "3")
    text = text.replace("talk: {", "recover: {cold_start: {start: 1s, load: 0s}}\n    talk: {")
    text = text.replace("0.999", "0.7").replace("UNSEEN", "{shared: true}\n    operator: 5s")
    heard = 0
    for seed in range(5):
        plan = decide(text, seed)
        chaos, calm = (played(plan, plan.replication(arm, 1)) for arm in ("chaos", "control"))

        def of(run: Played) -> list[tuple[object, ...]]:
            return [row for row in rows_of(run.rows, "b") if row[0] in ("step", "call")]

        assert of(chaos) == of(calm)
        heard += len(chaos.events("message_acted"))
        assert [e.detail for e in chaos.events("message_sent")] != [
            e.detail for e in calm.events("message_sent")
        ], "what is done again is said again"
    assert heard > 10
