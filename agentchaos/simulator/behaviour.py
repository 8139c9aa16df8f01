"""Self-healing at run time: what an alarm about the behaviour of a member does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import simpy

from agentchaos.mechanisms.self_healing import SelfHealing
from agentchaos.simulator.casebook import Casebook
from agentchaos.simulator.group import Task
from agentchaos.simulator.mending import Mending
from agentchaos.simulator.oddness import Oddness, Watched
from agentchaos.simulator.state import AMBIENT, State

Steps = Generator[simpy.Event, Any, None]


class Subject(Watched, Protocol):
    """What watching a member's behaviour must know of it."""

    index: int
    task: Task | None
    state: State
    cases: Casebook
    mending: Mending


class Behaviour:
    """Watches one member; `restart` takes it down for a recovery."""

    def __init__(self, subject: Subject, policy: SelfHealing, restart: Callable[[], None]) -> None:
        self.subject, self.policy, self._restart = subject, policy, restart
        self.group = subject.group
        self.sim, self.env = self.group.sim, self.group.env
        self.oddness = Oddness(subject, policy)
        self._quiet_until = 0
        self._decide = self.group.spec.decide.ns_sampler()
        self.alarm = False

    def note(self, began: int, *, right: bool) -> None:
        """A step is finished: is there cause for alarm?"""
        self.oddness.note(began, right=right)
        if self.oddness.alarming and self.env.now >= self._quiet_until:
            self.alarm = True

    def heal(self) -> Steps:
        """An alarm is answered; a false one like a right one."""
        policy, subject = self.policy, self.subject
        self.alarm = False
        self.oddness.forget()
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
