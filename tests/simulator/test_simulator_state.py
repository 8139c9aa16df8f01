"""What the loss and the damage of each part of the state cost, computed by hand: steps of 10 s."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 100s
services: {tool: {kind: tool}}
agents:
  a:
    tasks: {schedule: [0s], steps: 12, success: SUCCESS}
    step: {work: 10s, act: tool}
    state: STATE
    protect: PROTECT
    recover: RECOVER
faults: [FAULTS]
"""


def run(
    faults: str,
    state: str = "{}",
    protect: str = "{}",
    recover: str = "cold_start",
    success: str = "1",
    seed: int | None = None,
) -> Played:
    text = HEAD.replace("STATE", state).replace("PROTECT", protect).replace("RECOVER", recover)
    return play(text.replace("FAULTS", faults).replace("SUCCESS", success), seed=seed)


def lose(part: str, moment: str = "57s") -> str:
    return f"{{state_loss: {{agent: a, parts: [{part}], at: {moment}}}}}"


def corrupt(part: str, moment: str = "57s") -> str:
    return f"{{state_corruption: {{agent: a, parts: [{part}], at: {moment}}}}}"


def blind(fields: str = "") -> str:
    """A state of which nobody notices anything, with these fields."""
    parts = [p for p in ("memory", "goal", "plan", "context", "tools") if f"{p}:" not in fields]
    return f"{{{', '.join([*(f'{p}: {{notice: 0}}' for p in parts), *filter(None, [fields])])}}}"


@pytest.mark.parametrize("part", ["context", "memory"])
def test_a_lost_part_is_found_at_the_next_step_and_rebuilt_over_some(part: str) -> None:
    played = run(lose(part), f"{{{part}: {{rebuild: 2}}}}")
    incident = played.incident
    assert incident.detected == 60 * NS
    assert played.at("part_rebuilt", subject=part) == [80], "the step that was under way rebuilds nothing"
    assert incident.recovered == 80 * NS
    assert incident.caught_up == 80 * NS
    assert incident.point is None
    assert len(played.steps) == 12


def test_the_hazard_is_raised_until_the_part_is_rebuilt() -> None:
    played = run(lose("context"), "{context: {rebuild: 2, lost_hazard: 1e6}}", success="0.99")
    outcomes = {s.step: s.outcome for s in played.steps}
    assert [n for n, outcome in outcomes.items() if outcome == "wrong"] == [6, 7, 8]
    (ended,) = played.events("task_ended")
    assert ended.value == 0
    assert ended.detail is not None
    assert ended.detail["steps_right"] == 9


def test_a_lost_part_that_takes_no_step_to_rebuild_is_found_all_the_same() -> None:
    played = run(lose("context"))
    assert played.incident.detected == 60 * NS
    assert played.at("part_rebuilt") == [60]
    assert played.incident.recovered == 70 * NS


def test_a_lost_plan_is_made_again_before_progress_goes_on() -> None:
    played = run(lose("plan"), "{plan: {rebuild: 3}}")
    assert [(s.what, s.step, s.time / NS) for s in played.steps][5:11] == [
        ("work", 6, 60),
        ("replan", 7, 70),
        ("replan", 7, 80),
        ("replan", 7, 90),
        ("work", 7, 100),
        ("work", 8, 110),
    ]
    assert played.at("part_rebuilt") == [90]
    assert played.incident.recovered == 100 * NS
    assert played.value("time{class=overhead}") == pytest.approx(30 / 300)


def test_a_lost_goal_abandons_the_task_and_is_counted_so() -> None:
    played = run(lose("goal"))
    (ended,) = played.events("task_ended")
    assert (ended.time, ended.step) == (60 * NS, 6)
    assert ended.detail is not None
    assert ended.detail["outcome"] == "goal_lost"
    assert played.value("tasks_goal_lost") == 1
    assert played.incident.detected == 60 * NS
    assert played.incident.lost
    assert played.incident.caught_up is None
    assert played.incident.recovered == 60 * NS, "it is idle, and nothing is wrong with it any more"


def test_lost_tools_are_opened_again() -> None:
    played = run(lose("tools"), "{tools: {rebuild: 1}, reconnect: 4s}")
    assert [s.time / NS for s in played.steps][5:8] == [60, 74, 84]
    assert played.incident.recovered == 74 * NS


def test_an_empty_part_has_nothing_to_lose() -> None:
    played = run(lose("context", "3s"))
    assert played.incidents == []
    (missed,) = played.events("fault_missed")
    assert missed.detail == {"reason": "nothing_to_lose"}


def test_a_lost_part_comes_back_from_a_checkpoint_and_the_work_since_is_done_again() -> None:
    saves = "{checkpointing: {every: 4 steps, write: 1s, store: disk}}"
    text = HEAD.replace("{tool: {kind: tool}}", "{tool: {kind: tool}, disk: {kind: store, latency: 3s}}")
    text = text.replace("STATE", "{context: {rebuild: 2}}").replace("PROTECT", saves)
    text = text.replace("RECOVER", "checkpoint").replace("SUCCESS", "1").replace("FAULTS", lose("context"))
    played = play(text)
    # snapshot of 40, durable at 41; step 6 ends at 61; 3 s to read; step 5 again till 74
    assert played.incident.detected == 61 * NS
    assert played.at("state_restored") == [64]
    assert played.incident.point == 17 * NS
    assert played.incident.lost_steps == 2
    assert played.incident.recovered == 74 * NS
    assert played.incident.caught_up == 84 * NS, "beyond the five steps of the onset"
    assert played.value("time{class=overhead}") == pytest.approx((1 + 3 + 1 + 1) / 300)


def test_what_a_checkpoint_does_not_cover_comes_back_empty() -> None:
    saves = "{checkpointing: {every: 2 steps, write: 1s, covers: [goal, plan]}}"
    crash = "{crash: {agent: a, at: 57s}}"
    state = "{context: {rebuild: 2, lost_hazard: 1e6}, memory: {rebuild: 3}}"
    played = run(crash, state, saves, "checkpoint", success="0.99")
    assert sorted(e.subject for e in played.events("part_lost")) == ["context", "memory", "tools"]
    assert played.incident.lost_parts == 3
    wrong = [(s.step, s.epoch) for s in played.steps if s.outcome == "wrong"]
    assert wrong == [(5, 1), (6, 1)], "until the context is rebuilt"


def test_a_checkpoint_without_the_goal_cannot_bring_the_task_back() -> None:
    saves = "{checkpointing: {every: 2 steps, write: 1s, covers: [plan, context]}}"
    played = run("{crash: {agent: a, at: 57s}}", "{}", saves, "checkpoint")
    (ended,) = played.events("task_ended")
    assert ended.detail is not None
    assert ended.detail["outcome"] == "goal_lost"
    assert played.incident.lost


def test_corruption_that_is_noticed_is_rebuilt() -> None:
    played = run(corrupt("context"), "{context: {rebuild: 2, notice: 1}}")
    strike = played.incident.id
    assert played.incident.detected == 60 * NS
    assert played.at("part_tainted", incident=strike) == [57]
    assert played.at("part_cleansed", incident=strike) == [60]
    assert played.incident.recovered == 80 * NS
    assert played.incident.taint_time == 3 * NS
    assert played.incident.cascade_steps == 1, "the step that was under way"


def test_corruption_that_nobody_notices_is_undetected_and_censored() -> None:
    played = run(corrupt("memory"), blind("memory: {corrupt_wrong: 1, notice: 0}"))
    incident = played.incident
    assert incident.detected is None
    assert incident.recovered is None
    assert incident.taint_time == (400 - 57) * NS
    assert [s.outcome for s in played.steps] == ["right"] * 5 + ["wrong"] * 7
    assert incident.cascade_steps == 7
    assert incident.escaped
    assert played.data["undetected"].count == 1  # type: ignore[union-attr]


def test_corruption_of_a_part_that_is_dropped_with_its_task_is_over_but_stays_undetected() -> None:
    played = run(corrupt("context", "117s"), "{context: {notice: 0}}")
    assert played.at("part_cleansed") == [120]
    assert played.incident.detected is None
    assert played.incident.recovered == 120 * NS, "nothing is in hand, and nothing damaged is left"


def test_a_corrupt_goal_makes_steps_wrong_until_it_is_noticed_and_the_task_begins_again() -> None:
    played = run(corrupt("goal"), "{goal: {notice: 1, corrupt_wrong: 1}}")
    assert [(s.step, s.outcome) for s in played.steps][5:8] == [(6, "wrong"), (1, "right"), (2, "right")]
    assert played.incident.detected == 60 * NS
    assert played.incident.recovered == 70 * NS
    assert played.incident.point == 57 * NS
    assert played.incident.memory_point == 0, "the process lives, and its memory with it"
    assert played.at("part_lost", subject="memory") == []
    (ended,) = played.events("task_ended")
    assert ended.value == 1


def test_an_ordinary_wrong_step_taints_the_parts_of_the_task_and_raises_the_hazard() -> None:
    hazardous = [
        len(
            [
                s
                for s in run("", f"{{taint_hazard: {h}}}", success="0.5", seed=n).steps
                if s.outcome == "wrong"
            ]
        )
        for h in (1, 1e6)
        for n in range(20)
    ]
    assert sum(hazardous[:20]) < sum(hazardous[20:])
    played = run("", "{taint_hazard: 1e6}", success="0.3")
    outcomes = [s.outcome for s in played.steps]
    first = outcomes.index("wrong")
    assert set(outcomes[first:]) == {"wrong"}
    assert played.events("part_tainted") == [], "ambient taint is nobody's"


def test_taint_that_steps_spread_is_a_hazard_and_no_damage() -> None:
    wrong = "{hallucination: {service: tool, at: 25s, calls: 1}}"
    played = run(wrong, blind("goal: {corrupt_wrong: 1, notice: 0}, taint_hazard: 2"))
    assert [s.outcome for s in played.steps] == ["right"] * 2 + ["wrong"] + ["right"] * 9
    assert len([s for s in played.steps if s.taint]) == 10, "yet all of them read it"
    (lie,) = played.strikes
    assert (lie.scope, lie.cascade_steps, lie.cascade_tasks) == ("absorbed", 10, 1)


SAVES = "{{checkpointing: {{every: 2 steps, write: 1s, store: disk, verify: {}, generations: 3}}}}"


@pytest.mark.parametrize(
    ("verify", "generations", "restored", "step"),
    [("true", 1, 62, 2), ("true", 2, 62, 0), ("false", 1, 60, 4), ("false", 2, 60, 4)],
)
def test_corrupt_checkpoints(verify: str, generations: int, restored: int, step: int) -> None:
    text = HEAD.replace("{tool: {kind: tool}}", "{tool: {kind: tool}, disk: {kind: store, latency: 2s}}")
    text = text.replace("STATE", blind()).replace("PROTECT", SAVES.format(verify)).replace("SUCCESS", "1")
    faults = f"{{checkpoint_corrupt: {{agent: a, at: 50s, generations: {generations}}}}}"
    text = text.replace("RECOVER", "checkpoint").replace(
        "FAULTS", f"{faults}, {{crash: {{agent: a, at: 58s}}}}"
    )
    played = play(text)
    # snapshots of 20 and 41; 2 s to read each
    assert played.at("state_restored") == [restored]
    (event,) = played.events("state_restored")
    assert event.step == step
    tainted = {e.subject for e in played.events("part_tainted")}
    assert tainted == (set() if verify == "true" else {"memory", "goal", "plan", "context", "tools"})


def test_damage_that_a_restored_checkpoint_brought_is_traced_to_an_older_one() -> None:
    text = HEAD.replace("{tool: {kind: tool}}", "{tool: {kind: tool}, disk: {kind: store, latency: 2s}}")
    text = text.replace("STATE", "{}").replace("PROTECT", SAVES.format("false")).replace("SUCCESS", "1")
    faults = "{checkpoint_corrupt: {agent: a, at: 50s}}, {crash: {agent: a, at: 58s}}"
    played = play(text.replace("RECOVER", "checkpoint").replace("FAULTS", faults))
    # noticed at once, as the ideal agent does: the snapshot of 41 is passed over for that of 20
    assert played.at("state_restored") == [60, 62]
    assert [e.step for e in played.events("state_restored")] == [4, 2]


def test_a_tainted_checkpoint_restores_the_taint_and_a_cold_start_removes_it() -> None:
    faults = f"{corrupt('memory', '15s')}, {{crash: {{agent: a, at: 57s}}}}"
    state = "{memory: {notice: 0, rebuild: 1}}"
    saves = "{checkpointing: {every: 2 steps, write: 1s}}"
    kept = run(faults, state, saves, "checkpoint")
    assert kept.at("part_cleansed") == []
    assert all(s.taint for s in kept.steps if s.time > 57 * NS)
    cold = run(faults, state)
    assert cold.at("part_cleansed") == [57]
    assert not any(s.taint for s in cold.steps if s.time > 57 * NS)


def test_a_part_that_was_lost_before_a_crash_is_not_in_the_snapshots_after_it() -> None:
    faults = f"{lose('memory', '45s')}, {{crash: {{agent: a, at: 78s}}}}"
    played = run(faults, "{memory: {rebuild: 20}}", "{checkpointing: {every: 2 steps, write: 1s}}",
                 "{cold_start: {start: 1s}}")  # fmt: skip
    assert played.at("part_lost", subject="memory") == [45, 79], "the rebuilding begins anew"
    assert played.incidents[1].memory_point == 0, "nothing of it was left to lose"


def test_a_plan_that_is_made_from_a_wrong_answer_is_tainted() -> None:
    text = HEAD.replace("services: {", "services: {gpt: {kind: model, latency: 5s}, ")
    text = text.replace("step: {work: 10s, act: tool}", "step: {think: gpt, work: 5s}")
    text = text.replace("STATE", blind("plan: {rebuild: 2, notice: 0}")).replace("PROTECT", "{}")
    faults = f"{lose('plan')}, {{hallucination: {{service: gpt, at: 61s, calls: 1}}}}"
    played = play(text.replace("RECOVER", "cold_start").replace("SUCCESS", "1").replace("FAULTS", faults))
    assert [(s.what, s.outcome, s.time / NS) for s in played.steps][6:9] == [
        ("replan", "right", 65),
        ("replan", "wrong", 70),
        ("work", "right", 80),
    ]
    (lie,) = [c.fault for c in played.calls if c.fault]
    assert [(e.subject, e.incident, e.time / NS) for e in played.events("part_tainted")] == [
        ("plan", lie, 70)
    ]
    assert played.steps[8].taint == (lie,)


def test_a_second_loss_does_not_begin_the_planning_anew() -> None:
    faults = f"{lose('plan')}, {lose('memory', '75s').replace('{agent', '{name: more, agent')}"
    played = run(faults, "{plan: {rebuild: 3}}")
    assert [s.time / NS for s in played.steps if s.what == "replan"] == [70, 80, 90]


def test_a_failure_that_is_told_taints_nothing() -> None:
    played = run("{server_error: {service: tool, at: 25s, calls: 1}}")
    assert [s.outcome for s in played.steps] == ["right", "right", "error"]
    assert not any(s.taint for s in played.steps)
    assert [strike.cascade_steps for strike in played.strikes] == [0]
