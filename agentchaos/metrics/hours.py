"""How long units run, which is what has to be paid for; and how long two of them held one role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.metrics.spans import Spans
from agentchaos.trace import NS, Batch, Row

_STARTS = frozenset({"restart", "restore", "replay"})
"""Strategies by which a process is started for the role."""


class Hours(Metric):
    """Running time of units in [warmup, horizon], and that of ghosts.

    A unit runs while it is up; a hot or warm standby as well. A cold one runs once it is used, and no
    more when its role has moved on: there the roles are counted. From the moment at which a recovery starts
    a process for a role, that runs too; what is rebuilt as a standby counts once it is up.
    """

    name: ClassVar[str] = "hours"
    about: ClassVar[str] = "time of running units, of all groups and of each; time of split brains"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._groups = {group.name: group for group in setting.groups}
        frame = (setting.warmup, setting.horizon)
        self._down = {name: Spans(*frame) for name in self._groups}  # of units; of roles where they are cold
        self._starting = {name: Spans(*frame) for name in self._groups}
        self._ghosts = {name: Spans(*frame) for name in self._groups}
        self._of: dict[str, tuple[str, int]] = {}  # incident -> whose recovery it is
        self._links = False

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            take = _EVENTS.get(event[0])
            if take is not None and (event[2] in self._groups or not event[2]):
                take(self, event)

    def _is_cold(self, event: Row) -> bool:
        return self._groups[event[2]].cold

    def _unit(self, event: Row) -> None:
        if not self._is_cold(event):
            self._turn(event, event[8])

    def _role(self, event: Row) -> None:
        self._starting[event[2]].close(event[3], event[1])
        if self._is_cold(event):
            self._turn(event, event[3])

    def _turn(self, event: Row, whose: int) -> None:
        down = self._down[event[2]]
        (down.open if event[0].endswith("down") else down.close)(whose, event[1])

    def _start(self, event: Row) -> None:
        # a warm or hot standby that takes over is up already
        if event[7] in _STARTS or (event[7] == "promote" and self._is_cold(event)):
            self._starting[event[2]].open(event[3], event[1])
            self._of[event[6]] = (event[2], event[3])

    def _join(self, event: Row) -> None:
        """What was being started was struck."""
        if (whose := self._of.pop(event[6], None)) is not None:
            self._starting[whose[0]].close(whose[1], event[1])

    def _split(self, event: Row) -> None:
        self._ghosts[event[2]].open(event[6], event[1])

    def _end_split(self, event: Row) -> None:
        self._ghosts[event[2]].close(event[6], event[1])

    def _plan(self, event: Row) -> None:
        self._links = self._links or (event[9] or {}).get("scope") == "link"

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        window = self.setting.horizon - self.setting.warmup
        hours: dict[str, int] = {}
        for name, group in self._groups.items():
            units = group.count if group.cold else group.count + group.standbys
            running = units * window - self._down[name].total()
            hours[name] = running + self._starting[name].total() + self._ghosts[name].total()
        yield "agent_hours", _seconds(sum(hours.values()))
        for name, ns in hours.items():
            yield f"agent_hours{{agent={name}}}", _seconds(ns)
        if self._links:
            yield "split_brain_time", _seconds(sum(spans.total() for spans in self._ghosts.values()))


def _seconds(ns: int) -> Ratio:
    return Ratio(ns, 1, unit="s", scale=NS, better="lower")


_EVENTS = {
    "unit_down": Hours._unit,
    "unit_up": Hours._unit,
    "role_down": Hours._role,
    "role_up": Hours._role,
    "recovery_started": Hours._start,
    "incident_joined": Hours._join,
    "split_brain_began": Hours._split,
    "split_brain_ended": Hours._end_split,
    "fault_planned": Hours._plan,
}
