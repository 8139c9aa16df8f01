"""A member whose unit is to go: it comes to rest between two steps, or between two tasks."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from agentchaos.simulator.clock import Clock

Steps = Generator[simpy.Event, Any, None]


class Departure:
    """`rests` succeeds once the member rests; it goes on when `go` succeeds, or is interrupted for good.

    mid_task: it may rest between two steps of a task; else the task is brought to its end first.
    """

    def __init__(self, env: Clock, *, mid_task: bool) -> None:
        self.mid_task = mid_task
        self.rests, self.go = env.event(), env.event()

    def between_steps(self) -> Steps:
        """Asked by the member before each step."""
        if self.mid_task:
            yield from self.between_tasks()

    def between_tasks(self) -> Steps:
        """Asked by the member before it looks for a task."""
        if not self.rests.triggered:
            self.rests.succeed()
        yield self.go
