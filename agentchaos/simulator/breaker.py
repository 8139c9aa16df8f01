"""A circuit breaker as a state machine: it is told how calls end, and says who may call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agentchaos.mechanisms.circuit_breaker import CircuitBreaker

CLOSED, OPEN, HALF_OPEN = "closed", "opened", "half_opened"


class Breaker:
    """One breaker. Times in ns; `told` hears of each turn: opened, half_opened, closed.

    It turns half-open when the first call after its open time comes, not by a clock. An answer to a call
    that was let in before the last turn says nothing any more.
    """

    def __init__(self, spec: CircuitBreaker, told: Callable[[str], None]) -> None:
        self.spec, self._told = spec, told
        self.state = CLOSED
        self._turns = 0  # the ticket of a call is the number of turns when it was let in
        self._until = 0  # open so long
        self._probing = False
        self._passed = 0  # probes that went well
        self._in_a_row = 0  # failures
        self._last: deque[bool] = deque()  # whether each of the last calls failed
        self._failed = 0  # of them

    def shut(self, now: int) -> bool:
        """Whether a call made now would be rejected."""
        if self.state == OPEN:
            return now < self._until
        return self.state == HALF_OPEN and self._probing

    def admit(self, now: int) -> int | None:
        """A ticket for a call, with which it is settled; None: it is rejected."""
        if self.shut(now):
            return None
        if self.state == OPEN:
            self._passed = 0
            self._turn(HALF_OPEN)
        self._probing = self.state == HALF_OPEN
        return self._turns

    def settle(self, ticket: int, failed: bool | None, now: int) -> None:
        """How an admitted call ended; None: nobody knows, or it never came to the service."""
        if ticket != self._turns:
            return
        if self.state == HALF_OPEN:
            self._probing = False
            self._passed += failed is False
            if failed:
                self._open(now)
            elif self._passed >= self.spec.probes:
                self._close()
        elif failed is not None and self._too_many(failed):
            self._open(now)

    def fails(self, outcome: str, took: int) -> bool | None:
        """Whether a call that ended so, after so long, counts as failed."""
        if outcome in ("ok", "corrupt"):
            return self.spec.slow is not None and took > self.spec.slow
        return None if outcome in ("rejected", "interrupted") else True

    def _too_many(self, failed: bool) -> bool:
        spec = self.spec
        if spec.failures is not None:
            self._in_a_row = self._in_a_row + 1 if failed else 0
            return self._in_a_row >= spec.failures
        assert spec.rate is not None
        assert spec.window is not None
        assert spec.min_calls is not None
        self._last.append(failed)
        self._failed += failed
        if len(self._last) > spec.window:
            self._failed -= self._last.popleft()
        number = len(self._last)
        return number >= spec.min_calls and self._failed >= float(spec.rate) * number

    def _open(self, now: int) -> None:
        self._until = now + self.spec.open_for
        self._turn(OPEN)

    def _close(self) -> None:
        self._in_a_row = self._failed = 0
        self._last.clear()
        self._turn(CLOSED)

    def _turn(self, state: str) -> None:
        self.state = state
        self._turns += 1
        self._told(state)
