"""The signals as small multiples on a PNG: a column a layer, a chart a signal of a group or service."""

from __future__ import annotations

from collections.abc import Sequence

from agentchaos.renderers import multiples, wording
from agentchaos.renderers.figures import SMALL, TEXT
from agentchaos.renderers.paint import Box, Point, Scale, Sheet, tint
from agentchaos.report import SignalChart, SignalCharts, SignalLine

ROWS = 7
"""So many charts of a layer; the others are in the HTML report and in the archive."""
HEADING, CHART, LEGEND, GAP = 52, 174, 40, 44
_WORDS, _AXIS = 52, 30
"""Of a chart: what its words take above, its axis of time below."""
TITLES = {"agent_health": "Agent health", "behaviour": "Behaviour", "system": "System"}


def height(charts: SignalCharts) -> int:
    """How high the figure is."""
    return LEGEND + HEADING + CHART * max((min(ROWS, len(own)) for _, own in _columns(charts)), default=0)


def _columns(charts: SignalCharts) -> list[tuple[str, list[SignalChart]]]:
    drawn = [chart for chart in charts.charts if multiples.seen(chart)]
    return [(name, [chart for chart in drawn if chart.layer == name]) for name, _ in charts.layers]


def signals(sheet: Sheet, box: Box, charts: SignalCharts, horizon: float) -> None:
    """Every layer in its column."""
    _legend(sheet, box, charts)
    columns = _columns(charts)
    width = (box.w - GAP * (len(columns) - 1)) / max(1, len(columns))
    for at, (name, own) in enumerate(columns):
        left, top = box.x + at * (width + GAP), box.y + LEGEND
        took = sheet.text(left, top + 24, TITLES.get(name, wording.in_words(name)), 22, bold=True)
        if len(own) > ROWS:
            words = f"{len(own) - ROWS:,} more in report.html"
            sheet.text(left + width, top + 24, words, SMALL, "muted", align="right", width=width - took - 20)
        sheet.line([(left, top + 34), (left + width, top + 34)], "ink", 2.0)
        for row, chart in enumerate(own[:ROWS]):
            place = Box(left, top + HEADING + row * CHART, width, CHART)
            _chart(sheet, place, chart, charts, horizon)


def _legend(sheet: Sheet, box: Box, charts: SignalCharts) -> None:
    x, y = box.x, box.y + 10
    lines = [("with faults", "lost", 4.0, False), ("without", "muted", 3.0, True)]
    if charts.replication is not None:
        lines.append((f"replication {charts.replication} alone, with faults", tint("lost", 0.5), 2.0, False))
    for words, ink, width, dashed in lines:
        sheet.line([(x, y), (x + 34, y)], ink, width, dashed=dashed)
        x += 44 + sheet.text(x + 44, y + 6, words, 17, "muted") + 26
    if any(chart.bands for chart in charts.charts):
        sheet.rect(Box(x, y - 8, 24, 16), tint("bad", 0.2))
        sheet.text(x + 34, y + 6, "in it a fault is in force or an incident is open", 17, "muted")


def _chart(sheet: Sheet, box: Box, chart: SignalChart, charts: SignalCharts, horizon: float) -> None:
    took = sheet.text(box.x, box.y + 18, chart.title, TEXT, bold=True, width=box.w)
    of = chart.of if chart.unit == "1" else f"{chart.of}, {chart.unit}"
    sheet.text(box.x + took + 10, box.y + 18, of, 17, "muted", width=max(1.0, box.w - took - 10))
    words = f"{wording.signal(chart.chaos.mean, chart.unit)} with faults"
    if chart.control is not None:
        words += f", {wording.signal(chart.control.mean, chart.unit)} without"
    sheet.text(box.x, box.y + 42, words, 17, "muted", width=box.w)
    pane = Box(box.x, box.y + _WORDS, box.w, box.h - _WORDS - _AXIS - 12)
    sheet.rect(pane, tint("idle", 0.6))
    scale = Scale(pane.x, pane.w, 0.0, charts.end)
    for begin, end in multiples.merged(chart.bands):
        left = scale.at(begin)
        sheet.rect(Box(left, pane.y, max(1.5, scale.at(end) - left), pane.h), tint("bad", 0.2))
    for time in sorted({band.begin for band in chart.bands if band.end <= band.begin}):
        sheet.line([(scale.at(time), pane.y), (scale.at(time), pane.y + 9)], "bad", 2.0)
    if horizon < charts.end:
        sheet.line([(scale.at(horizon), pane.y), (scale.at(horizon), pane.bottom)], "muted", 1.0, dashed=True)
    low, high = multiples.value_range(chart)
    for line, ink, width, dashed in (
        (chart.worst, tint("lost", 0.5), 1.5, False),
        (chart.control, "muted", 2.5, True),
        (chart.chaos, "lost", 3.0, False),
    ):
        for points in _strokes(line, charts.times, scale, pane, (low, high)):
            sheet.line(points, ink, width, dashed=dashed)
    for value, y in ((high, pane.y + 15), (low, pane.bottom - 5)):
        sheet.text(pane.x + 5, y, wording.signal(value, chart.unit), 14, "muted")
    sheet.line([(pane.x, pane.bottom), (pane.right, pane.bottom)], "muted", 1.5)
    for value, words in scale.ticks(4):
        at = scale.at(value)
        half = sheet.measure(words, 14) / 2
        middle = min(max(at, pane.x + half), pane.right - half)
        sheet.line([(at, pane.bottom), (at, pane.bottom + 4)], "muted", 1.5)
        sheet.text(middle, pane.bottom + 20, words, 14, "muted", align="center")


def _strokes(
    line: SignalLine | None,
    times: Sequence[float],
    scale: Scale,
    pane: Box,
    ends: tuple[float, float],
) -> list[list[Point]]:
    """The unbroken parts of a line."""
    if line is None:
        return []
    low, high = ends
    strokes: list[list[Point]] = [[]]
    for time, value in zip(times, line.values, strict=True):
        if value is None:
            strokes.append([])
        else:
            share = (value - low) / (high - low) if high > low else 0.0
            strokes[-1].append((scale.at(time), pane.bottom - share * pane.h))
    # a single window between two that saw nothing is a dot
    return [s if len(s) > 1 else [s[0], (s[0][0] + 2, s[0][1])] for s in strokes if s]
