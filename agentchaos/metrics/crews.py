"""How long failed units waited for somebody to start them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Setting
from agentchaos.metrics.durations import Durations
from agentchaos.trace import Batch


class Crews(Metric):
    """The wait of each repair that a crew took on, no wait included, where groups have crews."""

    name: ClassVar[str] = "crews"
    about: ClassVar[str] = "waits for a free crew"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._waits = Durations()
        self._any = False

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            if event[0] == "crew_assigned" and self.setting.counts(event[1] - event[8]):
                self._any = True
                self._waits.add(event[8])

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if self._any:
            yield "crew_wait", self._waits.histogram()
