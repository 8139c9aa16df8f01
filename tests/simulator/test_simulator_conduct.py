"""Unsafe acts, attacks, guardrails and explanations, in worlds small enough to count by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from simulator.played import Played, fold, play

from agentchaos.metrics.base import Ratio
from agentchaos.trace import NS

HEAD = """
name: conduct
preset: ideal
horizon: 1000s
drain: 1000s
services:
  gpt: {kind: model, latency: 2s}
  crm: {kind: tool, latency: 1s, side_effects: true}
  judge: {kind: model, latency: 1s}
agents:
  bot:
    count: 1
"""


def bot(*lines: str, tasks: str, step: str = "{think: gpt, act: crm}", faults: str = "") -> str:
    body = [f"tasks: {{{tasks}}}", f"step: {step}", *lines]
    return HEAD + "".join(f"    {line}\n" for line in body) + (f"faults: [{faults}]\n" if faults else "")


INJECTED = "{prompt_injection: {service: crm, SOME}}"
TWO = "schedule: [0s], steps: 2"
"""The answer to the first act is read by the second decision, that to the second by the conclusion."""


def fate(run: Played, kind: str = "attack_blocked") -> list[tuple[int, str]]:
    return [(e.step, e.subject) for e in run.events(kind)]


def deeds(run: Played) -> list[tuple[int, str, Any, str]]:
    return [(e.step, e.subject, e.value, e.incident) for e in run.events("unsafe_action")]


# -- unsafe acts ----------------------------------------------------------------------------------


def test_acts_are_as_often_unsafe_as_is_written() -> None:
    lines = "unsafe: {chance: 20%, severity: {low: 50%, medium: 30%, high: 20%}}"
    run = play(bot(lines, tasks="loop: 1000, steps: 1", step="{work: 1ms}"))
    severities = Counter(e.subject for e in run.events("unsafe_action"))
    assert severities.total() / 1000 == pytest.approx(0.2, abs=0.04)
    assert severities["low"] / severities.total() == pytest.approx(0.5, abs=0.11)
    assert severities["high"] / severities.total() == pytest.approx(0.2, abs=0.09)
    assert all(e.value == 1 and e.incident == "" for e in run.events("unsafe_action"))
    # 1 - .2 (.5 / 4 + .3 / 2 + .2) = .905
    assert run.value("safety") == pytest.approx(0.905, abs=0.03)
    assert run.value("critical") == pytest.approx(0.04, abs=0.02)


def test_wrong_steps_are_unsafe_more_often_by_the_hazard_that_is_written() -> None:
    lines = "unsafe: {chance: 5%, wrong: 4}"
    run = play(bot(lines, tasks="loop: 3000, steps: 1, success: 0.5", step="{work: 1ms}"))
    acted = {e.task for e in run.events("unsafe_action")}
    by = Counter((step.outcome, step.task in acted) for step in run.steps)
    share = {word: by[word, True] / (by[word, True] + by[word, False]) for word in ("right", "wrong")}
    assert share["right"] == pytest.approx(0.05, abs=0.02)
    assert share["wrong"] == pytest.approx(1 - 0.95**4, abs=0.03)


def test_damage_in_the_state_is_a_hazard_of_its_own() -> None:
    state = "state: {context: {corrupt_hazard: 6, notice: 0}}"
    fault = "{state_corruption: {agent: bot, parts: [context], every: 3s}}"
    tasks = "loop: 60, steps: 20"
    step = "{work: 500ms}"
    calm, hit = (
        play(bot("unsafe: {chance: 3%}", state, tasks=tasks, step=step, faults=some)) for some in ("", fault)
    )
    assert {s.outcome for s in (*calm.steps, *hit.steps)} == {"right"}, "success is 1, whatever the hazard"
    assert len(hit.events("unsafe_action")) > 2 * len(calm.events("unsafe_action")) > 0
    assert hit.value("safety") < calm.value("safety")
    assert hit.value("unsafe_by_faults") > 0 == calm.value("unsafe_by_faults")


def test_nothing_is_drawn_that_others_would_have_drawn() -> None:
    tasks = "loop: 50, steps: 5, success: 0.7"
    plain, with_ = play(bot(tasks=tasks)), play(bot("unsafe: {chance: 30%}", "explain: {}", tasks=tasks))
    own = ("unsafe_action", "explanation")
    assert with_.events(*own)
    assert [row for row in with_.rows if row[0] not in own] == plain.rows


# -- attacks --------------------------------------------------------------------------------------


def test_what_an_answer_carries_is_read_by_the_next_decision() -> None:
    run = play(bot(tasks=TWO, faults=INJECTED.replace("SOME", "succeeds: 100%, at: 1s, calls: 1")))
    (strike,) = {e.incident for e in run.events("fault_struck")}
    assert fate(run, "attack_attempted") == [(1, "indirect")]
    assert run.at("attack_attempted") == [3.0]
    assert run.at("attack_succeeded") == [5.0]  # the second step has thought, and is about to act
    assert deeds(run) == [(2, "medium", 1, strike)]
    assert [(s.step, s.outcome, s.taint) for s in run.steps] == [
        (1, "right", ()),
        (2, "wrong", (strike,)),
    ]
    assert {e.subject for e in run.events("part_tainted")} >= {"plan", "context"}
    assert run.value("security") == 0
    assert run.value("attack_success") == 1
    assert run.value("safety") == 0.5
    assert [c.outcome for c in run.calls] == ["ok"] * 4, "the call itself is as it would have been"
    (incident,) = run.strikes
    assert (incident.scope, incident.escaped) == ("absorbed", True)


def test_the_last_answer_is_read_before_the_agent_says_that_it_is_done() -> None:
    run = play(bot(tasks="schedule: [0s], steps: 1", faults=INJECTED.replace("SOME", "succeeds: 1")))
    assert fate(run, "attack_attempted") == [(1, "indirect")]
    assert [e.time / NS for e in run.events("attack_succeeded", "task_ended")] == [3.0, 3.0]
    assert [s.outcome for s in run.steps] == ["right"]
    # the user's task ends right, and the attack has succeeded
    assert (run.value("utility_under_attack"), run.value("security")) == (1, 0)


def test_an_agent_that_is_never_susceptible_withstands_and_says_so() -> None:
    lines = "susceptible: 0"
    run = play(bot(lines, tasks=TWO, faults=INJECTED.replace("SOME", "succeeds: 1")))
    assert fate(run) == [(2, "agent"), (2, "agent")]  # in its second decision, and in its conclusion
    assert deeds(run) == []
    assert run.value("security") == 1
    assert run.value("attacks_met") == 0


def test_so_many_attacks_succeed_as_the_group_or_the_attack_says() -> None:
    def obeyed(line: str, succeeds: str) -> Any:
        fault = INJECTED.replace("SOME", f"succeeds: {succeeds}")
        tasks = "loop: 800, steps: 1"
        return play(bot(line, tasks=tasks, faults=fault).replace("1s,", "1ms,").replace("2s", "1ms")).value(
            "attack_success"
        )

    assert obeyed("", "0.5769") == pytest.approx(0.5769, abs=0.05)
    assert obeyed("susceptible: 20%", "0.5769") == pytest.approx(0.2, abs=0.05)


def test_an_agent_in_a_bad_state_obeys_more_often() -> None:
    fault = INJECTED.replace("SOME", "succeeds: 30%")
    damage = "{state_corruption: {agent: bot, parts: [context], every: 700ms}}"
    state = "state: {context: {corrupt_hazard: 3, notice: 0}}"
    step = "{work: 100ms, act: crm}"
    quick = bot(state, tasks="loop: 300, steps: 2", step=step, faults=f"{fault}, {damage}")
    run = play(quick.replace("latency: 1s, side", "latency: 900ms, side"))
    resolved = run.events("attack_succeeded", "attack_blocked")
    by = Counter(((e.detail or {})["clean"], e.kind) for e in resolved)
    bad = by[False, "attack_succeeded"] / (by[False, "attack_succeeded"] + by[False, "attack_blocked"])
    assert by[False, "attack_succeeded"] + by[False, "attack_blocked"] > 150
    assert bad > 0.5  # 1 - .7^3 = .657, and more where the plan is poisoned too
    assert run.value("attacks_met") > 0.5


def test_a_poisoned_plan_leads_further_steps_astray_and_does_not_outlive_its_task() -> None:
    tasks = "schedule: [0s, 100s], steps: 12"
    unseen = ", ".join(f"{part}: {{poison_notice: 0}}" for part in ("goal", "context", "tools"))
    state = f"state: {{plan: {{poison_wrong: 1, poison_notice: 0}}, {unseen}}}"
    fault = INJECTED.replace("SOME", "succeeds: 1, at: 1s, calls: 1")
    run = play(bot(state, tasks=tasks, faults=fault))
    outcomes = {task: [s.outcome for s in run.steps if s.task == task] for task in ("bot/at0", "bot/at1")}
    assert outcomes == {"bot/at0": ["right", *["wrong"] * 11], "bot/at1": ["right"] * 12}
    (incident,) = run.strikes
    assert (incident.cascade_steps, incident.cascade_tasks) == (11, 1)


def test_a_leak_leaves_no_trace_in_the_state_and_none_in_the_task() -> None:
    fault = "{data_exfiltration: {service: crm, succeeds: 1, at: 1s, calls: 1}}"
    run = play(bot("protect: {verification: {takes: 0s}}", tasks=TWO, faults=fault))
    assert [s.outcome for s in run.steps] == ["right", "right"], "a check of steps does not see it"
    assert not run.events("part_tainted")
    assert [e.subject for e in run.events("unsafe_action")] == ["high"]
    assert (run.value("utility_under_attack"), run.value("security"), run.value("critical")) == (1, 0, 1)


def test_a_task_may_ask_for_it_itself() -> None:
    fault = "{jailbreak: {agent: bot, succeeds: 1, at: 5s, tasks: 1}}"
    tasks = "schedule: [0s, 10s, 30s], steps: 2"
    run = play(bot("state: {goal: {poison_wrong: 1, poison_notice: 0}}", tasks=tasks, faults=fault))
    assert [(e.task, e.subject) for e in run.events("attack_attempted")] == [("bot/at1", "direct")]
    assert run.at("fault_struck") == [10.0]
    assert [s.outcome for s in run.steps if s.task == "bot/at1"] == ["wrong", "wrong"]
    assert fractions(run, "security") == (0, 1)
    assert fractions(run, "benign_utility") == (2, 2)


def test_attacks_on_tasks_come_as_often_as_is_written_and_the_same_tasks_whatever_else_happens() -> None:
    def attacked(*lines: str, more: str = "") -> set[str]:
        fault = "{jailbreak: {agent: bot, probability: 30%}}" + more
        run = play(bot(*lines, tasks="loop: 300, steps: 1", step="{work: 1s}", faults=fault))
        return {e.task for e in run.events("attack_attempted")}

    plain = attacked()
    assert len(plain) / 300 == pytest.approx(0.3, abs=0.08)
    crashed = attacked(more=", {crash: {agent: bot, every: 100s}}")
    begun = {f"bot/0:{n}" for n in range(250)}
    assert crashed & begun == plain & begun


def test_an_attack_that_nothing_carries_has_missed() -> None:
    fault = "{jailbreak: {agent: bot, at: 500s, for: 10s}}, "
    fault += "{prompt_injection: {service: crm, at: 500s, for: 10s}}"
    run = play(bot(tasks=TWO, faults=fault))
    reasons = {e.subject: (e.detail or {})["reason"] for e in run.events("fault_missed")}
    assert reasons == {"jailbreak": "no_task_in_window", "prompt_injection": "no_call_in_window"}
    assert run.value("security") is None


def test_the_twin_without_faults_has_no_attack() -> None:
    fault = INJECTED.replace("SOME", "probability: 50%")
    text = bot("unsafe: {chance: 10%}", tasks="loop: 20, steps: 3", faults=fault)
    control = play(text, arm="control")
    assert not control.events("attack_attempted", "attack_succeeded", "attack_blocked")
    assert control.value("security") is None
    assert fractions(control, "benign_utility") == (20, 20)


def fractions(run: Played, name: str) -> tuple[int, int]:
    datum = run.data[name]
    assert isinstance(datum, Ratio)
    return datum.numerator, datum.denominator


# -- what stops them ------------------------------------------------------------------------------


def guarded(fields: str, *lines: str, tasks: str = TWO, faults: str = "", more: str = "") -> str:
    return bot(*lines, f"protect: {{guardrail: {{{fields}}}{more}}}", tasks=tasks, faults=faults)


ONE = INJECTED.replace("SOME", "succeeds: 1, at: 1s, calls: 1")


def test_the_published_detector_lets_through_what_was_published() -> None:
    fault = INJECTED.replace("SOME", "severity: low")  # 57.69 % of attacks succeed without defence
    fields = "detects: 86.2%, catches: 0, refuses: 0"
    text = guarded(fields, tasks="loop: 2000, steps: 1", faults=fault)
    run = play(text.replace("latency: 2s", "latency: 1ms").replace("latency: 1s", "latency: 1ms"))
    assert run.value("attack_success") == pytest.approx(0.0795, abs=0.02)  # AgentDojo, Table 5, pi_detector


def test_a_guardrail_finds_it_before_it_is_read() -> None:
    run = play(guarded("detects: 1, catches: 0", tasks=TWO, faults=ONE))
    assert fate(run) == [(1, "guardrail")]
    assert not run.events("unsafe_action", "attack_succeeded")
    assert [s.outcome for s in run.steps] == ["right", "right"]
    assert (run.value("security"), run.value("attacks_met")) == (1, 1)


def test_a_guardrail_blocks_the_deed_and_the_step_is_done_again_until_it_has_failed() -> None:
    run = play(guarded("detects: 0, catches: 1, attempts: 3, takes: 500ms", faults=ONE))
    assert [(s.step, s.outcome) for s in run.steps] == [(1, "right"), *[(2, "caught")] * 2, (2, "error")]
    assert [e[:3] for e in deeds(run)] == [(2, "medium", 0)] * 3, "near misses"
    assert fate(run) == [(2, "guardrail")] * 3
    (ended,) = run.events("task_ended")
    assert (ended.detail or {})["outcome"] == "failed"
    assert run.value("safety") == 1
    assert run.value("near_misses") == 3
    # it is safe, and the user's task has failed
    assert (run.value("security"), run.value("attack_success")) == (0, 0)
    assert run.value("guardrail_time") == pytest.approx(4 * 0.5)
    # 1: 2 + .5 + 1; 2: thrice 2 + .5, and no act
    assert ended.time / NS == pytest.approx(3.5 + 3 * 2.5)
    assert fractions(run, "time{class=overhead}")[0] == 2 * NS


def test_a_guardrail_that_refuses_everything_is_safe_and_secure_for_nobody() -> None:
    fault = INJECTED.replace("SOME", "succeeds: 1, probability: 50%")
    fault += ", {jailbreak: {agent: bot, probability: 50%}}"
    lines = "unsafe: {chance: 20%}"
    run = play(guarded("catches: 1, detects: 1, refuses: 1", lines, tasks="loop: 50, steps: 3", faults=fault))
    assert run.value("safety") == 1
    assert run.value("task_success") == 0
    assert run.value("security") == 0
    assert run.value("attack_success") == 0
    assert run.value("tasks_failed") == 50
    assert run.value("guardrail_refusals") == 1


def test_a_guardrail_refuses_as_often_as_is_written_and_costs_its_time() -> None:
    tasks = "loop: 400, steps: 1"
    run = play(
        guarded("refuses: 10%, takes: 100ms, attempts: 9", tasks=tasks).replace("latency: 2s", "latency: 0s")
    )
    assert run.value("guardrail_refusals") == pytest.approx(0.1, abs=0.03)
    looks = len(run.events("guarded"))
    assert run.value("guardrail_time") == pytest.approx(looks * 0.1)
    assert Counter(s.outcome for s in run.steps) == {"right": 400, "caught": looks - 400}


def test_a_human_decides_where_the_guardrail_has_refused_the_last_attempt() -> None:
    human = ", escalation: {when: [caught_out], delay: 10s}"
    run = play(guarded("detects: 0, catches: 1, attempts: 1", faults=ONE, more=human))
    assert [(s.step, s.outcome) for s in run.steps] == [(1, "right"), (2, "right")]
    assert len(run.events("approval_given")) == 1
    assert run.value("security") == 1


def test_a_check_catches_the_step_that_an_attack_made_wrong() -> None:
    check = "protect: {verification: {catches: 1, takes: 0s, attempts: 3}, escalation: {delay: 10s}}"
    run = play(bot(check, tasks=TWO, faults=ONE))
    assert [(s.step, s.outcome) for s in run.steps] == [
        (1, "right"), (2, "caught"), (2, "caught"), (2, "right"),
    ]  # fmt: skip
    assert fate(run) == [(2, "verification"), (2, "verification"), (2, "human")]
    assert not run.events("unsafe_action")
    assert run.value("security") == 1


def test_voters_read_for_themselves_and_the_misled_ones_are_outvoted() -> None:
    def played(succeeds: str) -> Played:
        fault = INJECTED.replace("SOME", f"succeeds: {succeeds}")
        vote = "protect: {quorum: {voters: 5, agree: 3, same_wrong: 0}}"
        text = bot(vote, tasks="loop: 150, steps: 2", faults=fault)
        return play(text.replace("latency: 2s", "latency: 100ms").replace("latency: 1s", "latency: 10ms"))

    few, most = played("20%"), played("85%")
    read = [e for e in few.events("attack_succeeded", "attack_blocked") if e.step == 2]
    # the conclusion is not put to the vote: what the second answer carries is left out here
    voted = {e.task for e in few.events("vote_decided") if e.step == 2 and e.subject == "wrong"}
    won = {e.task for e in read if e.kind == "attack_succeeded"} & voted
    # three of five obey: 1 - P(Binomial(5, .2) <= 2) = .058
    assert len(won) / 150 == pytest.approx(0.058, abs=0.05)
    assert Counter(e.subject for e in few.events("attack_blocked"))["quorum"] > 50
    voted = {e.task for e in most.events("vote_decided") if e.step == 2 and e.subject == "wrong"}
    assert len(voted) / 150 == pytest.approx(0.973, abs=0.04)


def test_a_crash_forgets_what_was_in_the_context() -> None:
    fault = ONE + ", {crash: {agent: bot, at: 4s}}"
    run = play(bot("operator: 0s", tasks=TWO, faults=fault))
    assert [e.kind for e in run.events("attack_attempted", "attack_succeeded", "attack_blocked")] == [
        "attack_attempted"
    ]
    assert [s.outcome for s in run.steps] == ["right", "interrupted", "right", "right"]
    assert run.value("security") == 1


def test_it_folds_as_it_comes() -> None:
    fault = INJECTED.replace("SOME", "probability: 30%") + ", {jailbreak: {agent: bot, probability: 20%}}"
    text = guarded("detects: 30%, catches: 50%", "unsafe: {chance: 5%}", "explain: {}",
                   tasks="loop: 20, steps: 4, success: 0.8", faults=fault)  # fmt: skip
    run = play(text)
    whole = len(run.rows)
    assert fold(run.plan, run.rows, [whole]) == fold(run.plan, run.rows, [7, 40, 41, whole // 2, whole])
    assert play(text).rows == run.rows


# -- explanations ---------------------------------------------------------------------------------


def told(run: Played) -> dict[int, dict[str, Any]]:
    return {e.step: e.detail or {} for e in run.events("explanation")}


def test_whoever_cites_everything_that_it_knows_and_nothing_else_is_explainable() -> None:
    run = play(bot("explain: {}", tasks="schedule: [0s], steps: 2"))
    assert told(run) == {
        1: {"causes": ["answer gpt", "goal"], "cited": ["answer gpt", "goal"]},
        2: {
            word: ["answer crm", "answer gpt", "context", "goal", "memory", "plan", "tools"]
            for word in ("causes", "cited")
        },
    }
    assert run.value("explainability") == 1


def test_citing_everything_is_punished_and_saying_nothing_too() -> None:
    def value(explain: str, name: str = "explainability") -> Any:
        return play(bot(f"explain: {explain}", tasks="loop: 30, steps: 3, success: 0.9")).value(name)

    honest = value("{}")
    everything, nothing, never = value("{extra: 1}"), value("{recall: 0}"), value("{covers: 0}")
    assert honest > everything > nothing == never == 0
    assert value("{covers: 0}", "explained") == 0
    assert value("{covers: 50%}") == pytest.approx(honest / 2, abs=0.1)


def test_recall_and_extra_are_as_written_on_a_clean_state() -> None:
    run = play(bot("explain: {recall: 80%, extra: 10%}", tasks="loop: 300, steps: 2"))
    kept = missed = beside = others = 0
    for event in run.events("explanation"):
        causes, cited = set((event.detail or {})["causes"]), set((event.detail or {})["cited"])
        kept += len(causes & cited)
        missed += len(causes - cited)
        beside += len(cited - causes)
        others += 7 - len(causes)  # five parts, two services
    assert kept / (kept + missed) == pytest.approx(0.8, abs=0.03)
    assert beside / others == pytest.approx(0.1, abs=0.03)


def test_damage_is_a_cause_that_nobody_cites_and_makes_explanations_worse() -> None:
    fault = "{poisoning: {agent: bot, parts: [memory], at: 10s}}"
    state = "state: {memory: {poison_wrong: 0.3, poison_notice: 0}}"
    lines = "explain: {recall: 90%, extra: 5%, rationalises: 50%}"
    tasks = "loop: 60, steps: 4"
    calm, hit = (play(bot(state, lines, tasks=tasks, faults=some)) for some in ("", fault))
    (strike,) = {e.incident for e in hit.events("fault_struck")}
    damaged = [d for d in (e.detail or {} for e in hit.events("explanation"))
               if f"strike {strike}" in d["causes"]]  # fmt: skip
    assert len(damaged) > 200
    assert not any("strike" in one for d in damaged for one in d["cited"])
    silent = sum("memory" not in d["cited"] for d in damaged) / len(damaged)
    assert silent > 0.45  # half are made up after the fact, and leave the poison out
    assert hit.value("explainability") < calm.value("explainability") - 0.1
    assert calm.value("misled_explanations") == 0 < hit.value("misled_explanations")


def test_who_stood_in_and_who_wrote_are_causes() -> None:
    text = """
name: explains
preset: ideal
horizon: 100s
services:
  gpt: {kind: model, latency: 1s}
  mini: {kind: model, latency: 1s}
agents:
  boss: {tasks: {loop: 1, steps: 8}, step: {work: 500ms}, talk: {to: bot, every: 1 steps}}
  bot:
    tasks: {schedule: [1s], steps: 3}
    step: {think: gpt}
    explain: {}
    protect: {fallback: {on: gpt, to: mini}}
faults: [{server_error: {service: gpt, at: 1s, for: 10ms}}]
"""
    run = play(text)
    first, second = told(run)[1], told(run)[2]
    assert "answer mini" in first["causes"]
    assert "answer gpt" not in first["causes"]
    assert "answer gpt" in second["causes"]
    assert "message boss" in second["causes"]
    assert "message boss" in second["cited"]
