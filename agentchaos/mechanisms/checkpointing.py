"""Checkpointing: snapshots of parts of the state, so that a failure loses only what came after."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from agentchaos.distributions import DurationDistribution, parse_duration
from agentchaos.disturbances import PARTS, Part
from agentchaos.mechanisms.base import Mechanism

_STEPS = re.compile(r"\s*(\d+)\s*steps?\s*")


def _cadence(value: object) -> str:
    """Takes `5 steps` or a duration; refuses a bare number, which could mean either."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"'{value}' could be steps or seconds; say '{value} steps' or '{value}s'")
    text = str(value)
    steps = _STEPS.fullmatch(text)
    if steps:
        if not 1 <= int(steps.group(1)) <= 10_000_000:
            raise ValueError(f"'{text}': 1 to 10,000,000 steps")
        return f"{int(steps.group(1))} steps"
    if parse_duration(text) <= 0:
        raise ValueError(f"'{text}': a time above 0, such as '60s', or '5 steps'")
    return text


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
        "5 steps", description="`5 steps`, or a time such as `60s`"
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
