"""Heartbeat: liveness told by a regular beat; so many missed beats in a row declare a death."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agentchaos.distributions import Duration
from agentchaos.mechanisms.base import Mechanism


class Heartbeat(Mechanism):
    """A unit beats once a period; it is declared dead at its `misses`-th missed beat.

    The delay lies in [(misses - 1) x period, misses x period), with mean (misses - 1/2) x period.
    """

    name: ClassVar[str] = "heartbeat"
    costs: ClassVar[str] = "messages"
    example: ClassVar[str] = "heartbeat: {every: 5s, misses: 3}"

    every: Duration = Field(
        10_000_000_000,
        gt=0,
        description="the period",
        json_schema_extra={"source": "Kubernetes probes: periodSeconds 10", "grade": "A"},
    )
    misses: int = Field(
        3,
        ge=1,
        le=1000,
        description="missed beats that declare a death",
        json_schema_extra={"source": "Kubernetes probes: failureThreshold 3", "grade": "A"},
    )

    def declared_after(self, onset: int, phase: int) -> int:
        """Ns from `onset` to the declaration, for a unit that beats at phase, phase + every, ...

        A beat due at the very moment of the onset is missed: the fault comes first.
        """
        to_next = (phase - onset) % self.every
        return to_next + (self.misses - 1) * self.every
