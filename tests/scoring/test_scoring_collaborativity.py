"""Collaborativity: the mean of its kinds, each pooled over replications; tables by hand."""

from __future__ import annotations

from typing import Any

import pytest
from scoring.tables_by_hand import judged, table

from agentchaos.metrics.base import Count, Data, Ratio
from agentchaos.scoring.attributes import attribute
from agentchaos.scoring.attributes.collaborativity import collaborativity
from agentchaos.scoring.results import Attribute


def row(**kinds: tuple[int, int]) -> Data:
    """Kind -> (effective, against which), in interactions."""
    data: Data = {
        f"collaboration{{kind={kind}}}": Ratio(1000 * top, 1000 * bottom, share=True)
        for kind, (top, bottom) in kinds.items()
    }
    tops, bottoms = zip(*kinds.values(), strict=True)
    whole = Ratio(1000 * sum(tops), 1000 * sum(bottoms), share=True)
    return {**data, "collaboration": whole, "conflicts": Count(2), "duplicates": Count(1)}


def scored(*rows: Data) -> Attribute:
    of = table(len(rows), lambda n, _: rows[n - 1])
    return collaborativity(of, 0.05)


def test_one_kind_is_its_share() -> None:
    one = scored(row(handoff=(3, 4)), row(handoff=(1, 4)))
    assert one.mean == pytest.approx(0.5)
    assert one.label == "simulated"
    assert ("collaboration{kind=handoff}", "4 of 8 interactions") in one.detail
    assert ("conflicts", "4") in one.detail
    assert ("duplicates", "2") in one.detail


def test_a_channel_with_many_messages_hides_none_that_is_broken() -> None:
    quiet = scored(row(handoff=(1, 10), talk=(9, 10)))
    loud = scored(row(handoff=(1, 10), talk=(9000, 10_000)))
    assert quiet.mean == loud.mean == pytest.approx(0.5)
    assert ("collaboration", "9,001 of 10,010 interactions") in loud.detail


def test_a_kind_of_which_nothing_was_due_is_left_out() -> None:
    assert scored(row(handoff=(1, 2), escalation=(0, 0))).mean == pytest.approx(0.5)
    none = scored(row(escalation=(0, 0)))
    assert (none.mean, none.reason) == (None, "not measured: no interaction was required")


def test_who_works_alone_is_not_measured() -> None:
    one = attribute(table(3), "collaborativity", "social", 0.05)
    assert one.mean is None
    assert "it needs required interactions between agents" in one.reason


def test_bounds_are_those_of_the_kinds_each_at_its_part_of_alpha() -> None:
    alone = scored(*[row(handoff=(4, 4))] * 59)
    assert alone.low == pytest.approx(0.05 ** (1 / 59))
    both = scored(*[row(handoff=(4, 4), talk=(1, 1))] * 59)
    assert both.low == pytest.approx(0.025 ** (1 / 59))
    assert both.mean == both.high == 1.0
    assert both.n == 59


def test_a_gate_may_ask_for_it() -> None:
    of = table(100, lambda n, _: row(handoff=(4, 4)))
    assert judged("collaboration{kind=handoff} >= 0.95", of).verdict == "pass"
    assert judged("score.collaborativity >= 0.95", of).verdict == "pass"
    assert judged("collaboration >= 0.95", of).verdict == "pass"
    missing: Any = judged("collaboration{kind=talk} >= 0.5", of)
    assert missing.verdict == "not_measured"
