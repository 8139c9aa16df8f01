"""Repair crews: of many units that are to be started, so many at a time; first come, first served."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import simpy

from agentchaos.simulator.group import Team

T = TypeVar("T")


def with_crew(team: Team, unit: int, steps: Generator[simpy.Event, Any, T]) -> Generator[simpy.Event, Any, T]:
    """Does what a crew is needed for, once one of the group is free; it is free again afterwards.

    A repair that is broken off gives its crew, or its place in the line, back.
    """
    if team.crews is None:
        return (yield from steps)
    asked = team.env.now
    with team.crews.request() as crew:
        yield crew
        waited = team.env.now - asked
        team.sim.event("crew_assigned", agent=team.name, subject=f"{team.name}/{unit}", value=waited)
        return (yield from steps)
