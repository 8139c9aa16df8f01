"""Units that stand by: which is ready, what hot ones think and know, and what takes them all at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, Protocol

import simpy

from agentchaos.disturbances import PARTS
from agentchaos.plan import Strike
from agentchaos.seeds import Stream
from agentchaos.simulator.checkpoints import Checkpoints
from agentchaos.simulator.deeds import Work
from agentchaos.simulator.group import Team
from agentchaos.simulator.standing import Standing
from agentchaos.simulator.state import Snapshot
from agentchaos.simulator.station import Station
from agentchaos.simulator.unit import Repair, Unit

Steps = Generator[simpy.Event, Any, None]


def standing_by(units: list[Unit]) -> Iterator[Unit]:
    """The units of a group that are well and hold no role, in the order of their numbers."""
    if not units[0].group.spec.standbys:
        return iter(())
    return (unit for unit in units if unit.up and unit.ready and unit.role is None)


def ready(units: list[Unit]) -> Unit | None:
    """The first that could take over: orders and beats of one that is cut from control are lost."""
    return next((u for u in standing_by(units) if not any(cut.control for cut in u.cuts)), None)


def take_with_it(units: list[Unit], strike: Strike, effect: str) -> None:
    """A strike on the unit of a role takes the standbys that run with it, if it is of a common cause."""
    redundancy = units[0].group.spec.redundancy
    share = float(redundancy.common_cause) if redundancy is not None else 0.0
    if effect != "crash" or not share or units[0].cold:
        return
    if units[0].sim.chance.named("common cause", strike.id).uniform() < share:
        for unit in list(standing_by(units)):
            unit.down(strike.id, effect)
            unit.trouble = Repair(unit, strike, effect)


class Replica:
    """What hot standbys have of a member's state: the last finished step that is `lag` old."""

    def __init__(self, checkpoints: Checkpoints, lag: int) -> None:
        self._checkpoints, self._lag = checkpoints, lag
        self._kept: deque[Snapshot] = deque()

    def note(self) -> None:
        """A step was finished."""
        kept = self._kept
        kept.append(self._checkpoints.snapshot(PARTS))
        arrived = kept[-1].taken - self._lag
        while len(kept) > 1 and kept[1].taken <= arrived:
            kept.popleft()

    def at(self, moment: int) -> Snapshot | None:
        """What they have of a member that fell at a moment: later steps were still on their way."""
        return next((s for s in reversed(self._kept) if s.taken <= moment - self._lag), None)

    def rewind(self, snapshot: Snapshot | None) -> None:
        """The state of the member was set back to a snapshot, or to nothing, which they know at once."""
        if snapshot is None:
            snapshot = self._checkpoints.snapshot(PARTS)
            snapshot.taken = max(0, snapshot.taken - self._lag)
        self._kept = deque(s for s in self._kept if s.taken < snapshot.taken)
        self._kept.append(snapshot)


class Thinker(Protocol):
    """What is known of a member that thinks."""

    index: int
    number: int
    stream: Stream

    @property
    def work(self) -> Work:
        """The task in hand."""


class Errand(NamedTuple):
    """The task of a thought."""

    id: str
    epoch: int
    deeds: dict[int, list[str | None]]


class Thought(NamedTuple):
    """What a shadow is to think: a step of a member."""

    member: int
    number: int
    stream: Stream
    work: Errand


class Shadow:
    """A hot standby that thinks along with a member, one thought after the other, and does nothing else."""

    key_window = 0
    spare = False

    def __init__(self, unit: Unit, station: Station) -> None:
        self.place, self.station = unit, station
        self.standing = Standing(unit, "shadow", unit.number)
        self.who = unit.group.name
        self.waited = self.tokens = 0
        self.index, self.number, self.stream = -1, 0, unit.group.stream  # of the thought
        self._errand = Errand("", 0, {})
        self._thoughts: deque[Thought] = deque()
        self._process: simpy.Process | None = None

    @property
    def work(self) -> Work:
        """The task of the thought."""
        return self._errand

    def think(self, thought: Thought) -> None:
        """It thinks this, when it has thought what came before."""
        self._thoughts.append(thought)
        if self._process is None:
            self._process = self.place.env.process(self._run())
            self.place.clocks.append(self._process)  # to be interrupted when the unit goes down
            self.place.sim.aside[self._process] = None

    def _run(self) -> Steps:
        process = self._process
        assert process is not None
        try:
            while self._thoughts:
                self.index, self.number, self.stream, self._errand = self._thoughts.popleft()
                yield from self.station.answer(self, 0, 1, None, False, None)
        except simpy.Interrupt:
            self._thoughts.clear()
        finally:
            self._process = None
            self.place.clocks.remove(process)
            self.place.sim.aside.pop(process, None)


class Bench:
    """The hot standbys of a group, dealt out to its members one after the other."""

    def __init__(self, team: Team, units: list[Unit], station: Station) -> None:
        self.team, self.units = team, units
        self._shadows = [Shadow(unit, station) for unit in units]
        self._turns = -1
        self._dealt: list[list[Shadow]] = []

    def think(self, member: Thinker) -> None:
        """The member thinks, and its shadows with it, each with draws of its own."""
        if self._turns != self.team.turns:
            self._turns = self.team.turns
            self._dealt = [[] for _ in range(self.team.spec.count)]
            for place, unit in enumerate(standing_by(self.units)):
                self._dealt[place % len(self._dealt)].append(self._shadows[unit.number])
        for shadow in self._dealt[member.index]:
            number = shadow.place.number
            work = Errand(member.work.id, member.work.epoch, {})
            stream = member.stream.named("standby", number)
            shadow.think(Thought(member.index, member.number, stream, work))
