"""Which inputs moved the result most: paired differences of the arms that change one input each.

The result is one number a replication: the mean of the shares that a replication with faults tells by
itself (right, timely, complete, accurate, honest, answered in time, kept, available, tolerated).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agentchaos.metrics.base import Data, Incidents, Ratio
from agentchaos.scoring.attributes.fault_tolerance import tolerated
from agentchaos.scoring.differences import Difference, paired
from agentchaos.scoring.objectives import Objectives
from agentchaos.scoring.table import Table

SHARES = (
    "task_success", "accuracy", "completeness", "timeliness", "responsiveness", "honesty", "availability",
    "request_availability",
)  # fmt: skip
KEPT = frozenset({*SHARES, "lost_work", "incidents"})
"""What is kept of the data of an arm that changes an input: there are many of them."""
SHOWN = 5


class Moved(NamedTuple):
    """An input and what changing it did to the result. grade: `set`, or that of the default.

    up, down: `result with it larger (smaller) - result as it is`, where that could be played.
    """

    path: str
    grade: str
    up: Difference | None
    down: Difference | None
    up_change: str
    down_change: str

    @property
    def size(self) -> float:
        """By how much it moved the result, at most."""
        return max((abs(d.mean) for d in (self.up, self.down) if d is not None), default=0.0)


def result(row: Data, objectives: Objectives) -> float:
    """The mean of the shares that one replication tells."""
    values = [d.value for name in SHARES if isinstance(d := row.get(name), Ratio) and d.value is not None]
    if isinstance(lost := row.get("lost_work"), Ratio) and lost.value is not None:
        values.append(1.0 - min(1.0, lost.value))
    if isinstance(incidents := row.get("incidents"), Incidents) and incidents.rows:
        kept = [tolerated(incident, objectives) for _, incident in incidents.rows]
        values.append(sum(kept) / len(kept))
    return math.fsum(values) / len(values) if values else 0.0


def moved_by(table: Table) -> tuple[Moved, ...]:
    """Every input that was changed, the one that moved the result most first."""
    base = _results(table, "chaos")
    found: dict[str, dict[str, tuple[Difference | None, str]]] = {}
    grades: dict[str, str] = {}
    for arm in table.of_kind("input"):
        gap = paired("result", base, _results(table, arm.name))
        found.setdefault(arm.path, {})[arm.name.rpartition("_")[2]] = (gap, arm.change)
        grades[arm.path] = arm.grade
    moved = list(_moved(found, grades))
    return tuple(sorted(moved, key=lambda one: (-one.size, one.path)))


def _moved(
    found: Mapping[str, Mapping[str, tuple[Difference | None, str]]], grades: Mapping[str, str]
) -> Iterator[Moved]:
    for path, ways in found.items():
        (up, up_change), (down, down_change) = (ways.get(word, (None, "")) for word in ("up", "down"))
        yield Moved(path, grades[path], up, down, up_change, down_change)


def _results(table: Table, arm: str) -> dict[int, float]:
    return {number: result(row, table.objectives) for number, row in table.arms.get(arm, {}).items()}
