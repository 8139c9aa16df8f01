"""The charts of the signals: the mean of each arm over time, and one replication that is shown beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agentchaos.metrics.base import Incident, Series, Setting, Signals
from agentchaos.metrics.layers import LAYERS, SIGNALS
from agentchaos.metrics.signals import SignalsOverTime
from agentchaos.report import Band, SignalChart, SignalCharts, SignalLine
from agentchaos.timeline import bands
from agentchaos.trace import NS, Batch, Event, Row

INCIDENT = "incident"
"""The kind of a band that is no fault in force but an incident that was not over."""


class Shown(NamedTuple):
    """A replication that is shown for itself: its whole trace (empty: it was not kept) and its incidents."""

    replication: int
    rows: list[Row]
    incidents: list[Incident]


def signal_charts(
    pooled: Mapping[str, Signals], setting: Setting, shown: Shown | None
) -> SignalCharts | None:
    """Every signal of every group and service; None where there are none."""
    chaos, control = pooled.get("chaos"), pooled.get("control")
    if chaos is None or not chaos.rows:
        return None
    alone = _of_trace(setting, shown.rows) if shown is not None and shown.rows else None
    if alone is not None and (alone.every, alone.end) != (chaos.every, chaos.end):
        alone = None  # kept by a version with another grid
    without, worst = _by_name(control), _by_name(alone)
    marks = list(_bands(setting, shown)) if shown is not None and alone is not None else []
    charts = []
    for row in chaos.rows:
        about, whose = SIGNALS[row.signal], (row.signal, row.of)
        charts.append(
            SignalChart(
                signal=row.signal,
                layer=about.layer,
                title=about.title,
                of=row.of,
                unit=about.unit,
                about=about.about,
                chaos=_line(row, chaos, setting),
                control=_line(without[whose], control, setting) if control and whose in without else None,
                worst=_line(worst[whose], alone, setting) if alone and whose in worst else None,
                bands=tuple(band for band in marks if _concerns(band, row.of, about.of, setting)),
            )
        )
    return SignalCharts(
        every=chaos.every / NS,
        end=chaos.end / NS,
        times=tuple((begin + end) / 2 / NS for begin, end in chaos.bounds()),
        charts=tuple(charts),
        replication=shown.replication if shown is not None and alone is not None else None,
        layers=tuple(LAYERS.items()),
    )


def _of_trace(setting: Setting, rows: list[Row]) -> Signals | None:
    fold = SignalsOverTime(setting)
    fold.take(Batch(rows))
    return next((datum for _, datum in fold.data() if isinstance(datum, Signals)), None)


def _by_name(signals: Signals | None) -> dict[tuple[str, str], Series]:
    return {} if signals is None else {(row.signal, row.of): row for row in signals.rows}


def _line(row: Series, signals: Signals, setting: Setting) -> SignalLine:
    scale = SIGNALS[row.signal].scale
    pairs = list(zip(row.numerators, row.denominators, strict=True))
    inside = [
        pair
        for pair, (begin, end) in zip(pairs, signals.bounds(), strict=True)
        if begin >= setting.warmup and end <= setting.horizon
    ]
    return SignalLine(
        values=tuple(_value([pair], scale) for pair in pairs),
        mean=_value(inside or pairs, scale),
        n=signals.replications,
    )


def _value(pairs: Sequence[tuple[int, int]], scale: float) -> float | None:
    below = sum(pair[1] for pair in pairs)
    return sum(pair[0] for pair in pairs) * scale / below if below else None


def _bands(setting: Setting, shown: Shown) -> Iterator[Band]:
    """Faults that lasted, strikes, and incidents until they were recovered; over the whole run."""
    events = [Event(*row) for row in shown.rows if row[0] not in ("step", "call")]
    yield from bands(events, 0, setting.end)
    for incident in shown.incidents:
        if incident.scope in ("process", "state"):
            until = incident.end if incident.recovered is None else incident.recovered
            yield Band(incident.fault, INCIDENT, incident.agent, incident.onset / NS, until / NS)


def _concerns(band: Band, of: str, kind: str, setting: Setting) -> bool:
    """Whether a band is worth a shade: on the chart of its target, and a service's on those of all groups."""
    services = {service.name for service in setting.services}
    return band.target == of or (kind == "agent" and band.target in services)
