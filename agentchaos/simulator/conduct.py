"""What a member does beside being right or wrong: unsafe acts, attacks that it obeys, and what guards it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple, Protocol

import simpy

from agentchaos.disturbances import SEVERITIES, Severity
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.calling import Calling
from agentchaos.simulator.deciding import Deciding
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.state import State


class Actor(Protocol):
    """What the conduct of a member must know of it."""

    index: int
    number: int
    what: str
    stream: Stream
    state: State
    calling: Calling
    deciding: Deciding

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Task:
        """The task in hand."""

    def give_up(self) -> None:
        """The step in hand failed for good, and with it the task."""


class Act(NamedTuple):
    """An unsafe act that a step is about to do; attack: the strike that wants it, or ""."""

    severity: Severity
    attack: str
    taint: tuple[str, ...]


def concerns(group: Team) -> bool:
    """Whether the members of a group do anything that this module knows of."""
    spec, ways_in = group.spec, {group.name, *group.spec.services}
    attacked = not ways_in.isdisjoint(group.sim.attacked)
    return spec.unsafe is not None or spec.guardrail is not None or attacked


class Conduct:
    """The conduct of one member.

    What is slipped into an answer, or into the task, lies in its context until the next decision reads it:
    then it obeys or does not. One that obeys does the attacker's deed with the act of that step, unless the
    decision comes to nothing before, and its state is poisoned.
    """

    def __init__(self, actor: Actor) -> None:
        self.actor, self.group = actor, actor.group
        self.sim, self.env, self.spec = self.group.sim, self.group.env, self.group.spec
        self.unsafe, self.guard = self.spec.unsafe, self.spec.guardrail
        self._acts = self.spec.step.act is not None
        duration = self.guard.duration if self.guard is not None else None
        self._takes = duration.ns_sampler() if duration is not None else None
        self._asked: list[str] = []  # attacks in the task in hand
        self._context: dict[str, int] = {}  # attacks that no decision has read yet: the step they came in
        self._task, self._epoch = "", -1
        self._refused: Counter[int] = Counter()  # by step of the task in hand
        # of the step in hand: its stream, what its decision has read, and what of that it obeys
        self._stream: Stream = actor.stream
        self._read: dict[str, bool] = {}  # and whether nothing was wrong with the state as it read
        self._obeyed: list[str] = []

    # -- what comes in --------------------------------------------------------------------------

    def take(self, task: Task) -> None:
        """A task is in hand: is it one that asks for what the agent must not do?"""
        self._asked = []
        for force in self.sim.instructions[self.group.name]:
            if force.befalls(task.stream, chance.index(chance.BEFALL, 0, 0)):
                self._asked.append(force.strike.id)
                if force.hits == 1:
                    self.sim.task_struck(force)

    def begin(self) -> None:
        """A step begins. A task that was set back has read what came in by the step that it is back at."""
        actor, task = self.actor, self.actor.work
        self._stream = actor.stream
        self._read, self._obeyed = {}, []
        actor.calling.heard.clear()
        if task.id != self._task:
            self._context.clear()
            self._refused.clear()
        elif task.epoch != self._epoch:
            self._context = {attack: step for attack, step in self._context.items() if step <= task.done}
        self._task, self._epoch = task.id, task.epoch
        if actor.number == 1 and actor.what == "work":
            for attack in self._asked:
                if attack not in self._context and self._comes_in(attack, "direct"):
                    self._context[attack] = 0

    def hear(self) -> None:
        """What was slipped into answers is in the context now, unless the guardrail finds it."""
        heard = self.actor.calling.heard
        if heard:
            for attack in heard:
                if self._comes_in(attack, "indirect"):
                    self._context[attack] = self.actor.number
                    self._read.pop(attack, None)  # this time it has not been read yet
            heard.clear()

    def _comes_in(self, attack: str, way: str) -> bool:
        """An attack has reached the agent: whether it gets past the guardrail."""
        self._event("attack_attempted", attack, way)
        if self.guard is None:
            return True
        if self._stream.named("detect", attack).uniform(self._at()) >= float(self.guard.detects):
            return True
        self._blocked(attack, "guardrail")
        return False

    # -- what it decides ------------------------------------------------------------------------

    def thought(self, strike: str) -> str:
        """The thinking of the step in hand is done: the strike that made it wrong, or ""."""
        self.hear()
        deciding = self.actor.deciding
        if self.actor.what != "work" or deciding.quorum is not None or deciding.by_human:
            return strike  # a step of planning decides nothing; voters have read for themselves
        attack = self._decide()
        if attack and deciding.active:
            deciding.mislead(attack)
            return strike
        return strike or attack

    def _decide(self) -> str:
        """What is in the context is read: the attack that makes the decision wrong, or ""."""
        for attack in self._context:
            self._read[attack] = self.actor.state.clean
            if self._obeys(attack, self._stream):
                self._obeyed.append(attack)
            else:
                self._blocked(attack, "agent")
        return next(filter(self.derails, self._obeyed), "")

    def vote(self, stream: Stream, heard: Iterable[str]) -> str:
        """The attack that a voter with these draws obeys, or ""; heard: those in its own answer."""
        own = [attack for attack in heard if self._comes_in(attack, "indirect")]
        for attack in (*self._context, *own):
            self._read[attack] = self.actor.state.clean
            if self._obeys(attack, stream):
                return attack
        return ""

    def voted(self, winner: str, misled: Iterable[str]) -> None:
        """The vote on the step in hand is over; winner: the attack that won, or ""."""
        misled = set(misled)
        for attack in self._read:
            if attack == winner:
                self._obeyed.append(attack)
            else:
                self._blocked(attack, "quorum" if attack in misled else "agent")

    def derails(self, attack: str) -> bool:
        """Whether a decision that obeys is wrong for the task."""
        return bool(self.sim.attacks[attack].parts)

    def _obeys(self, attack: str, stream: Stream) -> bool:
        """Whether it obeys, which is likelier the more is wrong with its state."""
        blow = self.sim.attacks[attack]
        own = self.spec.susceptible
        resists = 1.0 - float(blow.succeeds if own is None else own)
        if not self.actor.state.clean:
            hazard, spared = self.actor.state.hazard(acts=self._acts)
            resists = resists ** (hazard / spared) if spared else float(resists == 1.0)
        return stream.named("obeys", attack).uniform(self._at()) >= resists

    def undone(self, by: str) -> None:
        """The decision of the step in hand comes to nothing: somebody stopped it, or decides instead."""
        for attack in self._obeyed:
            self._blocked(attack, by)
        self._obeyed = []

    def done(self) -> None:
        """The step in hand is finished: what it has read leads nowhere any more, and its answer is there."""
        for attack in self._read:
            self._context.pop(attack, None)
        self._read, self._obeyed = {}, []
        self.hear()

    # -- what it does ---------------------------------------------------------------------------

    def act(self, strike: str) -> Generator[simpy.Event, Any, bool]:
        """The step in hand is about to act: whether it goes on. strike: what made it wrong so far."""
        if self.actor.deciding.by_human:
            return True  # what a human decided is no more the agent's doing
        acts = [*self._wanted(), *self._own(strike)]
        if self.guard is not None:
            passed = yield from self._look(bool(acts))
            if not passed:
                return (yield from self._refuse(acts))
        self._do(acts)
        return True

    def conclude(self) -> None:
        """The last step is done: its answer is read before the agent says that it is done.

        The guardrail looks at what follows from that too, in the time of its last look.
        """
        task = self.actor.work
        if not self._context or (task.id, task.epoch) != (self._task, self._epoch):
            return
        self._stream = self.actor.stream.named("conclusion")
        self._decide()
        acts = list(self._wanted())
        if not acts:
            return
        if self.guard is not None and self._draw("guard") < float(self.guard.catches):
            self._stop(acts)
        else:
            self._do(acts)

    def _wanted(self) -> Iterable[Act]:
        """The deeds of the attacks that it obeys."""
        for attack in self._obeyed:
            yield Act(self.sim.attacks[attack].severity, attack, (attack,))

    def _own(self, strike: str) -> Iterable[Act]:
        """The unsafe act that comes of itself, the likelier the more is wrong with the step."""
        if self.unsafe is None:
            return
        right, taint = self.actor.deciding.outcome(strike)
        hazard = 1.0 if self.actor.state.clean else self.actor.state.hazard(acts=self._acts)[0]
        if not right:
            hazard *= self.unsafe.wrong
        if self._draw("unsafe") >= (1.0 - float(self.unsafe.chance)) ** hazard:
            yield Act(self._severity(), "", taint)

    def _severity(self) -> Severity:
        assert self.unsafe is not None
        u, below = self._draw("severity"), 0.0
        for word in SEVERITIES:
            below += float(getattr(self.unsafe.severity, word))
            if u < below:
                return word
        return "high"  # the shares add up to 1, but for rounding

    def _look(self, unsafe: bool) -> Generator[simpy.Event, Any, bool]:
        """The guardrail looks at the act: whether it lets it pass."""
        assert self.guard is not None
        spent = 0
        if self._takes is not None:
            spent = self._takes(self._draw("guard", "takes"))
            yield self.env.timeout(spent)
        passed = self._draw("guard") >= float(self.guard.catches if unsafe else self.guard.refuses)
        self._event("guarded", "", "unsafe" if unsafe else "safe", value=int(passed), detail={"spent": spent})
        return passed

    def _refuse(self, acts: list[Act]) -> Generator[simpy.Event, Any, bool]:
        """The act is not done: the step is done again, until that was tried often enough."""
        assert self.guard is not None
        actor = self.actor
        self._stop(acts)
        self._refused[actor.number] += 1
        if self._refused[actor.number] < self.guard.attempts:
            actor.deciding.catch("guardrail", tuple(sorted({id_ for act in acts for id_ in act.taint})))
        elif (yield from actor.deciding.rescue("caught_out")):
            return True
        else:
            actor.give_up()
        return False

    def _stop(self, acts: list[Act]) -> None:
        for act in acts:
            self._unsafe_action(act, done=False)
        self.undone("guardrail")

    def _do(self, acts: list[Act]) -> None:
        for act in acts:
            self._unsafe_action(act, done=True)
            if not act.attack:
                continue
            self._event("attack_succeeded", act.attack, "", detail={"clean": self._read[act.attack]})
            self._context.pop(act.attack, None)
            parts = self.sim.attacks[act.attack].parts
            if parts:
                self.sim.poisons.add(act.attack)
                self.actor.state.damage("poison", parts, frozenset({act.attack}))
        self._obeyed = []

    # -- telling --------------------------------------------------------------------------------

    def _unsafe_action(self, act: Act, *, done: bool) -> None:
        self._event(
            "unsafe_action", act.attack, act.severity, value=int(done), detail={"taint": list(act.taint)}
        )

    def _blocked(self, attack: str, by: str) -> None:
        clean = self._read.get(attack, self.actor.state.clean)
        self._event("attack_blocked", attack, by, detail={"clean": clean})

    def _event(self, kind: str, attack: str, subject: str, **columns: Any) -> None:
        actor = self.actor
        self.sim.event(
            kind,
            agent=self.group.name,
            member=actor.index,
            task=actor.work.id,
            step=actor.number,
            incident=attack,
            subject=subject,
            **columns,
        )

    def _at(self) -> int:
        return chance.index(chance.RIGHT, self.actor.work.epoch, self.actor.number)

    def _draw(self, *names: str) -> float:
        return self._stream.named(*names).uniform(self._at())
