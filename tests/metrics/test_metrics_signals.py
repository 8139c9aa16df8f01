"""Signals over time: every formula on rows written by hand, and what faults do to them in real runs."""

from __future__ import annotations

import itertools
import math
import random
import sys
from pathlib import Path

import pytest
from hand_traces import GROUP, Toy, call, ended, event, planned, restored, service, setting, step
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from agentchaos.metrics.base import GroupFacts, Series, Setting, Signals
from agentchaos.metrics.layers import BITS, COUNTED, LAYERS, SIGNALS
from agentchaos.metrics.signals import BINS, SignalsOverTime, width
from agentchaos.trace import NS, Batch, Row

sys.path.insert(0, str(Path(__file__).parent.parent / "simulator"))

from played import Played, play

HOUR = 3600 * NS


def frame(**fields: object) -> Setting:
    """120 windows of one second; group `a` of two roles and a standby; a model and a tool."""
    group = GroupFacts("a", 2, 1, 1, None, None, heartbeat=2 * NS)
    known = {"groups": (group,), "services": (service("gpt", kind="model"), service("crm"))}
    return setting(**{**known, **fields})


def signals_of(rows: list[Row], one: Setting | None = None, cuts: tuple[int, ...] = ()) -> Signals:
    fold = SignalsOverTime(one or frame())
    for begin, end in itertools.pairwise([0, *cuts, len(rows)]):
        fold.take(Batch(rows[begin:end]))
    ((name, datum),) = fold.data()
    assert name == "signals"
    assert isinstance(datum, Signals)
    return datum


def series(signals: Signals, signal: str, of: str = "a") -> Series:
    (row,) = [row for row in signals.rows if (row.signal, row.of) == (signal, of)]
    return row


def values(signals: Signals, signal: str, of: str = "a") -> dict[int, float]:
    """Window -> value, where there is one that is not 0."""
    row, scale = series(signals, signal, of), SIGNALS[signal].scale
    pairs = enumerate(zip(row.numerators, row.denominators, strict=True))
    return {k: a * scale / b for k, (a, b) in pairs if a and b}


def seconds(signals: Signals, signal: str, of: str = "a") -> dict[int, float]:
    """Window -> numerator in seconds, zeros left out."""
    return {k: n / NS for k, n in enumerate(series(signals, signal, of).numerators) if n}


def test_the_classification_is_whole() -> None:
    assert {signal.layer for signal in SIGNALS.values()} == set(LAYERS)
    assert set(COUNTED.values()) <= SIGNALS.keys()
    found = {(row.signal, row.of) for row in signals_of([event("ended", 120, agent="")]).rows}
    for name, signal in SIGNALS.items():
        whose = {"a"} if signal.of == "agent" else {"gpt", "crm"}
        assert {of for what, of in found if what == name} == whose
    assert [row.signal for row in signals_of([]).rows] == sorted(
        (row.signal for row in signals_of([]).rows), key=list(SIGNALS).index
    )


# -- the grid


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (120 * NS, NS),
        (120 * NS + 1, 2 * NS),
        (HOUR + 8 * 60 * NS, 60 * NS),
        (2 * HOUR, 60 * NS),
        (30 * 24 * HOUR, 6 * HOUR),
        (3000 * 24 * HOUR, 25 * 24 * HOUR),
        (1, 1),
        (0, 1),
    ],
)
def test_windows_are_round_and_few(end: int, expected: int) -> None:
    assert width(end) == expected
    assert -(-end // width(end)) <= BINS


def test_the_last_window_is_cut_off_at_the_end() -> None:
    one = frame(horizon=100, end=150.5)
    found = signals_of([], one)
    assert found.bounds()[-1] == (150 * NS, round(150.5 * NS))
    assert sum(series(found, "agent_count").denominators) == round(150.5 * NS)
    assert set(values(found, "agent_count").values()) == {2.0}


# -- agent health


def test_a_unit_that_crashed_beats_no_more_and_one_that_hangs_does() -> None:
    rows = [
        event("unit_down", 10.5, value=0, subject="crash"),
        event("unit_down", 11, value=1, subject="hang"),
        event("unit_up", 12.25, value=0),
        event("unit_up", 13, value=1),
    ]
    found = values(signals_of(rows), "heartbeat")
    assert {k: v for k, v in found.items() if v != 1} == pytest.approx({10: 2.5 / 3, 11: 2 / 3, 12: 2.75 / 3})


def test_busy_time_lies_where_the_steps_were() -> None:
    rows = [*planned(0, "t"), step(0.25, 0.5, "t", 1), step(0.5, 3.25, "t", 2), step(4, 5, "t", 3)]
    found = signals_of(rows)
    assert seconds(found, "utilisation") == {0: 0.75, 1: 1.0, 2: 1.0, 3: 0.25, 4: 1.0}
    assert set(series(found, "utilisation").denominators) == {2 * NS}


def test_errors_are_shares_of_what_was_not_cut_short() -> None:
    rows = [
        *planned(0, "t"),
        call(0, 0.1, "t", "gpt"),
        call(0.1, 0.2, "t", "crm", outcome="timeout"),
        call(0.2, 0.3, "t", "crm", attempt=2, outcome="refused"),
        call(0.3, 0.4, "t", "crm", attempt=3, outcome="corrupt"),
        step(0, 0.4, "t", 1),
        step(0.4, 0.5, "t", 2, outcome="wrong"),
        step(0.5, 0.6, "t", 3, outcome="caught"),
        call(0.6, 0.7, "t", "crm", outcome="interrupted"),
        step(0.6, 0.7, "t", 3, outcome="interrupted"),
        call(1, 1.5, "t", "crm", outcome="error"),
        step(1, 1.5, "t", 3, outcome="error"),
    ]
    found = signals_of(rows)
    assert values(found, "call_errors") == {0: 2 / 4, 1: 1.0}
    assert values(found, "step_errors") == {0: 2 / 4, 1: 1.0}
    assert values(found, "service_health", "gpt") == {0: 1.0}
    assert values(found, "service_health", "crm") == {}
    assert series(found, "service_health", "crm").denominators[:3] == (3, 1, 0)


def test_calls_that_never_came_to_the_service_or_that_nothing_hung_on_say_nothing_of_it() -> None:
    rows = [
        *planned(0, "t"),
        call(0, 0.5, "t", "gpt"),
        call(0, 0.6, "t", "gpt", call=8, outcome="spare"),
        call(0.6, 0.6, "t", "gpt", outcome="rejected"),
    ]
    found = signals_of(rows, frame(groups=(GROUP,)))
    assert values(found, "service_health", "gpt") == {0: 1.0}
    assert values(found, "decision_latency") == {0: 0.5}
    assert values(found, "call_errors") == {0: 1 / 2}
    assert values(found, "communication") == {0: 120.0}


def test_a_decision_lasts_as_long_as_its_model_call_with_its_wait() -> None:
    rows = [
        *planned(0, "t"),
        call(0, 2.5, "t", "gpt", wait=1.5),
        call(2.5, 2.75, "t", "gpt", outcome="error"),
        call(2.75, 2.875, "t", "crm"),
        call(2.75, 2.9, "t", "gpt", outcome="interrupted"),
    ]
    assert values(signals_of(rows), "decision_latency") == {2: (2.5 + 0.25) / 2}


# -- behaviour


def test_actions_are_finished_steps_of_work() -> None:
    rows = [
        *planned(0, "t"),
        step(0, 1, "t", 1),
        step(1, 1.5, "t", 2, outcome="wrong"),
        step(1.5, 1.75, "t", 3, what="replan"),
        step(1.75, 1.8, "t", 3, outcome="caught"),
        step(1.8, 1.9, "t", 3, outcome="error"),
    ]
    # the first ends at the very beginning of window 1
    assert values(signals_of(rows), "action_frequency") == {1: 120.0}


def test_four_equal_actions_make_two_bits_and_one_alone_none() -> None:
    rows = [
        *planned(0, "t"),
        call(0, 0.1, "t", "gpt"),
        call(0.1, 0.2, "t", "crm"),
        call(0.2, 0.3, "t", "crm", outcome="error"),
        step(0, 0.3, "t", 1, outcome="error"),
        *(step(1, 1.5, "t", 1) for _ in range(5)),
        call(2, 2.1, "t", "gpt"),
        call(2.1, 2.2, "t", "gpt"),
        call(2.2, 2.3, "t", "gpt"),
        call(2.3, 2.4, "t", "crm"),
    ]
    row = series(signals_of(rows), "decision_pattern")
    mixed = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert row.numerators[:4] == (2 * BITS, 0, round(mixed * BITS), 0)
    assert row.denominators[:4] == (1, 1, 1, 0)


def test_the_mean_pattern_is_over_the_replications_that_saw_actions() -> None:
    busy = signals_of([*planned(0, "t"), call(0, 0.1, "t", "gpt"), call(0.1, 0.2, "t", "crm")])
    pooled = busy.merge(signals_of([])).merge(signals_of([*planned(0, "t"), call(0, 0.1, "t", "gpt")]))
    assert values(pooled, "decision_pattern") == {0: 0.5}
    assert pooled.replications == 3


def test_changes_of_state_are_counted_by_the_table() -> None:
    kinds = [kind for kind, signal in COUNTED.items() if signal == "state_transitions"]
    plain = {"task_ended", "state_restored", "role_down", "role_up"}
    rows = [event(kind, 3.5, subject="x", member=0) for kind in kinds if kind not in plain]
    rows += [ended(3.5, "t"), restored(3.6, "t", 0), event("role_down", 3.7, member=0)]
    rows += [event("role_up", 4, member=0), event("fault_struck", 5), event("checkpoint_saved", 6)]
    assert values(signals_of(rows), "state_transitions") == {3: 60.0 * (len(kinds) - 1), 4: 60.0}


def test_progress_falls_by_what_is_set_back_or_given_up() -> None:
    rows = [
        *planned(0, "t"),
        *(step(n / 4, (n + 1) / 4 - 0.1, "t", n + 1) for n in range(4)),
        restored(2.5, "t", 1, detail={"lost_steps": 3}),
        step(2.5, 3, "t", 2, epoch=1),
        event("task_ended", 4, task="t", step=2, value=0, detail={"outcome": "abandoned"}),
        *planned(5, "u"),
        step(5, 6, "u", 1),
        ended(6, "u"),
    ]
    assert values(signals_of(rows), "goal_progress") == {0: 240, 2: -180, 3: 60, 4: -120, 6: 60}


# -- system


def test_roles_that_are_down_are_not_counted_while_they_are() -> None:
    rows = [
        event("role_down", 7.25, member=0),
        event("role_down", 8.5, member=1),
        event("role_up", 9, member=0),
        event("role_down", 119.5, member=0),
    ]
    found = values(signals_of(rows), "agent_count")
    assert [found.get(k, 0.0) for k in (6, 7, 8, 9, 118, 119)] == [2.0, 1.25, 0.5, 1.0, 1.0, 0.5]


def test_calls_messages_and_beats_are_communication() -> None:
    rows = [
        *planned(0, "t"),
        event("message_sent", 0.5, member=0, subject="b"),
        event("message_delivered", 0.75, member=0, subject="b"),
        call(0.5, 1.5, "t", "gpt"),
        call(0.5, 1.6, "t", "gpt", outcome="interrupted"),
    ]
    # three units with a beat every 2 s: 1, 2, 1, 2 ... beats a second
    found = values(signals_of(rows), "communication")
    assert [found[k] for k in range(4)] == [60 * (1 + 1), 60 * (2 + 2), 60.0, 120.0]
    deaf = frame(groups=(GROUP,))
    assert values(signals_of(rows, deaf), "communication") == {0: 60.0, 1: 120.0}


def test_calls_wait_where_they_stood_in_line() -> None:
    rows = [
        *planned(0, "t"),
        call(0.5, 3, "t", "crm", wait=2),
        call(2.25, 3, "t", "crm", wait=0.25),
        call(0.5, 3, "t", "gpt"),
    ]
    found = signals_of(rows)
    assert values(found, "calls_waiting", "crm") == {0: 0.5, 1: 1.0, 2: 0.5 + 0.25}
    assert values(found, "calls_waiting", "gpt") == {}


def test_groups_are_kept_apart() -> None:
    groups = (GROUP, GroupFacts("b", 1, 0, 1, None, None))
    rows = [
        *planned(0, "t"),
        *planned(0, "u", agent="b"),
        call(0, 1, "t", "gpt"),
        call(0, 1.5, "u", "gpt", agent="b"),
        step(0, 1.5, "t", 1),
        step(0.5, 1.75, "u", 1, agent="b", outcome="caught"),
        event("role_down", 3, agent="b", member=0),
    ]
    found = signals_of(rows, frame(groups=groups))
    assert seconds(found, "utilisation", "a") == {0: 1.0, 1: 0.5}
    assert seconds(found, "utilisation", "b") == {0: 0.5, 1: 0.75}
    assert values(found, "decision_latency", "a") == {1: 1.0}
    assert values(found, "decision_latency", "b") == {1: 1.5}
    assert values(found, "step_errors", "a") == {}
    assert values(found, "step_errors", "b") == {1: 1.0}
    assert set(range(3, 120)).isdisjoint(values(found, "agent_count", "b"))


# -- batches and merges

chances = st.randoms(use_true_random=False)


@given_settings(max_examples=60)
@given(chances, st.lists(st.integers(0, 400), max_size=12))
def test_batches_may_be_cut_anywhere(chance: random.Random, cuts: list[int]) -> None:
    rows = Toy(chance).trace()
    end = rows[-1][1] / NS
    one = frame(horizon=end * chance.choice([0.5, 1]), end=end)
    places = tuple(sorted({cut % (len(rows) + 1) for cut in cuts}))
    assert signals_of(rows, one, places) == signals_of(rows, one)
    assert signals_of(rows, one, tuple(range(1, len(rows)))) == signals_of(rows, one)


@given_settings(max_examples=30)
@given(st.lists(chances, min_size=3, max_size=3))
def test_merging_adds_up_in_any_order(three: list[random.Random]) -> None:
    one = frame(horizon=50, end=60)
    a, b, c = (signals_of(Toy(chance).trace(), one) for chance in three)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == c.merge(a).merge(b)
    for row, *parts in zip(a.merge(b).merge(c).rows, a.rows, b.rows, c.rows, strict=True):
        assert row.numerators == tuple(map(sum, zip(*(p.numerators for p in parts), strict=True)))
        assert row.denominators == tuple(map(sum, zip(*(p.denominators for p in parts), strict=True)))


@given_settings(max_examples=60)
@given(chances)
def test_shares_stay_shares_and_nothing_is_lost(chance: random.Random) -> None:
    rows = Toy(chance).trace()
    one = frame(horizon=rows[-1][1] / NS, end=rows[-1][1] / NS)
    found = signals_of(rows, one)
    for row in found.rows:
        if SIGNALS[row.signal].unit == "1":
            assert all(0 <= a <= b for a, b in zip(row.numerators, row.denominators, strict=True))
    steps = [row for row in rows if row[0] == "step"]
    assert sum(series(found, "utilisation").numerators) == sum(row[1] - row[2] for row in steps)
    calls = [row for row in rows if row[0] == "call"]
    waits = sum(sum(series(found, "calls_waiting", s).numerators) for s in ("gpt", "crm"))
    assert waits == sum(row[10] for row in calls)


def test_the_state_does_not_grow_with_the_trace() -> None:
    def size(count: int) -> int:
        fold = SignalsOverTime(frame(horizon=9000, end=10000))
        for n in range(count):
            rows = [*planned(n, f"t{n}"), call(n, n + 0.5, f"t{n}", "gpt"), step(n, n + 0.5, f"t{n}", 1)]
            fold.take(Batch([*rows, ended(n + 0.5, f"t{n}")]))
        return sum(map(len, [*fold._steps, *fold._calls])) + len(fold._not_beating)

    assert size(5000) <= 2 * BINS


# -- real runs

WORLD = """
name: world
preset: ideal
horizon: 20min
drain: 5min
services:
  gpt: {kind: model, latency: 2s}
  crm: {kind: tool, latency: 1s}
agents:
  bot:
    count: 4
    tasks: {loop: 500, steps: 5}
    step: {think: gpt, act: crm}
    protect: {heartbeat: {every: 5s, misses: 2}, checkpointing: {every: 2 steps, write: 0.1s}}
    recover: {checkpoint: {start: 40s, load: 20s}}
faults:
  - FAULT
"""


def run(fault: str) -> tuple[Played, Signals]:
    played = play(WORLD.replace("FAULT", fault))
    datum = played.data["signals"]
    assert isinstance(datum, Signals)
    return played, datum


def mean(signals: Signals, signal: str, begin: float, end: float, of: str = "bot") -> float:
    """The value of the windows within [begin, end] seconds."""
    row = series(signals, signal, of)
    inside = [k for k, (a, b) in enumerate(signals.bounds()) if a >= begin * NS and b <= end * NS]
    above, below = (sum(column[k] for k in inside) for column in (row.numerators, row.denominators))
    return above * SIGNALS[signal].scale / below


def test_a_crash_shows_as_a_dip_and_a_recovery() -> None:
    played, found = run("crash: {agent: bot, at: 10min, who: any}")
    (down,), (up,) = played.at("role_down"), played.at("role_up")
    assert down == 600
    assert up - down > 60
    assert mean(found, "agent_count", 0, 600) == 4
    assert mean(found, "agent_count", 610, 660) == 3
    assert mean(found, "agent_count", up + 15, 1200) == 4
    assert mean(found, "heartbeat", 610, 660) == pytest.approx(0.75)
    assert mean(found, "action_frequency", 610, 660) < 0.85 * mean(found, "action_frequency", 0, 600)
    missing = 4 * found.end - sum(series(found, "agent_count", "bot").numerators)
    assert missing == round((up - down) * NS)
    assert mean(found, "agent_count", 0, 1500) == pytest.approx(4 - (up - down) / 1500)


def test_a_brownout_shows_as_errors_of_that_service_alone() -> None:
    _, found = run("server_error: {service: crm, at: 5min, for: 5min, probability: 50%}")
    assert mean(found, "call_errors", 0, 290) == 0
    assert 0.15 < mean(found, "call_errors", 310, 590) < 0.45
    assert mean(found, "call_errors", 620, 1190) == 0
    assert 0.3 < mean(found, "service_health", 310, 590, of="crm") < 0.7
    assert mean(found, "service_health", 0, 1190, of="gpt") == 1
    before, within = (mean(found, "decision_pattern", *window) for window in ((0, 290), (310, 590)))
    assert before == pytest.approx(math.log2(3), abs=0.02)
    assert within > before + 0.3


def test_a_slow_model_shows_as_latency() -> None:
    _, found = run("latency: {service: gpt, at: 5min, for: 5min, factor: 4}")
    assert mean(found, "decision_latency", 0, 290) == pytest.approx(2)
    assert mean(found, "decision_latency", 330, 590) == pytest.approx(8)


def test_net_progress_is_the_steps_that_stand_at_the_end() -> None:
    played, found = run("crash: {agent: bot, every: exponential(mean=3min)}")
    assert len(played.at("role_down")) > 5
    standing: dict[str, dict[int, int]] = {}
    for row in played.rows:
        if row[0] == "step" and row[9] == "work" and row[11] in ("right", "wrong"):
            standing.setdefault(row[6], {})[row[7]] = row[8]
        elif row[0] == "state_restored" and row[4] in standing:
            task = standing[row[4]]
            for n in [n for n, epoch in task.items() if n > row[5] and epoch <= row[9]["epoch"]]:
                del task[n]
    assert sum(series(found, "goal_progress", "bot").numerators) == sum(map(len, standing.values()))
    assert sum(series(found, "action_frequency", "bot").numerators) > sum(map(len, standing.values()))
