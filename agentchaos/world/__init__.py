"""The nouns of a world, as a user writes them and as an engine reads them: services and groups of agents.

Models are frozen. Times are ns, rates per second, sizes bytes. Every field has a default; where a default
rests on a figure, the field names its source and grade (A primary, B vendor, C secondary, - assumed).
"""

from __future__ import annotations

from agentchaos.blocks import Block
from agentchaos.world.groups import Group
from agentchaos.world.ideal import idealise
from agentchaos.world.nouns import Noun
from agentchaos.world.services import Band, Service
from agentchaos.world.state import PartSpec, StateSpec
from agentchaos.world.tasks import STEPS_MAX, Adapts, Burst, HandOff, Spawn, StepSpec, Talk, Tasks
from agentchaos.world.things import (
    FAULTS,
    MECHANISMS,
    RECOVERIES,
    RECOVERY_WORDS,
    FaultItem,
    OneOf,
    Protect,
    RecoveryItem,
)

__all__ = [
    "FAULTS",
    "MECHANISMS",
    "RECOVERIES",
    "RECOVERY_WORDS",
    "STEPS_MAX",
    "Adapts",
    "Band",
    "Burst",
    "FaultItem",
    "Group",
    "HandOff",
    "Noun",
    "OneOf",
    "PartSpec",
    "Protect",
    "RecoveryItem",
    "Service",
    "Spawn",
    "StateSpec",
    "StepSpec",
    "Talk",
    "Tasks",
    "World",
    "idealise",
]


class World(Noun):
    """Everything that a run plays in, with its clock. Times in ns."""

    services: dict[str, Service]
    agents: dict[str, Group]
    warmup: int
    horizon: int
    drain: int
    system: Block | None = None

    @property
    def end(self) -> int:
        """When the replication ends."""
        return self.horizon + self.drain
