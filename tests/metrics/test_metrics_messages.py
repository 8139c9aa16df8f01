"""Messages counted, from a trace written by hand."""

from __future__ import annotations

import dataclasses

from hand_traces import GROUP, data_of, event, setting

from agentchaos.metrics.base import Count, Data
from agentchaos.trace import Row


def sent(time: float, kind: str) -> Row:
    detail = {"id": "x", "kind": kind, "to": 0, "taint": []}
    return event("message_sent", time, member=0, task="t", step=1, subject="b", detail=detail)


def acted(time: float, kind: str, *taint: str) -> Row:
    detail = {"id": "x", "kind": kind, "taint": list(taint)}
    return event("message_acted", time, member=0, task="t", step=1, subject="b", detail=detail)


def counts(data: Data) -> dict[str, int]:
    return {n: d.count for n, d in data.items() if n.startswith("messages") and isinstance(d, Count)}


def test_messages_are_counted_by_kind_within_the_window() -> None:
    rows = [
        sent(1, "talk"), sent(5, "talk"), sent(20, "handoff"), sent(50, "talk"),
        acted(6, "talk"), acted(7, "talk", "lie#1"), acted(21, "handoff", "lie#1", "lie#2"),
        sent(101, "talk"), acted(102, "talk", "lie#1"),
    ]  # fmt: skip
    groups = (dataclasses.replace(GROUP, talks=True, hands_off=True),)
    assert counts(data_of(rows, setting(groups=groups, warmup=2))) == {
        "messages{kind=talk}": 2,
        "messages{kind=handoff}": 1,
        "messages_tainted{kind=talk}": 1,
        "messages_tainted{kind=handoff}": 1,
    }


def test_groups_that_say_nothing_have_no_such_measures_and_silent_ones_have_none_of_them() -> None:
    assert counts(data_of([])) == {}
    groups = (dataclasses.replace(GROUP, talks=True),)
    assert counts(data_of([], setting(groups=groups))) == {
        "messages{kind=talk}": 0,
        "messages_tainted{kind=talk}": 0,
    }
