"""The simulated clock: a SimPy environment in integer nanoseconds, so that sums and ties are exact."""

from __future__ import annotations

from typing import cast

import simpy


class Clock(simpy.Environment):
    """An environment whose time is a whole number."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    @property
    def now(self) -> int:
        """Nanoseconds since the start."""
        return cast(int, self._now)
