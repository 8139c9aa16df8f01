"""Changes of the environment that stay, and agents that get used to them; by hand, calls of 2 s."""

from __future__ import annotations

from typing import Any

import pytest
from simulator.played import Played, play

from agentchaos.trace import NS, Row

HEAD = """
name: by hand
preset: ideal
horizon: 400s
drain: 200s
services:
  gpt: {kind: model, latency: 2s}
  tool: {latency: 2s, SERVICE}
  store: {kind: store}
agents:
  a:
    count: COUNT
    required: 1
    tasks: {TASKS}
    step: {STEP}
    state: {STATE}
    protect: PROTECT
    recover: {cold_start: {start: 1s}}
    OTHER
faults: [FAULTS]
"""


def run(faults: str, **words: Any) -> Played:
    fields = {
        "count": 1, "tasks": "loop: 40, steps: 1, success: 0.5", "step": "act: tool",
        "service": "capacity: 9", "state": "reconnect: 0s", "protect": "{}", "other": "confidence: 1",
        "arm": "chaos", **words,
    }  # fmt: skip
    text = HEAD.replace("FAULTS", faults)
    for word, value in fields.items():
        text = text.replace(word.upper(), str(value))
    return play(text, arm=fields["arm"])


def lasts(played: Played) -> list[float]:
    """How long the steps took, in the order of their beginning (s)."""
    return [(step.time - step.began) / NS for step in sorted(played.steps, key=lambda s: s.began)]


def outcomes(played: Played) -> list[str]:
    return [call.outcome for call in played.calls if call.service == "tool"]


# -- what changes -------------------------------------------------------------------------------


def test_latency_is_another_from_the_moment_on_for_calls_that_begin_then() -> None:
    played = run("{shift: {service: tool, at: 9s, factor: 3, extra: 1s}}")
    # calls at 0, 2, 4, 6 and 8; the one under way at 9 ends as it would have
    assert lasts(played)[:7] == [2, 2, 2, 2, 2, 7, 7]
    assert lasts(played)[-1] == 7  # in the drain too
    assert played.at("environment_shifted") == [9]
    assert played.at("fault_struck") == [10]  # the first who meets it
    assert not played.events("fault_lifted", "incident_opened")
    assert played.strikes == []


def test_two_changes_of_a_service_come_on_top_of_each_other() -> None:
    faults = (
        "{shift: {name: one, service: tool, at: 3s, factor: 2, extra: 1s}}, "
        "{shift: {name: two, service: tool, at: 8s, factor: 3}}"
    )
    assert lasts(run(faults))[:4] == [2, 2, 5, 15]


def test_the_share_of_errors_is_another_and_may_be_less() -> None:
    worse = run("{shift: {service: tool, at: 9s, error_rate: 100%}}")
    assert outcomes(worse) == ["ok"] * 5 + ["error"] * 35
    better = run("{shift: {service: tool, at: 9s, error_rate: 0}}", service="error_rate: 1")
    assert outcomes(better) == ["error"] * 5 + ["ok"] * 35
    assert {call.fault for call in worse.calls} == {""}, "errors of the service's own"


def test_less_room_makes_a_line_and_more_room_empties_it() -> None:
    words = {"count": 4, "tasks": "loop: 10, steps: 1", "service": "capacity: 4"}
    less = run("{shift: {service: tool, at: 3s, capacity: 0.5}}", **words)
    # four at 0; four at 2, begun before; then two at a time
    assert sorted(less.at("task_ended"))[:12] == [2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 8, 8]
    more = run("{shift: {service: tool, at: 3s, capacity: 2}}", **{**words, "service": "capacity: 2"})
    # two wait from 2 on behind two; at 3 there is room for them
    assert sorted(more.at("task_ended"))[:8] == [2, 2, 4, 4, 5, 5, 6, 6]


def test_the_rate_limit_is_another() -> None:
    words = {"service": "rate_limit: 1/s, burst: 1", "tasks": "loop: 40, steps: 1, success: 1"}
    assert outcomes(run("{shift: {service: tool, at: 100s, factor: 2}}", **words)) == ["ok"] * 40
    slower = outcomes(run("{shift: {service: tool, at: 9s, rate: 0.1}}", **words))
    assert slower[:5] == ["ok"] * 5
    assert slower.count("rate_limited") > 20


def test_the_work_of_a_group_takes_longer_and_that_of_others_does_not() -> None:
    played = run("{runtime_change: {agent: a, at: 9s, factor: 1.5}}", step="work: 4s")
    assert lasts(played)[:4] == [4, 4, 4, 6]
    assert played.at("fault_struck") == [12]


def test_a_step_that_rests_on_it_has_a_hazard() -> None:
    calm = run("")
    hazard = run("{shift: {service: tool, at: 9s, hazard: 1000}}")
    before = [step.outcome for step in calm.steps]
    assert [step.outcome for step in hazard.steps] == before[:5] + ["wrong"] * 35
    assert before.count("right") > 10
    runtime = run("{runtime_change: {agent: a, at: 9s, hazard: 1000}}")
    assert [step.outcome for step in runtime.steps] == before[:5] + ["wrong"] * 35
    voted = run(
        "{shift: {service: gpt, at: 9s, hazard: 1000}}",
        step="think: gpt",
        protect="{quorum: {voters: 3, agree: 2}}",
    )
    assert {s.outcome for s in voted.steps[5:]} <= {"wrong", "caught"}


def test_a_service_that_answers_instead_has_no_hazard() -> None:
    """A fallback stands in for what the change broke."""
    played = run(
        "{shift: {service: gpt, at: 9s, hazard: 1000, error_rate: 100%}}",
        step="think: gpt",
        protect="{fallback: {on: gpt, to: mini, quality: 1}}",
        service="capacity: 9}\n  mini: {kind: model, latency: 1s",
    )
    assert [s.outcome for s in played.steps].count("right") > 10
    assert len(played.events("fell_back")) == 35


def test_more_tasks_come_and_the_others_come_as_before() -> None:
    words = {"tasks": "arrive: poisson(1/s), steps: 1, success: 1", "count": 9}
    calm = run("", **words)
    more = run("{load_shift: {agent: a, at: 200s, factor: 3}}", **words)
    before, after = ({(e.task, e.time) for e in p.events("task_arrived")} for p in (calm, more))
    assert before < after
    extra = sorted(time / NS for _, time in after - before)
    assert extra[0] > 200
    assert 320 < len(extra) < 480  # 2 a second for 200 s, give or take 4 standard deviations
    assert more.at("fault_struck") == extra[:1]


# -- landing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ("{shift: {service: tool, at: 300s, factor: 3}}", "no_call_in_window"),
        ("{api_change: {service: tool, at: 300s}}", "no_call_in_window"),
        ("{runtime_change: {agent: a, at: 300s, hazard: 3}}", "no_step_in_window"),
    ],
)
def test_a_change_that_nobody_meets_before_the_horizon_is_missed(faults: str, reason: str) -> None:
    played = run(faults)  # all is done by 80 s
    (missed,) = played.events("fault_missed")
    assert (missed.time / NS, missed.detail) == (400, {"reason": reason})
    assert played.at("environment_shifted") == [300]


def test_no_task_may_come_any_more() -> None:
    played = run("{load_shift: {agent: a, at: 400s}}", tasks="arrive: 30s, steps: 1")
    assert [e.detail for e in played.events("fault_missed")] == [{"reason": "no_arrival_in_window"}]


def test_a_change_at_the_beginning_and_one_at_the_horizon() -> None:
    assert lasts(run("{shift: {service: tool, at: 0s, factor: 2}}"))[0] == 4
    late = run("{shift: {service: tool, at: 400s, factor: 2}}", tasks="loop: 300, steps: 1")
    assert late.at("fault_struck") == [400]  # by the call of that very moment
    shifts: Any = late.data["shifts"]
    assert shifts.values[-1] == 0  # but no time is left to be judged by


# -- learning -----------------------------------------------------------------------------------


API = "{api_change: {service: tool, at: 9s, fails: 1, wrong: 0}}"


def test_calls_in_the_old_form_fail_until_the_new_one_is_learned() -> None:
    never = run(API)
    assert outcomes(never) == ["ok"] * 5 + ["error"] * 35
    assert {call.fault for call in never.calls[5:]} == {"api_change@tool#1"}
    assert [e.detail["outcome"] for e in never.events("task_ended") if e.detail][-1] == "failed"
    learns = run(API, other="adapts: {after: 10 steps}")
    # as likely as strange: 10/10, 9/10, ... 1/10, then never again
    assert outcomes(learns)[5] == "error"
    assert outcomes(learns)[15:] == ["ok"] * 25
    assert 2 <= outcomes(learns)[5:15].count("error") <= 9


def test_wrong_answers_bear_the_change_as_their_cause() -> None:
    played = run(
        "{api_change: {service: tool, at: 9s, fails: 0, wrong: 1}}", tasks="loop: 40, steps: 1, success: 1"
    )
    assert outcomes(played) == ["ok"] * 5 + ["corrupt"] * 35
    assert {(s.outcome, s.taint) for s in played.steps[5:]} == {("wrong", ("api_change@tool#1",))}


def test_a_retry_is_another_chance_with_a_draw_of_its_own() -> None:
    half = "{api_change: {service: tool, at: 9s, fails: 0.5, wrong: 0}}"
    once, again = run(half), run(half, protect="{retry: {on: tool, attempts: 5, backoff: 0s}}")
    failed = [sum(s.outcome == "error" for s in p.steps) for p in (once, again)]
    assert 8 < failed[0] < 28
    assert failed[1] < 6


def test_the_hazard_fades_with_the_steps_that_meet_it() -> None:
    shift = "{shift: {service: tool, at: 9s, hazard: 1000}}"
    calm = [s.outcome for s in run("").steps]
    learns = [s.outcome for s in run(shift, other="adapts: {after: 5 steps}").steps]
    assert learns[:5] == calm[:5]
    assert learns[5:8] == ["wrong"] * 3
    assert learns[10:] == calm[10:]


LOSS = "{state_loss: {agent: a, parts: [memory], at: 45s, who: any}}"
CRASH = "{crash: {agent: a, at: 45s, who: any}}"
LEARNS = "adapts: {after: 5 steps}"


def relearned(played: Played) -> int:
    """Errors from 45 s on."""
    return sum(call.outcome == "error" for call in played.calls if call.time > 45 * NS)


def test_what_was_learned_is_lost_with_the_memory_and_learned_again() -> None:
    assert relearned(run(API, other=LEARNS)) == 0
    for blow in (LOSS, CRASH):
        again = run(f"{API}, {blow}", other=LEARNS)
        assert 1 <= relearned(again) <= 5
        assert outcomes(again)[-10:] == ["ok"] * 10
    other = run(f"{API}, {LOSS.replace('memory', 'context')}", other=LEARNS)
    assert relearned(other) == 0


def test_a_checkpoint_of_memory_keeps_what_was_learned_by_then() -> None:
    saves = "{checkpointing: {every: 1 steps, store: store, covers: [COVERED]}}"
    words = {"other": LEARNS, "tasks": "loop: 40, steps: 1, success: 1"}
    for covered, low, high in (("memory", 0, 0), ("plan", 1, 5)):
        text = HEAD.replace("{cold_start: {start: 1s}}", "checkpoint")
        played = _with(text, f"{API}, {CRASH}", {**words, "protect": saves.replace("COVERED", covered)})
        assert low <= relearned(played) <= high, covered


def _with(head: str, faults: str, words: dict[str, str]) -> Played:
    fields = {"count": "1", "step": "act: tool", "service": "capacity: 9", "state": "reconnect: 0s", **words}
    text = head.replace("FAULTS", faults)
    for word, value in fields.items():
        text = text.replace(word.upper(), value)
    return play(text)


def test_who_shares_a_memory_learns_from_the_others() -> None:
    words = {"count": 4, "tasks": "loop: 20, steps: 1, success: 1", "other": "adapts: {after: 8 steps}"}
    alone = run(API, **words)
    shared = run(API, state="reconnect: 0s, shared: true", **words)
    errors = [outcomes(p).count("error") for p in (alone, shared)]
    assert errors[0] > 2 * errors[1]
    assert errors[1] >= 4  # all four met it before anybody knew


def test_a_step_that_was_cut_short_teaches_nothing() -> None:
    """A crash in the fifth of five steps: with memory kept, the fifth is still to be learned."""
    hazard = "{shift: {service: tool, at: 0s, hazard: 1000}}"
    text = HEAD.replace("{cold_start: {start: 1s}}", "checkpoint")
    saves = "{checkpointing: {every: 1 steps, store: store, covers: [memory, goal, plan, context]}}"
    words = {"tasks": "loop: 2, steps: 8, success: 0.5", "other": LEARNS, "protect": saves}
    calm, cut = (_with(text, f, words) for f in (hazard, f"{hazard}, {CRASH.replace('45s', '9s')}"))
    known = [[s.outcome for s in p.steps if s.outcome != "interrupted"] for p in (calm, cut)]
    assert len(known[0]) == len(known[1]) == 16


# -- chance -------------------------------------------------------------------------------------


FOUR = (
    "{shift: {service: tool, at: 99s, factor: 1.5, hazard: 4}}, {api_change: {service: tool, at: 150s}}, "
    "{runtime_change: {agent: a, at: 200s, hazard: 2}}, {load_shift: {agent: a, at: 250s, factor: 1.5}}"
)
OPEN = {"tasks": "arrive: poisson(1/s), steps: 3, success: 0.9", "count": 8, "other": "adapts: {after: 50}"}


def until(rows: list[Row], time: int) -> list[Row]:
    return [row for row in rows if row[1] < time * NS and not row[0].startswith("fault_planned")]


def test_nothing_is_otherwise_before_a_change_and_the_arm_unchanged_is_the_world_without_it() -> None:
    calm, changed = run("", **OPEN), run(FOUR, **OPEN)
    assert until(changed.rows, 99) == until(calm.rows, 99)
    assert changed.rows != calm.rows
    assert run(FOUR, arm="unchanged", **OPEN).rows == calm.rows
    assert run(FOUR, arm="control", **OPEN).rows == calm.rows
    assert run(FOUR, **OPEN).rows == changed.rows


def test_learning_moves_no_draw_where_nothing_changes() -> None:
    assert run("", **OPEN).rows == run("", **{**OPEN, "other": "confidence: 1"}).rows


def test_only_the_changes_are_left_out_of_the_arm_unchanged() -> None:
    crash = "{crash: {agent: a, every: 60s}}"
    assert run(f"{FOUR}, {crash}", arm="unchanged", **OPEN).rows == run(crash, **OPEN).rows
