"""The figures of the PNGs, each drawn into a box of a sheet: petals, recovery, swim lanes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agentchaos.renderers import wording
from agentchaos.renderers.paint import Align, Box, Point, Scale, Sheet, scale_for, tint
from agentchaos.report import Band, Lane, Mark, RecoveryRow, Report, Timeline
from agentchaos.scoring.attributes.robustness import Cell
from agentchaos.scoring.results import Dimension, Measured

SMALL, TEXT, LARGE = 18.0, 20.0, 24.0
"""Sizes of type in pixels: legible where a picture of 1600 px is shown at half its size."""

SEGMENTS = {
    "useful": "useful work",
    "lost": "lost work",
    "waiting": "waiting",
    "overhead": "overhead",
    "down": "down",
    "idle": "idle",
}


class Shape(NamedTuple):
    """How a mark looks: told apart by its form, not by its colour alone; fill "": hollow."""

    marker: str
    size: float
    fill: str
    edge: str
    words: str


MARKS = {
    "detected": Shape("^", 13, "paper", "ink", "detected"),
    "failed_over": Shape(">", 14, "overhead", "paper", "failed over"),
    "gave_up": Shape("X", 15, "bad", "paper", "gave up"),
    "recovered": Shape("o", 13, "good", "paper", "recovered"),
    # a ring around: it often comes at the same moment as `recovered`
    "caught_up": Shape("o", 20, "", "good", "caught up"),
}
STRUCK = Shape("v", 14, "bad", "paper", "fault strikes")


def count(number: int, noun: str) -> str:
    """`1 replication`, `1,200 replications`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# -- petals


def petals(sheet: Sheet, box: Box, dimensions: Sequence[Dimension]) -> None:
    """A flower with a petal a dimension: as long as its score, the rim is 1."""
    # room for labels: above the first petal, beside those at the right and left, under the lowest
    radius = min((box.w - 2 * 195) / 1.92, (box.h - 82) / 2, (box.h - 142) / 1.81)
    spare = box.h - 76 - radius - max(radius + 6, 0.81 * radius + 66)
    centre = (box.x + box.w / 2, box.y + 76 + radius + spare / 2)
    for share in (0.25, 0.5, 0.75, 1.0):
        sheet.circle(centre, radius * share, "line", 2.0 if share == 1.0 else 1.5)
    turn = math.tau / max(1, len(dimensions))
    for at, one in enumerate(dimensions):
        _petal(sheet, centre, radius, at * turn, one)
    for share in (0.5, 0.75, 1.0):
        # between the first two petals; nearer to the centre there is no room
        x, y = _polar(centre, radius * share, turn / 2)
        sheet.text(x, y + 6, wording.plain(share), 16, "muted", align="center", backed=True)
    for at, one in enumerate(dimensions):
        _petal_label(sheet, centre, radius, at * turn, one)


def _polar(centre: Point, length: float, angle: float, across: float = 0.0) -> Point:
    """The point so far from the centre, clockwise from the top; across: to the right of that ray."""
    sin, cos = math.sin(angle), math.cos(angle)
    return centre[0] + length * sin + across * cos, centre[1] - length * cos + across * sin


def _petal(sheet: Sheet, centre: Point, radius: float, angle: float, one: Dimension) -> None:
    if one.mean is None:
        sheet.curve(centre, _outline(centre, radius, radius, angle), "paper", "muted", how="empty")
        return
    if one.mean > 0:
        bends = _outline(centre, radius * one.mean, radius, angle)
        if one.measured < one.of:
            sheet.curve(centre, bends, tint(one.name, 0.22), one.name, how="hatched")
        else:
            sheet.curve(centre, bends, tint(one.name, 0.85), one.name)
    else:
        sheet.mark(centre, "o", 9, one.name)
    low, high = one.low if one.low is not None else 0.0, one.high if one.high is not None else 1.0
    _whisker(sheet, centre, radius, angle, (low, one.mean, high))


def _outline(centre: Point, length: float, radius: float, angle: float) -> list[Point]:
    """The curves of a petal: a narrow foot, parallel flanks of one width for all, a round tip."""
    half = min(0.17 * radius, 0.35 * length)
    shoulder, bow = length - half, half * 0.5523
    flank = [(0.4 * shoulder, 0.4 * half), (0.6 * shoulder, half), (shoulder, half)]
    tip = [(shoulder + bow, half), (length, bow), (length, 0.0)]
    back = [(along, -across) for along, across in reversed([(0.0, 0.0), *flank, *tip][:-1])]
    return [_polar(centre, along, angle, across) for along, across in (*flank, *tip, *back)]


def _whisker(
    sheet: Sheet, centre: Point, radius: float, angle: float, interval: tuple[float, float, float]
) -> None:
    low, mean, high = (radius * share for share in interval)
    for ink, width in (("paper", 7.0), ("ink", 2.5)):
        # on a white rim: it lies over petal, hatching and paper
        sheet.line([_polar(centre, low, angle), _polar(centre, high, angle)], ink, width)
        for end in (low, high):
            sheet.line([_polar(centre, end, angle, side) for side in (-9, 9)], ink, width)
    sheet.mark(_polar(centre, mean, angle), "o", 9, "ink", "paper", 1.5)


def _petal_label(sheet: Sheet, centre: Point, radius: float, angle: float, one: Dimension) -> None:
    x, y = _polar(centre, radius + 18, angle)
    sin, cos = math.sin(angle), math.cos(angle)
    align: Align = "center" if abs(sin) < 0.1 else "left" if sin > 0 else "right"
    room = 176 if abs(sin) > 0.8 else 240
    # the two lines stand on the point at the top, and hang from it at the bottom
    y += -32 if cos > 0.9 else 0 if cos > -0.5 else 20
    sheet.text(x, y, one.name, TEXT, bold=True, align=align, width=room)
    score, size, part = "not measured", SMALL, ""
    if one.mean is not None:
        score, part = wording.share(one.mean), f"{one.measured} of {one.of}"
        size = LARGE if len(score) <= 5 else TEXT
    took = sheet.measure(score, size), sheet.measure(part, SMALL) + 12 if part else 0.0
    left = x - {"left": 0.0, "center": sum(took) / 2, "right": sum(took)}[align]
    sheet.text(left, y + 27, score, size)
    sheet.text(left + took[0] + 12, y + 27, part, SMALL, "muted")


# -- recovery


class Column(NamedTuple):
    """A measure of recovery beside its target."""

    title: str
    target_name: str
    target: float | None
    measures: list[Measured]
    judged: list[bool]
    counts: list[str]


def recovery(sheet: Sheet, box: Box, report: Report, rows: Sequence[RecoveryRow]) -> None:
    """A row a fault: p50, p95 and max of recovery time and recovery point against their targets."""
    top, axis, between = 58.0, 34.0, 44.0
    height = min(84.0, (box.h - top - axis) / max(1, len(rows)))
    names = [("all units" if row.fault == "all" else row.fault, _incidents(row)) for row in rows]
    widest = max(max(sheet.measure(a, TEXT, bold=True), sheet.measure(b, 17)) for a, b in names)
    label = min(widest, box.w * 0.2) + 24
    for at, (fault, under) in enumerate(names):
        y = box.y + top + at * height
        if at:
            sheet.line([(box.x, y), (box.right, y)], "line", 1.0)
        sheet.text(box.x, y + height * 0.5 - 2, fault, TEXT, bold=True, width=label - 20)
        sheet.text(box.x, y + height * 0.5 + 20, under, 17, "muted", width=label - 20)
    width = (box.w - label - between) / 2
    for at, column in enumerate(_columns(report, rows)):
        left = box.x + label + at * (width + between)
        _column(sheet, Box(left, box.y, width, top + len(rows) * height), column, top, height, report.horizon)


def _after_lift(row: RecoveryRow) -> bool:
    """Counted from the end of the fault: no objective is judged on it."""
    return "from=after_lift" in row.service.name


def _incidents(row: RecoveryRow) -> str:
    return f"{row.incidents:,}, after lift" if _after_lift(row) else count(row.incidents, "incident")


def _open(row: RecoveryRow) -> str:
    """What did not come to an end: `3 of 9 not recovered, 2 undetected`."""
    recovered = f"{row.censored:,} of {row.incidents:,} not recovered" if row.censored else ""
    undetected = f"{row.undetected:,} undetected" if row.undetected else ""
    return ", ".join(filter(None, (recovered, undetected)))


def _columns(report: Report, rows: Sequence[RecoveryRow]) -> Iterator[Column]:
    judged = [not _after_lift(row) for row in rows]
    yield Column(
        "Recovery time", "RTO", report.rto, [row.service for row in rows], judged,
        [_open(row) for row in rows],
    )  # fmt: skip
    yield Column(
        "Recovery point", "RPO", report.rpo, [row.point for row in rows], judged,
        [f"n = {row.point.n:,}" if row.point.n != row.incidents else "" for row in rows],
    )  # fmt: skip


def _quantiles(one: Measured) -> list[tuple[str, float]]:
    """(name, seconds) of the quantiles that are known."""
    found = (("p50", one.p50), ("p95", one.p95), ("max", one.max))
    return [(name, value) for name, value in found if value is not None and math.isfinite(value)]


def _column(sheet: Sheet, box: Box, column: Column, top: float, height: float, horizon: float) -> None:
    values = [value for one in column.measures for _, value in _quantiles(one)]
    values += [column.target] if column.target is not None else []
    # nothing known: the length of the run gives the axis a meaning
    scale = scale_for(values or [horizon], box.x, box.w - 26)
    rows = Box(box.x, box.y + top, box.w, box.h - top)
    strips = [
        # under a strip there is a line of numbers
        Box(box.x, rows.y + (at + 0.08) * height, box.w, min(0.5 * height, 0.92 * height - 28))
        for at in range(len(column.measures))
    ]
    sheet.rects(strips, tint("idle", 0.75))
    if column.target is not None:
        beyond = scale.at(column.target)
        sheet.rects([Box(beyond, s.y, box.right - beyond, s.h) for s in strips], tint("bad", 0.12))
    axis(sheet, scale, rows, strips, most=max(3, int(box.w / 105)))
    _target(sheet, column, scale, rows, strips)
    for at, one in enumerate(column.measures):
        target = column.target if column.judged[at] else None
        _row(sheet, strips[at], scale, one, target, column.counts[at])
    sheet.text(box.x, box.y + 20, column.title, TEXT, bold=True)


def _target(sheet: Sheet, column: Column, scale: Scale, rows: Box, strips: Sequence[Box]) -> None:
    if column.target is None:
        sheet.text(rows.right, rows.y - 38, f"no {column.target_name}", SMALL, "muted", align="right")
        return
    x = scale.at(column.target)
    words = f"{column.target_name} {wording.quantity(column.target, 's')}"
    for strip in strips:
        # not through the numbers between the strips
        sheet.line([(x, strip.y - 3), (x, strip.bottom + 3)], "ink", 2.5)
    half = sheet.measure(words, SMALL, bold=True) / 2
    middle = min(max(x, rows.x + half), rows.right - half)
    sheet.text(middle, rows.y - 13, words, SMALL, bold=True, align="center")


def _row(sheet: Sheet, box: Box, scale: Scale, one: Measured, target: float | None, note: str) -> None:
    """The marks in a strip, and the numbers under it."""
    y, known = box.y + box.h / 2, _quantiles(one)
    if not one.n:
        sheet.text(box.x + 10, y + 6, "not measured", 17, "muted", width=box.w)
        return
    open_ = len(known) < 3 and (one.unbounded or one.censored > 0)
    if open_:
        # some were still not over at the end: the line runs off the axis
        begin = scale.at(known[-1][1]) if known else scale.left
        end = box.right - 4
        sheet.line([(begin, y), (end - 8, y)], "bad", 3.0)
        sheet.mark((end - 7, y), ">", 15, "bad", "bad", 0)
    if known:
        sheet.line([(scale.at(known[0][1]), y), (scale.at(known[-1][1]), y)], "muted", 3.0)
    for name, value in reversed(known):
        # p50 over p95 over max, where they fall together
        ink = "useful" if target is None else "good" if value <= target else "bad"
        quantile_mark(sheet, (scale.at(value), y), name, ink)
    for words in _told(one, note):
        if words and sheet.measure(words, 17) <= box.w:
            sheet.text(box.x, box.bottom + 19, words, 17, "bad" if open_ else "muted")
            return


def quantile_mark(sheet: Sheet, at: Point, name: str, ink: str) -> None:
    """p50 is a dot, p95 a diamond, max a bar."""
    if name == "max":
        sheet.line([(at[0], at[1] - 13), (at[0], at[1] + 13)], ink, 4.0)
    else:
        sheet.mark(at, "o" if name == "p50" else "D", 14 if name == "p50" else 13, ink, width=1.5)


def _told(one: Measured, note: str) -> Iterator[str]:
    """The numbers of a row in words, ever shorter: the first that fits is set."""
    parts = [f"{name} {wording.quantile(one, name)}" for name in ("p50", "p95", "max")]
    yield "  ".join([*parts, *([note] if note else [])])
    if note and one.censored:
        yield "  ".join([parts[0], note])
        yield note
        yield note.partition(",")[0]
    yield "  ".join(parts)
    yield "  ".join(parts[1:])
    yield parts[1]


def axis(sheet: Sheet, scale: Scale, box: Box, strips: Sequence[Box], most: int) -> None:
    """Labels of an axis of time under a box, and its grid in the strips."""
    taken = -math.inf
    for value, label in scale.ticks(most):
        x = scale.at(value)
        sheet.lines([((x, s.y), (x, s.bottom)) for s in strips], "line", 1.5)
        sheet.line([(x, box.bottom), (x, box.bottom + 6)], "muted", 1.5)
        half = sheet.measure(label, 17) / 2
        middle = min(x, max(box.right, scale.left + scale.width) - half)
        if middle - half > taken:
            sheet.text(middle, box.bottom + 24, label, 17, "muted", align="center")
            taken = middle + half + 10
    sheet.line([(box.x, box.bottom), (box.right, box.bottom)], "muted", 1.5)
    if scale.zero:
        # 0 has no place on a logarithmic axis: it stands before a break in it
        x = scale.left + scale.width * 0.07
        for shift in (0, 6):
            sheet.line([(x + shift - 4, box.bottom + 6), (x + shift + 4, box.bottom - 6)], "muted", 2.0)


# -- swim lanes


LANE_MAX = 90.0
"""No lane is higher: a single one would look like a wall."""


def swim_lanes(
    sheet: Sheet, box: Box, timeline: Timeline, lanes: Sequence[Lane], *, label_rows: int = 3
) -> None:
    """What each unit did over time, with the faults that struck meanwhile."""
    size = min(SMALL, (box.h - 120) / max(1, len(lanes)) * 0.8)
    names = min(max((sheet.measure(lane.name, SMALL) for lane in lanes), default=0.0), box.w * 0.17) + 14
    end = max(timeline.end, timeline.begin + 1e-6)
    scale = Scale(box.x + names, box.w - names, timeline.begin, end)
    shown = {lane.name for lane in lanes}
    bands = [band for band in timeline.bands if not band.lane or band.lane in shown]
    used, left_out = _band_labels(sheet, Box(scale.left, box.y, scale.width, 0), bands, scale, label_rows)
    top = used * 25 + 6
    area = Box(scale.left, box.y + top, scale.width, min(box.h - top - 56, LANE_MAX * len(lanes)))
    height = area.h / max(1, len(lanes))
    place = {
        lane.name: Box(area.x, area.y + at * height, area.w, height * 0.999) for at, lane in enumerate(lanes)
    }
    _shades(sheet, area, bands, place, scale, 0.14)
    axis(sheet, scale, area, [area], most=max(2, int(area.w / 130)))
    _bars(sheet, lanes, place, scale)
    _shades(sheet, area, bands, place, scale, 0.08)
    for lane in lanes:
        slot = place[lane.name]
        words = unit_name(sheet, lane.name, names - 14, size)
        sheet.text(box.x + names - 14, slot.y + slot.h / 2 + size * 0.36, words, size, align="right")
    _strikes(sheet, area, bands, place, scale)
    _marks(sheet, timeline.marks, place, scale)
    unlabelled = f" ({count(left_out, 'strike')} without a label)" if left_out else ""
    title = f"time since the start of the run{unlabelled}"
    sheet.text(area.right, area.bottom + 52, title, 17, "muted", align="right", width=box.w)


def unit_name(sheet: Sheet, name: str, width: float, size: float) -> str:
    """`group/3`, shortened in the group: the number tells the units apart."""
    if sheet.measure(name, size) <= width:
        return name
    head, slash, tail = name.rpartition("/")
    tail = sheet.fit(slash + tail, width * 0.6, size)
    return sheet.fit(head, width - sheet.measure(tail, size), size) + tail if slash else tail


def _inner(slot: Box) -> Box:
    gap = min(8.0, slot.h * 0.16)
    return Box(slot.x, slot.y + gap, slot.w, slot.h - 2 * gap)


def _bars(sheet: Sheet, lanes: Sequence[Lane], place: dict[str, Box], scale: Scale) -> None:
    sheet.rects([_inner(place[lane.name]) for lane in lanes], "idle")
    boxes: dict[str, list[Box]] = defaultdict(list)
    for lane in lanes:
        bar = _inner(place[lane.name])
        for segment in lane.segments:
            left, right = scale.at(segment.begin), scale.at(segment.end)
            boxes[segment.kind].append(Box(left, bar.y, right - left, bar.h))
    for kind in (*SEGMENTS, *sorted(boxes.keys() - SEGMENTS.keys())):
        sheet.rects(boxes.get(kind, []), kind)


def _band_labels(sheet: Sheet, strip: Box, bands: Sequence[Band], scale: Scale, rows: int) -> tuple[int, int]:
    """Names the faults above the lanes; gives (rows used, strikes without a label)."""
    bands = by_interest(bands)
    words = [f"{band.fault} on {band.lane or band.target or 'all'}" for band in bands]
    words = [sheet.fit(word, min(300.0, strip.w - 20), 17) for word in words]
    starts = [scale.at(band.begin) for band in bands]
    widths = [sheet.measure(word, 17) + 18 for word in words]
    places = stack(list(zip(starts, widths, strict=True)), rows, strip.x, strip.right)
    used = max((place[0] + 1 for place in places if place), default=0)
    placed = [(band, word, place) for band, word, place in zip(bands, words, places, strict=True) if place]
    # a foot down to the lanes ties a label to its moment; all feet first, so that none crosses a word
    feet = [(scale.at(band.begin), strip.y + row * 25 + 4) for band, _, (row, _) in placed]
    sheet.lines([((x, y), (x, strip.y + used * 25 + 6)) for x, y in feet], "bad", 1.5)
    for _, word, (row, x) in placed:
        sheet.text(x + 5, strip.y + row * 25 + 17, word, 17, "bad", backed=True)
    return used, places.count(None)


def by_interest(bands: Sequence[Band]) -> list[Band]:
    """Those that last come first, and the first of each fault before its repetitions."""
    seen: dict[str, int] = defaultdict(int)
    keys = {}
    for band in sorted(bands, key=lambda band: band.begin):
        keys[id(band)] = (band.end <= band.begin, seen[band.fault] > 0, band.begin)
        seen[band.fault] += 1
    return sorted(bands, key=lambda band: keys[id(band)])


def stack(
    wishes: Sequence[tuple[float, float]], rows: int, left: float, right: float
) -> list[tuple[int, float] | None]:
    """(row, x) of each label (x wished, width), in the first row with room; None: in no row."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    places: list[tuple[int, float] | None] = []
    for wish, width in wishes:
        begin = max(left, min(wish, right - width))
        end = begin + width
        row = next((k for k in range(rows) if all(end <= a or b <= begin for a, b in taken[k])), None)
        if row is not None:
            taken[row].append((begin, end))
        places.append(None if row is None else (row, begin))
    return places


def _shades(
    sheet: Sheet, area: Box, bands: Sequence[Band], place: dict[str, Box], scale: Scale, alpha: float
) -> None:
    """Faults in force, over all lanes or over that of their target; under the bars and, faint, over them."""
    boxes = []
    for band in bands:
        slot, left = place.get(band.lane, area), scale.at(band.begin)
        boxes.append(Box(left, slot.y, scale.at(band.end) - left, slot.h))
    sheet.rects([box for box in boxes if box.w > 0], "bad", alpha)


def _strikes(sheet: Sheet, area: Box, bands: Sequence[Band], place: dict[str, Box], scale: Scale) -> None:
    """Where a fault begins and ends: lines; one that is over at once has a point."""
    strokes, points = [], []
    for band in bands:
        slot = _inner(place[band.lane]) if band.lane in place else area
        for moment in sorted({band.begin, band.end}):
            strokes.append(((scale.at(moment), slot.y), (scale.at(moment), slot.bottom)))
        if band.end <= band.begin:
            points.append((scale.at(band.begin), slot.y + min(4.0, slot.h * 0.2)))
    sheet.lines(strokes, "bad", 2.0)
    for point in points:
        _mark(sheet, point, STRUCK, 1.0)


def _marks(sheet: Sheet, marks: Sequence[Mark], place: dict[str, Box], scale: Scale) -> None:
    # the ring of `caught_up` first: it must not hide what is inside
    order = list(reversed(MARKS))
    known = [mark for mark in marks if mark.lane in place and mark.kind in MARKS]
    for mark in sorted(known, key=lambda mark: (order.index(mark.kind), mark.time)):
        slot = place[mark.lane]
        shape = MARKS[mark.kind]
        at = (scale.at(mark.time), slot.y + slot.h / 2)
        _mark(sheet, at, shape, min(1.0, slot.h / 30))


def _mark(sheet: Sheet, at: Point, shape: Shape, share: float) -> None:
    if not shape.fill:
        # a white rim on both sides keeps the ring visible on any segment
        sheet.mark(at, shape.marker, shape.size * share, "", "paper", 6.0)
        sheet.mark(at, shape.marker, shape.size * share, "", shape.edge, 3.0)
    else:
        sheet.mark(at, shape.marker, shape.size * share, shape.fill, shape.edge)


def lanes_legend(sheet: Sheet, box: Box, timeline: Timeline) -> float:
    """The kinds of segments and marks that occur, wrapped to the box; gives the height used."""
    kinds = {segment.kind for lane in timeline.lanes for segment in lane.segments} | {"idle"}
    seen = {mark.kind for mark in timeline.marks}
    items: list[tuple[str, Shape | None]] = [
        (words, None) for kind, words in SEGMENTS.items() if kind in kinds
    ]
    items += [(shape.words, shape) for kind, shape in MARKS.items() if kind in seen]
    if any(band.end <= band.begin for band in timeline.bands):
        items.append((STRUCK.words, STRUCK))
    kind_of = {words: kind for kind, words in SEGMENTS.items()}
    x, y = box.x, box.y
    for words, shape in items:
        width = 28 + sheet.measure(words, 17) + 20
        if x + width - 20 > box.right:
            x, y = box.x, y + 28
        if shape is None:
            sheet.rect(Box(x, y + 2, 20, 16), kind_of[words], edge="line")
        else:
            _mark(sheet, (x + 10, y + 10), shape, 1.0)
        sheet.text(x + 28, y + 16, words, 17, "muted")
        x += width
    return y + 28 - box.y


def busiest(timeline: Timeline, most: int) -> list[Lane]:
    """At most so many lanes, those where most happened, in their order."""
    happened = {lane.name: sum(s.kind == "down" for s in lane.segments) for lane in timeline.lanes}
    for name in (*(band.lane for band in timeline.bands), *(mark.lane for mark in timeline.marks)):
        happened[name] = happened.get(name, 0) + 1
    chosen = sorted(timeline.lanes, key=lambda lane: -happened[lane.name])[:most]
    return [lane for lane in timeline.lanes if lane in chosen]


# -- the reliability surface


def heat(sheet: Sheet, box: Box, cells: Sequence[Cell]) -> None:
    """One heat map: perturbation down, fault intensity across, every cell with its value and bound."""
    across = sorted({cell.intensity for cell in cells})
    down = sorted({cell.perturbation for cell in cells})
    known = {(cell.perturbation, cell.intensity): cell for cell in cells}
    k = cells[0].k
    sheet.text(box.x, box.y + 20, "right once" if k == 1 else f"right {k} times in a row", 22, bold=True)
    left = box.x + 170
    width = min(180.0, (box.right - left) / len(across))
    for at, x in enumerate(across):
        sheet.text(left + (at + 0.5) * width, box.y + 56, f"faults x {x:g}", SMALL, "muted", align="center")
    for row, share in enumerate(down):
        y = box.y + 68 + row * 92
        sheet.text(left - 14, y + 48, f"{share:.0%} harder", SMALL, "muted", align="right")
        for at, x in enumerate(across):
            place = Box(left + at * width + 3, y + 3, width - 6, 86)
            _heat_cell(sheet, place, known.get((share, x)))


def _heat_cell(sheet: Sheet, box: Box, cell: Cell | None) -> None:
    middle = box.x + box.w / 2
    if cell is None or cell.mean is None:
        sheet.rect(box, tint("muted", 0.1), round_=6)
        sheet.text(middle, box.y + 50, "n/a", TEXT, "muted", align="center")
        return
    side = "good" if cell.mean >= 0.5 else "bad"
    sheet.rect(box, tint(side, 0.08 + 1.1 * abs(cell.mean - 0.5)), round_=6)
    sheet.text(middle, box.y + 40, wording.share(cell.mean), LARGE, "ink", bold=True, align="center")
    low = "no bound" if cell.low is None else f"at least {wording.share(cell.low)}"
    sheet.text(middle, box.y + 66, low, 17, "ink", align="center")
