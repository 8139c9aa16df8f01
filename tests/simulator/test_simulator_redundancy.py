"""Standbys by hand: how long each takes to take over and what it has lost, what strikes it, what it costs."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator.played import Played, decide, play, seconds

from agentchaos import pipeline
from agentchaos.plan import Strike
from agentchaos.trace import NS

HEAD = "name: hand\npreset: ideal\nseed: 1\n"

CRASH = (
    HEAD
    + """
horizon: 100s
drain: 100s
services: {store: {kind: store, latency: 0s}}
agents:
  bot:
    tasks: {schedule: [0s], steps: 6}
    step: {work: 10s}
    operator: 3s
    decide: 1s
    protect: {redundancy: {standbys: 1, STANDBY}MORE}
    recover: RECOVER
    rebuild: {cold_start: {start: 20s, load: 0s}}
faults: [{crash: {agent: bot, at: 25s}}]
"""
)
START = "{start: 4s, load: 6s}"


def first(strike: Strike) -> bool:
    """Strikes the unit that has the role."""
    return strike.number == 0


def crash(standby: str, recover: str = f"{{cold_start: {START}}}", more: str = "") -> Played:
    text = CRASH.replace("STANDBY", standby).replace("RECOVER", recover).replace("MORE", more)
    return play(text, only=first)


SAVES = ", checkpointing: {every: 1 steps, store: store}"


@pytest.mark.parametrize(
    ("standby", "recover", "more", "up", "point", "lost"),
    [
        # detected after 3 s, decided after 4, so that it is taken over from 29 s on; steps end at 10 and 20 s
        ("mode: hot, switch: 2s, lag: 0s", f"{{hot_start: {START}}}", "", 31, 0, 0),
        ("mode: hot, switch: 2s, lag: 5s", f"{{hot_start: {START}}}", "", 31, 0, 0),
        ("mode: hot, switch: 2s, lag: 5001ms", f"{{hot_start: {START}}}", "", 31, 15, 1),
        ("mode: hot, switch: 2s, lag: 16s", f"{{hot_start: {START}}}", "", 31, 25, 2),
        ("switch: 2s, lag: 5s", f"{{hot_start: {START}}}", "", 31, 0, 0),
        ("mode: warm, switch: 2s, load: 5s, copy: 12s", f"{{warm_start: {START}}}", "", 36, 0, 0),
        ("mode: warm, switch: 2s, load: 5s, copy: 15s", f"{{warm_start: {START}}}", "", 36, 10, 1),
        ("mode: warm, switch: 2s, load: 5s, copy: 26s", f"{{warm_start: {START}}}", "", 36, 25, 2),
        ("mode: cold", f"{{cold_start: {START}}}", "", 39, 25, 2),
        ("mode: cold", f"{{checkpoint: {START}}}", SAVES, 39, 0, 0),
        # nobody recovers it, but a standby is started as units are rebuilt
        ("mode: cold", "none", "", 49, 25, 2),
    ],
)
def test_how_long_each_takes_and_what_it_has_lost(
    standby: str, recover: str, more: str, up: int, point: int, lost: int
) -> None:
    run = crash(standby, recover, more)
    incident = run.incident
    assert run.at("failed_over", value=1) == [up]
    assert run.at("role_up") == [up]
    assert seconds(incident.recovered) == up + 10, "the first step that is finished"
    assert seconds(incident.point) == point
    assert incident.lost_steps == lost
    assert run.at("unit_up", value=0) == [49.0], "the failed unit is rebuilt"


def test_one_of_ten_is_not_covered() -> None:
    text = CRASH.replace("STANDBY", "mode: hot, switch: 2s, coverage: COVERED").replace("MORE", "")
    text = text.replace("RECOVER", f"{{hot_start: {START}}}")
    for covered, up, over in (("1", 31, [31.0]), ("0", 39, [])):
        run = play(text.replace("COVERED", covered), only=first)
        assert run.at("role_up") == [up]
        assert run.at("failed_over") == over
    ups = [play(text.replace("COVERED", "0.5"), only=first, number=n).at("role_up") for n in range(1, 41)]
    assert 10 <= ups.count([31.0]) <= 30
    assert ups.count([31.0]) + ups.count([39.0]) == 40


def test_where_no_hot_standby_is_ready_it_starts_cold() -> None:
    text = CRASH.replace("STANDBY", "mode: hot").replace("MORE", "")
    run = play(text.replace("RECOVER", f"{{hot_start: {START}}}"))  # both units crash at once
    assert run.at("role_up") == [39.0]
    assert run.incident.lost_steps == 2


def test_a_standby_that_is_implied_stands_by_in_the_mode_of_its_recovery() -> None:
    text = CRASH.replace("    protect: {redundancy: {standbys: 1, STANDBY}MORE}\n", "")
    for word, mode in (("hot_start", "hot"), ("warm_start", "warm")):
        run = play(text.replace("RECOVER", word), only=first)
        group = run.plan.world.agents["bot"]
        assert group.redundancy is not None
        assert (group.redundancy.mode, group.standbys) == (mode, 1)
        assert run.at("failed_over") == [29.0]


def test_nobody_recovers_it() -> None:
    text = CRASH.replace("RECOVER", "none").replace("standbys: 1, STANDBY", "standbys: 1, mode: warm")
    text = text.replace("MORE", "").replace("{cold_start: {start: 20s, load: 0s}}", "none")
    run = play(text, only=first)
    assert run.at("failed_over") == [29.0], "a standby takes over all the same"
    assert run.at("unit_up") == [], "what has failed stays down"
    alone = play(text.replace("protect: {redundancy: {standbys: 1, mode: warm}}", "protect: {}"), only=first)
    assert alone.at("gave_up") == [29.0]
    assert alone.at("role_up") == []
    assert alone.incident.recovered is None


# -- what strikes them ------------------------------------------------------------------------


def test_a_cold_standby_cannot_be_struck() -> None:
    text = CRASH.replace("STANDBY", "mode: cold").replace("MORE", "").replace("RECOVER", "cold_start")
    run = play(text, only=lambda strike: strike.number == 1)
    (missed,) = run.events("fault_missed")
    assert missed.detail == {"reason": "not_running"}
    assert not run.events("unit_down")


@pytest.mark.parametrize("mode", ["hot", "warm"])
def test_a_common_cause_takes_the_standby_too(mode: str) -> None:
    recover = f"{{{mode}_start: {START}}}"
    for beta, up, down in (("0", [29.0], [25.0]), ("1", [39.0], [25.0, 25.0])):
        run = crash(f"mode: {mode}, common_cause: {beta}", recover)
        assert run.at("role_up") == up
        assert run.at("unit_down") == down
    # the standby is found by the operator after 3 s, and rebuilt within 20
    assert run.at("unit_up", value=1) == [49.0]


def test_a_common_cause_is_one_draw_a_strike() -> None:
    text = CRASH.replace("standbys: 1, STANDBY", "standbys: 3, common_cause: 0.3").replace("MORE", "")
    text = text.replace("RECOVER", "warm_start")
    downs = [len(play(text, only=first, number=n).at("unit_down")) for n in range(1, 101)]
    assert set(downs) == {1, 4}, "all of them or none"
    assert 18 <= downs.count(4) <= 42


AGEING = (
    HEAD
    + """
horizon: 100s
drain: 1s
agents:
  bot:
    tasks: {schedule: [0s], steps: 1}
    step: {work: 1s}
    protect: {redundancy: {standbys: 1, DORMANT}}
    recover: {cold_start: {start: 10s, load: 0s}}
    rebuild: none
faults: [{crash: {agent: bot, clock: up, every: 40s}}]
"""
)


@pytest.mark.parametrize(
    ("dormant", "downs"),
    [
        # unit 0 at 40 s; unit 1 stands by for 40 s and has the role from then on
        ("mode: warm, dormant: 1", [40.0, 40.0]),
        ("mode: warm, dormant: 0.5", [40.0, 60.0]),
        ("mode: warm, dormant: 0", [40.0, 80.0]),
        ("mode: hot, dormant: 0.25", [40.0, 70.0]),
        # it is started until 50 s, and is new then
        ("mode: cold", [40.0, 90.0]),
    ],
)
def test_a_standby_ages_at_its_own_rate(dormant: str, downs: list[float]) -> None:
    run = play(AGEING.replace("DORMANT", dormant))
    assert run.at("unit_down")[: len(downs)] == downs


# -- what they cost ---------------------------------------------------------------------------

THINKING = (
    HEAD
    + """
horizon: 60s
drain: 60s
services:
  gpt:
    kind: model
    latency: 4s
    tokens_in: 100
    tokens_out: 10
    price: {in: 10 usd/M, out: 100 usd/M}
    capacity: CAPACITY
agents:
  bot:
    count: 2
    tasks: {schedule: [0s, 0s], steps: 6}
    step: {think: gpt, work: 6s}
    protect: {redundancy: {standbys: 1, mode: MODE}}
"""
)


def thinking(mode: str, capacity: str = "null") -> Played:
    return play(THINKING.replace("MODE", mode).replace("CAPACITY", capacity))


def test_a_hot_standby_thinks_along_and_pays_for_it() -> None:
    hot, warm, cold = (thinking(mode) for mode in ("hot", "warm", "cold"))
    assert warm.value("tokens") == cold.value("tokens") == 2 * 6 * 110
    assert hot.value("tokens") == 3 * 6 * 110, "one standby thinks along with the first of two members"
    assert hot.value("cost{currency=USD}") == pytest.approx(18 * (100 * 10 + 10 * 100) / 1e6)
    called = hot.events("shadow_called")
    assert [e.time / NS for e in called] == [4, 14, 24, 34, 44, 54]
    assert {(e.agent, e.member, e.subject, e.value) for e in called} == {("bot", 0, "gpt", 2)}
    assert hot.value("time{class=overhead}") == pytest.approx(6 * 4 / (3 * 60))
    assert [c for c in hot.calls if c.outcome == "ok"] == [c for c in warm.calls if c.outcome == "ok"]


def test_units_that_run_are_paid_for() -> None:
    hours = [thinking(mode).value("agent_hours") for mode in ("hot", "warm", "cold")]
    assert hours == [180.0, 180.0, 120.0]
    # down from 25 s on; the process is started between 29 and 39 s, and what is rebuilt is up at 49 s
    assert crash("mode: warm").value("agent_hours") == 200 - (49 - 25)
    cold = crash("mode: cold")
    assert cold.value("agent_hours") == 100 - (29 - 25)
    assert cold.value("agent_hours{agent=bot}") == cold.value("agent_hours")


def test_shadows_stand_in_the_same_line() -> None:
    hot, warm = thinking("hot", "2"), thinking("warm", "2")
    assert warm.value("p_wait{service=gpt}") == 0
    assert hot.value("p_wait{service=gpt}") > 0
    classes: Any = [hot.data[name] for name in hot.data if name.startswith("time{")]
    assert sum(c.numerator for c in classes) == 3 * 60 * NS


def test_draws_of_the_members_are_nobody_elses() -> None:
    text = THINKING.replace("latency: 4s", "latency: exponential(mean=4s)").replace("CAPACITY", "null")
    text = text.replace("steps: 6", "steps: 6, success: 0.5")
    runs = [play(text.replace("MODE", mode)) for mode in ("hot", "warm", "cold")]
    assert runs[0].steps == runs[1].steps == runs[2].steps
    shadow = [(e.detail or {})["began"] - e.time for e in runs[0].events("shadow_called")]
    own = [c.began - c.time for c in runs[0].calls if c.member == 0]
    assert len(shadow) >= len(own) - 1
    assert not set(shadow) & set(own), "a shadow has draws of its own"


def test_a_shadow_thinks_no_more_when_its_unit_is_gone_or_has_a_role() -> None:
    text = THINKING.replace("CAPACITY", "null").replace("MODE", "hot").replace("count: 2", "count: 1")
    text += """    operator: 1s
    recover: hot_start
faults:
  - crash: {agent: bot, at: 22s, name: of_role}
  - crash: {agent: bot, at: 3s, name: of_standby}
"""
    struck = play(text, only=lambda s: (s.fault, s.number) == ("of_standby", 1))
    assert struck.at("shadow_called")[0] == 3.0
    assert (struck.events("shadow_called")[0].detail or {})["outcome"] == "interrupted"
    taken = play(text, only=lambda s: (s.fault, s.number) == ("of_role", 0))
    assert taken.at("failed_over") == [23.0]
    assert taken.at("shadow_called", value=1) == [4.0, 14.0, 23.0], "it was thinking of what had failed"
    assert taken.at("shadow_called", value=0)[0] == 27.0, "the one that was rebuilt thinks along in its turn"


# -- closed forms -----------------------------------------------------------------------------

GROUPS, PLAYED = 25, 24


def alone(standbys: int, more: str, begin: str, horizon: str) -> list[float]:
    """The mean availability of many single roles that nobody repairs, in each replication."""
    agent = f"""
    tasks: {{schedule: [0s], steps: 1}}
    step: {{work: 1ms}}
    protect: {{redundancy: {{standbys: {standbys}, mode: warm, {more}}}}}
    recover: none
    rebuild: none
"""
    names = [f"a{n}" for n in range(GROUPS)]
    agents = "".join(f"  {name}:{agent}" for name in names)
    crash = "clock: up, every: exponential(mean=100s)"
    faults = "".join(f"  - crash: {{agent: {name}, name: of_{name}, {crash}}}\n" for name in names)
    plan = decide(
        f"name: alone\npreset: ideal\nwarmup: {begin}\nhorizon: {horizon}\ndrain: 1ms\n"
        f"agents:\n{agents}faults:\n{faults}"
    )
    means = []
    for number in range(1, PLAYED + 1):
        data: Any = pipeline.play_one(plan, "chaos", number)[0]
        means.append(sum(data[f"availability{{agent={name}}}"].value for name in names) / GROUPS)
    return means


E_1, E_2 = math.exp(-1), math.exp(-2)


@pytest.mark.parametrize(
    ("standbys", "more", "begin", "horizon", "exact"),
    [
        (2, "dormant: 0", "200s", "200001ms", E_2 * (1 + 2 + 2)),  # R(200 s) of three, perfect switch
        (2, "dormant: 0", "0s", "4000s", 300 / 4000),  # their mean life
        (1, "dormant: 0, coverage: 0.95", "100s", "100001ms", E_1 * (1 + 0.95)),
        (1, "dormant: 0.2", "100s", "100001ms", E_1 * (1 + 5 * (1 - math.exp(-0.2)))),
    ],
)
def test_reliability_is_that_of_the_closed_form(
    standbys: int, more: str, begin: str, horizon: str, exact: float
) -> None:
    means = alone(standbys, more, begin, horizon)
    mean = statistics.fmean(means)
    error = statistics.stdev(means) / math.sqrt(len(means))
    assert abs(mean - exact) < 4 * error
    assert error < 0.05 * exact


@pytest.mark.parametrize("mode", ["hot", "warm", "cold"])
def test_what_is_on_can_be_written_and_read_again(mode: str, tmp_path: Path) -> None:
    first = tmp_path / "first.yaml"
    text = THINKING.replace("MODE", mode).replace("CAPACITY", "null").replace("preset: ideal\n", "")
    first.write_text(text, encoding="utf-8")
    scenario = pipeline.load(first).value
    written = scenario.effective()
    standbys = written["agents"]["bot"]["protect"]["redundancy"]
    assert {"copy", "lag", "switch", "load", "common_cause"} & set(standbys) == {
        "hot": {"lag", "switch", "common_cause"},
        "warm": {"copy", "switch", "load", "common_cause"},
        "cold": set(),
    }[mode]
    second = tmp_path / "second.yaml"
    second.write_text(yaml.safe_dump(written), encoding="utf-8")
    assert pipeline.load(second).value.effective() == written
