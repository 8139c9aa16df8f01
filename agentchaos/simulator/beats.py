"""The heartbeat of a unit where beats are lost on their way: what is missed, and when that is an alarm.

Whether the n-th beat of a unit is lost is a draw of its own, whatever happens to the unit. No beat is an
event: the next false alarm is found by going through the draws.
"""

from __future__ import annotations

from agentchaos.mechanisms.heartbeat import Heartbeat
from agentchaos.seeds import Stream


class Beats:
    """Beats at phase, phase + every, ...; `alive` begins a life: what was missed before it is forgotten."""

    def __init__(self, spec: Heartbeat, phase: int, stream: Stream) -> None:
        self.spec, self.phase, self.stream = spec, phase, stream
        self._loss = float(spec.loss)
        self._first = self._next = self._run = 0

    def alive(self, now: int) -> None:
        """A process begins to beat now."""
        self._first = self._next = self._due(now)
        self._run = 0

    def _due(self, now: int) -> int:
        """The number of the first beat from now on."""
        return max(0, -((self.phase - now) // self.spec.every))

    def _time(self, beat: int) -> int:
        return self.phase + beat * self.spec.every

    def lost_before(self, onset: int) -> int:
        """How many beats just before a moment were lost, of this life."""
        beat = self._due(onset) - 1
        lost = 0
        while beat >= self._first and self.stream.uniform(beat) < self._loss:
            lost, beat = lost + 1, beat - 1
        return lost

    def next_alarm(self, until: int) -> int | None:
        """When the next false alarm is raised, if the process lives; None: not before `until`. Goes on."""
        draw, loss, misses = self.stream.uniform, self._loss, self.spec.misses
        beat, run = self._next, self._run
        last = self._due(until)
        found = None
        while found is None and beat <= last:
            run = run + 1 if draw(beat) < loss else 0
            if run == misses:
                found, run = self._time(beat) + self.spec.timeout, 0
            beat += 1
        self._next, self._run = beat, run
        return found
