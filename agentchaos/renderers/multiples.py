"""The geometry of the signals' small multiples: many charts of one size, on one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agentchaos.renderers import wording
from agentchaos.renderers.drawing import CURVE, Axis, Tick, percent, round_values
from agentchaos.report import Band, SignalChart, SignalCharts, SignalLine

FIRST = 12
"""So many charts of a layer are shown at once; further groups and services are folded away."""


class Multiple(NamedTuple):
    """One chart, placed in a box of CURVE x CURVE units that is stretched to its place."""

    chart: SignalChart
    low: float
    high: float
    chaos: str
    control: str
    worst: str
    shade: str
    strikes: str
    zero: float | None
    label: str

    @property
    def bounds(self) -> tuple[str, str]:
        """Upper and lower end of the axis, said."""
        return wording.signal(self.high, self.chart.unit), wording.signal(self.low, self.chart.unit)


class Layer(NamedTuple):
    """The charts of one layer; `more`: those that are folded away; `silent`: of which nothing was seen."""

    name: str
    about: str
    first: list[Multiple]
    more: list[Multiple]
    silent: list[SignalChart]

    @property
    def columns(self) -> int:
        """So many charts beside each other, where there is room, leave the fewest holes."""
        return min((4, 5, 3), key=lambda n: -len(self.first) % n)


class Multiples(NamedTuple):
    """All signals, layer by layer. horizon: where the drain begins, in units; none: at the end."""

    ticks: tuple[Tick, ...]
    layers: list[Layer]
    horizon: float | None
    n: int
    shaded: bool


def multiples(charts: SignalCharts, horizon: float) -> Multiples:
    """The charts of all signals, placed."""
    across = Axis(0.0, charts.end)
    layers = []
    for name, about in charts.layers:
        own = [chart for chart in charts.charts if chart.layer == name]
        drawn = [placed(chart, charts) for chart in own if seen(chart)]
        silent = [chart for chart in own if not seen(chart)]
        if own:
            layers.append(Layer(name, about, drawn[:FIRST], drawn[FIRST:], silent))
    return Multiples(
        ticks=tuple(Tick(across.at(v), v) for v in round_values(0.0, charts.end, 3)),
        layers=layers,
        horizon=across.at(horizon) * CURVE / 100 if horizon < charts.end else None,
        n=charts.charts[0].chaos.n if charts.charts else 0,
        shaded=any(chart.bands for chart in charts.charts),
    )


def seen(chart: SignalChart) -> bool:
    """Whether there is anything to draw."""
    lines = (chart.chaos, chart.control, chart.worst)
    return any(value is not None for line in lines if line is not None for value in line.values)


def placed(chart: SignalChart, charts: SignalCharts) -> Multiple:
    """One chart in its box."""
    low, high = value_range(chart)

    def drawn(line: SignalLine | None) -> str:
        return "" if line is None else line_path(charts.times, line.values, charts.end, low, high)

    return Multiple(
        chart=chart, low=low, high=high,
        chaos=drawn(chart.chaos), control=drawn(chart.control), worst=drawn(chart.worst),
        shade=shade_path(chart.bands, charts.end),
        strikes=strike_path(chart.bands, charts.end),
        zero=None if low >= 0 or high <= 0 else round(CURVE - percent(0, low, high) * CURVE / 100, 1),
        label=label(chart, charts),
    )  # fmt: skip


def value_range(chart: SignalChart) -> tuple[float, float]:
    """The round ends of a chart's own axis: from 0, unless all lies in a narrow band far above it."""
    lines = [line for line in (chart.chaos, chart.control, chart.worst) if line is not None]
    values = [v for line in lines for v in line.values if v is not None]
    least, most = min(values, default=0.0), max(values, default=0.0)
    if least == most:
        return (0.0, most) if most > 0 else (least, 0.0) if least < 0 else (0.0, 1.0)
    if least > 0.6 * most > 0:
        step = _round_step((most - least) / 4)
        low = math.floor(least / step + 1e-9) * step
    else:
        step = _round_step((most - min(0.0, least)) / 4)
        low = math.floor(least / step + 1e-9) * step if least < 0 else 0.0
    high = math.ceil(most / step - 1e-9) * step
    return round(low, 12), round(min(high, 1.0) if chart.unit == "1" else high, 12)


def _round_step(width: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 ... that is no smaller."""
    ten = 10.0 ** math.floor(math.log10(width))
    return next((ten * k for k in (1, 2, 2.5, 5, 10) if ten * k >= width * (1 - 1e-9)), ten * 10)


def line_path(
    times: Sequence[float], values: Sequence[float | None], end: float, low: float, high: float
) -> str:
    """A line through the windows' middles; it is broken where nothing was observed."""
    path, pen = "", "M"
    for at, (time, value) in enumerate(zip(times, values, strict=True)):
        if value is None:
            pen = "M"
            continue
        x = round(percent(time, 0, end) * CURVE / 100)
        y = CURVE - round(percent(value, low, high) * CURVE / 100)
        path += f"{pen}{x} {y}"
        alone = pen == "M" and (at + 1 == len(values) or values[at + 1] is None)
        path += "h1" if alone else ""  # one window between two that saw nothing: a dot
        pen = "L"
    return path


def merged(bands: Iterable[Band]) -> list[tuple[float, float]]:
    """What lasted, as stretches (s): where two overlap they are one, and no darker."""
    found: list[tuple[float, float]] = []
    for begin, until in sorted((b.begin, b.end) for b in bands if b.end > b.begin):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((begin, until))
    return found


def shade_path(bands: Iterable[Band], end: float) -> str:
    """What lasted, as one area."""
    path = ""
    for begin, until in merged(bands):
        x = round(percent(begin, 0, end) * CURVE / 100, 1)
        wide = max(1.0, round(percent(until, 0, end) * CURVE / 100 - x, 1))
        path += f"M{x:g} 0h{wide:g}v{CURVE}h-{wide:g}z"
    return path


def strike_path(bands: Iterable[Band], end: float) -> str:
    """What struck at once, as short strokes at the top."""
    places = sorted({round(percent(b.begin, 0, end) * CURVE / 100) for b in bands if b.end <= b.begin})
    return "".join(f"M{x} 0v90" for x in places)


def label(chart: SignalChart, charts: SignalCharts) -> str:
    """The chart in words, for who hovers over it or hears it: unit, arms, n."""
    unit = "share" if chart.unit == "1" else chart.unit

    def told(line: SignalLine | None, arm: str) -> list[str]:
        if line is None:
            return []
        many = f"mean of {wording.many(line.n, 'replication')}"
        return [f"{arm} {wording.signal(line.mean, chart.unit)} ({many})"]

    parts = [*told(chart.chaos, "with faults"), *told(chart.control, "without")]
    if chart.worst is not None:
        parts.append(f"replication {charts.replication}: {wording.signal(chart.worst.mean, chart.unit)}")
    faults = sorted({band.fault for band in chart.bands})
    shaded = f" Shaded: {', '.join(faults)}." if faults else ""
    return f"{chart.title} of {chart.of}, {unit}: {'; '.join(parts)}. {chart.about}.{shaded}"
