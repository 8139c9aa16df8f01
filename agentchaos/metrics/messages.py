"""How much agents tell each other, and how much of it brought somebody else's error along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Setting
from agentchaos.trace import Batch


class Messages(Metric):
    """Messages sent within [warmup, horizon]; and those that were acted on then and tainted their reader."""

    name: ClassVar[str] = "messages"
    about: ClassVar[str] = "messages between agents, and those that spread a taint"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        groups = setting.groups
        self._kinds = [
            *(["talk"] if any(group.talks for group in groups) else []),
            *(["handoff"] if any(group.hands_off for group in groups) else []),
        ]
        self._sent: Counter[str] = Counter()
        self._tainted: Counter[str] = Counter()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self._kinds:
            return
        for event in batch.events:
            if event[0] == "message_sent" and self.setting.counts(event[1]):
                self._sent[event[9]["kind"]] += 1
            elif event[0] == "message_acted" and event[9]["taint"] and self.setting.counts(event[1]):
                self._tainted[event[9]["kind"]] += 1

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        for kind in self._kinds:
            yield f"messages{{kind={kind}}}", Count(self._sent[kind], unit="messages")
            yield f"messages_tainted{{kind={kind}}}", Count(self._tainted[kind], unit="messages")
