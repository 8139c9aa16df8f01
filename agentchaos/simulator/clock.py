"""The simulated clock: a SimPy environment in integer nanoseconds, so that sums and ties are exact."""

from __future__ import annotations

from operator import attrgetter

import simpy


class Clock(simpy.Environment):
    """An environment whose time is a whole number."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    now: int = property(attrgetter("_now"))  # type: ignore[assignment]
    """Nanoseconds since the start; a getter in C, as it is read several times a step."""
