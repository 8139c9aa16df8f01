"""Checkpointing: snapshots of parts of the state, so that a failure loses only what came after."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from agentchaos.distributions import DurationDistribution, parse_duration
from agentchaos.disturbances import PARTS, Part
from agentchaos.mechanisms.base import Mechanism
from agentchaos.words import shown

_STEPS = re.compile(r"\s*([0-9]+)\s*steps?\s*")
SHORTEST = 1_000_000
"""Ns between two snapshots: a shorter period is a slip of the pen, and would never come to an end."""


def _cadence(value: object) -> str:
    """Takes `5 steps` or a duration; refuses a bare number, which could mean either."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 1e9:
            raise ValueError(f"{shown(value)} is no cadence; write '5 steps' or '60s'")
        raise ValueError(f"'{value}' could be steps or seconds; say '{value} steps' or '{value}s'")
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} stands here; write '5 steps' or '60s'")
    if steps := _STEPS.fullmatch(value):
        digits = steps.group(1)
        if len(digits) > 12 or not 1 <= int(digits) <= 10_000_000:
            raise ValueError(f"{shown(value)}: 1 to 10,000,000 steps")
        return f"{int(digits)} steps"
    try:
        period = parse_duration(value)
    except ValueError as wrong:
        raise ValueError(f"{wrong}; or a number of steps, such as '5 steps'") from None
    if period < SHORTEST:
        raise ValueError(f"{shown(value)}: at least 1ms; or a number of steps, such as '5 steps'")
    return value


class Checkpointing(Mechanism):
    """A snapshot is the state after the last finished step, stamped when taken, usable once durable.

    `sync` pauses the agent while it writes, at the end of a step; `async` snapshots on the tick and
    writes beside the work.
    """

    name: ClassVar[str] = "checkpointing"
    costs: ClassVar[str] = "pauses, storage"
    example: ClassVar[str] = (
        "checkpointing: {every: 5 steps, store: store, covers: [memory, goal, plan, context]}"
    )

    every: Annotated[str, BeforeValidator(_cadence)] = Field(
        "5 steps",
        description="`5 steps`, or a time such as `60s`",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )
    store: str | None = Field(
        None, description="the store that it is written to; its latency is the write latency"
    )
    write: DurationDistribution | None = Field(
        None,
        description="the write latency, instead of the store's; 20 ms where there is no store",
        json_schema_extra={"source": "SQLite checkpoint 2 to 50 ms (two reports)", "grade": "C"},
    )
    mode: Literal["sync", "async"] = Field("sync", description="whether the agent waits for the write")
    covers: tuple[Part, ...] = Field(
        PARTS,
        min_length=1,
        description="the parts that are saved; others come back empty",
    )
    generations: int = Field(3, ge=1, le=1000, description="how many checkpoints are kept")
    verify: bool = Field(
        True,
        description="a checksum finds a corrupt checkpoint at restore, and an older one is used",
    )

    @cached_property
    def steps(self) -> int | None:
        """The cadence in steps, or None where it is a time."""
        found = _STEPS.fullmatch(self.every)
        return int(found.group(1)) if found else None

    @cached_property
    def period(self) -> int | None:
        """The cadence in ns, or None where it is in steps."""
        return None if self.steps is not None else parse_duration(self.every)
