"""A vote on a step: voters think about it at once, each a caller of its own, and enough must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, Protocol

import simpy

from agentchaos.mechanisms.quorum import Quorum
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.calling import Calling, Session, Speaker
from agentchaos.simulator.deeds import Work
from agentchaos.simulator.group import Team
from agentchaos.simulator.station import Station
from agentchaos.trace import COPIES

RIGHT, WRONG = "right", "wrong"
"""The right answer, and the wrong one that wrong votes share; other wrong ones are the voter's own."""


ATTACK = "attack "
"""Before the name of an attack: the answer of whoever obeys it, so that these are equal."""


class Reader(Protocol):
    """Who knows whether a voter obeys an attack that it reads."""

    def vote(self, stream: Stream, heard: Iterable[str]) -> str:
        """The attack that it obeys, or ""; heard: those in its own answer."""

    def derails(self, attack: str) -> bool:
        """Whether a decision that obeys is wrong for the task."""


class Sheet(NamedTuple):
    """What a vote is about: it stays so, even where the member has gone on."""

    id: str
    epoch: int
    deeds: dict[int, list[str | None]]


class Voter:
    """One of the voters on a step, from 1: it calls by itself, whatever becomes of the member meanwhile."""

    key_window = 0
    spare = False  # each vote counts

    def __init__(self, member: Speaker, number: int, place: int) -> None:
        self.who, self.index, self.number = member.who, member.index, number
        self.place = place
        # the first votes as the member alone would have decided: a vote is compared with none
        self.stream: Stream = member.stream if place == 1 else member.stream.named("voter", place)
        self.waited = self.tokens = self.failed = 0
        self.spare, self.quality, self.hazard = False, 1.0, 1.0
        self.state: Session = member.state
        self.standing = member.standing
        self._group = member.group
        self._sheet = Sheet(member.work.id, member.work.epoch, member.work.deeds)

    @property
    def group(self) -> Team:
        """Its member's group."""
        return self._group

    @property
    def work(self) -> Work:
        """The task that the vote is about."""
        return self._sheet


class Vote(NamedTuple):
    """A vote that is in: the answer, and the strike that made it wrong, or ""."""

    voter: Voter
    answer: str
    strike: str


class Ballot:
    """One vote on one step. `share`: the chance of the step to be right; `over`: enough agree, or all are in.

    winner: the answer that `agree` votes have; None: there is none.
    """

    def __init__(self, quorum: Quorum, calling: Calling, share: float, reader: Reader | None = None) -> None:
        self.quorum, self.calling, self.member = quorum, calling, calling.speaker
        self._reader = reader
        member = self.member
        self.sim, self.env = member.group.sim, member.group.env
        self.over: simpy.Event = self.env.event()
        self.winner: str | None = None
        self.votes: list[Vote] = []
        self.step = member.number
        self.voters = [Voter(member, self.step, place) for place in range(1, quorum.voters + 1)]
        self._awaited = quorum.voters
        self._at = chance.index(chance.RIGHT, member.work.epoch, self.step)
        self._shared: bool | None = None  # the one draw of all, where there is a common cause
        if member.stream.named("common cause").uniform(self._at) < quorum.common_cause:
            self._shared = member.stream.uniform(self._at) < share
        elif quorum.rho is not None:
            share = _drawn(share, float(quorum.rho), member.stream.named("common share").uniform(self._at))
        self._share = share

    def open(self, station: Station) -> Iterator[simpy.Process]:
        """All voters begin to think."""
        for voter in self.voters:
            yield self.env.process(self._ask(voter, station))

    def _ask(self, voter: Voter, station: Station) -> Generator[simpy.Event, object, None]:
        try:
            calling = Calling(voter, self.calling.manners)
            answer = yield from calling.call(COPIES * voter.place, station, deed=False)
        except simpy.Interrupt:
            return  # the process in which it ran is gone
        self._awaited -= 1
        if self.over.triggered:
            return
        self.member.tokens += voter.tokens
        self.member.failed += voter.failed
        if answer is not None:
            self._count(voter, answer, calling.heard)
        if self.winner is not None or self._awaited == 0:
            self.member.waited += voter.waited  # the others waited beside it
            self.over.succeed()

    def _count(self, voter: Voter, strike: str, heard: list[str]) -> None:
        reader = self._reader
        attack = reader.vote(voter.stream, heard) if reader is not None and not strike else ""
        answer = ATTACK + attack if attack else self._answer(voter, strike)
        strike = attack if reader is not None and attack and reader.derails(attack) else strike
        self.votes.append(Vote(voter, answer, strike))
        self.sim.event(
            "vote_cast",
            agent=voter.who,
            member=voter.index,
            task=voter.work.id,
            step=self.step,
            subject=RIGHT if answer == RIGHT else WRONG,
            value=voter.place,
            detail={"answer": answer},
        )
        if sum(vote.answer == answer for vote in self.votes) >= self.quorum.agree:
            self.winner = answer

    def _answer(self, voter: Voter, strike: str) -> str:
        """What it votes for. A wrong one is as likely the shared wrong answer, whatever made it wrong."""
        if not strike:
            if self._shared is not None:
                return RIGHT if self._shared else WRONG
            if voter.stream.uniform(self._at) < self._share * voter.quality:
                return RIGHT
        same = voter.stream.named("same wrong").uniform(self._at) < self.quorum.common_wrong
        return WRONG if same else f"{WRONG} {voter.place}"

    def attack(self, answer: str | None) -> str:
        """The attack that an answer obeys, or ""."""
        return answer.removeprefix(ATTACK) if answer is not None and answer.startswith(ATTACK) else ""

    def plurality(self) -> str:
        """The answer with the most votes; a tie is decided by lot."""
        counts = Counter(vote.answer for vote in self.votes)
        most = max(counts.values())
        first = sorted(answer for answer, count in counts.items() if count == most)
        return first[int(self.member.stream.named("lot").uniform(self._at) * len(first))]

    def strikes(self, answer: str) -> tuple[str, ...]:
        """The strikes that stand behind the votes for an answer."""
        return tuple(sorted({v.strike for v in self.votes if v.answer == answer and v.strike}))


def _drawn(mean: float, rho: float, u: float) -> float:
    """The u-quantile of the Beta with this mean and intra-class correlation 1 / (a + b + 1)."""
    from scipy.special import betaincinv

    if not 0.0 < mean < 1.0:
        return mean
    both = 1.0 / rho - 1.0
    return float(betaincinv(mean * both, (1.0 - mean) * both, u))
