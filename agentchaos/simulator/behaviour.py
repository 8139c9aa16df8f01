"""Self-healing at run time: the last steps of a member, which of them were odd, and what an alarm does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Protocol

import simpy

from agentchaos.mechanisms.self_healing import SelfHealing
from agentchaos.simulator import chance
from agentchaos.simulator.casebook import Casebook
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.mending import Mending
from agentchaos.simulator.state import AMBIENT, State

Steps = Generator[simpy.Event, Any, None]


class Subject(Protocol):
    """What watching a member's behaviour must know of it."""

    index: int
    failed: int
    task: Task | None
    state: State
    cases: Casebook
    mending: Mending

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""


class Behaviour:
    """Watches one member; `restart` takes it down for a recovery."""

    def __init__(self, subject: Subject, policy: SelfHealing, restart: Callable[[], None]) -> None:
        self.subject, self.policy, self._restart = subject, policy, restart
        self.group = subject.group
        self.sim, self.env = self.group.sim, self.group.env
        self._odd: deque[bool] = deque(maxlen=policy.window)
        self._quiet_until = 0
        self._decide = self.group.spec.decide.ns_sampler()
        self._slow = policy.slow or self._usual()
        self.alarm = False

    def _usual(self) -> int:
        """Four times the mean time of a step; ns."""
        step, stations = self.group.spec.step, self.sim.stations
        mean = sum(stations[name].spec.latency.mean() for name in step.services)
        return round(4e9 * (mean + (step.work.mean() if step.work is not None else 0.0)))

    def note(self, began: int, *, right: bool) -> None:
        """A step is finished: was it odd?"""
        policy, task = self.policy, self.subject.work
        odd = False
        if "decisions" in policy.watch:
            at = chance.index(0, task.epoch, task.done)
            seen = float(policy.noise if right else policy.shows)
            odd = task.stream.named("behaviour").uniform(at) < seen
        odd = odd or ("errors" in policy.watch and self.subject.failed > 0)
        odd = odd or ("pace" in policy.watch and self.env.now - began > self._slow)
        self._odd.append(odd)
        if sum(self._odd) >= policy.odd and self.env.now >= self._quiet_until:
            self.alarm = True

    def heal(self) -> Steps:
        """An alarm is answered; a false one like a right one."""
        policy, subject = self.policy, self.subject
        self.alarm = False
        self._odd.clear()
        self._quiet_until = self.env.now + policy.cooldown
        ids = {part_id for part in subject.state.parts.values() for part_id in part.marks.taint}
        origin = frozenset(ids - {AMBIENT})
        found = [c for c, _ in subject.cases.concerned() if c.id in origin and not c.detected]
        who: dict[str, Any] = {"agent": self.group.name, "member": subject.index}
        for case in found:
            case.detected = True
            self.sim.event("failure_detected", incident=case.id, subject="behaviour", **who)
        if not origin:
            self.sim.event("false_alarm", subject="behaviour", **who)
        self.sim.event("healing_started", subject=policy.act, value=int(bool(origin)), **who)
        for case in found:
            self.sim.event("recovery_started", incident=case.id, subject=policy.act, **who)
        if policy.act == "restart":
            self._restart()
            yield self.env.event()  # until it is taken down, which interrupts it
        task = subject.work
        draw = self.sim.chance.named("healing", task.id, task.epoch).uniform(task.done)
        yield self.env.timeout(self._decide(draw))
        if policy.act == "rollback":
            yield from subject.mending.roll_back(origin, found[0] if found else None)
        else:
            subject.mending.plan_anew()
