"""A bulkhead at run time: so many calls of a group at a service at once, and its own line before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any

import simpy

from agentchaos.mechanisms.bulkhead import Bulkhead as Spec
from agentchaos.simulator.clock import Clock


class Bulkhead:
    """The places of one group at one service."""

    def __init__(self, env: Clock, spec: Spec) -> None:
        self.env, self.spec = env, spec
        self._taken = 0
        self._line: deque[simpy.Event] = deque()

    def enter(self, patience: int | None) -> Generator[simpy.Event, Any, str]:
        """Takes a place, perhaps after a wait: "" once it is taken, else how it failed.

        patience: ns that the caller waits at most. One that is interrupted has left the line.
        """
        if self._taken < self.spec.calls:
            self._taken += 1
            return ""
        if len(self._line) >= self.spec.queue:
            return "rejected"
        ticket = self.env.event()
        self._line.append(ticket)
        try:
            yield ticket if patience is None else ticket | self.env.timeout(patience)
        except simpy.Interrupt:
            self._give_up(ticket)
            raise
        if ticket.triggered:
            return ""
        self._give_up(ticket)
        return "timeout"

    def leave(self) -> None:
        """Gives a place back: to the first in line, if there is one."""
        if self._line:
            self._line.popleft().succeed()  # the place is handed over, so `_taken` stays as it is
        else:
            self._taken -= 1

    def _give_up(self, ticket: simpy.Event) -> None:
        """Leaves the line, or the place if it was handed over at this very moment."""
        if ticket.triggered:
            self.leave()
        else:
            self._line.remove(ticket)
