"""What was done about odd behaviour: actions of self-healing, those for nothing, and rollbacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Setting
from agentchaos.trace import Batch


class Healing(Metric):
    """Actions that began after the warm-up, drain included; absent where no mechanism could take any."""

    name: ClassVar[str] = "healing"
    about: ClassVar[str] = "actions of self-healing, those for nothing, rollbacks and what they threw away"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._counts = dict.fromkeys(("healing_actions", "needless_actions", "rollbacks", "rolled_back"), 0)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            kind = event[0]
            if kind == "healing_started" and event[1] >= self.setting.warmup:
                self._counts["healing_actions"] += 1
                self._counts["needless_actions"] += event[8] == 0
            elif kind == "rolled_back" and event[1] >= self.setting.warmup:
                self._counts["rollbacks"] += 1
                self._counts["rolled_back"] += event[8]

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if self.setting.has("self_healing"):
            yield "healing_actions", Count(self._counts["healing_actions"])
            yield "needless_actions", Count(self._counts["needless_actions"])
        if self.setting.has("rollback") or self.setting.has("self_healing"):
            yield "rollbacks", Count(self._counts["rollbacks"])
            yield "rolled_back", Count(self._counts["rolled_back"], unit="steps")
