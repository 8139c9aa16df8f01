"""The geometry of the HTML report's drawings: pure functions from numbers to places and SVG paths.

Two kinds of places: percentages of the width of a track, which stretches with the page while its text
does not; and points of the flower, which keeps its shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from agentchaos.report import Band, Lane, Mark, Timeline

DECADES = 30.0
"""A span of values wider than this factor is drawn on a logarithmic axis."""
ZERO_PLACE = 6.0
"""Percent of a logarithmic axis that is set aside at its left end for zero, which has no logarithm."""

_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400),
)
_LANDMARKS = (1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 86400, 864000)


class Tick(NamedTuple):
    """A value of an axis and its place, in percent of the track."""

    place: float
    value: float

    @property
    def anchor(self) -> str:
        """How its label is set, so that it does not leave the track."""
        return anchor(self.place)


def anchor(place: float, edge: float = 4.0) -> str:
    """SVG's text-anchor for a label at a place in percent."""
    return "start" if place < edge else "end" if place > 100 - edge else "middle"


class Axis(NamedTuple):
    """An axis from low to high.

    zero: it is logarithmic and keeps a place for zero; decimal: of counts, not of seconds.
    """

    low: float
    high: float
    logarithmic: bool = False
    zero: bool = False
    decimal: bool = False

    def at(self, value: float) -> float:
        """The place of a value, in percent; what lies outside is put on the edge."""
        if not self.logarithmic:
            return percent(value, self.low, self.high)
        begin = ZERO_PLACE if self.zero else 0.0
        if value <= 0:
            return 0.0
        share = percent(math.log(value), math.log(self.low), math.log(self.high))
        return round(begin + share * (100 - begin) / 100, 2)

    def ticks(self) -> tuple[Tick, ...]:
        """Round values along the axis."""
        if self.logarithmic:
            inside = [v for v in _LANDMARKS if self.low <= v <= self.high]
            values = [0.0, *inside] if self.zero else inside
        else:
            values = list(round_values(self.low, self.high, decimal=self.decimal))
        return tuple(Tick(self.at(v), v) for v in values)


def percent(value: float, low: float, high: float) -> float:
    """Where a value lies between low and high, in percent within 0..100."""
    if high <= low:
        return 0.0
    return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)


def _step(width: float, most: int, *, decimal: bool = False) -> float:
    """A round step of seconds, or of a count, that cuts a width into at most so many parts."""
    if decimal:
        ten = 10.0 ** math.floor(math.log10(width / most))
        return next(ten * k for k in (1, 2, 5, 10) if width / (ten * k) <= most)
    for step in _STEPS:
        if width / step <= most:
            return step
    return 86400.0 * 10.0 ** math.ceil(math.log10(width / 86400 / most))


def round_values(low: float, high: float, most: int = 7, *, decimal: bool = False) -> Iterator[float]:
    """Round seconds, or counts, from low to high: about so many."""
    if high <= low:
        return
    step = _step(high - low, most, decimal=decimal)
    number = math.ceil(low / step - 1e-9)
    while number * step <= high * (1 + 1e-9):
        yield round(number * step, 9)
        number += 1


def seconds_axis(values: Iterable[float | None]) -> Axis | None:
    """An axis on which all values (s) have their place; logarithmic where they span decades.

    None where there is nothing to draw.
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    above = [v for v in known if v > 0]
    if not known:
        return None
    if not above:
        return Axis(0.0, 1.0)
    least, most = min(above), max(above)
    if most / least <= DECADES:
        step = _step(most, 6)
        return Axis(0.0, math.ceil(most * 1.02 / step) * step)
    low = max((v for v in _LANDMARKS if v <= least), default=least)
    high = next((v for v in _LANDMARKS if v >= most * 1.02), most * 1.2)
    return Axis(low, high, logarithmic=True, zero=len(above) < len(known))


# -- the flower ---------------------------------------------------------------------------------

CENTRE = (340.0, 266.0)
HUB, RIM, HALF_WIDTH = 48.0, 190.0, 50.0
RINGS = (0.25, 0.5, 0.75, 1.0)


class Point(NamedTuple):
    """A point of the flower, in its own units."""

    x: float
    y: float


def radius(score: float) -> float:
    """Distance from the centre at which a score lies: proportional to it, from the hub to the rim."""
    return round(HUB + min(1.0, max(0.0, score)) * (RIM - HUB), 1)


def around(angle: float, distance: float, aside: float = 0.0) -> Point:
    """The point at a distance along a direction (degrees, clockwise from the right), and aside of it."""
    turn = math.radians(angle)
    x = CENTRE[0] + distance * math.cos(turn) - aside * math.sin(turn)
    y = CENTRE[1] + distance * math.sin(turn) + aside * math.cos(turn)
    return Point(round(x, 1), round(y, 1))


def petal_angles(number: int) -> tuple[float, ...]:
    """Directions of the petals, the first one up."""
    return tuple(360 * k / max(1, number) - 90 for k in range(number))


def petal_path(angle: float, score: float) -> str:
    """A petal whose tip lies at the score; its width hardly grows, so that length carries the score."""
    tip = radius(score)
    length = tip - HUB
    wide = min(HALF_WIDTH, length * 0.7)
    points = [
        around(angle, HUB),
        *(around(angle, HUB + length * 0.3, -wide), around(angle, HUB + length * 0.85, -wide)),
        around(angle, tip),
        *(around(angle, HUB + length * 0.85, wide), around(angle, HUB + length * 0.3, wide)),
    ]
    base, first, second, end, third, fourth = (f"{p.x:g} {p.y:g}" for p in points)
    return f"M{base}C{first} {second} {end}C{third} {fourth} {base}Z"


def whisker_path(angle: float, low: float, high: float) -> str:
    """The interval of a score along its petal, with a cap at each end."""
    a, b = around(angle, radius(low)), around(angle, radius(high))
    path = f"M{a.x:g} {a.y:g}L{b.x:g} {b.y:g}"
    for score in (low, high):
        left, right = around(angle, radius(score), -7), around(angle, radius(score), 7)
        path += f"M{left.x:g} {left.y:g}L{right.x:g} {right.y:g}"
    return path


class Label(NamedTuple):
    """Where the lines of a petal's label begin, and how they are set."""

    x: float
    y: float
    anchor: str


def petal_label(angle: float, lines: int = 3, leading: float = 19.0) -> Label:
    """The place of a label just outside the rim."""
    spot = around(angle, RIM + 16)
    side, fall = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    set_as = "middle" if abs(side) < 0.3 else "start" if side > 0 else "end"
    # text grows downwards from its first line: above the flower the whole block must stand clear of it
    lift = (lines - 1) * leading if fall < -0.7 else (lines - 1) * leading / 2 if fall < 0.5 else -8.0
    return Label(spot.x, round(spot.y - lift, 1), set_as)


# -- swim lanes ---------------------------------------------------------------------------------

KINDS = ("useful", "waiting", "overhead", "lost", "down")
"""Segments in the order in which they are painted: what matters most comes last and is never hidden."""


def grain(lanes: Sequence[Lane]) -> int:
    """Units across a lane: fine, but coarser where many lanes would make the file heavy."""
    return 2000 if sum(len(lane.segments) for lane in lanes) <= 12_000 else 1000


def lane_paths(lane: Lane, begin: float, end: float, units: int) -> dict[str, str]:
    """Kind of segment -> one path of horizontal strokes; neighbours of one kind are joined.

    No stroke is shorter than one unit, so that even the shortest failure is seen.
    """
    scale = units / (end - begin) if end > begin else 0.0
    strokes: dict[str, list[list[int]]] = {}
    for segment in lane.segments:
        if segment.kind == "idle":
            continue
        first = min(units - 1, max(0, round((segment.begin - begin) * scale)))
        last = min(units, max(first + 1, round((segment.end - begin) * scale)))
        own = strokes.setdefault(segment.kind, [])
        if own and first <= own[-1][1]:
            own[-1][1] = max(own[-1][1], last)
        else:
            own.append([first, last])
    order = [*KINDS, *sorted(strokes.keys() - set(KINDS))]
    return {kind: "".join(f"M{a} 5h{b - a}" for a, b in strokes[kind]) for kind in order if kind in strokes}


class PlacedBand(NamedTuple):
    """A fault in force on a track, in percent."""

    band: Band
    begin: float
    width: float


class PlacedMark(NamedTuple):
    """A moment on a lane, in percent; `texts` where several fall on one place."""

    kind: str
    place: float
    marks: tuple[Mark, ...]


class LaneView(NamedTuple):
    """A lane as paths by kind, with what is drawn upon it and the shares of its time."""

    lane: Lane
    paths: dict[str, str]
    bands: list[PlacedBand]
    marks: list[PlacedMark]
    shares: list[tuple[str, float]]


class Lanes(NamedTuple):
    """The swim lanes of a timeline; `faults`: a track a fault, above the lanes."""

    axis: Axis
    units: int
    faults: list[tuple[str, list[PlacedBand]]]
    lanes: list[LaneView]
    kinds: list[str]
    mark_kinds: list[str]


MARK_KINDS = ("detected", "failed_over", "recovered", "caught_up", "gave_up")


def swim_lanes(timeline: Timeline) -> Lanes:
    """The lanes of a timeline, placed."""
    axis = Axis(timeline.begin, timeline.end)
    bands = [_placed(band, axis) for band in timeline.bands]
    units = grain(timeline.lanes)
    lanes = []
    for lane in timeline.lanes:
        paths = lane_paths(lane, timeline.begin, timeline.end, units)
        own = [b for b in bands if b.band.lane in ("", lane.name)]
        marks = _marks([m for m in timeline.marks if m.lane == lane.name], axis)
        lanes.append(LaneView(lane, paths, own, marks, _shares(lane, timeline)))
    seen = {kind for lane in lanes for kind in lane.paths}
    marked = {mark.kind for lane in lanes for mark in lane.marks}
    return Lanes(
        axis=axis,
        units=units,
        faults=[(name, [b for b in bands if b.band.fault == name])
                for name in dict.fromkeys(band.fault for band in timeline.bands)],
        lanes=lanes,
        kinds=[*(k for k in KINDS if k in seen), *sorted(seen - set(KINDS)), "idle"],
        mark_kinds=[kind for kind in MARK_KINDS if kind in marked],
    )  # fmt: skip


def _placed(band: Band, axis: Axis) -> PlacedBand:
    begin = axis.at(band.begin)
    return PlacedBand(band, begin, round(axis.at(band.end) - begin, 2))


def _marks(marks: Iterable[Mark], axis: Axis) -> list[PlacedMark]:
    """Marks of one kind that would lie upon each other become one."""
    placed: dict[tuple[str, int], list[Mark]] = {}
    for mark in marks:
        placed.setdefault((mark.kind, round(axis.at(mark.time) * 2)), []).append(mark)
    return [PlacedMark(kind, axis.at(own[0].time), tuple(own)) for (kind, _), own in placed.items()]


def _shares(lane: Lane, timeline: Timeline) -> list[tuple[str, float]]:
    whole = timeline.end - timeline.begin
    sums: dict[str, float] = {}
    for segment in lane.segments:
        sums[segment.kind] = sums.get(segment.kind, 0.0) + segment.end - segment.begin
    sums["idle"] = max(0.0, whole - sum(v for kind, v in sums.items() if kind != "idle"))
    return [(kind, 100 * seconds / whole) for kind, seconds in sums.items() if whole > 0 and seconds > 0]


# -- curves -------------------------------------------------------------------------------------

CURVE = 1000
"""Width and height of the box of a curve, in its own units; it is stretched to its place."""
POINTS_MAX = 400


def curve_path(times: Sequence[float], values: Sequence[float], end: float, top: float) -> str:
    """A line through (time, value) from the origin, in a box from (0, 0) to (end, top)."""
    every = max(1, math.ceil(len(times) / POINTS_MAX))
    last = len(times) - 1
    path = f"M0 {CURVE}"
    for place, (time, value) in enumerate(zip(times, values, strict=True)):
        if place % every and place != last:
            continue
        x = round(percent(time, 0, end) * CURVE / 100)
        y = CURVE - round(percent(value, 0, top) * CURVE / 100)
        path += f"L{x} {y}"
    return path
