"""Adaptability and the floor of stability on hand-made curves: ten cells, a change before the fifth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchaos.metrics.base import Curve, Data, GroupFacts, Landing, Landings, Ratio, Setting
from agentchaos.scoring.attributes import attribute
from agentchaos.scoring.attributes.adaptability import adaptability
from agentchaos.scoring.attributes.stability import stability
from agentchaos.scoring.objectives import Objectives
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table
from agentchaos.trace import NS

GROUP = GroupFacts("a", count=1, standbys=0, required=1, deadline=None, panel=None)
FULL = [1000] * 10
AT_FOUR = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def curve(steps: Sequence[int]) -> Curve:
    return Curve(NS, tuple(accumulate(steps)))


def row(quality: Sequence[int], shifts: Sequence[int] = AT_FOUR) -> Data:
    landed = Landings((Landing("shift", 1, 1, ()),))
    return {"quality": curve(quality), "shifts": curve(shifts), "landings": landed}


def table(
    chaos: Sequence[Data],
    unchanged: Sequence[Sequence[int]] | None,
    changes: Any = ("shift",),
    **targets: float,
) -> Table:
    setting = Setting(0, 10 * NS, 20 * NS, (GROUP,), (), faults=("shift",), changes=changes)
    arms = {"chaos": dict(enumerate(chaos, 1))}
    if unchanged is not None:
        arms["unchanged"] = {n: row(q, [0] * 10) for n, q in enumerate(unchanged, 1)}
    return Table(setting, arms, Objectives(**targets))


def score(
    quality: Sequence[int], twin: Sequence[int] = FULL, shifts: Sequence[int] = AT_FOUR, **targets: float
) -> Attribute:
    return adaptability(table([row(quality, shifts)], [twin], **targets), 0.05)


def test_equal_runs_have_one() -> None:
    assert score(FULL).mean == 1.0
    assert score([3, 0, 700, 1, 0, 0, 9, 2000, 0, 1], [3, 0, 700, 1, 0, 0, 9, 2000, 0, 1]).mean == 1.0


def test_a_share_of_the_rate_is_that_share() -> None:
    assert score([1000] * 4 + [500] * 6).mean == pytest.approx(0.5)
    assert score([1000] * 4 + [0] * 6).mean == 0.0


def test_a_delay_costs_as_long_as_it_is_missing() -> None:
    # due 1 + ... + 6 = 21; missing 1, 2, 3 and then 3 to the end
    assert score([1000] * 4 + [0] * 3 + [1000] * 3).mean == pytest.approx(1 - 15 / 21)
    # made up for within the window: missing 1, 2, 3, 2, 1, 0
    assert score([1000] * 4 + [0] * 3 + [2000] * 3).mean == pytest.approx(1 - 9 / 21)


def test_a_delay_of_a_share_x_of_the_window_comes_to_the_square_of_the_rest() -> None:
    setting = Setting(0, 1000 * NS, 1001 * NS, (GROUP,), (), changes=("shift",))
    for delay in (100, 500, 900):
        ours = row([0] * delay + [1] * (1000 - delay), [1] + [0] * 999)
        arms = {"chaos": {1: ours}, "unchanged": {1: row([1] * 1000, [0] * 1000)}}
        mean = adaptability(Table(setting, arms, Objectives()), 0.05).mean
        assert mean == pytest.approx((1 - delay / 1000) ** 2, abs=2e-3)


def test_more_than_the_twin_is_no_more_than_one_and_pays_for_nothing_before() -> None:
    assert score([1000] * 4 + [5000] * 6).mean == 1.0
    before = score([9000] * 4 + [500] * 6).mean
    assert before == score([1000] * 4 + [500] * 6).mean == pytest.approx(0.5)


def test_changes_at_the_beginning_and_in_the_last_cell() -> None:
    assert score([500] * 10, shifts=[1] + [0] * 9).mean == pytest.approx(0.5)
    assert score([1000] * 9 + [250], shifts=[0] * 9 + [1]).mean == pytest.approx(0.25)


def test_each_of_two_changes_has_its_window_and_counts_alike() -> None:
    twice = [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    one = score([1000, 1000, 500, 500, 500, 500, 1000, 1000, 1000, 1000], shifts=twice)
    assert one.mean == pytest.approx((0.5 + 1.0) / 2)
    assert ("change 1", "0.5000") in one.detail
    assert ("change 2", "1.0000") in one.detail
    together = [0, 0, 0, 0, 2, 0, 0, 0, 0, 0]
    assert score([1000] * 4 + [500] * 6, shifts=together).mean == pytest.approx(0.5)


def test_the_window_may_be_declared() -> None:
    ours = [1000] * 4 + [0] * 2 + [1000] * 4
    assert score(ours, adaptation_s=2.0).mean == 0.0
    assert score(ours, adaptation_s=60.0).mean == score(ours).mean == pytest.approx(1 - 11 / 21)


def test_a_declared_rate_is_the_least_that_is_due() -> None:
    weak = [100] * 10
    assert score(weak, weak).mean == 1.0
    assert score(weak, weak, throughput=1.0).mean == pytest.approx(0.1)
    assert score(weak, weak, throughput=0.05).mean == 1.0
    assert score([0] * 10, [0] * 10, throughput=1.0).mean == 0.0


def test_a_twin_that_does_nothing_right_leaves_nothing_to_measure() -> None:
    one = score(FULL, [0] * 10)
    assert one.mean is None
    assert one.reason == "not measured: nobody met a change that left anything to do right"


def test_what_was_not_measured_says_why() -> None:
    def reason(of: Table) -> str:
        one = adaptability(of, 0.05)
        assert one.mean is one.low is one.high is None
        return one.reason

    assert "it needs a change for good" in reason(table([row(FULL)], [FULL], changes=()))
    assert "the arm 'unchanged' was not played" in reason(table([row(FULL)], None))
    assert "nobody met a change" in reason(table([row(FULL, [0] * 10)], [FULL]))
    assert attribute(table([row(FULL)], [FULL]), "adaptability", "environmental", 0.05).mean == 1.0


def test_replications_count_alike_and_those_without_a_change_do_not() -> None:
    rows = [row(FULL), row([1000] * 4 + [500] * 6), row([0] * 10, [0] * 10)]
    one = adaptability(table(rows, [FULL] * 3), 0.05)
    assert (one.mean, one.n) == (pytest.approx(0.75), 2)
    assert ("replications", "2 of 3 met a change") in one.detail
    sharp = adaptability(table([row(FULL)] * 59, [FULL] * 59), 0.05)
    assert sharp.low == pytest.approx(0.05 ** (1 / 59))


STEPS = st.lists(st.integers(0, 3000), min_size=10, max_size=10)
SHIFTS = st.lists(st.integers(0, 2), min_size=10, max_size=10)


@given(STEPS, STEPS, SHIFTS, st.integers(0, 9), st.integers(1, 5000), st.floats(0, 3))
def test_a_right_task_more_never_lowers_it(
    ours: list[int], twin: list[int], shifts: list[int], where: int, more: int, rate: float
) -> None:
    targets = {"throughput": rate} if rate else {}
    less = score(ours, twin, shifts, **targets).mean
    better = score([v + more * (k == where) for k, v in enumerate(ours)], twin, shifts, **targets).mean
    assert (less is None) == (better is None)
    if less is not None:
        assert better is not None
        assert 0.0 <= less <= better + 1e-12 <= 1 + 1e-9


# -- stability has the same floor ---------------------------------------------------------------


def steady(ours: Sequence[int], twin: Sequence[int], **targets: float) -> float | None:
    facts: Data = {
        "lost_work": Ratio(0, 40, share=True),
        "task_success": Ratio(10_000, 10_000, share=True),  # ten tasks of four steps
    }
    setting = Setting(0, 10 * NS, 20 * NS, (GROUP,), ())
    arms = {
        "chaos": {1: {**facts, "progress": curve(ours)}},
        "control": {1: {**facts, "progress": curve(twin)}},
    }
    return stability(Table(setting, arms, Objectives(**targets)), 0.05).mean


def test_stability_without_a_declared_rate_is_held_against_the_twin_alone() -> None:
    assert steady([2] * 10, [4] * 10) == pytest.approx(0.5)
    assert steady([2] * 10, [2] * 10) == 1.0


def test_a_weak_twin_is_no_excuse_where_a_rate_is_declared() -> None:
    # a task a second is four steps a second
    assert steady([2] * 10, [2] * 10, throughput=1.0) == pytest.approx(0.5)
    assert steady([2] * 10, [8] * 10, throughput=1.0) == pytest.approx(0.25)
    assert steady([2] * 10, [2] * 10, throughput=0.25) == 1.0
    area, missing = sum(range(4, 41, 4)), sum(range(3, 31, 3))
    assert steady([1] * 10, [0] * 10, throughput=1.0) == pytest.approx(1 - missing / area)
    assert math.isclose(1 - missing / area, 0.25)
