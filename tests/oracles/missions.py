"""Readings of a trace that closed forms of reliability ask for, as metrics of their own.

The units of these scenarios fail without memory and are replaced at once. So at the start of each of many
missions, one after the other, every unit is as good as new; it has failed in a mission if it went down in it.
"""

from __future__ import annotations

import abc
import itertools
import math
from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.trace import NS, Batch

MISSION = 100 * NS
STEP = 3 * NS
SPAN = 50 * NS


class Missions(Metric):
    """Per group: (missions in which a member went down, missions) of `MISSION` each."""

    name: ClassVar[str] = "missions"
    about: ClassVar[str] = "missions that failed"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._failed: dict[str, set[tuple[int, int]]] = {group.name: set() for group in setting.groups}

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            if event[0] == "role_down" and event[1] < self.setting.horizon:
                self._failed[event[2]].add((event[3], event[1] // MISSION))

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        missions = self.setting.horizon // MISSION
        for group in self.setting.groups:
            failed = len(self._failed[group.name])
            yield group.name, Ratio(failed, missions * group.count, share=True)


class SystemMissions(Missions):
    """The share of missions that the system survives, over all pairings of its groups' missions.

    Every mission of one group is paired with every one of the others, as they do not know of each other: the
    mean over the pairings needs no more than each group's own share.
    """

    name: ClassVar[str] = "system missions"

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        failed = {name: datum.value for name, datum in super().data() if isinstance(datum, Ratio)}
        system = self.setting.system
        assert system is not None
        survived = 0.0
        for states in itertools.product((False, True), repeat=len(failed)):
            down = {name for name, is_down in zip(failed, states, strict=True) if is_down}
            if system.is_up(down):
                chances = (q if name in down else 1 - q for name, q in failed.items() if q is not None)
                survived += math.prod(chances)
        yield "survived missions", Ratio(round(survived * 10**15), 10**15, share=True)


class Downtimes(Metric):
    """What goes by the times that roles are down, each when it is over."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._members = sum(group.count for group in setting.groups)
        self._fell: dict[tuple[str, int], int] = {}

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            if event[0] == "role_down":
                self._fell[event[2], event[3]] = event[1]
            elif event[0] == "role_up":
                self._close((event[2], event[3]), event[1])

    @abc.abstractmethod
    def _close(self, who: tuple[str, int], until: int) -> None:
        """A role is up again."""


class PointAvailability(Downtimes):
    """Of the roles that are up at a moment the share that is up `STEP` later, over moments `STEP` apart.

    What is up is as new, so that each such moment is a start, and the share is the point availability A(t) at
    t = `STEP` of a unit that was up at 0.
    """

    name: ClassVar[str] = "point availability"
    about: ClassVar[str] = "availability some time after a moment at which it was up"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._fallen = self._lost = 0  # starts that end down; moments of the grid that are no starts
        self._seen_down: dict[tuple[str, int], int] = {}  # the last moment of the grid at which it was down

    def _close(self, who: tuple[str, int], until: int) -> None:
        last = self.setting.horizon // STEP
        first, end = -(-self._fell.pop(who) // STEP), min(last, -(-until // STEP) - 1)
        if first > end:
            return  # between two moments, and seen at none
        self._fallen += first > 0 and self._seen_down.get(who) != first - 1
        self._lost += min(end, last - 1) - first + 1
        self._seen_down[who] = end

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        for who in list(self._fell):
            self._close(who, self.setting.horizon + STEP)
        starts = self._members * (self.setting.horizon // STEP) - self._lost  # the last moment is none
        yield "point availability", Ratio(starts - self._fallen, starts, share=True)


class IntervalAvailability(Downtimes):
    """The share of time up in spans of `SPAN`, one after the other, of those that begin with the role up.

    What is up is as new, so that this is the interval availability over [0, `SPAN`] of a unit that was up at
    0.
    """

    name: ClassVar[str] = "interval availability"
    about: ClassVar[str] = "availability over a time that begins with the role up"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._began_down: dict[tuple[str, int], int] = {}  # the last span that did
        self._lost = self._down = 0  # spans that began with the role down; ns down in the others

    def _close(self, who: tuple[str, int], until: int) -> None:
        fell, until = self._fell.pop(who), min(until, self.setting.horizon)
        if fell >= until:
            return
        span = fell // SPAN
        if self._began_down.get(who) != span:
            self._down += min(until, (span + 1) * SPAN) - fell
        last = -(-until // SPAN) - 1  # the last that has begun by then
        if last > span:
            self._lost += last - span
            self._began_down[who] = last

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        for who in list(self._fell):
            self._close(who, self.setting.horizon)
        whole = (self._members * (self.setting.horizon // SPAN) - self._lost) * SPAN
        yield "interval availability", Ratio(whole - self._down, whole, share=True)
