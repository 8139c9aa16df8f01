"""The gate: each expression held against its unfavourable bound, landings, and the verdict.

Pass where the unfavourable one-sided bound is on the right side, fail where the other one is on the wrong
side, else inconclusive. `== 0` and `.max` are universal. A quantile is judged as a share of incidents, and
an unlabelled one must hold for each fault. Several gates must all pass, each at alpha.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agentchaos.errors import EXIT_OF_VERDICT
from agentchaos.metrics.base import Count, Histogram, Landings, Ratio
from agentchaos.scoring import intervals
from agentchaos.scoring.expressions import QUANTILES, Gate, parse
from agentchaos.scoring.intervals import ALPHA
from agentchaos.scoring.measures import (
    PICKS,
    Sampled,
    base_name,
    histogram_at_least,
    histogram_quantile,
    sampled,
)
from agentchaos.scoring.objectives import DIMENSIONS
from agentchaos.scoring.results import FaultLanding, Judged, Measured, Scores
from agentchaos.scoring.table import Table
from agentchaos.trace import NS

MISSED_MAX = 0.20
"""A fault of which more strikes are missed did not do what the scenario says."""


class Ruling(NamedTuple):
    """The verdict with its exit code and its reason."""

    verdict: str
    exit_code: int
    reason: str


def judge(
    gates: Sequence[str], table: Table, measures: Mapping[str, Measured], scores: Scores
) -> tuple[Judged, ...]:
    """Every gate and what became of it; those that the objectives imply come last."""
    parsed = [*map(parse, gates), *_implied(table)]
    return tuple(_judge(gate, table, measures, scores) for gate in parsed)


def _implied(table: Table) -> Iterator[Gate]:
    o = table.objectives
    for name, limit in (("recovery_time", o.rto_s), ("recovery_point", o.rpo_s)):
        if limit is not None:
            yield Gate(
                f"share({name} <= {limit:g}s) >= {o.met:g}", name, "share", ">=", o.met, limit, "<=",
                implied=True,
            )  # fmt: skip


def _judge(gate: Gate, table: Table, measures: Mapping[str, Measured], scores: Scores) -> Judged:
    if gate.name.startswith("score.") or gate.name in (*DIMENSIONS, "overall"):
        return _judge_score(gate, scores)
    if _is_incident_name(gate.name) and (
        gate.statistic in (*QUANTILES, "share", "max") or gate.operator == "=="
    ):
        return _judge_incidents(gate, table)
    if gate.statistic in QUANTILES or gate.statistic == "share":
        return _judge_histogram(gate, table)
    if gate.statistic == "max" or gate.operator == "==":
        return _judge_universal(gate, table, measures)
    return _judge_mean(gate, measures)


def _is_incident_name(name: str) -> bool:
    return base_name(name) in (*PICKS, "outage") and not name.startswith("cascade_steps{fault=")


def _result(
    gate: Gate, verdict: str, value: float | None, bound: float | None, n: int, reason: str, unit: str = ""
) -> Judged:
    finite = lambda x: None if x is None or not math.isfinite(x) else x  # noqa: E731
    return Judged(
        gate.expression, verdict, finite(value), finite(bound), gate.threshold, n, gate.implied, reason, unit
    )


def holds(value: float, operator: str, threshold: float) -> bool:
    """Whether the comparison is true; floats within 1e-12 of each other are equal."""
    near = math.isclose(value, threshold, rel_tol=1e-12, abs_tol=1e-12)
    return {
        "<": value < threshold and not near,
        "<=": value <= threshold or near,
        ">": value > threshold and not near,
        ">=": value >= threshold or near,
        "==": near,
    }[operator]


def _by_bounds(
    gate: Gate, mean: float, low: float | None, high: float | None, n: int, method: str, unit: str
) -> Judged:
    worse, better = (low, high) if gate.operator in (">", ">=") else (high, low)
    if worse is None or better is None:
        return _result(gate, "inconclusive", mean, None, n, "too few replications for a bound", unit)
    if holds(worse, gate.operator, gate.threshold):
        return _result(gate, "pass", mean, worse, n, method, unit)
    if not holds(better, gate.operator, gate.threshold):
        return _result(
            gate, "fail", mean, worse, n, f"even the favourable bound {better:.4g} misses it", unit
        )
    side = "value" if not holds(mean, gate.operator, gate.threshold) else "bound"
    return _result(
        gate, "inconclusive", mean, worse, n, f"the {side} misses it; more replications decide", unit
    )


def _judge_score(gate: Gate, scores: Scores) -> Judged:
    name = gate.name.removeprefix("score.")
    if gate.name.startswith("score."):
        one = next((a for a in scores.attributes if a.name == name), None)
        if one is None or one.mean is None:
            return _result(gate, "not_measured", None, None, 0, one.reason if one else "no such attribute")
        return _by_bounds(gate, one.mean, one.low, one.high, one.n, "bound of the attribute", "1")
    whole = scores.overall if name == "overall" else next(d for d in scores.dimensions if d.name == name)
    if whole.mean is None or whole.measured < whole.of:
        mend = "name the attributes that make it up: 'dimensions: {social: [trustworthiness]}'"
        return _result(gate, "not_measured", whole.mean, None, whole.n, f"{whole.reason}; {mend}", "1")
    return _by_bounds(gate, whole.mean, whole.low, whole.high, whole.n, "each attribute at alpha / k", "1")


def _judge_mean(gate: Gate, measures: Mapping[str, Measured]) -> Judged:
    value = measures.get(gate.name)
    if value is None or value.mean is None:
        return _result(
            gate, "not_measured", None, None, 0, value.reason if value else "nothing of the kind happened"
        )
    if value.censored:
        side = "what never ended is counted only up to the end of the run"
        if gate.operator in ("<", "<="):
            return _result(gate, "inconclusive", value.mean, None, value.n, side, value.unit)
    return _by_bounds(gate, value.mean, value.low, value.high, value.n, value.method, value.unit)


# -- universal gates ----------------------------------------------------------------------------


def _judge_universal(gate: Gate, table: Table, measures: Mapping[str, Measured]) -> Judged:
    arm, name = (
        ("control", gate.name.removeprefix("control."))
        if gate.name.startswith("control.")
        else ("chaos", gate.name)
    )
    found = [row[name] for row in table.rows(arm) if name in row]
    unit = measures[gate.name].unit if gate.name in measures else ""
    values: list[float] = []
    for datum in found:
        if isinstance(datum, Count):
            values.append(float(datum.count))
        elif isinstance(datum, Ratio) and datum.value is not None:
            values.append(datum.value)
        elif isinstance(datum, Histogram) and datum.count:
            values.append(math.inf if datum.censored else datum.maximum / NS)
    if not values:
        return _result(gate, "not_measured", None, None, 0, "nothing of the kind happened")
    bad = [v for v in values if not holds(v, gate.operator, gate.threshold)]
    worst = max(values) if gate.operator in ("<", "<=", "==") else min(values)
    if bad:
        return _result(
            gate,
            "fail",
            worst,
            worst,
            len(values),
            f"{len(bad)} of {len(values)} replications violate it",
            unit,
        )
    return _result(gate, "pass", worst, worst, len(values), _none_seen(len(values), "replications"), unit)


def _none_seen(n: int, what: str) -> str:
    return f"no violation in {n} {what}: at most {intervals.rule_of_three(n):.2%} violate it (95 %)"


# -- incidents ----------------------------------------------------------------------------------


def _judge_incidents(gate: Gate, table: Table) -> Judged:
    """A quantile, a share or a maximum over incidents; unlabelled, it must hold for each fault."""
    incidents = table.incidents()
    names = [gate.name]
    if "{" not in gate.name and gate.statistic != "max" and gate.operator != "==":
        faults = sorted({i.fault for _, i in incidents if i.scope in ("process", "state")})
        names = [f"{gate.name}{{fault={fault}}}" for fault in faults] or names
    judged = [_judge_samples(gate, name, sampled(incidents, name)) for name in names]
    order = ("fail", "not_measured", "inconclusive", "pass")
    seen = [j for j in judged if j.verdict != "not_measured"] or judged
    worst = min(seen, key=lambda j: order.index(j.verdict))
    if len(names) > 1 and worst.verdict != "pass":
        label = names[judged.index(worst)]
        worst = dataclasses.replace(worst, reason=f"{label}: {worst.reason}")
    if len(names) > 1 and worst.verdict == "pass":
        worst = min(
            seen, key=lambda j: -abs(j.bound or 0.0) if gate.statistic != "share" else (j.bound or 0.0)
        )
        worst = dataclasses.replace(
            worst, n=sum(j.n for j in seen), reason=f"holds for each of {len(seen)} faults; {worst.reason}"
        )
    return worst


def _violates(gate: Gate, value: float, open_: bool) -> bool:
    """Whether an incident is on the wrong side; one that never ended is, above any limit."""
    if gate.statistic == "share":
        assert gate.inner is not None
        limit, operator = gate.inner, gate.inner_operator
    else:
        limit, operator = gate.threshold, gate.operator
    if open_:
        return operator in ("<", "<=", "==")
    return not holds(value, operator, limit)


def _judge_samples(gate: Gate, name: str, rows: Sampled) -> Judged:
    unit = PICKS.get(base_name(name), ("s",))[0]
    if not rows:
        return _result(gate, "not_measured", None, None, 0, "no such incident", unit)
    clusters = [(m, v) for m, v in _clusters(gate, rows).values()]
    bad = sum(v for _, v in clusters)
    n = len(rows)
    ended = [value for _, value, open_ in rows if not open_]
    running = [value for _, value, open_ in rows if open_]
    if gate.statistic == "max" or gate.operator == "==":
        worst = None if running else max(ended)
        if bad:
            return _result(gate, "fail", worst, worst, n, f"{bad} of {n} incidents violate it", unit)
        return _result(gate, "pass", worst, worst, n, _none_seen(n, "incidents"), unit)
    share, bounds = intervals.violations(clusters)
    assert bounds.low is not None
    assert bounds.high is not None
    if gate.statistic == "share":
        return _by_bounds(gate, 1 - share, 1 - bounds.high, 1 - bounds.low, n, bounds.method, "1")
    allowed = 1 - QUANTILES[gate.statistic]
    survival = intervals.kaplan_meier(ended, running)
    value = survival.quantile(QUANTILES[gate.statistic])
    bound = _quantile_bound(gate, rows, allowed)
    told = f"{bad} of {n} incidents beyond it, at most {bounds.high:.1%} (95 %)"
    if bounds.high <= allowed:
        return _result(gate, "pass", value, bound, n, told, unit)
    if bounds.low > allowed:
        return _result(
            gate,
            "fail",
            value,
            bound,
            n,
            f"{bad} of {n} incidents beyond it, at least {bounds.low:.1%}",
            unit,
        )
    few = len(clusters) < math.log(ALPHA) / math.log1p(-allowed)
    more = (
        f"; {math.ceil(math.log(ALPHA) / math.log1p(-allowed))} replications with an incident are needed"
        if few
        else ""
    )
    return _result(gate, "inconclusive", value, bound, n, told + more, unit)


def _clusters(gate: Gate, rows: Sampled) -> dict[int, tuple[int, int]]:
    clusters: dict[int, tuple[int, int]] = {}
    for number, value, open_ in rows:
        m, v = clusters.get(number, (0, 0))
        clusters[number] = (m + 1, v + _violates(gate, value, open_))
    return clusters


def _quantile_bound(gate: Gate, rows: Sampled, allowed: float) -> float | None:
    """The upper bound of a quantile: the least value that the gate would pass with; None: unbounded."""
    values = sorted({value for _, value, open_ in rows if not open_})
    low, high = 0, len(values)
    while low < high:  # the bound of the share beyond a value falls as the value grows
        middle = (low + high) // 2
        trial = dataclasses.replace(gate, operator="<=", threshold=values[middle])
        _, bounds = intervals.violations(list(_clusters(trial, rows).values()))
        if bounds.high is not None and bounds.high <= allowed:
            high = middle
        else:
            low = middle + 1
    return values[low] if low < len(values) else None


def _judge_histogram(gate: Gate, table: Table) -> Judged:
    """A quantile or share of a histogram: whole buckets count against the agent."""
    arm, name = (
        ("control", gate.name.removeprefix("control."))
        if gate.name.startswith("control.")
        else ("chaos", gate.name)
    )
    found = [d for row in table.rows(arm) if isinstance(d := row.get(name), Histogram) and d.count]
    if not found:
        return _result(
            gate, "not_measured", None, None, 0, "it has no distribution, or nothing happened", "s"
        )
    limit = gate.inner if gate.statistic == "share" else gate.threshold
    assert limit is not None
    pooled = found[0]
    for datum in found[1:]:
        pooled = pooled.merge(datum)
    share, bounds = intervals.violations([(d.count, histogram_at_least(d, limit)) for d in found])
    assert bounds.low is not None
    assert bounds.high is not None
    if gate.statistic == "share":
        return _by_bounds(gate, 1 - share, 1 - bounds.high, 1 - bounds.low, pooled.count, bounds.method, "1")
    allowed = 1 - QUANTILES[gate.statistic]
    value = histogram_quantile(pooled, QUANTILES[gate.statistic])
    verdict = "pass" if bounds.high <= allowed else "fail" if bounds.low > allowed else "inconclusive"
    told = f"{share:.2%} at or beyond it, at most {bounds.high:.2%} (95 %)"
    return _result(gate, verdict, value, None, pooled.count, told, "s")


# -- landings and verdict -----------------------------------------------------------------------


def landings(table: Table) -> tuple[FaultLanding, ...]:
    """What became of each declared fault, pooled over the replications with faults."""
    datum = table.pooled().get("landings")
    rows = {row.fault: row for row in datum.rows} if isinstance(datum, Landings) else {}
    played = len(table.rows())
    found = []
    for fault in table.declared:
        row = rows.get(fault.name)
        planned, landed, missed = (row.planned, row.landed, dict(row.missed)) if row else (0, 0, {})
        verdict, reason = _landing(fault.expect, planned, landed, missed, played)
        found.append(
            FaultLanding(fault.name, fault.kind, fault.target, planned, landed, missed, verdict, reason)
        )
    return tuple(found)


def _landing(expect: int, planned: int, landed: int, missed: dict[str, int], played: int) -> tuple[str, str]:
    if planned == 0:
        # k strikes of chance 0 so far: by the rule of three at most 3 / R a replication
        return (
            "missed",
            f"no strike was planned in {played} replications; enlarge the horizon or the replications",
        )
    if landed < expect:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(missed.items()))
        return "missed", f"{landed} of {planned} strikes landed, {expect} wanted ({why or 'no reason'})"
    lost = sum(missed.values())
    if lost > MISSED_MAX * planned:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(missed.items()))
        return "missed", f"{lost} of {planned} strikes were missed ({why}), more than {MISSED_MAX:.0%}"
    return "landed", ""


def verdict(
    judged: Sequence[Judged], faults: Sequence[FaultLanding], *, require_gates: bool = False
) -> Ruling:
    """The verdict of a run: fail before not measured before inconclusive before pass."""
    lost = [fault for fault in faults if fault.verdict != "landed"]
    if not judged:
        reason = "NOT JUDGED: no gate and no objective"
        return Ruling("ungated", EXIT_OF_VERDICT["not_measured"] if require_gates else 0, reason)
    for wanted, words in (("fail", "missed"), ("not_measured", "not measured")):
        hit = [j for j in judged if j.verdict == wanted]
        if hit:
            rest = f" and {len(hit) - 1} more" if len(hit) > 1 else ""
            return Ruling(
                wanted, EXIT_OF_VERDICT[wanted], f"{hit[0].expression} was {words}{rest}: {hit[0].reason}"
            )
    if lost:
        rest = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        reason = f"the fault {lost[0].name} did not land{rest}: {lost[0].reason}"
        return Ruling("inconclusive", EXIT_OF_VERDICT["inconclusive"], reason)
    open_ = [j for j in judged if j.verdict == "inconclusive"]
    if open_:
        rest = f" and {len(open_) - 1} more" if len(open_) > 1 else ""
        return Ruling(
            "inconclusive", EXIT_OF_VERDICT["inconclusive"], f"{open_[0].expression}{rest}: {open_[0].reason}"
        )
    return Ruling("pass", 0, f"all {len(judged)} gates hold")
