"""Attributes, dimensions and overall: what the measures of a run come to, each in [0, 1], higher better.

The definitions obey: the denominator is fixed by the scenario; absolute, not relative to a weak baseline;
a good event never lowers a score; what was not observed is None. A dimension is the weighted geometric mean
of its attributes; its lower bound is that of the attributes' bounds, each at alpha / k.

Evidence. An attribute is an `echo` where one input moves it one for one whatever else happens. Where no fault
struck, the declared chance of success comes back as correctness and its like: `echo`. Where faults struck,
hazards, taint, retries and recoveries stand between the two: `emergent`. Trustworthiness describes the
scenario's model of an agent that claims with a constant confidence; it is labelled "simulated".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from agentchaos.metrics.base import Curve, Data, Incident, Landings, Ratio
from agentchaos.scoring import intervals
from agentchaos.scoring.intervals import ALPHA, Bounds
from agentchaos.scoring.measures import PICKS, fraction, of_ratio, pass_hat, pooled_panel
from agentchaos.scoring.objectives import ATTRIBUTES, DIMENSIONS, PASS_K, Objectives, power_of
from agentchaos.scoring.results import Attribute, Dimension, Measured, Scores
from agentchaos.scoring.table import Table
from agentchaos.trace import NS

NOT_YET = {
    "adaptability": "it needs a persistent change of the environment",
    "portability": "it needs two or more declared profiles (provider, model, region, runtime)",
    "safety": "it needs actions that are marked unsafe",
    "collaborativity": "it needs required interactions between agents",
    "explainability": "it needs decisions with cited causes",
    "scalability": "it needs load steps",
    "security": "it needs attack attempts",
}
"""Attributes that nothing in this version exercises, and what would."""

Detail = tuple[tuple[str, str], ...]


def score(table: Table, alpha: float = ALPHA) -> Scores:
    """Every attribute, the five dimensions and overall, with one-sided bounds at alpha."""
    attributes = tuple(
        attribute(table, name, dimension, alpha) for dimension, names in ATTRIBUTES.items() for name in names
    )
    by_name = {a.name: a for a in attributes}
    groups = {name: _named(table.objectives.attributes(name), name, by_name) for name in DIMENSIONS}
    dimensions = tuple(_combine(table, name, {name: groups[name]}, alpha) for name in DIMENSIONS)
    overall = _combine(table, "overall", groups, alpha)
    return Scores(overall, dimensions, attributes)


def _named(names: Sequence[str], dimension: str, known: Mapping[str, Attribute]) -> list[Attribute]:
    """The attributes of a list; an unknown name counts as not measured, it must not vanish."""
    return [known.get(name) or _blank(name, dimension, "no such attribute") for name in names]


UNDER_FAULTS = frozenset({"stability", "durability", "robustness", "availability"})
"""What no fault has put to the test was not measured, however calm it was."""

ECHOES = frozenset(
    {"correctness", "accuracy", "consistency", "completeness", "timeliness", "trustworthiness"}
)
"""Without faults these give back the chance of success that the scenario states, one for one."""


def attribute(table: Table, name: str, dimension: str, alpha: float) -> Attribute:
    """One attribute."""
    if name in NOT_YET:
        return _blank(name, dimension, NOT_YET[name])
    if not table.rows():
        return _blank(name, dimension, "no replication has finished")
    if _struck(table):
        return _attribute(table, name, dimension, alpha)
    if name in UNDER_FAULTS:
        return _blank(name, dimension, "no fault struck")
    one = _attribute(table, name, dimension, alpha)
    if name in ECHOES and one.mean is not None:
        return dataclasses.replace(one, evidence="echo", label=f"{one.label}; no fault struck".lstrip("; "))
    return one


def _struck(table: Table) -> bool:
    """Whether any fault landed in any replication."""
    found = (data.get("landings") for data in table.rows())
    return any(isinstance(one, Landings) and any(row.landed for row in one.rows) for one in found)


def _attribute(table: Table, name: str, dimension: str, alpha: float) -> Attribute:
    shares = {
        "correctness": ("task_success", "right tasks / planned tasks"),
        "accuracy": ("accuracy", "right steps / (planned + spurious steps)"),
        "completeness": ("completeness", "satisfied sub-goals / required sub-goals"),
        "timeliness": ("timeliness", "right tasks, weighted down to 0 at twice the deadline / planned"),
        "trustworthiness": ("honesty", "1 - mean squared gap between claim and truth"),
    }
    if name in shares:
        return _of_share(table, name, dimension, *shares[name], alpha)
    if name == "consistency":
        return _consistency(table, dimension, alpha)
    if name == "responsiveness":
        return _responsiveness(table, dimension, alpha)
    if name == "stability":
        return _stability(table, dimension, alpha)
    if name == "durability":
        return _durability(table, dimension, alpha)
    if name == "robustness":
        return _robustness(table, dimension, alpha)
    if name == "availability":
        return _availability(table, dimension, alpha)
    assert name == "fault_tolerance", name
    return _fault_tolerance(table, dimension, alpha)


def _blank(name: str, dimension: str, reason: str) -> Attribute:
    return Attribute(name, dimension, None, None, None, 0, "-", reason=f"not measured: {reason}")


def _ratios(rows: Sequence[Data], name: str) -> list[Ratio]:
    return [datum for row in rows if isinstance(datum := row.get(name), Ratio)]


def _share(table: Table, name: str, alpha: float, arm: str = "chaos") -> Measured | None:
    rows = table.rows(arm)
    found = _ratios(rows, name)
    if not found or sum(r.denominator for r in found) == 0:
        return None
    return of_ratio(name, found, rows, alpha)


def _fraction(table: Table, name: str) -> Detail:
    found = _ratios(table.rows(), name)
    top, bottom = sum(r.numerator for r in found), sum(r.denominator for r in found)
    return ((name, fraction(name, top, bottom)),)


def _of_share(table: Table, name: str, dimension: str, datum: str, meaning: str, alpha: float) -> Attribute:
    value = _share(table, datum, alpha)
    if value is None:
        return _blank(name, dimension, "no task was planned")
    detail: Detail = (("definition", meaning), *_fraction(table, datum), ("bounds", value.method))
    label = ""
    if name == "timeliness" and all(g.deadline is None for g in table.setting.groups):
        label = "no task has a deadline"
    if name == "trustworthiness":
        label = "simulated"
        detail = (*detail, *_beside_trust(table, value, alpha))
    return Attribute(
        name, dimension, value.mean, value.low, value.high, value.n, "emergent", label=label, detail=detail
    )


def _beside_trust(table: Table, honesty: Measured, alpha: float) -> Detail:
    """Doing nothing and saying so is honest too: how often it was right always stands beside."""
    right, brier = _share(table, "task_success", alpha), 1.0 - (honesty.mean or 0.0)
    shown = "-" if right is None or right.mean is None else f"{right.mean:.4f}"
    return (("skill against a coin (Brier 0.25)", f"{1 - brier / 0.25:.4f}"), ("correctness", shown))


def _consistency(table: Table, dimension: str, alpha: float) -> Attribute:
    pooled = pooled_panel(table.rows())
    if pooled is None:
        return _blank("consistency", dimension, "no group has a panel; add 'tasks: {panel: 50}'")
    trials = [(t.trials, t.right) for t in pooled.rows]
    mean, n = pass_hat(trials, PASS_K)
    if mean is None:
        return _blank("consistency", dimension, f"no task identity had {PASS_K} trials")
    bounds = intervals.wilson(mean, n, alpha)
    detail: Detail = (
        ("definition", f"pass^{PASS_K}: mean over identities of C(c, {PASS_K}) / C(n, {PASS_K})"),
        ("identities", f"{n} with at least {PASS_K} trials of {len(pooled.rows)}"),
        ("trials", f"{sum(t.trials for t in pooled.rows):,}"),
        ("right", f"{sum(t.right for t in pooled.rows):,}"),
        *_beside_pass(trials, mean),
        ("bounds", "Wilson over the identities of the panel"),
    )
    return Attribute(
        "consistency", dimension, mean, bounds.low, bounds.high, n, "emergent",
        label=f"pass^{PASS_K}", detail=detail,
    )  # fmt: skip


def _beside_pass(trials: Sequence[tuple[int, int]], mean: float) -> Detail:
    """Diagnostics, never gates: both reward failing always."""
    alike = [1 - 4 * n / (n - 1) * (c / n) * (1 - c / n) for n, c in trials if n >= PASS_K]
    once, _ = pass_hat([(n, c) for n, c in trials if n >= PASS_K], 1)
    ratio = f"{mean / once:.4f}" if once else "-"
    outcome = f"{math.fsum(alike) / len(alike):.4f}"
    return ((f"ratio pass^{PASS_K} / pass^1 (diagnostic)", ratio), ("outcome consistency, unbiased", outcome))


def _responsiveness(table: Table, dimension: str, alpha: float) -> Attribute:
    value = _share(table, "responsiveness", alpha)
    if value is None:
        why = "no step was issued" if table.setting.response else "set 'objectives: {response: 5s}'"
        return _blank("responsiveness", dimension, why)
    detail: Detail = (
        ("definition", "Apdex: (steps within T + half of those within 4 T) / steps issued"),
        ("T", f"{(table.setting.response or 0) / NS:g} s"),
        *_fraction(table, "responsiveness"),
    )
    return Attribute(
        "responsiveness", dimension, value.mean, value.low, value.high, value.n, "emergent", detail=detail
    )


def _stability(table: Table, dimension: str, alpha: float) -> Attribute:
    values: list[float] = []
    chaos, control = table.arms.get("chaos", {}), table.arms.get("control", {})
    for number in sorted(set(chaos) & set(control)):
        ours, twin = chaos[number].get("progress"), control[number].get("progress")
        if isinstance(ours, Curve) and isinstance(twin, Curve):
            area = sum(twin.values)
            if area > 0:
                values.append(1.0 - shortfall(ours, twin) / area)
    if not values:
        return _blank("stability", dimension, "there is no useful work in the arm without faults")
    bounds = intervals.exact_bounds(values, alpha)
    detail: Detail = (
        ("definition", "1 - area by which useful steps fall behind the twin without faults / its area"),
        ("replications", str(len(values))),
        ("worst", f"{min(values):.4f}"),
        ("bounds", bounds.method),
    )
    mean = math.fsum(values) / len(values)
    return _made("stability", dimension, mean, bounds, len(values), detail)


def shortfall(ours: Curve, twin: Curve) -> int:
    """The area by which a curve of cumulative work lies below that of its twin."""
    return sum(max(0, t - o) for o, t in zip(ours.values, twin.values, strict=True))


def _made(
    name: str, dimension: str, mean: float, bounds: Bounds, n: int, detail: Detail, label: str = ""
) -> Attribute:
    return Attribute(
        name, dimension, mean, bounds.low, bounds.high, n, "emergent", label=label, detail=detail
    )


def _durability(table: Table, dimension: str, alpha: float) -> Attribute:
    found = _ratios(table.rows(), "lost_work")
    if not found or sum(r.denominator for r in found) == 0:
        return _blank("durability", dimension, "no work was planned")
    kept = [1.0 - min(1.0, v) for r in found if (v := r.value) is not None]
    lost = sum(r.numerator for r in found) / sum(r.denominator for r in found)
    bounds = intervals.exact_bounds(kept, alpha)
    detail: Detail = (
        ("definition", "1 - lost steps / planned steps"),
        *_fraction(table, "lost_work"),
        ("bounds", bounds.method),
    )
    mean = 1.0 - min(1.0, lost)
    low, high = min(bounds.low or 0.0, mean), max(bounds.high or 0.0, mean)
    return _made("durability", dimension, mean, Bounds(low, high, bounds.method), len(kept), detail)


def _robustness(table: Table, dimension: str, alpha: float) -> Attribute:
    with_, without = (
        _share(table, "task_success", alpha / 2),
        _share(table, "task_success", alpha / 2, "control"),
    )
    if with_ is None or without is None or with_.mean is None or without.mean is None:
        return _blank("robustness", dimension, "both arms are needed")
    detail: Detail = (
        ("definition", "mean of pass^1 at fault intensity 0 and 1 (small form, k = 1)"),
        ("intensity 0", f"{without.mean:.4f}"),
        ("intensity 1", f"{with_.mean:.4f}"),
        ("worst cell", f"{min(with_.mean, without.mean):.4f}"),
        ("clipped ratio", f"{min(1.0, with_.mean / without.mean):.4f}" if without.mean else "-"),
    )
    low = ((with_.low or 0.0) + (without.low or 0.0)) / 2
    high = sum(1.0 if cell.high is None else cell.high for cell in (with_, without)) / 2
    bounds = Bounds(low, high, "mean of two bounds, each at alpha / 2")
    mean = (with_.mean + without.mean) / 2
    return _made("robustness", dimension, mean, bounds, with_.n, detail, "small form")


def nines(availability: float, target: float) -> float:
    """min(1, log(1 - A) / log(1 - target)): 0.99 against 0.999 is two nines of three."""
    if availability >= 1.0:
        return 1.0
    return min(1.0, max(0.0, math.log1p(-availability) / math.log1p(-target)))


def _availability(table: Table, dimension: str, alpha: float) -> Attribute:
    target = table.objectives.availability
    if target is None:
        return _blank("availability", dimension, "set 'objectives: {availability: 0.999}'")
    both = {
        name: value
        for name in ("availability", "request_availability")
        if (value := _share(table, name, alpha)) is not None and value.mean is not None
    }
    if not both:
        return _blank("availability", dimension, "nothing was to be available")
    name, worst = min(both.items(), key=lambda item: (item[1].mean or 0.0, item[0]))
    mean = nines(worst.mean or 0.0, target)
    low = min(nines(v.low or 0.0, target) for v in both.values())
    detail: Detail = (
        ("definition", f"log(1 - A) / log(1 - {target:g}), A the smaller of units and requests"),
        *((key, f"{value.mean:.6f}") for key, value in both.items()),
        ("smaller", name),
    )
    # each at alpha: the true minimum is one of the two, and below that one's bound it is not; for the
    # upper bound of a minimum both must hold
    sharp = (_share(table, key, alpha / len(both)) for key in both)
    high = min(1.0 if v is None or v.high is None else nines(v.high, target) for v in sharp)
    return _made("availability", dimension, mean, Bounds(low, high, worst.method), worst.n, detail)


def tolerated(incident: Incident, objectives: Objectives) -> bool:
    """Recovered and detected, within RTO and RPO, and no wrong output escaped."""
    rto, rpo = objectives.rto_s, objectives.rpo_s
    begin = incident.onset if incident.lifted is None or incident.scope != "service" else incident.lifted
    if incident.recovered is None or incident.escaped:
        return False
    if incident.scope == "state" and incident.detected is None:
        return False
    if rto is not None and max(0, incident.recovered - begin) / NS > rto:
        return False
    point = PICKS["recovery_point"][1](incident)
    return rpo is None or point is None or not (point[1] or point[0] > rpo)


def _fault_tolerance(table: Table, dimension: str, alpha: float) -> Attribute:
    weights = {fault.name: fault.weight for fault in table.declared}
    incidents = table.incidents()
    if not incidents:
        return _blank("fault_tolerance", dimension, "no strike landed")
    rto, rpo = table.objectives.rto_s, table.objectives.rpo_s
    # a strike that joined an open incident shares its fate: a second crash must not go uncounted
    rows = [
        (n, weights.get(i.fault, 1.0), tolerated(i, table.objectives))
        for n, i in incidents
        for _ in range(i.strikes)
    ]
    total = math.fsum(w for _, w, _ in rows)
    mean = math.fsum(w for _, w, ok in rows if ok) / total
    clusters: dict[int, tuple[float, float]] = {}
    for number, weight, ok in rows:
        m, bad = clusters.get(number, (0.0, 0.0))
        clusters[number] = (m + weight, bad + (0.0 if ok else weight))
    alike = total**2 / math.fsum(w * w for _, w, _ in rows)  # so many strikes of one weight
    _, bounds = intervals.violations(list(clusters.values()), alpha, alike)
    low = None if bounds.high is None else min(mean, 1 - bounds.high)
    high = None if bounds.low is None else max(mean, 1 - bounds.low)
    detail: list[tuple[str, str]] = [
        ("definition", "recovered in RTO and RPO, nothing wrong or doubled got out / strikes landed"),
        ("RTO", "none" if rto is None else f"{rto:g} s"),
        ("RPO", "none" if rpo is None else f"{rpo:g} s"),
    ]
    for fault in sorted({i.fault for _, i in incidents}):
        own = [i for _, i in incidents if i.fault == fault]
        good = sum(i.strikes for i in own if tolerated(i, table.objectives))
        detail.append((f"strikes of {fault}", f"{good} of {sum(i.strikes for i in own)} tolerated"))
    label = "" if rto is not None else "without an RTO: any recovery counts"
    judged = Bounds(low, high, bounds.method)
    return _made("fault_tolerance", dimension, mean, judged, len(rows), tuple(detail), label)


# -- aggregation --------------------------------------------------------------------------------


def geometric(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The weighted geometric mean; a zero stays zero."""
    if min(values) <= 0:
        return 0.0
    weights = weights or [1.0] * len(values)
    logs = math.fsum(w * math.log(v) for v, w in zip(values, weights, strict=True))
    return math.exp(logs / math.fsum(weights))


def arithmetic(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The weighted arithmetic mean."""
    weights = weights or [1.0] * len(values)
    mean = math.fsum(w * v for v, w in zip(values, weights, strict=True)) / math.fsum(weights)
    return min(max(mean, min(values)), max(values))


def aggregate(
    values: Sequence[float], weights: Sequence[float] | None = None, how: str = "geometric"
) -> float:
    """The mean that the scenario asks for; each of them grows with every value.

    Raises:
        ValueError: no such mean.
    """
    if how == "min":
        return min(values)
    if how == "arithmetic":
        return arithmetic(values, weights)
    power = 0.0 if how == "geometric" else power_of(how)
    if power is None:
        raise ValueError(f"no mean '{how}'")
    if power == 0:  # the geometric mean is the limit
        # rounding must not carry it past the means beside it
        return min(max(geometric(values, weights), min(values)), arithmetic(values, weights))
    if power < 0 and min(values) <= 0:
        return 0.0
    # by the largest term, so that large exponents neither overflow nor vanish
    top = max(values) if power > 0 else min(values)
    if top <= 0:
        return 0.0
    mean = top * math.pow(arithmetic([(v / top) ** power for v in values], weights), 1 / power)
    return min(max(mean, min(values)), max(values))


Groups = Mapping[str, Sequence[Attribute]]
"""Dimension -> its attributes."""


def _combine(table: Table, name: str, groups: Groups, alpha: float) -> Dimension:
    """A dimension from its attributes, or overall from the dimensions; bounds from all attributes."""
    attributes = [a for group in groups.values() for a in group]
    missing = [a.name for a in attributes if a.mean is None]
    reason = f"not measured: {', '.join(missing)}" if missing else ""
    measured = {d: [a for a in group if a.mean is not None] for d, group in groups.items()}
    measured = {dimension: group for dimension, group in measured.items() if group}
    k = sum(map(len, measured.values()))
    if k == 0:
        return Dimension(name, None, None, None, 0, 0, len(attributes), None, None, reason or "no attribute")
    sharp = {
        dimension: [attribute(table, a.name, a.dimension, alpha / k) for a in group]
        for dimension, group in measured.items()
    }
    means = {d: {a.name: a.mean or 0.0 for a in group} for d, group in measured.items()}
    lows = {d: {a.name: a.low or 0.0 for a in group} for d, group in sharp.items()}
    highs = {d: {a.name: 1.0 if a.high is None else a.high for a in group} for d, group in sharp.items()}
    parts = means[name] if name in means else _parts(means, table.objectives)
    weights = [table.objectives.weights.get(part, 1.0) for part in parts]
    return Dimension(
        name=name,
        mean=whole(means, name, table.objectives),
        low=whole(lows, name, table.objectives),
        high=whole(highs, name, table.objectives),
        n=min(a.n for group in measured.values() for a in group),
        measured=k,
        of=len(attributes),
        minimum=min(parts.values()),
        arithmetic=arithmetic(list(parts.values()), weights),
        reason=reason,
    )


Values = Mapping[str, Mapping[str, float]]
"""Dimension -> attribute -> value."""


def _parts(values: Values, objectives: Objectives) -> dict[str, float]:
    """The value of each dimension."""
    return {dimension: _mean(own, objectives) for dimension, own in values.items()}


def _mean(values: Mapping[str, float], objectives: Objectives) -> float:
    weights = [objectives.weights.get(name, 1.0) for name in values]
    return aggregate(list(values.values()), weights, objectives.aggregate)


def whole(values: Values, name: str, objectives: Objectives) -> float:
    """A dimension, or overall: dimensions count alike there, whatever the number of their attributes."""
    return _mean(values[name] if name in values else _parts(values, objectives), objectives)
