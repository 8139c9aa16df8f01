"""How a step is decided and checked: alone or by vote, verified or not, and put before a human at last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, Protocol

import simpy

from agentchaos.mechanisms.escalation import Reason
from agentchaos.mechanisms.verification import Verification
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.calling import Calling
from agentchaos.simulator.checkpoints import Checkpoints
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.lore import hazard_of
from agentchaos.simulator.mending import Mending
from agentchaos.simulator.standing import Standing
from agentchaos.simulator.state import State
from agentchaos.simulator.station import Station
from agentchaos.simulator.voting import RIGHT, Ballot


class Bearing(Protocol):
    """What is said of the decision in hand to whoever knows what attacks it obeys."""

    def vote(self, stream: Stream, heard: Iterable[str]) -> str:
        """The attack that a voter obeys, or ""."""

    def voted(self, winner: str, misled: Iterable[str]) -> None:
        """The attack that won the vote, or "", and those that somebody voted for."""

    def derails(self, attack: str) -> bool:
        """Whether a decision that obeys is wrong for the task."""

    def undone(self, by: str) -> None:
        """The decision comes to nothing, or another decides instead."""


class Decider(Protocol):
    """What the deciding of a member's steps must know of the member."""

    who: str
    index: int
    number: int
    what: str
    waited: int
    tokens: int
    quality: float
    hazard: float
    progress: int
    stream: Stream
    standing: Standing
    state: State
    calling: Calling
    mending: Mending
    checkpoints: Checkpoints

    @property
    def conduct(self) -> Bearing | None:
        """How it bears itself, where there is anything to say of that."""

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""

    def give_up(self) -> None:
        """The step in hand failed for good, and with it the task."""

    def catch(self, taint: tuple[str, ...]) -> None:
        """The step in hand was found wrong, and comes to nothing."""


class Deciding:
    """Decides the steps of one member, with the mechanisms that its group has for that.

    active: whether it has any; late: voters that may still be on their way.
    """

    def __init__(self, member: Decider) -> None:
        self.member = member
        self.sim, self.env, self.spec = member.group.sim, member.group.env, member.group.spec
        self.quorum, self.verification = self.spec.quorum, self.spec.verification
        self.escalation = self.spec.escalation
        self.active = any((self.quorum, self.verification, self.escalation, self.spec.guardrail))
        self.late: list[simpy.Process] = []
        check = self.verification
        self._by = self.sim.stations[check.by] if check is not None and check.by is not None else None
        self._takes = check.duration.ns_sampler() if check is not None and check.duration else None
        self._asks = self.escalation.delay.ns_sampler() if self.escalation else None
        self._attends = self.escalation.attention.ns_sampler() if self.escalation else None
        # of the step in hand: whether it is right, once that is decided, and which strikes made it wrong
        self._right: bool | None = None
        self._strikes: tuple[str, ...] = ()
        self._by_human = False
        # of the task in hand: how often each (epoch, step) was caught, and each step was refused
        self._task = ""
        self._caught: Counter[tuple[int, int]] = Counter()
        self._refused: Counter[int] = Counter()

    # -- right or wrong -------------------------------------------------------------------------

    def outcome(self, strike: str) -> tuple[bool, tuple[str, ...]]:
        """(whether the step in hand is right, the taint that it read or received)."""
        member, state = self.member, self.member.state
        right = self._right
        if right is None:
            # every step of every group comes by here: what can be had without a call is
            plain = state.clean and member.hazard == 1.0
            share = member.work.right_share * member.quality if plain else self._share(member.hazard)
            right = member.stream.uniform(self._at()) < share
        if strike or self._strikes:
            return False, tuple(sorted({*state.ids, *self._strikes, strike} - {""}))
        return right, state.ids

    def _share(self, hazard: float) -> float:
        """The chance of the step in hand to be right, with a hazard beside that of the state."""
        share: float = self.member.work.right_share
        state = self.member.state
        if not state.clean:
            own, spared = state.hazard(acts=self.spec.step.act is not None)
            share = float(share ** (own * hazard) * spared)
        elif hazard != 1.0:
            share = float(share**hazard)
        return share * self.member.quality

    def _at(self) -> int:
        return chance.index(chance.RIGHT, self.member.work.epoch, self.member.number)

    # -- the course of a step -------------------------------------------------------------------

    def begin(self) -> None:
        """A step begins: nothing is decided yet. One that was caught has draws of its own."""
        self._right, self._strikes, self._by_human = None, (), False
        member, task = self.member, self.member.work
        if task.id != self._task:
            self._task = task.id
            self._caught.clear()
            self._refused.clear()
        if member.what == "work" and (again := self._caught[task.epoch, member.number]):
            member.stream = member.stream.named("again", again)

    def think(self, station: Station) -> Generator[simpy.Event, Any, str | None]:
        """The thinking of a step: "" once it is decided what to do; None: the step came to nothing."""
        member = self.member
        if self.quorum is not None and member.what == "work":
            return (yield from self._vote(station))
        answer = yield from member.calling.call(0, station, deed=False)
        if answer is None:
            return "" if (yield from self.rescue("failed_call")) else None
        self._strikes = (answer,) if answer else ()
        return ""

    def _vote(self, station: Station) -> Generator[simpy.Event, Any, str | None]:
        quorum, member = self.quorum, self.member
        assert quorum is not None
        hazard = member.hazard * hazard_of(station.novelties, member.standing.lore)
        ballot = Ballot(quorum, member.calling, self._share(hazard), member.conduct)
        self.late = [one for one in self.late if one.is_alive]
        self.late.extend(ballot.open(station))
        yield ballot.over
        if not ballot.votes:
            return "" if (yield from self.rescue("failed_call")) else None
        winner, last = ballot.winner, self._caught[self._key] + 1 >= quorum.rounds
        self._tell(ballot, winner)
        if winner is None and not last:
            self._settle(ballot, None)
            self._catch(ballot.strikes(ballot.plurality()), "quorum")
            return None
        if winner is None:
            if (yield from self.rescue("no_quorum")):
                self._settle(ballot, None)
                return ""
            if quorum.undecided == "fail":
                self._settle(ballot, None)
                return None
            winner = ballot.plurality()
        self._right, self._strikes = winner == RIGHT, ballot.strikes(winner)
        self._settle(ballot, winner)
        return ""

    def _settle(self, ballot: Ballot, winner: str | None) -> None:
        """What the vote means for the attacks that the voters have read."""
        conduct = self.member.conduct
        if conduct is None:
            return
        attack = ballot.attack(winner)
        conduct.voted(attack, {one for vote in ballot.votes if (one := ballot.attack(vote.answer))})
        if attack and not conduct.derails(attack):
            self._right, self._strikes = None, ()  # what it does for the task is as right as ever

    def _tell(self, ballot: Ballot, winner: str | None) -> None:
        most = winner if winner is not None else ballot.plurality()
        number = sum(vote.answer == most for vote in ballot.votes)
        decided = "" if winner is None else "right" if winner == RIGHT else "wrong"
        self._event(
            "vote_decided",
            decided or "none",
            int(winner is not None),
            {"for": number, "against": len(ballot.votes) - number},
        )

    @property
    def _key(self) -> tuple[int, int]:
        return self.member.work.epoch, self.member.number

    def _event(self, kind: str, subject: str, value: int, detail: dict[str, Any] | None = None) -> None:
        member = self.member
        self.sim.event(
            kind,
            agent=member.who,
            member=member.index,
            task=member.work.id,
            step=member.number,
            subject=subject,
            value=value,
            detail=detail,
        )

    def dismiss(self) -> None:
        """The process of the agent is gone, or gives up: and with it the voters that ran in it."""
        for process in self.late:
            if process.is_alive:
                process.interrupt()

    # -- checks ---------------------------------------------------------------------------------

    def checks(self, *, acted: bool) -> bool:
        """Whether the step in hand is checked at this point. What a human decided stands."""
        check, member = self.verification, self.member
        return (
            check is not None
            and (check.when == "after_step") == acted
            and member.what == "work"
            and member.number % check.every == 0
            and not self._by_human
        )

    def check(self, strike: str) -> Generator[simpy.Event, Any, bool]:
        """A check of the step in hand: whether it goes on; what it passes is decided."""
        check, member = self.verification, self.member
        assert check is not None
        right, _ = self.outcome(strike)
        self._right, self._strikes = right, (*self._strikes, strike) if strike else self._strikes
        began, waited = self.env.now, member.waited
        passed = yield from self._look(check, right)
        spent = self.env.now - began - (member.waited - waited)
        self._event("verified", "right" if right else "wrong", int(passed), {"spent": spent})
        if passed:
            return True
        self._refused[member.number] += 1
        if self._refused[member.number] >= check.attempts:
            yield from self.rescue("caught_out")  # else it stands: nobody is there to do it better
            return True
        self._catch(self._strikes, "verification")
        if check.redo != "step":
            yield from self._go_back(check)
        return False

    def _look(self, check: Verification, right: bool) -> Generator[simpy.Event, Any, bool]:
        """Whether a step passes."""
        own, at = self.member.stream.named("check"), self._at()
        if self._by is not None:
            answer = yield from self.member.calling.call(2, self._by, deed=False)
            if answer != "":
                return True  # no check was made, or it says what a strike wants it to say
        elif self._takes is not None:
            yield self.env.timeout(self._takes(own.named("takes").uniform(at)))
        return own.uniform(at) >= float(check.refuses if right else check.catches)

    @property
    def by_human(self) -> bool:
        """Whether a human decided the step in hand."""
        return self._by_human

    def mislead(self, strike: str) -> None:
        """A strike has made the decision of the step in hand wrong."""
        self._strikes = (*self._strikes, strike)

    def catch(self, by: str, strikes: tuple[str, ...]) -> None:
        """The step in hand is stopped by something else: it is to be done again."""
        self._catch((*self._strikes, *strikes), by)

    def _catch(self, strikes: tuple[str, ...], by: str) -> None:
        """The step is found wrong: it taints nothing, and is to be done again."""
        if self.member.conduct is not None:
            self.member.conduct.undone(by)
        self._caught[self._key] += 1
        self.member.catch(tuple(sorted({*self.member.state.ids, *strikes})))

    def _go_back(self, check: Verification) -> Generator[simpy.Event, Any, None]:
        """Sets the task back to its newest checkpoint, or to its start."""
        member, task = self.member, self.member.work
        snapshot, cost = None, 0
        if check.redo == "checkpoint":
            reading = self.sim.chance.named("set back", task.id, task.epoch)
            began = self.env.now
            snapshot = yield from member.checkpoints.read(reading)
            cost = self.env.now - began
            if snapshot is not None and snapshot.task != task.id:
                snapshot = None  # it tells nothing of this task
        member.mending.restore(snapshot, "checkpoint", None, read=cost)

    # -- humans ---------------------------------------------------------------------------------

    def by_hand(self, deed: str) -> Generator[simpy.Event, Any, str | None]:
        """The act failed for good: "" where a human sees to it, deed included; None where nobody does.

        deed: the service at which the deed was to be done, "" where there was none to do.
        """
        if not (yield from self.rescue("failed_call")):
            return None
        member = self.member
        if deed:
            member.work.deeds.setdefault(member.number, []).append(None)
            self.sim.event(
                "side_effect_committed",
                agent=member.who,
                task=member.work.id,
                step=member.number,
                subject=deed,
                detail={"key": None},
            )
        return ""

    def rescue(self, reason: Reason) -> Generator[simpy.Event, Any, bool]:
        """A human is asked, where one is to be: whether the step goes on with what the human decided."""
        human, member = self.escalation, self.member
        if human is None or not human.takes(reason):
            return False
        assert self._asks is not None
        assert self._attends is not None
        began, asked, at = self.env.now, 0, self._at()
        own = member.stream.named("human", reason)
        try:
            while not asked or own.named("available", asked).uniform(at) >= float(human.available):
                asked += 1
                self._event("approval_requested", reason, asked)
                delay = self._asks(own.named("delay", asked).uniform(at))
                member.progress = self.env.now + delay  # whoever watches knows that it waits
                yield self.env.timeout(delay)
        finally:
            member.waited += self.env.now - began
        right = own.named("right").uniform(at) < float(human.right)
        attention = self._attends(own.named("attention").uniform(at))
        self._event("approval_given", reason, int(right), {"attention": attention})
        self._right, self._strikes, self._by_human = right, (), True
        if member.conduct is not None:
            member.conduct.undone("human")
        return True
