"""Planned disruptions, computed by hand: steps of 10 s, a stop-watch, and nobody surprised."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.metrics.base import Histogram, Landings
from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 200s
"""


def group(faults: str, protect: str = "{}", **more: str) -> str:
    """Agents with one long task each, a unit comes back after 7 s."""
    fields = {
        "count": "1",
        "tasks": "{loop: 1, steps: 20}",
        "step": "{work: 10s}",
        "operator": "7s",
        "decide": "2s",
        "protect": protect,
        "rebuild": "{cold_start: {start: 3s, load: 4s}}",
        **more,
    }
    body = "".join(f"    {key}: {value}\n" for key, value in fields.items())
    return f"{HEAD}agents:\n  a:\n{body}faults: [{faults}]\n"


def missed(run: Played) -> dict[str, int]:
    datum = run.data["landings"]
    assert isinstance(datum, Landings)
    (row,) = datum.rows
    return dict(row.missed)


DRAIN = "{drain: {agent: a, at: 25s, grace: 15s, for: 60s}}"
SAVES = "{checkpointing: {every: 5 steps, write: 1s}}"
STANDBY = "redundancy: {standbys: 1, copy: 100s, switch: 1s, load: 2s}"


def test_a_drained_unit_is_stopped_after_its_grace_with_a_last_checkpoint() -> None:
    run = play(group(DRAIN, SAVES))
    assert run.at("unit_draining", value=0) == [25]
    # steps end at 10, 20, 30; it is stopped at 40, as its step does; the last checkpoint takes 1 s
    assert run.at("unit_down") == [40]
    assert next((e.time / NS, e.step) for e in run.events("checkpoint_saved")) == (41, 4)
    assert run.at("unit_up") == [108], "1 s for the checkpoint, 60 s away, 7 s for start and load"
    incident = run.incident
    assert (incident.onset, incident.detected) == (40 * NS, 40 * NS)
    assert incident.seen_by == "planned"
    assert incident.recovered == 118 * NS
    assert incident.lost_steps == 0
    assert incident.point == 0
    assert [s.step for s in run.steps if s.outcome == "right"] == list(range(1, 21)), "nothing twice"
    assert run.value("availability") == pytest.approx(1 - 68 / 300)


def test_without_checkpoints_the_task_begins_again() -> None:
    run = play(group(DRAIN))
    assert run.at("unit_up") == [107]
    assert run.incident.lost_steps == 4
    assert [s.step for s in run.steps if s.outcome == "right"][4] == 1


def test_the_task_in_hand_is_finished_within_the_grace_and_no_other_begun() -> None:
    run = play(group(DRAIN, tasks="{loop: 4, steps: 3}"))
    assert run.at("unit_down") == [30], "when the first task is done"
    assert run.at("task_started")[:2] == [0, 97], "60 s away, and 7 s"
    assert [s.outcome for s in run.steps] == ["right"] * 12
    assert run.incident.recovered == 97 * NS, "it is idle when it is back, and takes a task"


def test_an_idle_unit_is_stopped_at_once() -> None:
    run = play(group(DRAIN, tasks="{schedule: [5s], steps: 1}"))
    assert run.at("unit_down") == [25]
    assert run.at("unit_up") == [92]


def test_a_role_moves_to_a_ready_standby_between_two_steps_and_is_never_down() -> None:
    run = play(group("{drain: {agent: a, units: 1, at: 25s, for: 60s}}", "{" + STANDBY + "}"), seed=1)
    (struck,) = run.events("fault_struck")
    assert struck.member == 0, "of its two units the one with the role"
    assert run.at("failed_over") == [30], "3 s for switch and load, and the step is finished"
    assert run.at("role_down") == []
    assert run.value("availability") == 1
    assert run.at("unit_down", value=0) == [30]
    assert run.at("unit_up", value=0) == [97]
    assert [s.outcome for s in run.steps] == ["right"] * 20, "no step is lost, none is cut short"
    assert [s.unit for s in run.steps[2:4]] == [0, 1]
    assert run.incident.lost_steps == 0
    assert run.incident.recovered == 40 * NS


def test_a_step_longer_than_the_grace_is_cut_short_and_done_again() -> None:
    text = group("{drain: {agent: a, units: 1, at: 25s, grace: 4s}}", "{" + STANDBY + "}")
    run = play(text, seed=1)
    assert run.at("failed_over") == [29]
    assert [s.time / NS for s in run.steps if s.outcome == "interrupted"] == [29]
    assert [s.step for s in run.steps if s.outcome == "right"] == list(range(1, 21))
    assert run.at("role_down") == []


def test_a_drained_standby_is_missed_by_nobody() -> None:
    run = play(group("{drain: {agent: a, units: 1, at: 25s, for: 60s}}", "{" + STANDBY + "}"), seed=3)
    (struck,) = run.events("fault_struck")
    assert struck.member == 1
    assert run.incidents == []
    assert (run.at("unit_down"), run.at("unit_up")) == ([25], [92])


def test_a_standby_that_dies_while_it_takes_over_leaves_the_role_where_it_is() -> None:
    crash = "{crash: {agent: a, at: 26s}}"
    text = group("{drain: {agent: a, units: 1, at: 25s, for: 60s}}, " + crash, "{" + STANDBY + "}")
    run = play(text, seed=1, only=lambda s: s.fault == "drain" or s.number == 1)
    assert run.at("failed_over") == []
    # no standby any more: after 30 s of grace from then on it is stopped
    assert run.at("unit_down", value=0) == [56]


def test_a_unit_that_dies_within_its_grace_is_a_failure_like_any_other() -> None:
    crash = "{crash: {agent: a, at: 32s}}"
    run = play(group(DRAIN + ", " + crash, recover="{cold_start: {start: 5s}}"))
    (incident,) = run.incidents
    assert incident.fault == "crash"
    assert run.at("unit_up") == [46], "7 s, 2 s and 5 s; nobody takes it away once more"


def test_a_crash_while_it_is_away_is_recovered_like_a_crash() -> None:
    run = play(group(DRAIN + ", {crash: {agent: a, at: 52s}}", recover="{cold_start: {start: 5s}}"))
    (incident,) = run.incidents
    assert (incident.fault, incident.strikes) == ("drain", 2)
    assert run.at("unit_up") == [66], "found out after 7 s"


def test_a_unit_that_is_down_already_cannot_be_drained() -> None:
    run = play(group("{crash: {agent: a, at: 20s}}, " + DRAIN, operator="50s"))
    datum = run.data["landings"]
    assert isinstance(datum, Landings)
    assert [row.missed for row in datum.rows] == [(), (("already_down", 1),)]


ROLL = "{rolling_update: {agent: a, at: 25s, grace: 5s}}"


def test_a_rolling_update_replaces_unit_after_unit() -> None:
    run = play(group(ROLL, SAVES, count="3"))
    # stopped at 30, a second for the checkpoint, 7 s to start: 38; the next from then on, which at 56
    # has saved its five steps
    assert [run.at("unit_down", value=n) for n in range(3)] == [[30], [43], [56]]
    assert [run.at("unit_up", value=n) for n in range(3)] == [[38], [51], [63]]
    assert all(incident.lost_steps == 0 for incident in run.incidents)


def test_batches_pauses_and_readiness() -> None:
    roll = "{rolling_update: {agent: a, at: 25s, grace: 5s, batch: 2, pause: 20s}}"
    run = play(group(roll, "{readiness: {delay: 10s}}", count="3"))
    assert [run.at("unit_down", value=n) for n in range(3)] == [[30], [30], [72]]
    assert run.at("unit_up") == [37, 37, 79], "alive after 7 s"
    assert run.at("unit_ready") == [47, 47, 89]
    assert run.at("role_up") == [47, 47, 89], "a role is up when its unit is ready"


def test_a_budget_makes_a_careless_batch_wait() -> None:
    roll = "{rolling_update: {agent: a, at: 25s, grace: 5s, batch: 3}}"
    free = play(group(roll, count="3", required="2"))
    kept = play(group(roll, "{disruption_budget: {min_available: 2}}", count="3", required="2"))
    same = play(group(roll, "{disruption_budget: {max_unavailable: 1}}", count="3", required="2"))
    assert free.at("unit_down") == [30, 30, 30]
    assert kept.at("unit_down") == [30, 42, 54]
    assert same.at("unit_down") == [30, 42, 54]
    assert free.value("availability") == pytest.approx(1 - 7 / 300)
    assert kept.value("availability") == 1
    # what it costs, from the planned moment on: all are back at 37, or the last one at 61
    for run, total in ((free, 3 * 12), (kept, 12 + 24 + 36)):
        times = run.data["disruption_time"]
        assert isinstance(times, Histogram)
        assert (times.count, times.total, times.censored) == (3, total * NS, 0)


def test_what_failures_have_taken_is_not_added_to() -> None:
    budget = "{disruption_budget: {min_available: 1}}"
    text = group(ROLL + ", {crash: {agent: a, at: 24s}}", budget, count="2", operator="40s")
    run = play(text, only=lambda s: s.fault != "crash" or s.number == 1)
    # the second is back at 24 + 40 + 2 = 66
    assert run.at("unit_draining", value=0) == [66]
    assert run.value("availability") == pytest.approx(1 - (42 + 7 + 7) / 300)


def test_a_budget_that_never_allows_it_leaves_the_strikes_missed() -> None:
    budget = "{disruption_budget: {min_available: 2}}"
    text = group(ROLL + ", {crash: {agent: a, at: 24s}}", budget, count="3", operator="10000s")
    run = play(text, only=lambda s: s.fault == "rolling_update" or s.number > 0)
    reasons = [e.detail["reason"] for e in run.events("fault_missed") if e.detail]
    assert reasons == ["turn_never_came"] * 3
    times = run.data["disruption_time"]
    assert isinstance(times, Histogram)
    assert (times.count, times.censored) == (3, 3)


def test_a_budget_that_no_planned_disruption_asks_changes_nothing() -> None:
    text = group("{crash: {agent: a, at: 33s}}", count="3")
    with_it = group("{crash: {agent: a, at: 33s}}", "{disruption_budget: {max_unavailable: 1}}", count="3")
    assert play(with_it).rows == play(text).rows


def test_readiness_without_a_delay_changes_nothing() -> None:
    faults = "{crash: {agent: a, at: 33s}}"
    with_it = play(group(faults, "{readiness: {delay: 0s}}"))
    assert with_it.rows == play(group(faults)).rows


def test_a_crash_before_it_is_ready_begins_again() -> None:
    faults = "{crash: {agent: a, at: 33s}}, {crash: {name: again, agent: a, at: 45s}}"
    run = play(group(faults, "{readiness: {delay: 10s}}", recover="{cold_start: {start: 1s}}"))
    # up at 33 + 7 + 2 + 1 = 43, struck at 45, found out at 52, up at 55 and ready at 65
    assert run.at("unit_up") == [43, 55]
    assert run.at("unit_ready") == [65]
    assert run.at("role_up") == [65]
    assert run.incident.strikes == 2


def test_a_standby_that_is_not_ready_is_not_promoted() -> None:
    faults = "{crash: {agent: a, at: 33s}}, {crash: {name: again, agent: a, at: 36s}}"
    text = group(
        faults,
        "{readiness: {delay: 50s}, " + STANDBY + "}",
        recover="{cold_start: {start: 1s}}",
        decide="0s",
        operator="1s",
    )
    # the standby falls at 33, is up at 41; the role falls at 36 and is found down at 37
    run = play(text, only=lambda s: s.number == (1 if s.fault == "crash" else 0))
    assert run.at("failed_over") == []
    assert run.at("unit_up", value=1) == [41]
    assert run.at("role_up") == [88], "1 s, 1 s and 50 s"
