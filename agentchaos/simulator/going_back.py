"""Rollback at run time: which snapshot is gone back to, and the deeds since that are undone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import simpy

from agentchaos.disturbances import Part
from agentchaos.mechanisms.rollback import Rollback
from agentchaos.seeds import Stream
from agentchaos.simulator.checkpoints import Checkpoints
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.state import Snapshot, State
from agentchaos.simulator.station import Station

Steps = Generator[simpy.Event, Any, None]

WITHOUT = Rollback(names=0.8, compensation=0.0)
"""Where a group goes back without declaring how: nothing is undone."""

PLACES: dict[str, int] = {"names": 0, "compensate": 1 << 32, "takes": 2 << 32}
"""Where the draws of a rollback stand in its stream."""


SetBack = Callable[[Snapshot | None, int, Case | None], None]
"""Takes (the snapshot or nothing, ns that reading it took, the incident)."""


class Returner(Protocol):
    """What a rollback must know of the member that goes back."""

    index: int
    task: Task | None
    state: State
    checkpoints: Checkpoints
    progress: int

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""


class GoingBack:
    """The rollbacks of one member. `set_back` sets its state back to a snapshot."""

    def __init__(self, returner: Returner, set_back: SetBack) -> None:
        self.returner, self._set_back = returner, set_back
        self.group = returner.group
        self.sim, self.env = self.group.sim, self.group.env
        self.policy = self.group.spec.rollback or WITHOUT
        act = self.group.spec.step.act
        self._service: Station | None = self.sim.stations.get(act or "")
        self._takes = self.policy.takes.ns_sampler()

    def go(self, origin: frozenset[str], case: Case | None) -> Generator[simpy.Event, Any, frozenset[str]]:
        """Back to before the damage that bears the ids of `origin`: those of them that the detector named."""
        member, kept, env = self.returner, self.returner.checkpoints, self.env
        task, began = member.work, env.now
        chance = self.sim.chance.named("rollback", task.id, task.epoch)
        named = origin if chance.uniform(PLACES["names"]) < float(self.policy.names) else frozenset()
        snapshot = (yield from kept.read(chance.named("read"), named=named)) if kept.spec else None
        cost = env.now - began
        before, deeds = task.done, task.deeds
        if snapshot is None and member.state.parts["memory"].marks.taint & named:
            member.state.lose(("memory",))  # nothing clean is kept of it
        self._set_back(snapshot, cost, case)
        undone, stuck = yield from self._compensate(task, chance, task.done, deeds)
        member.progress += env.now - began
        self.sim.event(
            "rolled_back",
            agent=self.group.name,
            member=member.index,
            task=task.id,
            step=task.done,
            incident=case.id if case else "",
            subject="empty" if snapshot is None else "checkpoint",
            value=before - task.done,
            detail={"compensated": undone, "stuck": stuck, "pause": env.now - began - cost},
        )
        return named

    def _compensate(
        self, task: Task, chance: Stream, kept: int, deeds: dict[int, list[str | None]]
    ) -> Generator[simpy.Event, Any, tuple[int, int]]:
        """Undoes the deeds of the steps after `kept`: (how many were undone, how many could not be)."""
        undone = stuck = 0
        if float(self.policy.compensation) <= 0.0 or self._service is None:
            return 0, sum(len(keys) for step, keys in deeds.items() if step > kept)
        for step in sorted((step for step in deeds if step > kept), reverse=True):
            for place, _ in enumerate(list(deeds[step])):
                at = step << 8 | place
                pause = self._takes(chance.uniform(PLACES["takes"] + at))
                if pause:
                    yield self.env.timeout(pause)
                done = chance.uniform(PLACES["compensate"] + at) < float(self.policy.compensation)
                if done:
                    self._service.deeds.undo(task, step)
                self.sim.event(
                    "side_effect_compensated",
                    agent=self.group.name,
                    task=task.id,
                    step=step,
                    subject=self._service.name,
                    value=int(done),
                )
                undone, stuck = undone + done, stuck + (not done)
        return undone, stuck


def damaged(state: State, parts: tuple[Part, ...], origin: frozenset[str]) -> tuple[Part, ...]:
    """Those of the parts that a rollback has left damaged."""
    return tuple(p for p in parts if state.parts[p].marks.taint & origin and not state.parts[p].lost)
