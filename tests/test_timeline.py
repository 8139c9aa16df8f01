"""Swim lanes: what each unit did, from the rows of a trace."""

from __future__ import annotations

from agentchaos.metrics.base import GroupFacts, Setting
from agentchaos.timeline import timeline
from agentchaos.trace import NS, Event, Row


def test_a_checkpoint_that_was_cut_short_is_overhead_until_the_unit_went_down() -> None:
    group = GroupFacts("a", count=1, standbys=1, required=1, deadline=None, panel=None)
    rows: list[Row] = [
        ("step", 10 * NS, 0, "a", 0, 0, "a/0", 1, 0, "work", 0, "right", ()),
        Event("checkpoint_lost", 14 * NS, agent="a", member=0, subject="disk", value=4 * NS),
        Event("unit_down", 14 * NS, agent="a", incident="crash@a/0#1", subject="crash", value=0),
        Event("unit_up", 20 * NS, agent="a", value=0),
        Event("ended", 30 * NS),
    ]
    drawn = timeline(rows, Setting(0, 30 * NS, 30 * NS, (group,), ()), [], replication=1, why="")
    assert drawn is not None
    assert [(s.begin, s.end, s.kind) for s in drawn.lanes[0].segments] == [
        (0, 10, "useful"),
        (10, 14, "overhead"),
        (14, 20, "down"),
    ]
