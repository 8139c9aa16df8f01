"""Whether what agents say of their decisions is what they rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.trace import Batch, Row

MILLION = 1_000_000


class _Task:
    """A planned task that has not ended: millionths of F1 and the cause of each step that was explained."""

    __slots__ = ("fidelity", "planned")

    def __init__(self, planned: int) -> None:
        self.planned = planned
        self.fidelity: dict[int, tuple[int, bool]] = {}


class Explanations(Metric):
    """Of the steps of tasks planned within [warmup, horizon], in groups that explain their decisions.

    explainability: mean over planned steps of F1(cited, true causes); a step that is not done, or not
    explained, has 0, and one that is done again has that of its last explanation. explained: the share of
    planned steps with an explanation, true or not.
    """

    name: ClassVar[str] = "explanations"
    about: ClassVar[str] = "decisions explained, and whether the causes cited are the true ones"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._there = {group.name for group in setting.groups if group.explains}
        self._tasks: dict[str, _Task] = {}
        self._sums: Counter[str] = Counter()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self._there:
            return
        for event in batch.events:
            kind = event[0]
            if kind == "explanation":
                self._explain(event)
            elif kind == "task_planned":
                if event[2] in self._there and self.setting.counts(event[1]):
                    self._tasks[event[4]] = _Task(event[9]["steps"])
                    self._sums["planned"] += event[9]["steps"]
            elif kind == "task_ended" and (task := self._tasks.pop(event[4], None)) is not None:
                _add(self._sums, task)

    def _explain(self, event: Row) -> None:
        task = self._tasks.get(event[4])
        if task is not None and 1 <= event[5] <= task.planned:
            causes, cited = set(event[9]["causes"]), set(event[9]["cited"])
            task.fidelity[event[5]] = (f1(causes, cited), any(one.startswith("strike ") for one in causes))

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if not self._there:
            return
        sums = self._sums.copy()
        for task in self._tasks.values():
            _add(sums, task)
        planned = sums["planned"]
        yield "explainability", Ratio(sums["fidelity"], planned * MILLION, share=True)
        yield "explained", Ratio(sums["explained"], planned, share=True)
        yield "misled_explanations", Ratio(sums["misled"], sums["explained"], share=True, better="lower")


def f1(causes: set[Any], cited: set[Any]) -> int:
    """2 |cited and true| / (|cited| + |true|), in millionths, rounded down; 1 where there are neither."""
    both = len(causes) + len(cited)
    return 2 * MILLION * len(causes & cited) // both if both else MILLION


def _add(sums: Counter[str], task: _Task) -> None:
    for fidelity, misled in task.fidelity.values():
        sums["fidelity"] += fidelity
        sums["explained"] += 1
        sums["misled"] += misled
