"""Adaptability (E1): what a change for good costs, against the twin without it (ISO 25059; recovery AUC).

After a change at tc, up to tc + W: 1 - sum (Q0 - Q)+ / sum Q0 over the grid, where Q and Q0 are the value of
the tasks done right since tc, with the change and without it, and Q0 is no less than the declared rate
times the time since tc. Two equal runs have 1. A share r of the old rate from tc on has r; nothing until
x W, then the old rate, has (1 - x)^2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from agentchaos.metrics.base import Curve, Data
from agentchaos.scoring import intervals
from agentchaos.scoring.attributes.base import Detail, blank, made
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table
from agentchaos.trace import NS

TWIN = "unchanged"
"""The arm of a plan with the same faults, and without the changes for good."""
NO_CHANGE = "it needs a change for good, such as 'shift' or 'provider_switch'"
THOUSAND = 1000
"""A task of value 1 counts so much in `quality`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """cells: points of the grid within the horizon; within: those of W; floor: value due a cell."""

    cells: int
    within: int
    floor: float


def adaptability(table: Table, alpha: float) -> Attribute:
    """The attribute: the mean over the changes of a replication, then over the replications."""
    name, dimension = "adaptability", "environmental"
    if not table.setting.changes:
        return blank(name, dimension, NO_CHANGE)
    chaos, twin = table.arms.get("chaos", {}), table.arms.get(TWIN, {})
    both = sorted(set(chaos) & set(twin))
    if not both:
        return blank(name, dimension, f"the arm '{TWIN}' was not played")
    found = [kept for number in both if (kept := after_changes(chaos[number], twin[number], table))]
    if not found:
        return blank(name, dimension, "nobody met a change that left anything to do right")
    values = [math.fsum(kept) / len(kept) for kept in found]
    bounds = intervals.exact_bounds(values, alpha)
    rate = table.objectives.throughput
    label = "" if rate is not None else "without a declared rate, the twin alone is the reference"
    detail: Detail = (
        ("definition", "1 - value of right tasks missing after a change / value due; 1: as if unchanged"),
        ("reference", f"the arm '{TWIN}'" + ("" if rate is None else f", at least {rate * 3600:g} / h")),
        ("window", _window(table)),
        *_by_order(found),
        ("worst", f"{min(values):.4f}"),
        ("replications", f"{len(values)} of {len(both)} met a change"),
        ("bounds", bounds.method),
    )
    return made(name, dimension, math.fsum(values) / len(values), bounds, len(values), detail, label)


def _window(table: Table) -> str:
    wanted = table.objectives.adaptation_s
    end = "the next change or the horizon"
    return f"to {end}" if wanted is None else f"{wanted:g} s, at most to {end}"


def _by_order(found: list[list[float]]) -> Detail:
    """How well each change was taken, in the order of time; where there are several."""
    most = max(map(len, found))
    by_order = [[kept[k] for kept in found if len(kept) > k] for k in range(most)]
    if most == 1:
        return ()
    return tuple((f"change {k + 1}", f"{math.fsum(o) / len(o):.4f}") for k, o in enumerate(by_order))


def after_changes(ours: Data, twin: Data, table: Table) -> list[float]:
    """What was kept after each change of a replication; those with nothing due after them are left out."""
    quality, reference, shifts = ours.get("quality"), twin.get("quality"), ours.get("shifts")
    if not (isinstance(quality, Curve) and isinstance(reference, Curve) and isinstance(shifts, Curve)):
        return []
    return list(_kept(quality, reference, shifts, _frame(table, quality)))


def _frame(table: Table, quality: Curve) -> Frame:
    window = table.setting.horizon - table.setting.warmup
    cells = min(len(quality.values), -(-window // quality.every))
    wanted, rate = table.objectives.adaptation_s, table.objectives.throughput
    within = cells if wanted is None else max(1, math.ceil(wanted * NS / quality.every))
    return Frame(cells, within, 0.0 if rate is None else THOUSAND * rate * quality.every / NS)


def _kept(ours: Curve, twin: Curve, shifts: Curve, frame: Frame) -> Iterator[float]:
    steps = [new - old for old, new in zip((0, *shifts.values), shifts.values, strict=False)]
    begins = [k for k, new in enumerate(steps[: frame.cells]) if new]
    for begin, following in zip(begins, (*begins[1:], frame.cells), strict=False):
        base, base_twin = (curve.values[begin - 1] if begin else 0 for curve in (ours, twin))
        due = missing = 0.0
        for k in range(begin, min(following, begin + frame.within)):
            wanted = max(twin.values[k] - base_twin, frame.floor * (k + 1 - begin))
            due += wanted
            missing += max(0.0, wanted - (ours.values[k] - base))
        if due > 0:
            for _ in range(steps[begin]):  # several at once share what they cost
                yield 1.0 - missing / due
