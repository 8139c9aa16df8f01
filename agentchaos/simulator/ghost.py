"""A ghost: a process that was declared dead, cannot be reached, and works on beside its substitute."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import simpy

from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.calling import Calling
from agentchaos.simulator.group import Team
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.links import Cut
from agentchaos.simulator.member import Member
from agentchaos.simulator.standing import Standing
from agentchaos.simulator.station import Station

Steps = Generator[simpy.Event, Any, None]


class Errand(NamedTuple):
    """The task in hand as the ghost has it: what becomes of it elsewhere it never hears."""

    id: str
    epoch: int
    done: int
    length: int
    stream: Stream
    deeds: dict[int, list[str | None]]
    """Its own: nobody who goes back on what the task has done knows of them."""


class Session(NamedTuple):
    """The session of its tools."""

    session: int


class Inherited(NamedTuple):
    """A call that was being served when the role was taken away: its answer comes after `left` ns."""

    call: int
    left: int
    failed: bool
    deed: bool


class Ghost:
    """It goes on with the task in hand from where it stands, deeds included, until it can be stopped.

    What it would have drawn it draws: it does what the member would have done without the partition. It
    writes no checkpoint and ships no copy, as these are taken from the holder of the role alone.
    """

    spare = False

    def __init__(self, member: Member, case: Case, cuts: list[Cut]) -> None:
        self.group: Team = member.group
        self.sim, self.env, self.spec = member.sim, member.env, member.spec
        self.case, self.cuts = case, cuts
        for cut in cuts:
            cut.place = self
        self.healed = self.env.event()  # an order reaches it again
        self.who, self.index, self.key_window = member.who, member.index, member.key_window
        self.state = Session(member.state.session)
        self.fenced = self.spec.redundancy is not None and self.spec.redundancy.fencing
        refused = (lambda: self._stop_soon("fenced")) if self.fenced else None
        self.standing = Standing(self, "ghost", member.unit.number, refused, member.lore.kept())
        task = member.task
        self.errand = (
            Errand(task.id, task.epoch, task.done, task.length, task.stream, {}) if task is not None else None
        )
        self.stream: Stream = task.stream if task is not None else member.stream
        self.number = task.done + 1 if task is not None else 0
        in_step = member.began >= 0 and member.what == "work"
        self.stage = member.stage if in_step else 0
        self.worked = self.env.now - member.staged if self.stage == 1 else 0
        self.waited = self.tokens = self.failed = 0
        self.quality = self.hazard = 1.0
        self.calling = Calling(self, member.calling.manners)
        self._is_deed = member.is_deed
        self._inherited: Inherited | None = None
        self._process: simpy.Process | None = None

    @property
    def work(self) -> Errand:
        """The task in hand."""
        assert self.errand is not None
        return self.errand

    def _stop_soon(self, why: str) -> None:
        """A deed was refused: it learns that the role is no longer its own."""
        told = self.env.timeout(0)
        assert told.callbacks is not None
        told.callbacks.append(lambda _: self.stop(why))

    def inherit(self, call: int, left: int, failed: bool, deed: bool) -> None:
        """A call of the member goes on: its answer, the first good one of several copies, is the ghost's."""
        new, old = Inherited(call, left, failed, deed), self._inherited
        if old is None or (new.failed, new.left) < (old.failed, old.left):
            self._inherited = new

    def start(self) -> None:
        """It begins to haunt."""
        self._told("split_brain_began")
        self._process = self.env.process(self._run())
        self.sim.aside[self._process] = None

    def healed_of(self, cut: Cut) -> None:
        """One of the cuts is over; when no other keeps orders away, it is told to stop."""
        self.cuts.remove(cut)
        if not any(cut.deaf for cut in self.cuts) and not self.healed.triggered:
            self.healed.succeed()
            self.stop("healed")

    def stop(self, why: str) -> None:
        """It works no more: `healed`, `crashed` or `fenced`."""
        if self._process is not None and self._process.is_alive:
            self._process.interrupt(why)

    def _told(self, kind: str, why: str = "") -> None:
        self.sim.event(
            kind,
            agent=self.who,
            member=self.index,
            task=self.errand.id if self.errand else "",
            incident=self.case.id,
            subject=why,
            value=self.standing.haunts,
        )

    def _run(self) -> Steps:
        assert self._process is not None
        try:
            if self.errand is not None:
                yield from self._pursue(self.errand)
            yield self.env.event()  # no order reaches it, so it has nothing more to do
        except simpy.Interrupt as told:
            if not self.sim.over:
                self._told("split_brain_ended", str(told.cause))
        finally:
            self.sim.aside.pop(self._process, None)

    def _pursue(self, errand: Errand) -> Steps:
        for number in range(errand.done + 1, errand.length + 1):
            self.number = number
            if not (yield from self._step(errand)):
                return  # a call has failed for good, and with it the task
            self.stage = self.worked = 0

    def _step(self, errand: Errand) -> Generator[simpy.Event, Any, bool]:
        step, stations = self.spec.step, self.sim.stations
        if step.think is not None and self.stage == 0:
            thought = yield from self._call(0, stations[step.think], deed=False)
            if not thought:
                return False
        if step.work is not None and self.stage <= 1:
            drawn = step.work.ns_sampler()(
                self.stream.uniform(chance.index(chance.WORK, errand.epoch, self.number))
            )
            yield self.env.timeout(max(0, drawn - self.worked))
        if step.act is not None:
            deed = self._is_deed(errand.stream, self.number)
            return (yield from self._call(1, stations[step.act], deed=deed))
        return True

    def _call(self, call: int, station: Station, *, deed: bool) -> Generator[simpy.Event, Any, bool]:
        """Whether a call was answered; one that was under way goes on."""
        inherited, self._inherited = self._inherited, None
        if inherited is not None and inherited.call == call:
            yield self.env.timeout(inherited.left)
            if inherited.deed and self.fenced:
                self._stop_soon("fenced")
                yield self.env.event()  # it is about to be told
            if not inherited.failed:
                return True
        answer = yield from self.calling.call(call, station, deed=deed)
        return answer is not None
