"""The snapshots of a member: when one is due, how it is written, which can be read back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import simpy

from agentchaos.disturbances import PARTS, Part
from agentchaos.seeds import Stream
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.state import Snapshot, State
from agentchaos.trace import NS

Steps = Generator[simpy.Event, Any, None]

WITHOUT_STORE = 20_000_000
"""Write latency (ns) where neither a store nor a latency is named."""


class Owner(Protocol):
    """What the snapshots of a member must know of it."""

    index: int
    state: State
    task: Task | None

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def is_up(self) -> bool:
        """Whether the role works."""


class Checkpoints:
    """Durable checkpoints (`saved`, oldest snapshot first) and the last copy shipped to the standbys."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.group = owner.group
        self.sim, self.env = self.group.sim, self.group.env
        self.spec = self.group.spec.checkpointing
        self.saved: list[Snapshot] = []
        self.copy: Snapshot | None = None
        self.unsaved = 0  # steps finished since the last snapshot
        self._saved_at = 0
        self._era = 0  # writes of an era that is over never become durable
        self._saving: int | None = None

    @property
    def store(self) -> str:
        """Where they are kept."""
        return (self.spec.store if self.spec else None) or "local"

    def due(self) -> bool:
        """Whether a snapshot is to be taken after the step that was just finished."""
        spec = self.spec
        if spec is None or self.unsaved == 0:
            return False
        if spec.steps is not None:
            return self.unsaved >= spec.steps
        assert spec.period is not None
        return spec.mode == "sync" and self.env.now - self._saved_at >= spec.period

    def snapshot(self, covers: tuple[Part, ...]) -> Snapshot:
        """The state after the last finished step."""
        task = self.owner.task
        return self.owner.state.snapshot(
            self.env.now, task.id if task else "", task.done if task else 0, covers
        )

    # -- writing --------------------------------------------------------------------------------

    def save(self) -> Steps:
        """A snapshot after a step: the agent pauses until it is durable, or goes on meanwhile."""
        spec, task = self.spec, self.owner.task
        assert spec is not None
        assert task is not None
        latency = self._latency(self.sim.chance.named("checkpoint", task.id, task.epoch), task.done)
        snapshot = self.snapshot(spec.covers)
        if spec.mode == "async":
            self._write_beside(snapshot, latency)
            return
        self._saving = self.env.now
        if latency:
            yield self.env.timeout(latency)
        self._saving = None
        self.unsaved, self._saved_at = 0, self.env.now
        self._keep(snapshot, pause=latency)

    def tick(self, period: int) -> Steps:
        """Asynchronous checkpoints on the tick of a clock."""
        # by the number of the tick, not of the snapshot: an outage must not shift later draws
        chance, k = self.sim.chance.named("checkpoint tick", self.group.name, self.owner.index), 0
        while True:
            yield self.env.timeout(period)
            k += 1
            if self.owner.is_up and self.unsaved:
                assert self.spec is not None
                self._write_beside(self.snapshot(self.spec.covers), self._latency(chance, k))

    def ship(self, every: int) -> Steps:
        """Ships a copy of the state to the standbys, again and again."""
        while True:
            yield self.env.timeout(every)
            if self.owner.is_up:
                self.copy = self.snapshot(PARTS)

    def _write_beside(self, snapshot: Snapshot, latency: int) -> None:
        self.unsaved = 0
        self.env.process(self._write(snapshot, latency, self._era))

    def _write(self, snapshot: Snapshot, latency: int, era: int) -> Steps:
        yield self.env.timeout(latency)
        if self._era == era:
            self._keep(snapshot, pause=0)

    def _latency(self, chance: Stream, at: int) -> int:
        assert self.spec is not None
        if self.spec.write is not None:
            return self.spec.write.ns_sampler()(chance.uniform(at))
        if self.spec.store is not None:
            return self.sim.stations[self.spec.store].spec.latency.ns_sampler()(chance.uniform(at))
        return WITHOUT_STORE

    def _keep(self, snapshot: Snapshot, *, pause: int) -> None:
        """The snapshot is durable."""
        spec = self.spec
        assert spec is not None
        snapshot.durable = self.env.now
        self.saved.append(snapshot)
        self.saved.sort(key=lambda s: s.taken)  # writes beside the work may overtake each other
        del self.saved[: -spec.generations]
        self.sim.event(
            "checkpoint_saved",
            agent=self.group.name,
            member=self.owner.index,
            task=snapshot.task,
            step=snapshot.step,
            subject=self.store,
            value=snapshot.taken,
            detail={
                "parts": list(snapshot.parts),
                "bytes": self._bytes(snapshot),
                "pause": pause,
            },
        )

    def farewell(self, chance: Stream) -> Steps:
        """The last one of a process that is stopped in order, if there is anything to save."""
        spec = self.spec
        if spec is None or self.unsaved == 0:
            return
        snapshot = self.snapshot(spec.covers)
        yield self.env.timeout(self._latency(chance, 0))
        self._keep(snapshot, pause=0)  # nobody waits for it: it works no more

    def cut(self) -> None:
        """The agent is stopped in the middle: a checkpoint that it waits for is not finished."""
        if self._saving is not None:
            self.sim.event(
                "checkpoint_lost",
                agent=self.group.name,
                member=self.owner.index,
                subject=self.store,
                value=self.env.now - self._saving,
            )
            self._saving = None

    def die(self) -> None:
        """The process is gone, and with it the writes that go on beside its work."""
        self._era += 1

    # -- reading --------------------------------------------------------------------------------

    def has(self, need: frozenset[Part], named: frozenset[str]) -> bool:
        """Whether one is kept that has all of these parts, older than the taint that was named."""
        return any(_serves(snapshot, need, named) for snapshot in self.saved)

    def pick(
        self,
        chance: Stream,
        need: frozenset[Part] = frozenset(),
        named: frozenset[str] = frozenset(),
    ) -> tuple[Snapshot | None, int]:
        """(the newest usable checkpoint that has the parts needed, ns to read it).

        named: strikes that were found behind the damage; a snapshot that has their taint is passed over.
        Corrupt ones that are verified are found out, cost a read each, and are thrown away.
        """
        spec = self.spec
        assert spec is not None
        cost = 0
        for place, snapshot in enumerate(reversed(list(self.saved))):
            if not _serves(snapshot, need, named):
                continue  # taken when the part was gone or damaged already; its date says so
            cost += self._read(snapshot, chance, place)
            if not (snapshot.corrupt and spec.verify):
                return snapshot, cost
            self.saved.remove(snapshot)
        return None, cost

    def _bytes(self, snapshot: Snapshot) -> int:
        return self.group.spec.state.bytes(tuple(snapshot.parts))

    def _read(self, snapshot: Snapshot, chance: Stream, at: int) -> int:
        """Ns to read one checkpoint."""
        assert self.spec is not None
        cost = 0
        if self.spec.store is not None:
            cost = self.sim.stations[self.spec.store].spec.latency.ns_sampler()(chance.uniform(at))
        bandwidth = getattr(self.group.spec.recovery, "bandwidth", None)
        if bandwidth:
            cost += round(self._bytes(snapshot) / bandwidth * NS)
        return cost

    def rewind(self, snapshot: Snapshot | None) -> None:
        """The state was set back to a snapshot, or to nothing: what came after it never was."""
        task = self.owner.task
        if snapshot is not None:
            self.saved = [s for s in self.saved if s.taken <= snapshot.taken]
            if self.copy is not None and self.copy.taken > snapshot.taken:
                self.copy = snapshot
        elif task is not None:
            self.saved = [s for s in self.saved if s.task != task.id]
            if self.copy is not None and self.copy.task == task.id:
                self.copy = None
        self._era += 1
        self.unsaved, self._saved_at = 0, self.env.now


def _serves(snapshot: Snapshot, need: frozenset[Part], named: frozenset[str]) -> bool:
    return (
        need <= set(snapshot.parts)
        and not named & snapshot.corrupt
        and not any(named & image.marks.taint for image in snapshot.parts.values())
    )
