"""Crews, lost beats and the structure of the system, computed by hand."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.mechanisms.heartbeat import Heartbeat
from agentchaos.metrics.base import Histogram
from agentchaos.seeds import root
from agentchaos.simulator.beats import Beats
from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 200s
"""


def group(faults: str, protect: str = "{}", **more: str) -> str:
    fields = {
        "count": "1",
        "tasks": "{loop: 1, steps: 20}",
        "step": "{work: 10s}",
        "protect": protect,
        "recover": "{cold_start: {start: 10s}}",
        **more,
    }
    body = "".join(f"    {key}: {value}\n" for key, value in fields.items())
    return f"{HEAD}agents:\n  a:\n{body}faults: [{faults}]\n"


# -- crews --------------------------------------------------------------------------------------

THREE = "{crash: {agent: a, at: 20s}}"


def test_units_wait_for_a_free_crew_in_the_order_of_their_asking() -> None:
    run = play(group(THREE, count="3", crews="1"))
    assert [run.at("unit_up", value=n) for n in range(3)] == [[30], [40], [50]]
    two = play(group(THREE, count="3", crews="2"))
    assert [two.at("unit_up", value=n) for n in range(3)] == [[30], [30], [40]]
    waits = run.data["crew_wait"]
    assert isinstance(waits, Histogram)
    assert (waits.count, waits.total) == (3, (0 + 10 + 20) * NS)
    # the wait is part of the recovery
    assert [i.restored for i in run.incidents] == [30 * NS, 40 * NS, 50 * NS]


def test_as_many_crews_as_units_change_nothing_but_the_row_of_their_work() -> None:
    rows = [row for row in play(group(THREE, count="3", crews="3")).rows if row[0] != "crew_assigned"]
    assert rows == play(group(THREE, count="3")).rows


def test_a_repair_that_is_broken_off_gives_its_crew_back() -> None:
    again = "{crash: {name: again, agent: a, at: 25s}}"
    text = group(f"{THREE}, {again}", count="2", crews="1", operator="1s")
    run = play(text, only=lambda s: s.fault != "again" or s.number == 0)
    # the first is struck in the middle of its start, at 25: the second has the crew from then on
    assert run.at("unit_up", value=1) == [35]
    assert run.at("unit_up", value=0) == [45], "found out at 26, and waits until 35"


def test_a_repair_that_waits_and_is_struck_loses_its_place() -> None:
    again = "{crash: {name: again, agent: a, at: 25s}}"
    text = group(f"{THREE}, {again}", count="3", crews="1", operator="1s")
    run = play(text, only=lambda s: s.fault != "again" or s.number == 1)
    assert [run.at("unit_up", value=n) for n in range(3)] == [[31], [51], [41]]


def test_a_promotion_needs_no_crew_and_the_rebuilding_of_a_standby_does() -> None:
    protect = "{redundancy: {standbys: 1, switch: 1s, load: 2s}}"
    text = group(THREE, protect, count="2", crews="1", rebuild="{cold_start: {start: 30s}}")
    run = play(text, only=lambda s: s.number < 2)
    assert run.at("failed_over") == [23], "the first role has the standby after 3 s"
    # its unit takes the crew at 20 for 30 s; the second role, without a standby, waits for it
    assert run.at("unit_up", value=0) == [50]
    assert run.at("unit_up", value=1) == [60]


# -- what nobody recovers any more --------------------------------------------------------------


def test_a_reconciler_starts_a_role_anew_that_was_given_up() -> None:
    text = group(
        "{crash: {agent: a, at: 25s}}",
        "{reconciler: {every: 30s}, checkpointing: {every: 1 steps}}",
        recover="none",
        rebuild="{cold_start: {start: 3s, load: 4s}}",
    )
    run = play(text)
    assert run.at("gave_up") == [25]
    assert run.at("reconciled", value=0) == [30], "looks at 0, 30, 60 ..."
    assert run.at("role_up") == [37]
    assert run.incident.lost_steps == 0, "with its last checkpoint"
    assert run.incident.gave_up
    never = play(text.replace("reconciler: {every: 30s}, ", ""))
    assert never.at("role_up") == []


def test_it_starts_units_that_nobody_rebuilds_even_where_rebuild_is_none() -> None:
    protect = "{reconciler: {every: 30s}, redundancy: {standbys: 1, switch: 0s, load: 0s}}"
    run = play(group("{crash: {agent: a, at: 25s}}", protect, rebuild="none"), only=lambda s: s.number == 0)
    assert run.at("failed_over") == [25]
    assert run.at("reconciled", value=0) == [30]
    (back,) = run.at("unit_up", value=0)
    assert back > 60, "a cold start takes what it takes: some 2 s, and 30 to 90 s of loading"


def test_a_strike_while_nobody_cares_joins_and_is_given_up_again() -> None:
    faults = "{crash: {agent: a, at: 25s}}, {crash: {name: again, agent: a, at: 28s}}"
    run = play(
        group(faults, "{reconciler: {every: 30s}}", recover="none", rebuild="{cold_start: {start: 3s}}")
    )
    assert run.incident.strikes == 2
    assert run.at("reconciled") == [30]
    assert run.at("role_up") == [33]


# -- lost beats ---------------------------------------------------------------------------------


def beats(loss: float, misses: int = 3, every: int = 10, phase: int = 4, timeout: int = 0) -> Beats:
    spec = Heartbeat.model_construct(every=every, misses=misses, loss=loss, timeout=timeout)
    return Beats(spec, phase, root(5).named("beats"))


def lost_beats(one: Beats, number: int) -> list[int]:
    return [n for n in range(number) if one.stream.uniform(n) < float(one.spec.loss)]


def test_the_alarm_comes_with_the_last_of_so_many_lost_in_a_row() -> None:
    one = beats(0.4, timeout=3)
    lost = set(lost_beats(one, 200))
    expected, run = [], 0
    for n in range(200):
        run = run + 1 if n in lost else 0
        if run == 3:
            expected.append(4 + 10 * n + 3)
            run = 0
    found = []
    while (alarm := one.next_alarm(until=4 + 199 * 10)) is not None:
        found.append(alarm)
    assert found == expected
    assert len(found) > 5


def test_what_was_missed_in_an_earlier_life_is_forgotten() -> None:
    one = beats(0.5)
    lost = set(lost_beats(one, 100))
    first = next(n for n in range(100) if {n, n + 1} <= lost and n + 2 not in lost)
    at = 4 + 10 * (first + 2)
    assert one.lost_before(at) >= 2
    one.alive(4 + 10 * (first + 1) - 5)
    assert one.lost_before(at) == 1


def test_beats_lost_just_before_a_crash_shorten_its_detection() -> None:
    spec = Heartbeat.model_construct(every=10, misses=3, loss=0.0, timeout=1)
    assert spec.declared_after(onset=20, phase=4) == 4 + 20 + 1
    assert spec.declared_after(onset=20, phase=4, lost=2) == 4 + 0 + 1
    assert spec.declared_after(onset=15, phase=4, lost=3) == 0, "its last beat was given up at that moment"


LOSSY = "{{heartbeat: {{every: 5s, misses: {}, loss: {}}}}}"


def alarms(run: Played) -> list[float]:
    return run.at("false_alarm", subject="liveness")


def test_a_false_alarm_costs_a_needless_recovery() -> None:
    run = play(group("", LOSSY.format(2, 0.3)))
    assert alarms(run)
    assert run.at("unit_down") == alarms(run)
    assert run.at("unit_up") == [time + 10 for time in alarms(run) if time < 490]
    assert run.incidents == []
    assert run.value("false_alarms") == run.value("false_alarms{by=liveness}")
    counted = sum(time <= 300 for time in alarms(run))
    assert run.value("false_alarms") == counted
    assert run.value("false_alarm_rate") == pytest.approx(counted / (300 / 3600))
    assert run.value("availability") < 1


def test_alarms_of_more_misses_are_among_those_of_fewer_until_the_first() -> None:
    few, many = (play(group("", LOSSY.format(n, 0.5))) for n in (2, 3))
    assert min(alarms(few)) < min(alarms(many))


def test_a_standby_is_declared_dead_as_well() -> None:
    protect = "{heartbeat: {every: 5s, misses: 2, loss: 0.3}, redundancy: {standbys: 1}}"
    run = play(group("", protect, rebuild="{cold_start: {start: 7s}}"))
    alone = [e for e in run.events("false_alarm") if e.member == -1]
    assert alone
    ups = {e.time for e in run.events("unit_up")}
    assert all(e.time + 7 * NS in ups for e in alone if e.time < 490 * NS)


def test_a_crash_moves_no_beat() -> None:
    calm, struck = (play(group(f, LOSSY.format(3, 0.5))) for f in ("", "{crash: {agent: a, at: 250s}}"))
    before = [time for time in alarms(calm) if time < 250]
    assert before
    assert [time for time in alarms(struck) if time < 250] == before


def test_a_heartbeat_that_loses_nothing_is_the_one_that_was() -> None:
    faults = "{crash: {agent: a, at: 57s}}"
    plain = play(group(faults, "{heartbeat: {every: 5s, misses: 3}}"))
    zero = play(group(faults, "{heartbeat: {every: 5s, misses: 3, loss: 0, timeout: 0s}}"))
    assert zero.rows == plain.rows
    late = play(group(faults, "{heartbeat: {every: 5s, misses: 3, timeout: 2s}}"))
    assert late.incident.detected == (plain.incident.detected or 0) + 2 * NS


def test_messages_are_the_time_alive_by_the_period() -> None:
    run = play(group("{crash: {agent: a, at: 60s}}", "{heartbeat: {every: 5s, misses: 1}}", count="2"))
    down = sum(i.restored - i.onset for i in run.incidents if i.restored is not None)
    assert run.value("messages{kind=heartbeat}") == (600 * NS - down) // (5 * NS)
    assert "messages{kind=heartbeat}" not in play(group("")).data


def test_who_saw_it_is_a_label_of_the_time_to_detect() -> None:
    from agentchaos.scoring.measures import incident_measures

    drained = "{drain: {agent: a, at: 100s, for: 10s}}"
    run = play(group("{crash: {agent: a, at: 57s}}, " + drained, "{heartbeat: {every: 5s, misses: 3}}"))
    measured = incident_measures([(1, incident) for incident in run.incidents])
    seen = measured["detect_time{by=liveness}"]
    assert (seen.n, measured["mttd"].n) == (1, 1), "what was planned was not detected"
    assert measured["detect_time"].mean == seen.mean
    assert 10 <= (seen.mean or 0) <= 15
    assert measured["recovery_time{fault=drain}"].n == 1
    assert "detect_time{by=planned}" not in measured


# -- the system and its first outage ------------------------------------------------------------

SYSTEM = """
name: by hand
preset: ideal
horizon: 100s
drain: 10s
agents:
  a: {tasks: {schedule: [0s], steps: 1}, step: {work: 1s}, recover: {cold_start: {start: 20s}}}
  b: {tasks: {schedule: [0s], steps: 1}, step: {work: 1s}, recover: {cold_start: {start: 20s}}}
  c: {tasks: {schedule: [0s], steps: 1}, step: {work: 1s}, recover: {cold_start: {start: 20s}}}
faults:
  - crash: {name: of_a, agent: a, at: 10s}
  - crash: {name: of_b, agent: b, at: 25s}
  - crash: {name: of_c, agent: c, at: 60s}
"""
SYSTEMS = {
    "": (10, 55),
    "system: {series: [a, b, c]}": (10, 55),
    "system: {parallel: [a, b, c]}": (None, 0),
    "system: {k_of_n: {k: 2, of: [a, b, c]}}": (25, 5),
    "system: {series: [c, {parallel: [a, b]}]}": (25, 25),
    "system: {parallel: [c, {series: [a, b]}]}": (None, 0),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_availability_and_the_first_outage_follow_the_diagram(system: str) -> None:
    first, down = SYSTEMS[system]
    run = play(SYSTEM + system)
    assert run.value("availability") == pytest.approx(1 - down / 100)
    assert run.value("survived") == (first is None)
    lifetime = run.data["time_to_first_outage"]
    assert isinstance(lifetime, Histogram)
    assert (lifetime.total, lifetime.censored) == ((first or 100) * NS, int(first is None))
    assert run.value("availability{agent=c}") == pytest.approx(0.8)
    assert run.value("survived{agent=c}") == 0
    assert run.data["time_to_first_outage{agent=c}"].total == 60 * NS  # type: ignore[union-attr]


def test_a_system_that_is_down_when_the_counting_begins_has_not_lived() -> None:
    run = play(SYSTEM + "warmup: 20s")
    lifetime = run.data["time_to_first_outage"]
    assert isinstance(lifetime, Histogram)
    assert (lifetime.total, lifetime.censored) == (0, 0)
    later = play(SYSTEM + "warmup: 50s")
    assert later.data["time_to_first_outage"].total == 10 * NS  # type: ignore[union-attr]


def test_a_switch_that_takes_no_time_is_no_outage() -> None:
    protect = "{redundancy: {standbys: 1, switch: 0s, load: 0s}}"
    text = group("{crash: {agent: a, at: 57s}}", protect, rebuild="none", recover="none")
    once = play(text, only=lambda s: s.number == 0)
    assert once.at("role_down") == once.at("role_up") == [57]
    assert once.value("survived") == 1
    assert play(text.replace("switch: 0s", "switch: 1s"), only=lambda s: s.number == 0).value("survived") == 0


def test_an_outage_in_the_drain_is_none() -> None:
    run = play(SYSTEM.replace("horizon: 100s", "horizon: 9s").split("faults")[0])
    assert run.value("survived") == 1
