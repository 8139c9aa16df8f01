"""Up and down time of roles and units, from traces written by hand."""

from __future__ import annotations

import pytest
from hand_traces import GROUP, data_of, event, setting

from agentchaos.metrics.base import GroupFacts, Histogram, Ratio
from agentchaos.metrics.spans import Spans
from agentchaos.trace import NS, Event


def seconds(datum: object) -> tuple[float, int]:
    """(numerator in seconds, denominator in seconds)."""
    assert isinstance(datum, Ratio)
    return datum.numerator / NS, datum.denominator // NS


def test_a_group_is_out_only_below_what_it_requires():
    rows = [
        event("role_down", 10, member=0),
        event("role_down", 20, member=1),
        event("role_up", 25, member=0),
        event("role_down", 95, member=0),
    ]
    data = data_of(rows)
    assert seconds(data["availability"]) == (100 - 5 - 5, 100)
    assert data["availability"] == data["availability{agent=a}"]


def test_all_groups_are_needed_at_once():
    other = GroupFacts("b", 1, 0, 1, None, None)
    rows = [
        event("role_down", 10, agent="b", member=0),
        event("role_down", 20, member=0),
        event("role_down", 20, member=1),
        event("role_up", 30, agent="b", member=0),
        event("role_up", 40, member=0),
    ]
    data = data_of(rows, setting(groups=(GROUP, other)))
    assert seconds(data["availability{agent=b}"]) == (80, 100)
    assert seconds(data["availability{agent=a}"]) == (80, 100)
    assert seconds(data["availability"]) == (70, 100)


def test_outages_are_clipped_to_the_window():
    rows = [event("role_down", t, member=m) for t, m in ((1, 0), (5, 1))]
    rows += [event("role_up", 15, member=0), event("role_down", 55, member=0)]
    data = data_of(rows, setting(warmup=10, horizon=60, end=90))
    assert seconds(data["availability"]) == (50 - 5 - 5, 50)


def test_a_group_that_requires_more_than_it_has_is_never_available():
    short = GroupFacts("a", 1, 0, 2, None, None)
    assert seconds(data_of([], setting(groups=(short,)))["availability"]) == (0, 100)


def test_units_have_times_to_failure_and_to_repair_that_add_up():
    rows = [
        event("unit_down", 10, value=0), event("unit_up", 14, value=0),
        event("unit_down", 50, value=2), event("unit_up", 52, value=2),
        event("unit_down", 90, value=1),
    ]  # fmt: skip
    data = data_of(rows, setting(groups=(GroupFacts("a", 2, 1, 1, None, None),)))
    assert seconds(data["unit_availability"]) == (300 - 16, 300)
    assert data["mttr"].value == pytest.approx(16 / 3)
    assert data["mttf"].value == pytest.approx((300 - 16) / 3)
    assert data["mtbf"].value == pytest.approx(100)
    assert data["unit_availability"].value == pytest.approx(
        data["mttf"].value / (data["mttf"].value + data["mttr"].value)
    )


def test_without_a_failure_there_is_no_mean_time():
    data = data_of([])
    assert [data[name].value for name in ("mttr", "mttf", "mtbf")] == [None] * 3
    assert data["unit_availability"].value == 1


def test_a_failure_before_the_warmup_costs_time_but_is_none_of_the_window():
    rows = [event("unit_down", 5, value=0), event("unit_up", 15, value=0)]
    data = data_of(rows, setting(warmup=10, horizon=60))
    assert seconds(data["unit_availability"]) == (95, 100)
    assert data["mttr"].denominator == 0


def test_each_down_time_lasts_until_the_unit_is_up_again_or_is_censored():
    rows = [
        event("unit_down", 5, value=0), event("unit_up", 15, value=0),  # begun before the warm-up
        event("unit_down", 50, value=0), event("unit_up", 80, value=0),  # up again after the horizon
        event("unit_down", 55, value=1),
        event("unit_down", 85, value=0), event("unit_up", 86, value=0),  # begun after the horizon
    ]  # fmt: skip
    data = data_of([*rows, Event("ended", 90 * NS)], setting(warmup=10, horizon=60, end=99))
    assert data["unit_down_time"] == Histogram.of([30 * NS], [35 * NS])
    assert data["mttr"].value == pytest.approx((5 + 10 + 5) / 2), "clipped, that it fits the availability"
    assert data_of([])["unit_down_time"] == Histogram.of([])


def test_spans_clip_and_leave_open_what_is_open():
    spans = Spans(10, 20)
    spans.open("a", 5)
    spans.open("a", 8)
    spans.close("a", 12)
    spans.close("never", 12)
    spans.open("b", 18)
    assert (spans.of("a"), spans.of("b"), spans.of("c"), spans.total()) == (2, 2, 0, 4)
