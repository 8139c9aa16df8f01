"""The swim lanes of one replication, drawn from its trace: what each unit did around the worst incident."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from agentchaos.metrics.base import Incident, Setting
from agentchaos.report import Band, Lane, Mark, Segment, Timeline
from agentchaos.trace import NS, Event, Row, Step

LANES_MAX = 40
Span = tuple[int, int, str]


def timeline(
    rows: list[Row], setting: Setting, incidents: Iterable[Incident], *, replication: int, why: str
) -> Timeline | None:
    """The lanes of a replication around its longest incident; None where it has no units.

    rows: its whole trace. The window reaches from a little before the onset to a little after the
    recovery, at least a twentieth of the horizon; without incidents it is the whole run.
    """
    begin, end = _window(setting, list(incidents))
    events = [Event(*row) for row in rows if row[0] not in ("step", "call")]
    spans = _spans(rows, events)
    lanes = []
    for group in setting.groups:
        for unit in range(group.count + group.standbys):
            name = f"{group.name}/{unit}"
            lanes.append(Lane(name, _segments(spans.get((group.name, unit), []), begin, end)))
    if not lanes:
        return None
    return Timeline(
        replication=replication,
        why=why,
        begin=begin / NS,
        end=end / NS,
        lanes=tuple(lanes[:LANES_MAX]),
        bands=bands(events, begin, end),
        marks=_marks(events, begin, end),
    )


def _window(setting: Setting, incidents: list[Incident]) -> tuple[int, int]:
    if not incidents:
        return setting.warmup, setting.horizon
    # those of units and of state, by which the worst replication is chosen, before those of services
    incidents = [i for i in incidents if i.scope in ("process", "state", "link")] or incidents
    longest = max(incidents, key=lambda i: ((i.recovered or i.end) - i.onset, i.id))
    width = max((longest.recovered or longest.end) - longest.onset, setting.horizon // 20)
    begin = max(0, longest.onset - width // 2)
    return begin, min(setting.end, longest.onset + width + width // 2)


def _spans(rows: list[Row], events: list[Event]) -> dict[tuple[str, int], list[Span]]:
    """Stretches of each unit in order of time: steps by their fate, pauses, and down times."""
    set_back: dict[str, list[tuple[int, int]]] = defaultdict(list)
    dead: set[str] = set()
    unit_of: dict[tuple[str, int], int] = {}
    spans: dict[tuple[str, int], list[Span]] = defaultdict(list)
    for event in events:
        if event.kind == "state_restored" and event.detail and event.task:
            set_back[event.task].append((event.detail["epoch"], event.step))
        elif event.kind == "task_ended" and event.detail and event.detail["outcome"] != "done":
            dead.add(event.task)
    for row in rows:
        if row[0] == "step":
            step = Step(*row)
            unit_of[step.agent, step.member] = step.unit
            spans[step.agent, step.unit] += _step_spans(step, set_back, dead)
        elif row[0] == "checkpoint_saved":
            event = Event(*row)
            assert event.detail is not None
            assert event.value is not None
            if pause := event.detail["pause"]:
                unit = unit_of.get((event.agent, event.member), event.member)
                spans[event.agent, unit].append((int(event.value), int(event.value) + pause, "overhead"))
        elif row[0] == "checkpoint_failed":
            event = Event(*row)
            assert event.detail is not None
            if pause := event.detail["pause"]:
                unit = unit_of.get((event.agent, event.member), event.member)
                spans[event.agent, unit].append((event.time - pause, event.time, "overhead"))
        elif row[0] in ("checkpoint_lost", "log_appended"):
            event = Event(*row)
            unit = unit_of.get((event.agent, event.member), event.member)
            spans[event.agent, unit].append((event.time - int(event.value or 0), event.time, "overhead"))
    _add_down(events, spans)
    return spans


def _step_spans(step: Step, set_back: dict[str, list[tuple[int, int]]], dead: set[str]) -> list[Span]:
    lost = (
        step.outcome in ("interrupted", "error")
        or step.task in dead
        or any(epoch >= step.epoch and to < step.step for epoch, to in set_back.get(step.task, ()))
    )
    kind = "overhead" if step.what == "replan" else "lost" if lost else "useful"
    working = step.began + step.wait
    spans = [(step.began, working, "waiting")] if step.wait else []
    return [*spans, (working, step.time, kind)] if step.time > working else spans


def _add_down(events: list[Event], spans: dict[tuple[str, int], list[Span]]) -> None:
    since: dict[tuple[str, int], int] = {}
    end = 0
    for event in events:
        end = max(end, event.time)
        if event.kind == "unit_down":
            since[event.agent, int(event.value or 0)] = event.time
        elif event.kind == "unit_up":
            unit = (event.agent, int(event.value or 0))
            if unit in since:
                spans[unit].append((since.pop(unit), event.time, "down"))
    for unit, begin in since.items():
        spans[unit].append((begin, end, "down"))


def _segments(spans: list[Span], begin: int, end: int) -> tuple[Segment, ...]:
    """Spans within the window, sorted; neighbours of one kind become one segment."""
    merged: list[list[int | str]] = []
    tick = max(1, (end - begin) // 2000)  # finer than a pixel: not worth a segment
    for a, b, kind in sorted(spans):
        a, b = max(a, begin), min(b, end)
        if b <= a:
            continue
        if merged and merged[-1][2] == kind and a - int(merged[-1][1]) <= tick:
            merged[-1][1] = max(int(merged[-1][1]), b)
        else:
            a = max(a, int(merged[-1][1])) if merged else a
            if b > a:
                merged.append([a, b, kind])
    return tuple(Segment(int(a) / NS, int(b) / NS, str(kind)) for a, b, kind in merged)


def bands(events: list[Event], begin: int, end: int) -> tuple[Band, ...]:
    """The faults that were in force between begin and end (ns)."""
    planned = {e.incident: e for e in events if e.kind == "fault_planned"}
    lifted = {e.incident: e.time for e in events if e.kind == "fault_lifted"}
    found = []
    unit_of: dict[tuple[str, int], int] = {}
    for event in events:
        if event.kind == "failed_over":
            unit_of[event.agent, event.member] = int(event.value or 0)
        if event.kind != "fault_struck":
            continue
        detail = (planned[event.incident].detail if event.incident in planned else None) or {}
        scope = detail.get("scope", "")
        until = lifted.get(event.incident, end if scope == "call" else event.time)
        if until < begin or event.time > end:
            continue
        # process strikes name a unit, state strikes a member: its lane is that of the unit it is on
        unit = unit_of.get((event.agent, event.member), event.member) if scope == "state" else event.member
        lane = f"{event.agent}/{unit}" if scope != "call" and event.member >= 0 else ""
        found.append(
            Band(
                fault=event.subject,
                kind=str(detail.get("fault", "")),
                target=str(detail.get("target", "")),
                begin=max(begin, event.time) / NS,
                end=min(end, until) / NS,
                lane=lane,
            )
        )
    return tuple(found)


_MARKS = {
    "failure_detected": "detected",
    "recovered": "recovered",
    "caught_up": "caught_up",
    "failed_over": "failed_over",
    "gave_up": "gave_up",
}


def _marks(events: list[Event], begin: int, end: int) -> tuple[Mark, ...]:
    """Moments of incidents, on the lane of the unit that held the role at that moment."""
    unit_of: dict[tuple[str, int], int] = {}
    marks = []
    for event in events:
        who = (event.agent, event.member)
        if event.kind == "failed_over":
            unit_of[who] = int(event.value or 0)
        if event.kind in _MARKS and begin <= event.time <= end and event.member >= 0:
            lane = f"{event.agent}/{unit_of.get(who, event.member)}"
            marks.append(Mark(lane, event.time / NS, _MARKS[event.kind], event.incident))
    return tuple(marks)
