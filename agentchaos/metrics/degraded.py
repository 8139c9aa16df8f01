"""How many steps were done with the answer of a service that only stood in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.trace import Batch

_FINISHED = frozenset({"right", "wrong", "caught"})


class Degraded(Metric):
    """Of the steps finished that began within [warmup, horizon], those that fell back on another service."""

    name: ClassVar[str] = "degraded"
    about: ClassVar[str] = "steps done with the answer of a service that stood in"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._there = {group.name for group in setting.groups if "fallback" in group.mechanisms}
        # by agent and member, since its last step ended: (task, step); a voter may fall back too late
        self._fell: dict[tuple[str, int], set[tuple[str, int]]] = {}
        self._degraded = self._steps = 0

    def take(self, batch: Batch) -> None:
        """Takes the next rows, in their order across layouts: the event comes before its step ends."""
        if not self._there:
            return
        fell, counts = self._fell, self.setting.counts
        for row in batch.rows:
            if row[0] == "step":
                if row[3] in self._there:
                    degraded = (row[6], row[7]) in fell.pop((row[3], row[4]), ())
                    if row[9] == "work" and row[11] in _FINISHED and counts(row[2]):
                        self._steps += 1
                        self._degraded += degraded
            elif row[0] == "fell_back":
                fell.setdefault((row[2], row[3]), set()).add((row[4], row[5]))

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if self._there:
            yield "degraded", Ratio(self._degraded, self._steps, share=True, better="lower")
