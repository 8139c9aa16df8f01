"""How long planned disruptions take, the waiting for their turn included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Setting
from agentchaos.metrics.durations import Durations
from agentchaos.trace import TURN_NEVER_CAME, Batch


class Disruptions(Metric):
    """Of each unit that was to go: from the moment that was planned until it is up again.

    So the longest of a disruption is the whole of it: what a budget, a small batch or patience cost. Units
    whose turn never came, or that are not back, count with the time until the end. Units that were down at
    their turn do not count.
    """

    name: ClassVar[str] = "disruptions"
    about: ClassVar[str] = "durations of planned disruptions"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._planned: dict[str, int] = {}  # strike -> its planned moment, until it strikes or misses
        self._struck = ("", 0)  # the last one that struck, with that moment
        self._leaving: dict[tuple[str, int], int] = {}  # unit -> the moment; it is to go, and still up
        self._away: dict[tuple[str, int], int] = {}  # the same of those that are gone
        self._never: list[int] = []
        self._times = Durations()
        self._end = 0

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            kind, time, strike = event[0], event[1], event[6]
            if kind == "fault_planned":
                self._planned[strike] = time if event[8] is None else event[8]
            elif kind == "fault_struck":
                self._struck = (strike, self._planned.pop(strike, time))
            elif kind == "fault_missed":
                planned = self._planned.pop(strike, time)
                if event[9]["reason"] == TURN_NEVER_CAME and self.setting.counts(planned):
                    self._never.append(planned)
            elif kind == "unit_draining":
                planned = self._struck[1] if self._struck[0] == strike else time
                if self.setting.counts(planned):
                    self._leaving[event[2], event[8]] = planned
            elif kind == "unit_down" and (unit := (event[2], event[8])) in self._leaving:
                self._away[unit] = self._leaving.pop(unit)
            elif kind == "unit_up" and (unit := (event[2], event[8])) in self._away:
                self._times.add(time - self._away.pop(unit))
            elif kind == "ended":
                self._end = time

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        never = [*self._never, *self._leaving.values(), *self._away.values()]
        times = self._times.histogram(self._end - planned for planned in never)
        if times.count:
            yield "disruption_time", times
