"""How a member explains its decisions: what it cites, beside what they truly rest on."""

from __future__ import annotations

from typing import Protocol

from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.calling import Calling
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.messages import Post
from agentchaos.simulator.state import State
from agentchaos.world import Explain


class Explainer(Protocol):
    """What the explanations of a member must know of it."""

    index: int
    number: int
    stream: Stream
    state: State
    calling: Calling
    post: Post

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""


class Explaining:
    """The explanations of one member.

    Causes have names: a part of state, `answer crm`, `message writer`, `strike crash@a/0#1`.
    """

    def __init__(self, member: Explainer, how: Explain) -> None:
        self.member, self.how = member, how
        group = member.group
        self.sim, step = group.sim, group.spec.step
        self._think, self._act = step.think, step.act
        self._answers = tuple(f"answer {service}" for service in group.spec.services)
        senders = (
            name for name, spec in group.sim.groups.items() if spec.talk and spec.talk.to == group.name
        )
        self._messages = tuple(f"message {sender}" for sender in sorted(senders))

    def explain(self, taint: tuple[str, ...]) -> None:
        """A step is finished. taint: the strikes that it read or received, of which it knows nothing."""
        member, how = self.member, self.how
        causes = [*self._parts(), *self._rests_on()]
        member.post.read_from.clear()
        member.calling.stood_in.clear()
        own = member.stream.named("explain")
        at = chance.index(chance.RIGHT, member.work.epoch, member.number)
        if own.uniform(at) >= float(how.covers):
            return
        self.sim.event(
            "explanation",
            agent=member.group.name,
            member=member.index,
            task=member.work.id,
            step=member.number,
            detail={
                "causes": sorted([*causes, *(f"strike {strike}" for strike in taint)]),
                "cited": sorted(self._cited(causes, own, at)),
            },
        )

    def _parts(self) -> list[str]:
        """The parts of state that the decision read: those that hold anything."""
        parts = self.member.state.parts
        return [
            name
            for name, part in parts.items()
            if not part.lost and (name == "goal" or part.version) and (name != "tools" or self._act)
        ]

    def _rests_on(self) -> list[str]:
        """The answers and messages that it rests on: what its act answers comes after it."""
        member, stood_in = self.member, self.member.calling.stood_in
        used = [stood_in.get(self._think, self._think)] if self._think is not None else []
        if self._act is not None and member.number > 1 and not member.state.parts["context"].lost:
            used.append(self._act)
        return [
            *dict.fromkeys(f"answer {service}" for service in used),
            *dict.fromkeys(f"message {sender}" for sender in member.post.read_from),
        ]

    def _cited(self, causes: list[str], own: Stream, at: int) -> list[str]:
        how, state = self.how, self.member.state
        hazard = 1.0
        if not state.clean:
            worse, spared = state.hazard(acts=self._act is not None)
            hazard = worse / spared if spared else float("inf")
        damaged = {name for name, part in state.parts.items() if part.lost or part.marks.taint}
        recall, honest = float(how.recall) ** hazard, (1.0 - float(how.extra)) ** hazard
        draws = {
            name: own.named(name).uniform(at) for name in (*state.parts, *self._answers, *self._messages)
        }
        others = [name for name in draws if name not in causes]
        cited = [name for name in causes if draws[name] < recall]
        beside = [name for name in others if draws[name] >= honest]
        if damaged.intersection(causes) and own.named("after the fact").uniform(at) < float(how.rationalises):
            left_out = len(damaged.intersection(causes))
            cited = [name for name in cited if name not in damaged]
            beside = sorted(others, key=lambda name: -draws[name])[: max(left_out, len(beside))]
        return [*cited, *beside]
