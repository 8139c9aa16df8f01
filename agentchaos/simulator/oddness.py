"""Which of the last steps of a member were odd, as a mechanism that watches its behaviour sees it."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from agentchaos.mechanisms.behaviour import Watching
from agentchaos.simulator import chance
from agentchaos.simulator.group import Task, Team


class Watched(Protocol):
    """What watching the steps of a member must know of it. failed: attempts at calls in the step in hand."""

    failed: int

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""


class Oddness:
    """The last steps of one member. Two mechanisms that watch it see the same of a decision."""

    def __init__(self, watched: Watched, policy: Watching) -> None:
        self.watched, self.policy = watched, policy
        self.env = watched.group.env
        self._odd: deque[bool] = deque(maxlen=policy.window)
        self._slow = policy.slow or self._usual()

    def _usual(self) -> int:
        """Four times the mean time of a step; ns."""
        step, stations = self.watched.group.spec.step, self.watched.group.sim.stations
        mean = sum(stations[name].spec.latency.mean() for name in step.services)
        return round(4e9 * (mean + (step.work.mean() if step.work is not None else 0.0)))

    def note(self, began: int, *, right: bool) -> bool:
        """A step is finished: whether it was odd."""
        policy, task, signals = self.policy, self.watched.work, self.policy.watch
        odd = False
        if "decisions" in signals:
            at = chance.index(0, task.epoch, task.done)
            seen = float(policy.noise if right else policy.shows)
            odd = task.stream.named("behaviour").uniform(at) < seen
        odd = odd or ("errors" in signals and self.watched.failed > 0)
        odd = odd or ("pace" in signals and self.env.now - began > self._slow)
        self._odd.append(odd)
        return odd

    @property
    def alarming(self) -> bool:
        """Whether so many of the last steps were odd that it alarms."""
        return sum(self._odd) >= self.policy.odd

    def forget(self) -> None:
        """What was seen counts no more."""
        self._odd.clear()
