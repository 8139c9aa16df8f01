"""The calls of a step from the side of the agent: what it does when a call fails, or takes too long."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import simpy

from agentchaos.mechanisms.retry import Retry
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.group import Team
from agentchaos.simulator.state import State
from agentchaos.simulator.station import Answer, Station, Work


class Speaker(Protocol):
    """What the calls of a member must know of it; it is the `Caller` that services see."""

    who: str
    index: int
    number: int
    waited: int
    tokens: int
    key_window: int
    stream: Stream
    state: State

    @property
    def group(self) -> Team:
        """Its group."""

    @property
    def work(self) -> Work:
        """The task in hand."""


class Calling:
    """Makes the calls of one member, with the mechanisms that its group has for them."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.group = speaker.group
        self.env, self.spec = self.group.env, self.group.spec
        self._policies = {name: self.group.retry_of(name) for name in self.spec.called}

    def call(self, number: int, station: Station, *, deed: bool) -> Generator[simpy.Event, Any, str | None]:
        """A call with its retries: how it was answered.

        "" if well, the id of the strike that made the answer wrong, or None if it failed for good.
        """
        policy = self._policies[station.name]
        attempts = policy.attempts if policy else 1
        timeout = policy.timeout if policy else None
        for attempt in range(1, attempts + 1):
            key = self._key(number, attempt) if deed else None
            answer = yield from station.answer(self.speaker, number, attempt, key, deed, timeout)
            if answer.outcome == "ok":
                return ""
            if answer.outcome == "corrupt":
                return answer.strike
            if policy is not None and attempt < attempts:
                yield from self._rest(policy, number, attempt, answer)
        return None

    def _rest(
        self, policy: Retry, number: int, attempt: int, answer: Answer
    ) -> Generator[simpy.Event, Any, None]:
        """The pause before the next attempt."""
        speaker = self.speaker
        pause = min(policy.longest, round(policy.backoff * policy.factor ** (attempt - 1)))
        if policy.jitter == "full":
            at = chance.index(chance.BACKOFF, speaker.work.epoch, speaker.number, number, attempt)
            pause = round(pause * speaker.stream.uniform(at))
        pause = max(pause, answer.retry_after)
        if not pause:
            return
        resting = self.env.now
        try:
            yield self.env.timeout(pause)
        finally:
            speaker.waited += self.env.now - resting

    def _key(self, call: int, attempt: int) -> str | None:
        """The idempotency key of a deed, where the group uses any."""
        key, task = self.spec.idempotency, self.speaker.work
        if key is None:
            return None
        base = f"{task.id}#{self.speaker.number}.{call}"
        if key.key == "attempt":
            return f"{base}~{task.epoch}.{attempt}"
        return f"{base}~s{self.speaker.state.session}" if key.key == "session" else base
