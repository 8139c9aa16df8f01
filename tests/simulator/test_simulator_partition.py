"""Partitions by hand: what is cut, who is declared dead, and the ghost that works on."""

from __future__ import annotations

import pytest
from simulator.played import Played, fold, play, seconds

from agentchaos.trace import NS

HEAD = "name: hand\npreset: ideal\nseed: 1\n"

WORLD = (
    HEAD
    + """
horizon: 300s
drain: 100s
services: {pay: {kind: tool, latency: 2s, side_effects: true}}
agents:
  bot:
    tasks: {schedule: [0s], steps: 20}
    step: {work: 8s, act: pay}
    operator: 1h
    protect: {heartbeat: {every: 5s, misses: 3}PROTECT}
    recover: RECOVER
faults: [{partition: {agent: bot, at: 23s, FAULT}}]
"""
)
COLD = "{cold_start: {start: 4s, load: 6s}}"
HOT = ", redundancy: {standbys: 1, mode: hot, switch: 1sMORE}"


def cut(fault: str, protect: str = "", recover: str = COLD, *, unit: int = 0, text: str = WORLD) -> Played:
    text = text.replace("FAULT", fault).replace("PROTECT", protect).replace("RECOVER", recover)
    return play(text, only=lambda strike: strike.number == unit)


def commits(run: Played, *, ghost: bool) -> list[tuple[float, int]]:
    return [
        (round(e.time / NS, 3), e.step)
        for e in run.events("side_effect_committed")
        if ("ghost" in (e.detail or {})) == ghost
    ]


# -- cut from services ------------------------------------------------------------------------


def test_a_call_without_a_timeout_waits_and_goes_through_when_it_heals() -> None:
    run = cut("from: services, for: 60s")  # step 3: work until 28 s, the call waits until 83 s
    third = next(step for step in run.steps if step.step == 3)
    assert (third.began / NS, third.time / NS, third.wait / NS) == (20, 85, 55)
    call = next(c for c in run.calls if c.step == 3)
    assert (call.outcome, call.began / NS, call.wait / NS) == ("ok", 28, 55)
    incident = run.incident
    assert (incident.scope, seconds(incident.onset), seconds(incident.recovered)) == ("link", 23, 85)
    assert seconds(incident.caught_up) == 85
    assert run.at("fault_lifted") == [83.0]
    assert not run.events("unit_down", "role_down", "split_brain_began")
    assert run.value("time{class=waiting}") == pytest.approx(55 / 300)


def test_a_call_with_a_timeout_fails_by_it() -> None:
    run = cut("from: [pay], for: 60s", ", retry: {attempts: 3, timeout: 5s, backoff: 1s, jitter: none}")
    lost = [(c.outcome, c.began / NS, c.time / NS, c.fault) for c in run.calls if c.step == 3]
    strike = "partition@bot/0#1"
    assert lost == [
        ("timeout", 28, 33, strike), ("timeout", 34, 39, strike), ("timeout", 41, 46, strike),
    ]  # fmt: skip
    assert run.value("tasks_failed") == 1
    assert run.incident.lost


def test_an_answer_is_lost_as_well_and_then_a_retry_does_the_deed_twice() -> None:
    retry = ", retry: {attempts: 9, timeout: 5s, backoff: 10s, factor: 1, jitter: none}"
    text = WORLD.replace("at: 23s", "at: 29s")  # the call of step 3 is made at 28 s, and answered at 30
    run = cut("from: services, for: 10s", retry, text=text)
    assert [(c.outcome, c.began / NS, c.time / NS) for c in run.calls if c.step == 3] == [
        ("timeout", 28, 33), ("ok", 43, 45),
    ]  # fmt: skip
    assert [time for time, step in commits(run, ghost=False) if step == 3] == [30, 45]
    assert run.value("doubled") == 1
    held = cut("from: services, for: 10s", text=text)  # without a timeout the answer comes when it heals
    assert [(c.outcome, c.began / NS, c.time / NS) for c in held.calls if c.step == 3] == [("ok", 28, 39)]
    assert held.value("doubled") == 0


def test_an_idle_member_that_is_cut_off_is_well_when_it_heals() -> None:
    run = cut("from: services, for: 60s", text=WORLD.replace("schedule: [0s]", "schedule: [250s]"))
    assert (run.incident.idle, seconds(run.incident.recovered)) == (True, 83)


def test_a_watchdog_sees_a_member_that_cannot_call() -> None:
    run = cut("from: services, for: 60s", ", watchdog: {after: 20s}" + HOT.replace("MORE", ""), "hot_start")
    assert run.at("failure_detected", subject="progress") == [40.0]
    assert run.at("failed_over") == [41.0]
    assert not run.events("false_alarm", "split_brain_began"), "orders reach it"
    assert seconds(run.incident.recovered) == 51


# -- cut from control -------------------------------------------------------------------------


def test_what_heals_before_anybody_misses_it_is_absorbed() -> None:
    run = cut("from: control, for: 9s")
    calm = play(
        WORLD.replace("FAULT", "for: 1s").replace("PROTECT", "").replace("RECOVER", COLD), arm="control"
    )
    assert not run.incidents
    assert [s.scope for s in run.strikes] == ["absorbed"]
    assert run.steps == calm.steps
    assert run.at("fault_lifted") == [32.0]
    assert run.value("split_brain_time") == 0


def declared(run: Played) -> float:
    """When its third beat in a row was missed."""
    (moment,) = run.at("failure_detected", subject="liveness")
    assert 33 <= moment < 38
    return moment


def test_a_ghost_works_on_with_the_task_and_does_every_deed_again() -> None:
    run = cut("from: control, for: 60s", HOT.replace("MORE", ""), "hot_start")
    dead = declared(run)
    assert run.at("incident_opened") == run.at("split_brain_began") == [dead]
    assert run.at("failed_over", value=1) == [dead + 1]
    assert run.at("split_brain_ended", subject="healed") == run.at("fault_lifted") == [83.0]
    assert run.at("unit_up", value=0) == [83.0], "told to stop, it is rebuilt at once here"
    # steps end every 10 s: the fourth is in hand when it is declared dead, and goes on undisturbed
    assert commits(run, ghost=True) == [(10.0 * n, n) for n in (4, 5, 6, 7, 8)]
    own = [step for _, step in commits(run, ghost=False)]
    assert own == list(range(1, 21)), "its substitute begins with the step that was in hand"
    assert run.value("doubled") == 5
    assert run.value("split_brain_time") == pytest.approx(83 - dead)
    assert run.incident.escaped
    assert seconds(run.incident.recovered) == pytest.approx(dead + 11)


def test_the_call_that_is_under_way_is_the_ghosts() -> None:
    text = WORLD.replace("work: 8s, act: pay", "act: pay").replace("latency: 2s", "latency: 30s")
    run = cut("from: control, for: 60s", HOT.replace("MORE", ""), "hot_start", text=text)
    dead = declared(run)
    # made at 30 s, by the one that had the role then; and at 60 s, by a ghost that is stopped meanwhile
    assert commits(run, ghost=True) == [(60.0, 2), (90.0, 3)]
    assert commits(run, ghost=False)[:3] == [(30.0, 1), (round(dead + 31, 3), 2), (round(dead + 61, 3), 3)]
    fenced = cut("from: control, for: 60s", HOT.replace("MORE", ", fencing: true"), "hot_start", text=text)
    assert commits(fenced, ghost=True) == []
    assert fenced.at("side_effect_fenced") == fenced.at("split_brain_ended", subject="fenced") == [60.0]


def test_fencing_refuses_it_and_so_ends_it() -> None:
    run = cut("from: control, for: 60s", HOT.replace("MORE", ", fencing: true"), "hot_start")
    dead = declared(run)
    assert commits(run, ghost=True) == []
    assert run.at("side_effect_fenced", step=4) == run.at("split_brain_ended", subject="fenced") == [40.0]
    assert (run.value("doubled"), run.value("fenced")) == (0, 1)
    assert run.value("split_brain_time") == pytest.approx(40 - dead)
    assert run.at("unit_up", value=0) == [83.0], "nobody can rebuild it before"
    assert not run.incident.escaped


@pytest.mark.parametrize(("key", "doubled"), [("task", 0), ("attempt", 5)])
def test_an_idempotency_key_that_both_know_prevents_it_too(key: str, doubled: int) -> None:
    protect = HOT.replace("MORE", "") + f", idempotency: {{key: {key}}}"
    run = cut("from: control, for: 60s", protect, "hot_start")
    assert run.value("doubled") == doubled
    assert run.value("fenced") == 0


def test_without_a_standby_a_new_process_has_the_role_and_the_ghost_is_beside_the_units() -> None:
    run = cut("from: control, for: 60s")
    dead = declared(run)
    assert run.at("role_up") == run.at("unit_up", value=0) == [dead + 10]
    assert commits(run, ghost=True) == [(10.0 * n, n) for n in (4, 5, 6, 7, 8)]
    assert [step for _, step in commits(run, ghost=False)] == [1, 2, 3, *range(1, 21)]
    assert run.value("doubled") == 3 + 5
    # one unit of 300 s: down for 10 s in all, which are the start; and the time of the ghost
    assert run.value("agent_hours") == pytest.approx(300 - 10 + 10 + (83 - dead))
    assert run.value("time{class=down}") == pytest.approx(10 / 300)


def test_a_ghost_does_not_hear_that_the_task_is_over() -> None:
    text = WORLD.replace("steps: 20", "steps: 5").replace("work: 8s", "work: WORK")
    text = text.replace("WORK", "8s").replace("latency: 2s", "latency: lognormal(mean=2s, cv=3)")
    run = cut("from: control, for: 200s", HOT.replace("MORE", ""), "hot_start", text=text)
    (over,) = run.at("task_ended")
    late = [time for time, _ in commits(run, ghost=True) if time > over]
    everything = commits(run, ghost=False) + commits(run, ghost=True)
    assert run.value("doubled") == len(everything) - len({step for _, step in everything})
    for size in (1, 7, 50):
        assert fold(run.plan, run.rows, list(range(size, len(run.rows), size))) == run.data
    assert late or run.value("doubled") > 0


def test_one_way_only_its_beats_are_lost_and_it_obeys() -> None:
    run = cut("from: control, for: 60s, one_way: true", HOT.replace("MORE", ""), "hot_start")
    dead = declared(run)
    assert run.at("failed_over") == [dead + 1]
    assert not run.events("split_brain_began")
    assert commits(run, ghost=True) == []
    assert run.value("doubled") == 0


def test_cut_from_all_a_ghost_cannot_do_a_thing() -> None:
    run = cut("from: all, for: 60s", HOT.replace("MORE", ""), "hot_start")
    dead = declared(run)
    assert run.at("incident_opened") == [23.0], "its calls are lost from then on"
    assert run.at("split_brain_began") == [dead]
    assert commits(run, ghost=True) == []
    assert seconds(run.incident.recovered) == pytest.approx(dead + 11)
    called = [(e.detail or {})["outcome"] for e in run.events("ghost_called")]
    assert called == ["interrupted"], "it waited for the link, and was told to stop"


def test_a_crash_ends_a_ghost() -> None:
    text = WORLD.replace("FAULT}}]", "FAULT}}, {crash: {agent: bot, at: 52s}}]")
    run = cut("from: control, for: 60s", HOT.replace("MORE", ""), "hot_start", text=text)
    assert run.at("split_brain_ended", subject="crashed") == [52.0]
    assert commits(run, ghost=True) == [(40.0, 4), (50.0, 5)]
    assert run.at("unit_up", value=0) == [83.0]


def test_a_standby_that_is_cut_from_control_is_not_ready() -> None:
    text = WORLD.replace("FAULT}}]", "FAULT}}, {crash: {agent: bot, at: CRASH}}]")
    for crash, overs in (("40s", []), ("80s", [84.0])):
        protect = HOT.replace("MORE", "").replace("1s", "0s")
        text_ = text.replace("CRASH", crash).replace("every: 5s, misses: 3", "every: 1s, misses: 1")
        text_ = text_.replace("FAULT", "from: control, for: 60s").replace("PROTECT", protect)
        text_ = text_.replace("RECOVER", "hot_start").replace("operator: 1h", "operator: 1h\n    decide: 3s")
        run = play(text_, only=lambda s: s.number == (1 if s.kind == "partition" else 0))
        assert [s.scope for s in run.strikes if s.kind == "partition"] == ["absorbed"]
        assert [round(time) for time in run.at("failed_over")] == overs


def test_what_is_down_is_not_cut_and_what_does_not_run_neither() -> None:
    text = WORLD.replace("FAULT}}]", "FAULT}}, {crash: {agent: bot, at: 22s}}]")
    run = cut("from: control, for: 60s", text=text)
    assert [(e.detail or {})["reason"] for e in run.events("fault_missed")] == ["already_down"]
    cold = cut("from: control, for: 60s", ", redundancy: {standbys: 1, mode: cold}", unit=1)
    assert [(e.detail or {})["reason"] for e in cold.events("fault_missed")] == ["not_running"]


def test_it_heals_with_the_horizon_at_last() -> None:
    run = cut("from: control, for: 1h", HOT.replace("MORE", ""), "hot_start")
    assert run.at("fault_lifted") == [300.0]


def test_a_ghost_is_deterministic_and_pays_for_its_thoughts() -> None:
    text = WORLD.replace(
        "services: {", "services: {gpt: {kind: model, latency: exponential(mean=3s), error_rate: 0}, "
    )
    text = text.replace("step: {work: 8s,", "step: {think: gpt, work: 2s,")
    warm = ", redundancy: {standbys: 1, mode: warm, copy: 10s}"
    run = cut("from: control, for: 60s", warm, "warm_start", text=text)
    assert cut("from: control, for: 60s", warm, "warm_start", text=text).rows == run.rows
    ghost = [e.detail or {} for e in run.events("ghost_called") if e.subject == "gpt"]
    assert len(ghost) >= 3
    own = sum(c.tokens_in + c.tokens_out for c in run.calls)
    assert run.value("tokens") == own + sum(d["tokens_in"] + d["tokens_out"] for d in ghost)
    # it does what the member would have done without the partition, at the same moments
    calm = play(
        text.replace("FAULT", "for: 1s").replace("PROTECT", warm).replace("RECOVER", "warm_start"),
        arm="control",
    )
    would = {step: time for time, step in commits(calm, ghost=False)}
    assert commits(run, ghost=True)
    assert all(would[step] == time for time, step in commits(run, ghost=True))
