"""The report on a terminal: verdict and gates first, then what is behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agentchaos.renderers import wording
from agentchaos.report import RecoveryRow, Report
from agentchaos.scoring.results import Dimension, Measured

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"good": "green", "bad": "red", "open": "yellow"}
_SIGNS = {
    "pass": ("\u2714", "good"),
    "fail": ("\u2718", "bad"),
    "inconclusive": ("?", "open"),
    "not_measured": ("?", "open"),
    "landed": ("\u2714", "good"),
    "missed": ("?", "open"),
}
_PLAIN_SIGNS = {"\u2714": "ok", "\u2718": "x"}
BAR = 20


def show(report: Report, console: Console, *, quiet: bool = False) -> None:
    """Prints the report; `quiet`: verdict and gates only."""
    # where output is ASCII only, signs and bars are letters
    ascii_only = console.options.ascii_only
    _verdict(report, console)
    _gates(report, console, ascii_only)
    if not quiet:
        _dimensions(report, console, ascii_only)
        _recovery(report, console)
        _faults(report, console, ascii_only)
    _ending(report, console, quiet)


def _line(console: Console, text: str = "", style: str = "") -> None:
    """One line that is never cut: commands and paths are copied from it."""
    console.print(Text(text, style=style), soft_wrap=True)


def _heading(console: Console, text: str, note: str = "") -> None:
    _line(console)
    console.print(Text.assemble((text, "bold"), (f"  {note}" if note else "", "dim")), soft_wrap=True)


def _table(*columns: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place in right else "left", overflow="fold")
    return table


def _sign(verdict: str, ascii_only: bool) -> Text:
    sign, colour = _SIGNS[verdict]
    return Text(_PLAIN_SIGNS.get(sign, sign) if ascii_only else sign, style=STYLES[colour])


def _verdict(report: Report, console: Console) -> None:
    words = wording.outcome(report)
    style = f"bold {STYLES[words.colour]}"
    console.print(
        Text.assemble((f" {words.word} ", f"{style} reverse"), "  ", (report.scenario, "bold")),
        soft_wrap=True,
    )
    if report.about:
        _line(console, report.about, "dim")
    _line(console, report.verdict_reason)
    _line(
        console,
        f"{report.world}, seed {report.seed}, {report.replications} replications, "
        f"horizon {wording.quantity(report.horizon, 's')}",
        "dim",
    )
    for warning in report.warnings:
        _line(console, f"! {warning}", STYLES["open"])


def _gates(report: Report, console: Console, ascii_only: bool) -> None:
    if not report.gates:
        return
    _heading(console, "Gates", "each is judged on the bound (one-sided, 95 %) that is unfavourable to it")
    table = _table("", "gate", "value", "bound", "n", "why", right=(2, 3, 4))
    for gate in report.gates:
        expression = escape(gate.expression) + (" [dim](implied)[/]" if gate.implied else "")
        table.add_row(
            _sign(gate.verdict, ascii_only),
            expression,
            wording.value(gate),
            wording.bound(gate),
            f"{gate.n:,}",
            Text(gate.reason, style="dim"),
        )
    console.print(table)


def _bar(one: Dimension, ascii_only: bool) -> Text:
    full, empty = ("#", ".") if ascii_only else ("\u2588", "\u2591")
    if one.mean is None:
        return Text(empty * BAR, style="dim")
    filled = round(BAR * one.mean)
    style = "" if one.measured == one.of else "dim"
    return Text(full * filled + empty * (BAR - filled), style=style)


def _dimensions(report: Report, console: Console, ascii_only: bool) -> None:
    _heading(console, "Scores", "0 to 1, with one-sided 95 % bounds; geometric mean of what was measured")
    table = _table("dimension", "score", "bounds", "", "measured", "lowest attribute", right=(1,))
    lowest = _lowest(report)
    for one in (*report.scores.dimensions, report.scores.overall):
        table.add_row(
            Text(one.name, style="bold" if one.name == "overall" else ""),
            wording.quantity(one.mean, "1") if one.mean is not None else "not measured",
            wording.span(one.low, one.high, "1") if one.mean is not None else "",
            _bar(one, ascii_only),
            f"{one.measured} of {one.of}",
            lowest.get(one.name, ""),
        )
    console.print(table)
    missing = [a.name for a in report.scores.attributes if a.mean is None]
    if missing:
        _line(console, f"not measured: {', '.join(missing)}", "dim")


def _lowest(report: Report) -> dict[str, str]:
    """The weakest measured attribute of each dimension."""
    found: dict[str, str] = {}
    measured = [a for a in report.scores.attributes if a.mean is not None]
    for name in (d.name for d in report.scores.dimensions):
        own = [a for a in measured if a.dimension == name]
        if own:
            least = min(own, key=lambda a: a.mean or 0.0)
            found[name] = f"{least.name} {wording.quantity(least.mean, '1')}"
    return found


def _target(seconds: float | None) -> str:
    return "no target" if seconds is None else f"target {wording.quantity(seconds, 's')}"


def _recovery(report: Report, console: Console) -> None:
    if not report.recovery:
        return
    note = f"RTO: {_target(report.rto)}, RPO: {_target(report.rpo)}; p50 / p95 over incidents"
    _heading(console, "Recovery", note)
    table = _table(
        "fault", "incidents", "recovery time", "of work", "recovery point",
        "detect", "decide", "restore", "replay", right=(1,),
    )  # fmt: skip
    for row in report.recovery:
        table.add_row(*_recovery_cells(row))
    console.print(table)


def _recovery_cells(row: RecoveryRow) -> Iterator[Text | str]:
    open_ = ", ".join(
        f"{count} {word}"
        for count, word in ((row.censored, "not recovered"), (row.undetected, "undetected"))
        if count
    )
    yield Text(row.fault, style="bold" if row.fault == "all" else "")
    yield f"{row.incidents:,}" + (f" ({open_})" if open_ else "")
    for measure in (row.service, row.work, row.point, row.detect, row.decide, row.restore, row.replay):
        yield _two(measure)


def _two(measure: Measured) -> str:
    if not measure.n:
        return "-"
    p50, p95 = wording.quantile(measure, "p50"), wording.quantile(measure, "p95")
    return p50 if p50 == p95 else f"{p50} / {p95}"


def _faults(report: Report, console: Console, ascii_only: bool) -> None:
    if not report.faults:
        return
    _heading(console, "Faults", "a fault that does not land makes the run inconclusive")
    table = _table("", "fault", "on", "planned", "landed", "missed", right=(3, 4))
    for fault in report.faults:
        missed = ", ".join(f"{count} {reason}" for reason, count in sorted(fault.missed.items()))
        table.add_row(
            _sign(fault.verdict, ascii_only),
            escape(fault.name),
            escape(fault.target),
            f"{fault.planned:,}",
            f"{fault.landed:,}",
            Text(fault.reason or missed or "-", style="" if fault.reason else "dim"),
        )
    console.print(table)


def _ending(report: Report, console: Console, quiet: bool) -> None:
    """Where the report is; the last line of a run that did not pass is the command that repeats it."""
    _line(console)
    if report.worst_replication is not None and not quiet:
        _line(console, f"worst replication: {report.worst_replication}, {report.worst_reason}")
    if report.folder:
        _line(console, f"report: {report.folder}")
    if report.repeat_worst and report.verdict not in ("pass", "ungated"):
        _line(console, f"repeat the worst: {report.repeat_worst}")
    elif not quiet:
        _line(console, f"repeat it: {report.reproduce}", "dim")
