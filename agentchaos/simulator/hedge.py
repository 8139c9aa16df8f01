"""Copies of one call, of which the first answer counts: they are led in turn, by hand, within one process.

A process of its own for each copy could not be cut off in the very moment in which its caller falls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from agentchaos.mechanisms.hedging import Hedging
from agentchaos.simulator.clock import Clock
from agentchaos.simulator.station import Answer, Caller
from agentchaos.simulator.voice import Voice

Steps = Generator[simpy.Event, Any, Answer]

GOOD = ("ok", "corrupt")


class Race:
    """One hedged attempt. `send` makes the attempt for a copy."""

    def __init__(self, env: Clock, caller: Caller, spec: Hedging, send: Callable[[Voice], Steps]) -> None:
        self.env, self.caller, self.spec, self._send = env, caller, spec, send
        self._copies: list[Voice] = []
        self._steps: dict[Voice, Steps] = {}  # of the copies that are on their way
        self._awaits: dict[Voice, simpy.Event] = {}

    def run(self) -> Steps:
        """Sends copies until one has answered well, or none is left: the answer that counts."""
        try:
            answer = self._another()
            while answer is None and not self.spec.after and self._more:
                answer = self._another()
            timer = self.env.timeout(self.spec.after) if self._more else None
            while answer is None:
                yield simpy.AnyOf(self.env, [*self._awaits.values(), *([timer] if timer else [])])
                answer = self._go_on()
                if answer is None and timer is not None and timer.processed:
                    answer = self._another()
                    timer = self.env.timeout(self.spec.after) if self._more else None
            self._cut_off(spare=True)
            return answer
        except simpy.Interrupt as cut:
            self.caller.waited += max(copy.waited for copy in self._copies)
            self._cut_off(spare=False, cause=cut.cause)
            raise
        finally:
            self.caller.tokens += sum(copy.tokens for copy in self._copies)

    @property
    def _more(self) -> bool:
        return len(self._copies) < self.spec.copies

    def _another(self) -> Answer | None:
        """Sends a copy; an answer if it has one at once and the call hangs on it."""
        number = len(self._copies)
        stream = self.caller.stream
        copy = Voice(self.caller, stream.named("copy", number) if number else stream)
        self._copies.append(copy)
        self._steps[copy] = self._send(copy)
        return self._lead(copy, None)

    def _go_on(self) -> Answer | None:
        """Leads each copy on whose moment has come."""
        for copy, event in list(self._awaits.items()):
            if event.processed:
                answer = self._lead(copy, event.value)
                if answer is not None:
                    return answer
        return None

    def _lead(self, copy: Voice, value: Any) -> Answer | None:
        copy.spare = len(self._steps) > 1  # if it fails now, the call still hangs on another
        try:
            self._awaits[copy] = self._steps[copy].send(value)
            return None
        except StopIteration as end:
            del self._steps[copy]
            self._awaits.pop(copy, None)
            answer: Answer = end.value
            if answer.outcome not in GOOD and self._steps:
                return None
            self.caller.waited += copy.waited
            return answer

    def _cut_off(self, *, spare: bool, cause: object = None) -> None:
        """Whoever is still on the way is waited for no more."""
        for copy, steps in list(self._steps.items()):
            copy.spare = spare or len(self._steps) > 1
            try:
                steps.throw(simpy.Interrupt(cause))
            except simpy.Interrupt:
                del self._steps[copy]
