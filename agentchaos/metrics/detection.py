"""What detection costs and gets wrong: beats that are sent, healthy members that are declared dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting
from agentchaos.metrics.spans import Spans
from agentchaos.trace import NS, Batch

HOUR = 3600 * NS
SEES = {"heartbeat": "liveness", "watchdog": "progress", "self_healing": "behaviour"}
"""Mechanism -> the kind of detector that it is."""


class Detection(Metric):
    """False alarms by the kind of detector that raised them, and the messages of heartbeats.

    A unit beats once a period while its process lives, one that hangs included; no row tells of a beat, so
    they are counted as its time alive divided by the period.
    """

    name: ClassVar[str] = "detection"
    about: ClassVar[str] = "false alarms by kind of detector, their rate, and messages of heartbeats"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._dead = Spans(setting.warmup, setting.horizon)
        self._beats = {group.name for group in setting.groups if group.heartbeat}
        self._units = {name: set[int]() for name in self._beats}
        self._alarms: Counter[str] = Counter()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            kind = event[0]
            if kind == "false_alarm":
                self._alarms[event[7]] += self.setting.counts(event[1])
            elif kind == "unit_down" and event[2] in self._beats and event[7] != "hang":
                self._units[event[2]].add(event[8])
                self._dead.open((event[2], event[8]), event[1])
            elif kind == "unit_up":
                self._dead.close((event[2], event[8]), event[1])

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        window = self.setting.horizon - self.setting.warmup
        alarms = sum(self._alarms.values())
        members = sum(group.count for group in self.setting.groups)
        yield "false_alarms", Count(alarms)
        hours = Ratio(alarms * HOUR, members * window, unit="per member-hour", better="lower")
        yield "false_alarm_rate", hours
        there = {SEES[name] for group in self.setting.groups for name in group.mechanisms if name in SEES}
        for by in sorted({*self._alarms} | there):
            yield f"false_alarms{{by={by}}}", Count(self._alarms[by])
        if self._beats:
            yield "messages{kind=heartbeat}", Count(self._messages(window), unit="messages")

    def _messages(self, window: int) -> int:
        sent = 0
        for group in self.setting.groups:
            if group.heartbeat:
                dead = sum(self._dead.of((group.name, unit)) for unit in self._units[group.name])
                sent += ((group.count + group.standbys) * window - dead) // group.heartbeat
        return sent
