"""What agents send each other: messages between steps, and tasks that one group hands to another.

Whatever is sent goes through `Post`: whoever wants to stop it stops it there. What it brings along is in a
`Letter`: the strikes whose taint its sender bore. Ambient taint stays at home, or the chance of success of a
group would depend on whom it talks to.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.group import Given, Task, Team
from agentchaos.simulator.state import AMBIENT, NONE, State
from agentchaos.world import HandOff, Talk

WHETHER, WHOM, DELAY, TAINTS = range(4)
"""The draws of a message, in the stream of its step."""


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way. ids: the strikes whose taint its sender bore; at: its place in `stream`."""

    id: str
    sender: str
    ids: frozenset[str]
    taints: float
    stream: Stream
    at: int


class Correspondent(Protocol):
    """What the post of a member must know of it."""

    index: int
    state: State
    number: int
    post: Post

    @property
    def cut_off(self) -> bool:
        """Whether nothing that it sends leaves it."""

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def is_up(self) -> bool:
        """Whether the role works."""


class Post:
    """The letters of one member. unread: gone with the process; held: they came while it was down."""

    def __init__(self, owner: Correspondent) -> None:
        self.owner = owner
        self.group = owner.group
        self.sim, self.env = self.group.sim, self.group.env
        self.talk: Talk | None = self.group.spec.talk
        self.hand_off: HandOff | None = self.group.spec.hand_off
        self.unread: deque[Letter] = deque()
        self.read_from: list[str] = []  # whose letters it has read, where it must explain what it decides
        self._held: deque[Letter] = deque()
        self._delay = self.talk.delay.ns_sampler() if self.talk else None

    def _event(self, kind: str, subject: str, detail: dict[str, Any], **columns: Any) -> None:
        self.sim.event(
            kind, agent=self.group.name, member=self.owner.index, subject=subject, detail=detail, **columns
        )

    # -- messages -------------------------------------------------------------------------------

    def step_done(self, task: Task, step: int) -> None:
        """A step is finished: it may end in a message. What is done again is said again."""
        talk = self.talk
        assert talk is not None
        stream = task.stream.named("talk")
        if talk.steps is not None:
            if step % talk.steps:
                return
        elif stream.uniform(chance.index(WHETHER, 0, step)) >= float(talk.chance or 0.0):
            return
        reader = self._whom(talk.to, stream.uniform(chance.index(WHOM, 0, step)))
        letter = Letter(
            f"{task.id}#{task.epoch}.{step}",
            self.group.name,
            frozenset(self.owner.state.ids),
            float(talk.taints),
            stream,
            chance.index(TAINTS, task.epoch, step),
        )
        if not self._send(letter, "talk", talk.to, reader.index, task.id, step):
            return
        assert self._delay is not None
        delay = self._delay(stream.uniform(chance.index(DELAY, task.epoch, step)))
        arrives = self.env.timeout(delay)
        assert arrives.callbacks is not None
        arrives.callbacks.append(lambda _: reader.post.come(letter))

    def _whom(self, to: str, draw: float) -> Correspondent:
        """The member that a draw means; nobody talks to itself."""
        members: Sequence[Correspondent] = self.sim.members[to]
        if to != self.group.name:
            return members[int(draw * len(members))]
        place = int(draw * (len(members) - 1))
        return members[place + (place >= self.owner.index)]

    def _send(self, letter: Letter, kind: str, to: str, member: int, task: str, step: int) -> bool:
        """The one place that everything sent goes through: whether it leaves the sender."""
        if self.owner.cut_off:
            self._event("message_blocked", to, {"id": letter.id, "kind": kind}, task=task, step=step)
            return False
        detail = {"id": letter.id, "kind": kind, "to": member, "taint": sorted(letter.ids - {AMBIENT})}
        self._event("message_sent", to, detail, task=task, step=step)
        return True

    def come(self, letter: Letter) -> None:
        """A letter is here; a role that is down gets it once it is up."""
        if not self.owner.is_up:
            self._held.append(letter)
            return
        self.unread.append(letter)
        self._event("message_delivered", letter.sender, {"id": letter.id, "kind": "talk"})

    def rise(self) -> None:
        """The role is up again."""
        held, self._held = self._held, deque()
        for letter in held:
            self.come(letter)

    def forget(self) -> None:
        """A new process knows nothing of what was delivered to the old one."""
        self.unread.clear()

    def read(self, task: Task) -> None:
        """At the beginning of a step what has come goes into the context, perhaps with its taint."""
        while self.unread:
            letter = self.unread.popleft()
            taint = letter.ids if letter.ids and letter.stream.uniform(letter.at) < letter.taints else NONE
            self._acted(letter, "talk", task, taint)
            if self.group.spec.explain is not None:
                self.read_from.append(letter.sender)
            if taint:
                self.owner.state.taint(("context",), taint)

    def _acted(self, letter: Letter, kind: str, task: Task, taint: frozenset[str]) -> None:
        detail = {"id": letter.id, "kind": kind, "taint": sorted(taint - {AMBIENT})}
        self._event("message_acted", letter.sender, detail, task=task.id, step=task.done + 1)

    # -- hand-offs ------------------------------------------------------------------------------

    def done(self, task: Task, ids: tuple[str, ...]) -> None:
        """A task ended done: it may be handed on. ids: the taint of its agent at that moment.

        The draws know no epoch, so that with and without a crash the same tasks are handed on.
        """
        hand = self.hand_off
        assert hand is not None
        stream = task.stream.named("hand off")
        lineage = (*task.lineage, self.group.name)
        if lineage.count(hand.to) > (hand.rounds or 0):
            return
        if stream.uniform(WHETHER) >= float(hand.chance):
            return
        given = None
        if stream.uniform(TAINTS) < float(hand.carries):
            blame = frozenset(i for behind in task.blame.values() for i in behind)
            taint = blame | frozenset(ids)
            wrong = NONE if all(task.right) else blame or frozenset({AMBIENT})
            given = Given(taint, wrong) if taint or wrong else None
        letter = Letter(task.id, self.group.name, given.ids if given else NONE, 1.0, stream, 0)
        team = self.sim.teams[hand.to]
        if self._send(letter, "handoff", hand.to, -1, task.id, task.done):
            team.offer(f"({task.id})", lineage=lineage, given=given, letter=letter)

    def take(self, task: Task) -> None:
        """A task that was handed over is in hand."""
        letter = task.letter
        assert isinstance(letter, Letter)
        self._event("message_delivered", letter.sender, {"id": letter.id, "kind": "handoff"})
        self._acted(letter, "handoff", task, letter.ids)
