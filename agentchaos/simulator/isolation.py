"""Quarantine at run time: the breaker around one member."""

from __future__ import annotations

from typing import Protocol

import simpy

from agentchaos.mechanisms.quarantine import Quarantine
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.oddness import Oddness, Watched
from agentchaos.simulator.state import State


class Isolated(Watched, Protocol):
    """What the breaker must know of the member that it stands around."""

    index: int
    task: Task | None
    state: State


class Isolation:
    """The breaker around one member. state: `closed`, `opened` or `half_opened`."""

    def __init__(self, member: Isolated, policy: Quarantine) -> None:
        self.member, self.policy = member, policy
        self.group: Team = member.group
        self.sim, self.env = self.group.sim, self.group.env
        self.oddness = Oddness(member, policy)
        self.state = "closed"
        self.tried: simpy.Event = self.env.event()  # succeeds when it is half-open
        self._good = 0

    @property
    def cut_off(self) -> bool:
        """Whether nothing leaves the member."""
        return self.state != "closed"

    def note(self, began: int, *, right: bool) -> None:
        """A step is finished."""
        odd = self.oddness.note(began, right=right)
        if (self.state == "closed" and self.oddness.alarming) or (self.state == "half_opened" and odd):
            self._open()
        elif self.state == "half_opened":
            self._good += 1
            if self._good >= self.policy.probes:
                self._turn("closed")

    def _open(self) -> None:
        self.oddness.forget()
        self.tried = self.env.event()
        self._turn("opened", value=int(bool(self.member.state.ids)))
        over = self.env.timeout(self.policy.open)
        assert over.callbacks is not None
        over.callbacks.append(lambda _: self._try())

    def _try(self) -> None:
        self._good = 0
        self._turn("half_opened")
        self.tried.succeed()

    def _turn(self, state: str, value: int | None = None) -> None:
        self.state = state
        self.sim.event(
            f"breaker_{state}", agent=self.group.name, member=self.member.index, subject="agent", value=value
        )
