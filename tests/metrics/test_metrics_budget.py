"""The error budget, burn rates and their alerts, from traces written by hand; windows to the nanosecond."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hand_traces import ended, event, planned, setting
from hypothesis import given
from hypothesis import strategies as st

from agentchaos.metrics.base import Count, Data, Histogram, Ratio, Setting
from agentchaos.metrics.budget import PARTS, Budget, unmeasurable
from agentchaos.metrics.fold import Fold
from agentchaos.trace import NS, Batch, Row

HOUR = 3600


def frame(slo: float = 0.99, horizon: float = HOUR, **fields: float) -> Setting:
    return setting(horizon=horizon, end=horizon + 600, slo=round(slo * PARTS), **fields)


def fold(rows: Sequence[Row], of: Setting, size: int = 10**6) -> Data:
    """What the metric makes of them, in batches of a size."""
    one, ordered = Fold(of, (Budget,)), sorted(rows, key=lambda row: row[1])
    for begin in range(0, len(ordered), size):
        one.take(Batch(ordered[begin : begin + size]))
    return one.data()


def task(time: float, *, good: bool = True, name: str = "") -> list[Row]:
    """One that is planned and ends at the same moment."""
    name = name or f"{time} {good}"
    return [*planned(time, name), ended(time, name, "done" if good else "failed")]


def steady(until: float, bad: Sequence[float] = ()) -> list[Row]:
    """A good task every minute, and bad ones: every window of five minutes has five good ones."""
    rows = [row for k in range(1, int(until // 60) + 1) for row in task(60 * k)]
    return rows + [row for n, at in enumerate(bad) for row in task(at, good=False, name=f"bad {n}")]


def value(data: Data, name: str) -> float | None:
    datum = data[name]
    assert isinstance(datum, Ratio | Count)
    return datum.value


# -- the budget -----------------------------------------------------------------------------------


def test_the_budget_is_bad_tasks_of_those_that_the_slo_allows() -> None:
    data = fold(steady(480, [100, 200]), frame(0.9))
    # 2 bad of 10 where 1 in 10 may be: the budget is spent twice
    assert data["budget_spent"] == Ratio(2 * PARTS, 10, scale=PARTS // 10, better="lower")
    assert value(data, "budget_spent") == pytest.approx(2.0)
    assert data["budget_spent{agent=a}"] == data["budget_spent"]


def test_a_task_is_good_as_a_request_is_and_what_never_ended_is_bad() -> None:
    rows = [
        *planned(0, "good", deadline=10), ended(19.9, "good", right=False),
        *planned(30, "late", deadline=10), ended(50, "late"),
        *planned(60, "fails"), ended(61, "fails", "failed"),
        *planned(70, "open"),
        *planned(HOUR + 1, "after"), ended(HOUR + 2, "after", "failed"),
    ]  # fmt: skip
    data = fold(rows, frame(0.9))
    assert (data["budget_spent"].numerator, data["budget_spent"].denominator) == (3 * PARTS, 4)  # type: ignore[union-attr]


def test_without_an_slo_or_without_tasks_nothing_is_measured() -> None:
    assert fold(steady(600), setting(horizon=HOUR, end=HOUR + 1)) == {}
    data = fold([], frame())
    assert [value(data, name) for name in ("budget_spent", "burn_rate{window=5min}")] == [None, None]


# -- burn rates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "worst"),
    [
        ([1830], Fraction(1, 6)),
        ([1830, 2129.999999999], Fraction(2, 7)),
        # (t - 300 s, t] never holds both
        ([1830, 2130], Fraction(1, 6)),
        # the window that is full first ends at 300 s, and 0 lies just outside
        ([0], Fraction(0)),
        ([0.000000001], Fraction(1, 6)),
        # the last one ends at the horizon
        ([HOUR], Fraction(1, 6)),
    ],
)
def test_the_largest_burn_rate_of_five_minutes(bad: list[float], worst: Fraction) -> None:
    data = fold(steady(HOUR, bad), frame(0.9))
    millionths = -(-worst * 10 * 1_000_000 // 1)
    assert data["burn_rate{window=5min}"] == Ratio(int(millionths), 1, scale=1_000_000, better="lower")


def test_what_is_open_at_the_horizon_counts_there_with_what_becomes_of_it() -> None:
    rows = steady(HOUR)
    rows += [*planned(HOUR - 10, "late"), ended(HOUR + 100, "late", "failed"), *planned(HOUR - 5, "never")]
    rows += [*planned(HOUR - 4, "well"), ended(HOUR + 90, "well")]
    data = fold(rows, frame(0.9))
    assert value(data, "burn_rate{window=5min}") == pytest.approx(10 * 2 / 8)
    # over the whole of what is counted it is the budget that was spent
    assert value(data, "budget_spent") == pytest.approx(10 * 2 / 63)
    assert value(data, "burn_rate{window=1h}") == pytest.approx(10 * 2 / 63, abs=1e-6)


def test_a_bad_task_counts_when_it_is_due_and_not_when_it_is_noticed() -> None:
    late = [*planned(1000, "late", deadline=30), ended(1500, "late", "abandoned")]
    data = fold(steady(HOUR, [1330]) + late, frame(0.9))
    # due at 1060: within five minutes of 1330, and so two of seven
    assert value(data, "burn_rate{window=5min}") == pytest.approx(10 * 2 / 7, abs=1e-6)


def test_a_window_that_does_not_fit_is_not_measured_and_says_so() -> None:
    of = frame(horizon=HOUR + 60, warmup=60)
    assert "burn_rate{window=1h}" in fold(steady(HOUR), of)
    short = frame(horizon=HOUR + 59.9, warmup=60)
    data = fold(steady(HOUR), short)
    assert [name for name in data if name.startswith("burn")] == [
        "burn_rate{window=30min}",
        "burn_rate{window=5min}",
    ]
    assert "no window of 1h fits into the" in unmeasurable("burn_rate{window=1h}", short)
    assert "no window of 6h" in unmeasurable("burn_alerts{rule=page}", of)
    assert "set 'objectives: {availability: 0.999}'" in unmeasurable("budget_spent", setting())
    assert unmeasurable("burn_rate{window=1h}", of) == unmeasurable("availability", setting()) == ""


# -- alerts ---------------------------------------------------------------------------------------


def test_an_alert_wants_more_than_its_burn_rate_and_not_just_so_much() -> None:
    bad = [row for k in range(18) for row in task(HOUR - 200 + k, good=False)]
    good = [row for k in range(107) for row in task(60 + 20 * k)]
    just = fold(good + bad, frame())  # 18 of 125 is .144, and 14.4 times .01
    assert value(just, "burn_rate{window=1h}") == 14.4
    assert just["burn_alerts{rule=page_1h}"] == Count(0, unit="alerts")
    more = fold(good[3 * 1 + 1 :] + bad, frame())  # the same with one good task less
    assert more["burn_alerts{rule=page_1h}"] == Count(1, unit="alerts")


def test_an_alert_that_is_over_does_not_fire() -> None:
    bad = [row for k in range(60) for row in task(1000 + k, good=False)]
    data = fold(steady(HOUR) + bad, frame())
    assert value(data, "burn_rate{window=1h}") == 50.0
    # the hour is bad and the last five minutes are not
    assert data["burn_alerts{rule=page_1h}"] == Count(0, unit="alerts")


def opened(time: float) -> Row:
    return event(
        "incident_opened", time, incident="crash@a/0#1", subject="crash", detail={"scope": "process"}
    )


def test_the_time_to_an_alert_runs_from_the_first_incident_that_it_could_see() -> None:
    bad = [3700 + 10 * k for k in range(20)]
    rows = [*steady(2 * HOUR, bad), opened(100), opened(3700), opened(5000)]
    data = fold(rows, frame(horizon=2 * HOUR))
    # 60 good tasks in any hour: the 11th bad one makes 11 / 71 > .144
    assert data["alert_time{rule=page_1h}"] == Histogram.of([100 * NS])
    assert data["burn_alerts{rule=page_1h}"] == Count(1, unit="alerts")
    quiet = fold([*steady(2 * HOUR), opened(3700)], frame(horizon=2 * HOUR))
    assert quiet["alert_time{rule=page_1h}"] == Histogram.of([], [3500 * NS])
    early = fold([*steady(2 * HOUR, bad), opened(100)], frame(horizon=2 * HOUR))
    assert "alert_time{rule=page_1h}" not in early


def test_two_bad_times_are_two_alerts_and_a_page_goes_out_for_either_condition() -> None:
    bad = [*(8 * HOUR + k for k in range(30)), *(11 * HOUR + k for k in range(30))]
    data = fold(steady(12 * HOUR, bad), frame(horizon=12 * HOUR))
    assert data["burn_alerts{rule=page_1h}"] == Count(2, unit="alerts")
    # 30 of 390 are 7.7 times .01 over six hours, and 60 of 420 after the second
    assert data["burn_alerts{rule=page_6h}"] == Count(2, unit="alerts")
    assert data["burn_alerts{rule=page}"] == Count(2, unit="alerts")
    assert "burn_alerts{rule=ticket}" not in data


# -- properties -----------------------------------------------------------------------------------

MOMENTS = st.lists(st.tuples(st.integers(0, 1200), st.booleans()), max_size=40)


def rows_of(moments: Sequence[tuple[int, bool]]) -> list[Row]:
    return [row for n, (at, good) in enumerate(moments) for row in task(at, good=good, name=f"task {n}")]


@given(MOMENTS)
def test_the_largest_burn_rate_is_that_of_looking_at_every_second(moments: list[tuple[int, bool]]) -> None:
    data = fold(rows_of(moments), frame(0.9, horizon=1200))
    seen = [[good for at, good in moments if t - 300 < at <= t] for t in range(300, 1201)]
    shares = [Fraction(within.count(False), len(within)) for within in seen if within]
    found = value(data, "burn_rate{window=5min}")
    if not shares:
        assert found is None
    else:
        assert found == int(-(-max(shares) * 10_000_000 // 1)) / 1e6


@given(MOMENTS, st.integers(0, 1200))
def test_one_more_failed_task_never_helps(moments: list[tuple[int, bool]], at: int) -> None:
    of = frame(0.9, horizon=1200)
    before, after = fold(rows_of(moments), of), fold(rows_of([*moments, (at, False)]), of)
    for name in ("budget_spent", "burn_rate{window=5min}"):
        assert (value(before, name) or 0.0) <= (value(after, name) or 0.0) + 1e-12


@given(MOMENTS)
def test_how_batches_are_cut_is_nothing_to_it(moments: list[tuple[int, bool]]) -> None:
    rows, of = rows_of(moments), frame(0.9, horizon=1200)
    assert fold(rows, of) == fold(rows, of, size=7)
