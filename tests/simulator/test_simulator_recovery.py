"""Failures of processes, computed by hand: one agent, steps of 10 s, and a stop-watch."""

from __future__ import annotations

import pytest
from simulator.played import Played, play, seconds

from agentchaos.plan import Strike
from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 100s
"""


def one(protect: str = "{}", faults: str = "", recover: str = "cold_start", **group: str) -> str:
    """One agent with one task of 20 steps; noticed after 7 s, decided after 2 s."""
    fields = {
        "count": "1",
        "tasks": "{schedule: [0s], steps: 20}",
        "step": "{work: 10s}",
        "operator": "7s",
        "decide": "2s",
        "protect": protect,
        "recover": recover,
        **group,
    }
    body = "".join(f"    {key}: {value}\n" for key, value in fields.items())
    return f"{HEAD}agents:\n  a:\n{body}faults: [{faults}]\n"


def finished(run: Played) -> list[tuple[int, float]]:
    """(number, moment) of the finished steps."""
    return [(s.step, s.time / NS) for s in run.steps if s.outcome in ("right", "wrong")]


CRASH = "{crash: {agent: a, at: 57s}}"
SAVES = "{checkpointing: {every: 2 steps, write: 1s}}"


def test_a_crash_with_checkpoint_recovery() -> None:
    run = play(
        one(
            SAVES,
            CRASH,
            "{checkpoint: {start: 3s, load: 4s, bandwidth: 10MB/s}}",
            state="{context: {size: 100MB}}",
        )
    )
    # steps end at 10, 20, (saved 21), 31, 41, (saved 42), 52; step 6 is under way
    assert [s.time / NS for s in run.steps if s.outcome == "interrupted"] == [57]
    incident = run.incident
    assert incident.onset == 57 * NS
    assert incident.detected == 64 * NS
    assert incident.started == 66 * NS
    assert incident.restored == 83 * NS, "2 s, 3 s, 4 s, and 100 MB at 10 MB/s"
    assert incident.recovered == 93 * NS, "the first step is finished, a repeated one"
    assert incident.caught_up == 103 * NS, "past the high-water mark of 5 steps"
    assert incident.point == 16 * NS, "from the snapshot of 41 s, not from its durable moment"
    assert incident.lost_steps == 1
    assert run.at("unit_down") == [57]
    assert run.at("unit_up") == [83]
    assert run.value("availability") == pytest.approx(1 - 26 / 300)
    assert run.value("mttr") == 26
    # 20 steps and one again; 6 to 57 in vain and step 5 lost
    assert run.value("lost_work") == 1 / 20


def test_a_recovery_point_is_zero_where_no_state_changed() -> None:
    run = play(one("{checkpointing: {every: 1 steps, write: 1s}}", CRASH, "checkpoint"))
    # step 5 ended at 54, saved at 55; step 6 is under way since 55
    assert run.incident.point == 0
    assert run.incident.lost_steps == 0
    assert run.incident.memory_point == 0


def test_a_cold_start_loses_all_since_the_start_of_the_task_and_the_memory() -> None:
    text = one("{}", CRASH, "{cold_start: {start: 3s, load: 4s}}", tasks="{schedule: [5s], steps: 8}")
    run = play(text)
    assert run.incident.restored == 73 * NS
    assert run.incident.point == 52 * NS, "since the task was taken at 5 s"
    assert run.incident.memory_point == 57 * NS, "since birth"
    assert run.incident.lost_steps == 5
    assert run.incident.lost_parts == 5
    assert finished(run)[5:7] == [(1, 83), (2, 93)]
    assert run.incident.recovered == 83 * NS
    assert run.incident.caught_up == 133 * NS


def test_memory_counts_from_the_last_cold_start() -> None:
    run = play(one("{}", "{crash: {agent: a, at: 57s}}, {crash: {name: again, agent: a, at: 100s}}"))
    first, second = run.incidents
    assert first.lost_parts == 5
    assert first.memory_point == 57 * NS
    assert second.memory_point == 34 * NS, "since 66 s"


def test_a_heartbeat_declares_at_the_third_missed_beat() -> None:
    beats = one(
        "{heartbeat: {every: 5s, misses: 3}}",
        "{crash: {agent: a, at: 57s}}, {crash: {name: again, agent: a, at: 103.5s}}",
    )
    moments = [(seconds(i.onset), seconds(i.detected)) for i in play(beats).incidents]
    phases = set()
    for onset, detected in moments:
        assert onset is not None
        assert detected is not None
        assert 10 <= detected - onset <= 15
        phases.add(round(detected % 5, 9))
    assert len(phases) == 1, "a unit beats at one phase"


STANDBY = "{{redundancy: {{standbys: 1, copy: 14s, switch: 1s, load: 2s, coverage: {}}}}}"
REBUILT = {"rebuild": "{cold_start: {start: 5s}}"}


def role(strike: Strike) -> bool:
    return strike.number == 0


def test_a_warm_standby_takes_over_with_the_last_copy() -> None:
    text = one(STANDBY.format(1), "{crash: {agent: a, at: 63s}}", "warm", **REBUILT)
    run = play(text, only=role)
    incident = run.incident
    assert run.at("failed_over") == [75], "7 s, 2 s, switch 1 s, load 2 s"
    assert incident.restored == 75 * NS
    assert incident.point == 7 * NS, "the copy of 56 s, after step 5"
    assert incident.lost_steps == 1
    assert incident.recovered == 85 * NS
    assert incident.caught_up == 95 * NS
    assert {s.unit for s in run.steps if s.time > 75 * NS} == {1}
    assert run.at("unit_up", value=0) == [77], "rebuilt from the moment that the standby takes its role"
    assert run.at("unit_down", value=1) == []


def test_a_promotion_that_fails_is_answered_by_recover() -> None:
    text = one(STANDBY.format(0), "{crash: {agent: a, at: 63s}}", "{cold_start: {start: 3s}}")
    run = play(text, only=role)
    assert run.at("failed_over") == []
    assert run.incident.restored == 75 * NS
    assert run.incident.point == 63 * NS
    assert {s.unit for s in run.steps} == {0}


def test_coverage_is_the_share_of_promotions_that_work() -> None:
    text = one(STANDBY.format(0.7), "{crash: {agent: a, at: 63s}}", "cold_start")
    worked = sum(bool(play(text, only=role, seed=seed).at("failed_over")) for seed in range(200))
    assert 118 <= worked <= 162  # 140 +- 3.4 standard deviations


def test_a_standby_that_is_struck_is_rebuilt_without_an_incident() -> None:
    text = one(STANDBY.format(1), "{crash: {agent: a, at: 63s}}", "{cold_start: {start: 3s}}", **REBUILT)
    run = play(text, only=lambda strike: strike.number == 1)
    assert run.at("fault_struck") == [63]
    assert run.incidents == []
    assert run.at("unit_down", value=1) == [63]
    assert run.at("unit_up", value=1) == [77], "7 s, 2 s, 5 s"
    assert run.value("availability") == 1
    assert len(run.steps) == 20


def test_a_role_finds_no_standby_where_that_is_down_too() -> None:
    text = one(STANDBY.format(1), "{crash: {agent: a, at: 63s}}", "{cold_start: {start: 3s}}", **REBUILT)
    run = play(text)
    assert run.at("failed_over") == []
    assert run.incident.restored == 75 * NS


def test_a_standby_struck_while_it_takes_over_begins_again_with_detection() -> None:
    faults = "{crash: {agent: a, at: 63s}}, {crash: {name: second, agent: a, at: 73.5s}}"
    text = one(STANDBY.format(1), faults, "{cold_start: {start: 3s}}", **REBUILT)
    run = play(text, only=lambda s: (s.fault, s.number) in {("crash", 0), ("second", 1)})
    # 72: the standby begins to take over; 73.5: it crashes; 80.5 noticed; 82.5: unit 0 is up since 77
    assert run.incident.strikes == 2
    assert run.at("unit_down", value=1) == [73.5]
    assert run.at("failed_over", value=0) == [85.5]
    assert run.incident.recovered == 95.5 * NS
    assert run.at("unit_up", value=1) == [87.5], "its own rebuilding began at 82.5"


def test_a_crash_during_recovery_joins_and_begins_again_with_detection() -> None:
    faults = "{crash: {agent: a, at: 57s}}, {crash: {name: second, agent: a, at: 65s}}"
    run = play(one("{}", faults, "{cold_start: {start: 3s, load: 4s}}"))
    incident = run.incident
    assert incident.strikes == 2
    assert len(run.at("fault_struck")) == 2
    assert incident.onset == 57 * NS
    assert run.at("failure_detected") == [64, 72]
    assert incident.restored == 81 * NS
    assert incident.detected == 64 * NS, "the clock is that of the first"


def test_a_crash_before_the_first_is_noticed_joins_and_changes_nothing_else() -> None:
    faults = "{crash: {agent: a, at: 57s}}, {crash: {name: second, agent: a, at: 60s}}"
    run = play(one("{}", faults, "{cold_start: {start: 3s, load: 4s}}"))
    assert run.incident.strikes == 2
    assert run.incident.restored == 73 * NS


def test_a_hang_is_seen_by_the_watchdog_and_not_by_the_heartbeat() -> None:
    protect = "{heartbeat: {every: 5s, misses: 3}, watchdog: {after: 30s}}"
    run = play(one(protect, "{hang: {agent: a, at: 57s}}", "{cold_start: {start: 3s}}"))
    assert run.incident.detected == 80 * NS, "30 s after the last finished step"
    assert run.incident.restored == 85 * NS
    assert run.at("false_alarm") == []


def test_a_hang_without_a_watchdog_waits_for_the_operator() -> None:
    run = play(one("{heartbeat: {every: 5s}}", "{hang: {agent: a, at: 57s}}"))
    assert run.incident.detected == 64 * NS


def test_a_hang_that_ends_by_itself_begins_its_step_again() -> None:
    run = play(one("{}", "{hang: {agent: a, at: 57s, for: 5s}}"))
    assert run.incident.detected is None
    assert run.at("fault_lifted") == [62]
    assert run.at("unit_up") == [62]
    assert run.incident.recovered == 72 * NS
    assert run.incident.point is None, "nothing was restored"
    assert [(s.step, s.epoch) for s in run.steps][5:7] == [(6, 0), (6, 1)]


def test_a_hung_idle_agent_takes_work_and_never_does_it() -> None:
    text = one(
        "{watchdog: {after: 30s}}",
        "{hang: {agent: a, at: 50s}}",
        "{cold_start: {start: 3s}}",
        tasks="{schedule: [0s, 100s], steps: 2}",
    )
    run = play(text.replace("operator: 7s", "operator: 1h"))
    assert run.at("task_started") == [0, 100]
    assert run.incident.detected == 130 * NS
    assert run.at("role_up") == [135]
    assert run.at("task_ended") == [20, 155]
    assert run.incident.recovered == 145 * NS, "it has a task by now, so that a finished step counts"


def test_a_dead_agent_without_work_is_noticed_by_the_operator_where_only_work_is_watched() -> None:
    text = one(
        "{watchdog: {after: 30s}}",
        "{crash: {agent: a, at: 50s}}",
        "{cold_start: {start: 3s}}",
        tasks="{schedule: [0s, 100s], steps: 2}",
    )
    run = play(text)
    assert run.incident.detected == 57 * NS
    assert run.at("task_started") == [0, 100], "the dead accept nothing, but it is up again by then"
    assert run.incident.recovered == 62 * NS, "an idle agent has recovered when it is ready"
    assert run.incident.caught_up == 62 * NS


def test_a_second_hang_is_missed_and_a_crash_of_the_hung_is_not() -> None:
    faults = (
        "{hang: {agent: a, at: 57s}}, {hang: {name: more, agent: a, at: 60s}},{crash: {agent: a, at: 61s}}"
    )
    run = play(one("{heartbeat: {every: 5s, misses: 3}}", faults).replace("operator: 7s", "operator: 1h"))
    (missed,) = run.events("fault_missed")
    assert missed.subject == "more"
    assert missed.detail == {"reason": "already_down"}
    assert run.incident.strikes == 2
    assert run.incident.detected is not None
    assert 71 <= run.incident.detected / NS <= 76, "a crash ends the beating"


def test_a_false_alarm_costs_a_needless_recovery() -> None:
    run = play(one("{watchdog: {after: 8s}}", "", "{cold_start: {start: 1s}}", tasks="{loop: 1, steps: 2}"))
    assert run.at("false_alarm")[:2] == [8, 19], "8 s, then decide 2 s, start 1 s, and 8 s again"
    assert run.incidents == []
    assert run.value("time{class=useful}") == 0


def test_recovery_waits_until_as_many_as_required_are_up() -> None:
    text = one("{}", "{crash: {agent: a, at: 57s}}", "{cold_start: {start: 3s}}", count="2", required="2")
    text = text.replace("schedule: [0s]", "schedule: [0s, 0s]")
    late = "{crash: {name: late, agent: a, at: 60s}}"
    run = play(
        text.replace("faults: [", f"faults: [{late}, "),
        only=lambda s: (s.fault, s.number) in {("crash", 0), ("late", 1)},
    )
    first, second = run.incidents
    # 0 is up at 69 and would finish at 79; 1 is up at 72
    assert first.recovered == 79 * NS
    assert second.recovered == 82 * NS
    text = text.replace("operator: 7s", "operator: uniform(7s, 7s)")
    later = late.replace("60s", "77s")
    run = play(
        text.replace("faults: [", f"faults: [{later}, "),
        only=lambda s: (s.fault, s.number) in {("crash", 0), ("late", 1)},
    )
    first, second = run.incidents
    # 0 is up at 69 and finishes at 79, when 1 is down (77 to 89); then at 89, before 1 is up again
    assert first.recovered == 99 * NS
    assert second.recovered == 99 * NS


def test_a_crash_while_a_checkpoint_is_written_loses_it() -> None:
    run = play(one(SAVES, "{crash: {agent: a, at: 41.5s}}", "checkpoint"))
    (lost,) = run.events("checkpoint_lost")
    assert lost.value == NS // 2
    assert run.at("checkpoint_saved")[0] == 21
    assert run.incident.point == 21.5 * NS, "the snapshot of 20 s is the one really restored"
    assert run.incident.lost_steps == 2


@pytest.mark.parametrize(("moment", "point", "steps"), [("41s", 21, 1), ("42s", 22, 2), ("31s", 11, 0)])
def test_at_equal_times_the_fault_comes_first(moment: str, point: int, steps: int) -> None:
    # step 4 would end at 41, its checkpoint would be durable at 42; step 3 would end at 31
    run = play(one(SAVES, f"{{crash: {{agent: a, at: {moment}}}}}", "checkpoint"))
    assert run.incident.lost_steps == steps
    assert run.incident.point == (point * NS if steps else 0)


def test_working_time_is_what_an_up_clock_counts() -> None:
    text = one("{}", "{crash: {agent: a, every: 50s, clock: up}}", "{cold_start: {start: 11s}}")
    # 20 s of each failure are downtime
    run = play(text)
    assert run.at("fault_struck") == [50, 120, 190, 260]
    assert [s.outcome for s in run.steps][4] == "interrupted", "at equal times the fault comes first"


def test_a_hang_by_working_time_lasts_in_wall_time() -> None:
    text = one("{}", "{hang: {agent: a, every: 50s, for: 5s, clock: up}}")
    run = play(text)
    assert run.at("fault_struck")[:3] == [50, 105, 160]
    assert run.at("fault_lifted")[:3] == [55, 110, 165]


def test_writes_beside_the_work_die_with_the_process() -> None:
    saves = "{checkpointing: {every: 2 steps, write: 15s, mode: async}}"
    run = play(one(saves, CRASH, "checkpoint"))
    # snapshots at 20 and 40 would be durable at 35 and 55
    assert run.at("checkpoint_saved")[:2] == [35, 55]
    assert run.incident.point == 17 * NS
    run = play(one(saves, "{crash: {agent: a, at: 54s}}", "checkpoint"))
    assert run.at("checkpoint_saved")[0] == 35
    assert run.incident.point == 34 * NS
    assert 55 not in run.at("checkpoint_saved")


def test_the_newest_snapshot_is_restored_even_where_an_older_was_durable_later() -> None:
    saves = "{checkpointing: {every: 2 steps, write: 'uniform(1s, 60s)', mode: async}}"
    for seed in range(40):
        run = play(one(saves, "{crash: {agent: a, at: 137s}}", "checkpoint"), seed=seed)
        saved = [e.value for e in run.events("checkpoint_saved") if e.time <= 137 * NS]
        (restored,) = run.events("state_restored")
        assert restored.value == max(saved)


def test_nothing_is_restored_from_a_future_that_was_given_up() -> None:
    # 57: context is lost, found at 62 (after step 6); the newest checkpoint with a context is that of 41 s.
    # The crash of 66 s must not go on from a later one.
    faults = "{state_loss: {agent: a, at: 57s}}, {crash: {agent: a, at: 66s}}"
    saves = "{checkpointing: {every: 2 steps, write: 1s, generations: 9}}"
    run = play(one(saves, faults, "checkpoint"))
    steps = [(s.step, s.outcome) for s in run.steps]
    restored = run.events("state_restored")
    assert [e.step for e in restored] == [4, 4]
    assert steps[:7] == [*((n, "right") for n in range(1, 7)), (5, "interrupted")]
    assert [s.step for s in run.steps if s.time > restored[-1].time][:2] == [5, 6]
    (ended,) = run.events("task_ended")
    assert ended.value == 1


def test_what_was_never_there_is_not_lost() -> None:
    run = play(one("{}", "{crash: {agent: a, at: 7s}}"))
    assert run.incident.lost_parts == 0
    assert run.incident.point == 0
    idle = play(one("{}", "{crash: {agent: a, at: 57s}}", tasks="{schedule: [0s], steps: 2}"))
    assert idle.incident.lost_parts == 1, "the memory of an idle agent"
    assert idle.incident.point is None
    assert idle.incident.memory_point == 57 * NS


def test_every_strike_that_landed_is_told_once() -> None:
    """One that joins an incident is counted there; one on a standby was absorbed."""
    played = play(
        "name: x\npreset: ideal\nhorizon: 1h\nagents:\n  a: {count: 2, tasks: {loop: endless, steps: 9},"
        " step: {work: 10s}, operator: 2min, protect: {redundancy: {standbys: 1}}}\n"
        "faults: [{crash: {agent: a, every: exponential(mean=10min)}}]\n"
    )
    (landing,) = played.data["landings"].rows  # type: ignore[union-attr]
    assert sum(strike.strikes for strike in played.strikes) == landing.landed
    joined = {(e.detail or {})["strike"] for e in played.events("incident_joined")}
    opened = {e.incident for e in played.events("incident_opened")}
    struck = {e.incident for e in played.events("fault_struck")}
    absorbed = {s.id for s in played.strikes if s.scope == "absorbed"}
    assert joined
    assert absorbed == struck - joined - opened != set()
