"""The value of what is done right over time, and when the environment changed for good."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import ClassVar

from agentchaos.metrics.base import Curve, Datum, Metric, Setting
from agentchaos.metrics.tasks import THOUSAND
from agentchaos.metrics.work import POINTS
from agentchaos.trace import Batch


class Adaptation(Metric):
    """Two curves on the grid of progress, where the scenario changes the environment for good.

    quality: value (thousandths) of the tasks planned within [warmup, horizon] that ended right by then.
    shifts: changes that somebody met; one before the warm-up counts at its end, one that begins with the
    horizon has no time left to count in.
    """

    name: ClassVar[str] = "adaptation"
    about: ClassVar[str] = "value of right tasks over time, and the moments of changes for good"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._every = max(1, -(-(setting.horizon - setting.warmup) // POINTS))
        self._weights: dict[str, int] = {}  # of the open tasks
        self._value = [0] * POINTS
        self._moments: dict[str, int] = {}
        self._met: set[str] = set()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self.setting.changes:
            return
        for event in batch.events:
            kind = event[0]
            if kind == "task_planned":
                if self.setting.counts(event[1]):
                    self._weights[event[4]] = max(1, round(event[9]["value"] * THOUSAND))
            elif kind == "task_ended":
                weight = self._weights.pop(event[4], 0)
                right = event[9]["outcome"] == "done" and event[8] == 1
                if right and event[1] <= self.setting.horizon:
                    self._value[max(0, event[1] - self.setting.warmup - 1) // self._every] += weight
            elif kind == "environment_shifted":
                self._moments[event[6]] = event[1]
            elif kind == "fault_struck":
                self._met.add(event[6])

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if not self.setting.changes:
            return
        shifts = [0] * POINTS
        for strike, moment in self._moments.items():
            if strike in self._met and moment < self.setting.horizon:
                shifts[max(0, moment - self.setting.warmup) // self._every] += 1
        yield "quality", Curve(self._every, tuple(accumulate(self._value)))
        yield "shifts", Curve(self._every, tuple(accumulate(shifts)))
