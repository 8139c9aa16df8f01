"""The arithmetic of a score or a measure, down to replications and incidents, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentchaos.errors import UsageError
from agentchaos.metrics.base import Count, Data, Histogram, Incident, Incidents, Ratio
from agentchaos.scoring.measures import PICKS, base_name, sampled
from agentchaos.scoring.objectives import ATTRIBUTES, Objectives
from agentchaos.scoring.results import Attribute, Dimension, Measured, Scores
from agentchaos.trace import NS
from agentchaos.words import did_you_mean

SHOWN = 15
BEHIND = {
    "correctness": "task_success",
    "accuracy": "accuracy",
    "completeness": "completeness",
    "timeliness": "timeliness",
    "responsiveness": "responsiveness",
    "durability": "lost_work",
    "robustness": "task_success",
    "trustworthiness": "honesty",
    "availability": "availability",
}
"""Attribute -> the datum that its arithmetic rests on."""


def lines(
    name: str,
    scores: Scores,
    measures: Mapping[str, Measured],
    arms: Mapping[str, Mapping[int, Data]],
    objectives: Objectives,
) -> Iterator[str]:
    """How a score or a measure came about.

    Raises:
        UsageError: nothing of that name was scored or measured.
    """
    word = name.removeprefix("score.")
    attributes = {a.name: a for a in scores.attributes}
    dimensions = {d.name: d for d in (*scores.dimensions, scores.overall)}
    chaos = arms.get("chaos", {})
    if word in attributes and (name.startswith("score.") or word not in measures or word in BEHIND):
        one = attributes[word]
        yield f"{word} ({one.dimension}): {_interval(one)}"
        yield f"evidence: {one.evidence}" + (f"; {one.label}" if one.label else "")
        if one.reason:
            yield one.reason
        for label, value in one.detail:
            yield f"  {label}: {value}"
        if word == "fault_tolerance":
            yield from _incidents(chaos)
        elif word in BEHIND:
            yield from _replications(BEHIND[word], chaos)
    elif word in dimensions:
        whole = dimensions[word]
        yield f"{word}: {_interval(whole)}, {whole.measured} of {whole.of} attributes"
        yield f"  {objectives.aggregate} mean of what was measured"
        yield f"  minimum {_number(whole.minimum)}, arithmetic mean {_number(whole.arithmetic)}"
        for part in ATTRIBUTES.get(word, tuple(dimensions)):
            if part in attributes:
                yield f"  {part}: {_number(attributes[part].mean)} {attributes[part].reason}".rstrip()
            elif part in dimensions and part != "overall":
                yield f"  {part}: {_number(dimensions[part].mean)}"
    elif name in measures:
        yield from _measure(name, measures[name], chaos)
    else:
        known = [*attributes, *dimensions, *measures]
        raise UsageError(f"nothing is called '{name}' in this run{did_you_mean(name, known)}")


def _interval(value: Attribute | Dimension | Measured) -> str:
    return f"{_number(value.mean)} [{_number(value.low)}, {_number(value.high)}], n = {value.n}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _measure(name: str, value: Measured, chaos: Mapping[int, Data]) -> Iterator[str]:
    yield f"{name} ({value.unit}): {_interval(value)}, {value.method}"
    if value.reason:
        yield value.reason
    if value.distribution:
        yield f"  p50 {_number(value.p50)}, p95 {_number(value.p95)}, max {_number(value.max)}"
        yield f"  {value.censored} of {value.n} still running at the end"
    if base_name(name) in PICKS:
        incidents = [(n, i) for n, data in sorted(chaos.items()) for _, i in _rows(data)]
        rows = sorted(sampled(incidents, name), key=lambda row: -row[1])
        for number, sample, open_ in rows[:SHOWN]:
            yield f"  replication {number}: {sample:.3f} {value.unit}" + (
                " and still running" if open_ else ""
            )
        if len(rows) > SHOWN:
            yield f"  ... and {len(rows) - SHOWN} more incidents"
    else:
        yield from _replications(name, chaos)


def _rows(data: Data) -> tuple[tuple[int, Incident], ...]:
    datum = data.get("incidents")
    return datum.rows if isinstance(datum, Incidents) else ()


def _replications(name: str, chaos: Mapping[int, Data]) -> Iterator[str]:
    """The worst replications by a datum."""
    values: list[tuple[float, int, str]] = []
    for number, data in sorted(chaos.items()):
        datum = data.get(name)
        if isinstance(datum, Ratio) and datum.value is not None:
            bad = -datum.value if datum.better == "lower" else datum.value
            values.append((bad, number, f"{datum.numerator:,} / {datum.denominator:,} = {datum.value:.6f}"))
        elif isinstance(datum, Count):
            values.append((-float(datum.count), number, f"{datum.count:,}"))
        elif isinstance(datum, Histogram) and datum.count:
            values.append(
                (
                    -datum.total / datum.count,
                    number,
                    f"mean {datum.total / datum.count / NS:.4f} s of {datum.count:,}",
                )
            )
    if values:
        yield f"  the worst of {len(values)} replications by {name}:"
    for _, number, text in sorted(values)[:SHOWN]:
        yield f"    replication {number}: {text}"


def _incidents(chaos: Mapping[int, Data]) -> Iterator[str]:
    rows = [(n, i) for n, data in sorted(chaos.items()) for _, i in _rows(data)]
    yield f"  the longest of {len(rows)} incidents:"
    for number, i in sorted(rows, key=lambda row: -((row[1].recovered or row[1].end) - row[1].onset))[:SHOWN]:
        took = (
            "never recovered"
            if i.recovered is None
            else f"recovered after {(i.recovered - i.onset) / NS:.1f} s"
        )
        point = "" if i.point is None else f", recovery point {i.point / NS:.1f} s"
        yield f"    replication {number}: {i.id}: {took}{point}" + (
            ", a wrong result escaped" if i.escaped else ""
        )
