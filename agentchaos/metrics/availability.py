"""How much of the time roles and units were up, and how long a unit's repair takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.metrics.durations import Durations
from agentchaos.metrics.spans import Spans
from agentchaos.metrics.standing import SYSTEM, Standing
from agentchaos.trace import NS, Batch


class Availability(Metric):
    """The share of [warmup, horizon] in which the system is up: every group, or what its diagram says.

    A group is up while it has as many roles up as it requires.
    """

    name: ClassVar[str] = "availability"
    about: ClassVar[str] = "share of time with the required roles up, of the system and of each group"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._standing = Standing(setting)
        self._out = Spans(setting.warmup, setting.horizon)
        for key in self._standing.down:
            self._out.open(key, 0)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            if event[0] == "role_down" or event[0] == "role_up":
                for key in self._standing.follow(event):
                    turn = self._out.open if key in self._standing.down else self._out.close
                    turn(key, event[1])

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        window = self.setting.horizon - self.setting.warmup
        yield "availability", Ratio(window - self._out.of(SYSTEM), window, share=True)
        for group in self.setting.groups:
            up = window - self._out.of(group.name)
            yield f"availability{{agent={group.name}}}", Ratio(up, window, share=True)


class Units(Metric):
    """Up and down time of units, standbys included, in [warmup, horizon].

    Over the same failures n: MTTF = up / n, MTTR = down / n, MTBF = MTTF + MTTR, so that
    MTTF / MTBF is the availability of units. For that, MTTR is clipped: what of a repair lies beyond the
    horizon is left out of it. `unit_down_time` is not: each spell that begins in [warmup, horizon] lasts
    until the unit is up again, or is censored at the end of the replication.
    """

    name: ClassVar[str] = "units"
    about: ClassVar[str] = "unit availability, down times, mean time to failure, to repair, between failures"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._units = sum(group.count + group.standbys for group in setting.groups)
        self._down = Spans(setting.warmup, setting.horizon)
        self._failures = 0
        self._end = setting.end
        self._since: dict[tuple[str, float | None], int] = {}  # units that are down -> since when
        self._spells = Durations()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            kind = event[0]
            if kind == "unit_down":
                self._down.open((event[2], event[8]), event[1])
                self._failures += self.setting.counts(event[1])
                self._since.setdefault((event[2], event[8]), event[1])
            elif kind == "unit_up":
                self._down.close((event[2], event[8]), event[1])
                since = self._since.pop((event[2], event[8]), -1)
                if self.setting.counts(since):
                    self._spells.add(event[1] - since)
            elif kind == "ended":
                self._end = event[1]

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        whole = self._units * (self.setting.horizon - self.setting.warmup)
        down, failures = self._down.total(), self._failures
        yield "unit_availability", Ratio(whole - down, whole, share=True)
        running = [self._end - since for since in self._since.values() if self.setting.counts(since)]
        yield "unit_down_time", self._spells.histogram(censored=running)
        yield "mttr", Ratio(down, failures, unit="s", scale=NS, better="lower")
        yield "mttf", Ratio(whole - down, failures, unit="s", scale=NS)
        yield "mtbf", Ratio(whole, failures, unit="s", scale=NS)
