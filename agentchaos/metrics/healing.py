"""What was done about odd behaviour: healing, rollbacks and quarantines, and how much of it for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Setting
from agentchaos.trace import Batch


class Healing(Metric):
    """Actions that began after the warm-up, drain included; absent where no mechanism could take any."""

    name: ClassVar[str] = "healing"
    about: ClassVar[str] = "actions about odd behaviour, those for nothing, what they threw away or blocked"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        names = ("healing_actions", "needless_actions", "rollbacks", "rolled_back")
        more = ("quarantines", "needless_quarantines", "messages_blocked")
        self._counts = dict.fromkeys((*names, *more), 0)

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
            elif kind == "breaker_opened" and event[7] == "agent" and event[1] >= self.setting.warmup:
                self._counts["quarantines"] += 1
                self._counts["needless_quarantines"] += event[8] == 0
            elif kind == "message_blocked" and event[1] >= self.setting.warmup:
                self._counts["messages_blocked"] += 1

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if self.setting.has("self_healing"):
            yield "healing_actions", Count(self._counts["healing_actions"])
            yield "needless_actions", Count(self._counts["needless_actions"])
        if self.setting.has("rollback") or self.setting.has("self_healing"):
            yield "rollbacks", Count(self._counts["rollbacks"])
            yield "rolled_back", Count(self._counts["rolled_back"], unit="steps")
        if self.setting.has("quarantine"):
            for name in ("quarantines", "needless_quarantines", "messages_blocked"):
                yield name, Count(self._counts[name])
