"""The charts of the signals: every one of them once, with its unit, its arms and their n; gaps stay gaps."""

from __future__ import annotations

import dataclasses
import re

import made_reports
import pytest
from made_reports import report, signals
from test_html import read

from agentchaos.metrics.base import GroupFacts, Incident, Series, ServiceFacts, Setting, Signals
from agentchaos.metrics.layers import LAYERS, SIGNALS
from agentchaos.renderers import multiples, signal_figures
from agentchaos.renderers.html import page
from agentchaos.report import Band, SignalChart, SignalLine
from agentchaos.signal_charts import Shown, signal_charts
from agentchaos.trace import NS, Event


def chart(*values: float | None, unit: str = "1", **changes: object) -> SignalChart:
    made = dataclasses.replace(
        signals().charts[0], unit=unit, chaos=SignalLine(values, 0.5, 3), control=None, worst=None, bands=()
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


# -- HTML


def test_every_signal_of_every_group_and_service_is_drawn_once() -> None:
    one = report(signals=signals(groups=tuple(f"g{n}" for n in range(5)), services=("gpt", "crm")))
    labels = [
        attributes["aria-label"] or ""
        for tag, attributes in read(one).elements
        if tag == "svg" and " of " in (attributes.get("aria-label") or "")
    ]
    for about in SIGNALS.values():
        for of in [f"g{n}" for n in range(5)] if about.of == "agent" else ["gpt", "crm"]:
            own = [text for text in labels if text.startswith(f"{about.title} of {of},")]
            assert len(own) == 1, (about.title, of)
            unit = "share" if about.unit == "1" else about.unit
            assert f", {unit}: with faults " in own[0]
            assert "(mean of 24 replications); without " in own[0]
            assert "replication 21: " in own[0]
            assert about.about in own[0]
            assert own[0].endswith("Shaded: crash, latency.")
    assert len(re.findall('class="multiple"', page(one))) == 5 * 11 + 2 * 2
    text = read(one).text
    for layer in LAYERS.values():
        assert text.count(layer) == 1
    assert "in windows of 100 s, mean of 24 replications" in text


def test_what_was_never_seen_is_said_and_not_drawn() -> None:
    text = read(report()).text
    assert "Nothing was seen of Calls waiting archive ." in text
    assert "Calls waiting of archive" not in page(report())


def test_many_groups_are_folded_away() -> None:
    many = signals(groups=tuple(f"g{n}" for n in range(20)))
    text = read(report(signals=many)).text
    assert f"{5 * 20 - multiples.FIRST} more of this layer" in text


def test_without_signals_there_is_no_section() -> None:
    reader = read(report(signals=None))
    assert "signals" not in {attributes.get("id") for _, attributes in reader.elements}
    assert "#signals" not in {attributes.get("href") for _, attributes in reader.elements}


# -- geometry


def test_a_line_is_broken_where_nothing_was_seen() -> None:
    times = (5.0, 15.0, 25.0, 35.0, 45.0)
    assert multiples.line_path(times, (0, 1, None, 0.5, None), 50, 0, 1) == "M100 1000L300 0M700 500h1"
    assert multiples.line_path(times, (None,) * 5, 50, 0, 1) == ""


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ((0.0, 0.0), "1", (0.0, 1.0)),
        ((3.0, 3.0), "roles", (0.0, 3.0)),
        ((0.0, 0.013), "1", (0.0, 0.015)),
        ((0.97, 1.0), "1", (0.97, 1.0)),
        ((4.6, 5.0), "roles", (4.6, 5.0)),
        ((-310.0, 60.0), "steps/min", (-400.0, 100.0)),
        ((0.1, 0.99), "1", (0.0, 1.0)),
        ((None, None), "1", (0.0, 1.0)),
    ],
)
def test_an_axis_ends_at_round_values(values: tuple, unit: str, expected: tuple[float, float]) -> None:
    assert multiples.value_range(chart(*values, unit=unit)) == pytest.approx(expected)


def test_shades_that_overlap_are_one() -> None:
    bands = [Band("a", "latency", "crm", 10, 30), Band("b", "incident", "g", 20, 40)]
    assert multiples.merged([*bands, Band("c", "crash", "g", 15, 15)]) == [(10, 40)]
    assert multiples.shade_path(bands, 100) == "M100 0h300v1000h-300z"
    assert multiples.strike_path([*bands, Band("c", "crash", "g", 15, 15)], 100) == "M150 0v90"


def test_a_figure_is_as_high_as_its_longest_column() -> None:
    assert signal_figures.height(signals()) < signal_figures.height(signals(services=("a", "b", "c")))
    many = signals(groups=tuple(f"g{n}" for n in range(9)))
    most = signal_figures.LEGEND + signal_figures.HEADING + signal_figures.CHART * signal_figures.ROWS
    assert signal_figures.height(many) == most


# -- from data to charts

GPT = ServiceFacts("gpt", "model", 0, 0, "usd")
SETTING = Setting(
    NS,
    3 * NS,
    4 * NS,
    (GroupFacts("bot", 2, 0, 2, None, None), GroupFacts("aide", 1, 0, 1, None, None)),
    (GPT,),
)


def pooled(numerators: tuple[int, ...], replications: int) -> Signals:
    rows = (Series("agent_count", "bot", numerators, (replications * NS,) * 4),)
    return Signals(NS, 4 * NS, rows, replications)


def test_a_line_is_the_mean_of_its_replications_and_its_mean_that_of_the_window_that_counts() -> None:
    arms = {"chaos": pooled((4 * NS, 2 * NS, 4 * NS, 0), 2), "control": pooled((2 * NS,) * 4, 1)}
    charts = signal_charts(arms, SETTING, None)
    assert charts is not None
    (one,) = charts.charts
    assert one.chaos == SignalLine((2.0, 1.0, 2.0, 0.0), 1.5, 2)
    assert one.control == SignalLine((2.0,) * 4, 2.0, 1)
    assert (one.worst, one.bands, charts.replication) == (None, (), None)
    assert charts.times == (0.5, 1.5, 2.5, 3.5)


def test_faults_and_incidents_of_the_shown_replication_shade_whom_they_concern() -> None:
    def planned(strike: str, fault: str, target: str, scope: str) -> Event:
        detail = {"fault": fault, "target": target, "scope": scope}
        return Event("fault_planned", 0, incident=strike, subject=fault, detail=detail)

    rows = [
        planned("c", "crash", "bot", "process"),
        planned("l", "latency", "gpt", "call"),
        Event("fault_struck", NS, agent="bot", member=0, incident="c", subject="crash"),
        Event("fault_struck", 2 * NS, incident="l", subject="latency"),
        Event("fault_lifted", 3 * NS, incident="l", subject="latency"),
        Event("ended", 4 * NS),
    ]
    incident = Incident("c", "crash", "crash", "process", "bot", 0, NS, 4 * NS)
    served = Incident("l", "latency", "latency", "service", "", -1, NS, 4 * NS, recovered=2 * NS)
    whole = signal_charts({"chaos": _every_signal()}, SETTING, Shown(7, list(rows), [incident, served]))
    assert whole is not None
    assert whole.replication == 7
    shades = {(c.signal, c.of): {(b.fault, b.kind, b.begin, b.end) for b in c.bands} for c in whole.charts}
    latency = ("latency", "latency", 2.0, 3.0)
    crash = {("crash", "crash", 1.0, 1.0), ("crash", "incident", 1.0, 4.0)}
    assert shades["heartbeat", "bot"] == {latency, *crash}
    assert shades["heartbeat", "aide"] == {latency}
    assert shades["service_health", "gpt"] == {latency}
    assert all(c.worst is not None and c.worst.n == 1 for c in whole.charts)


def _every_signal() -> Signals:
    from agentchaos.metrics.signals import SignalsOverTime

    ((_, datum),) = SignalsOverTime(SETTING).data()
    assert isinstance(datum, Signals)
    return datum


def test_a_trace_that_was_not_kept_draws_no_line_of_its_own() -> None:
    charts = signal_charts({"chaos": _every_signal()}, SETTING, Shown(7, [], []))
    assert charts is not None
    assert charts.replication is None
    assert all(one.worst is None for one in charts.charts)
    assert signal_charts({}, SETTING, None) is None


def test_a_made_report_has_them_all() -> None:
    assert {c.signal for c in made_reports.report().signals.charts} == set(SIGNALS)  # type: ignore[union-attr]
