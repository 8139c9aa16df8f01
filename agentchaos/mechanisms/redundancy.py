"""Redundancy: units that stand by and take over a role when its unit fails."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agentchaos.distributions import Bandwidth, Duration, DurationDistribution, Share
from agentchaos.mechanisms.base import Mechanism


class Redundancy(Mechanism):
    """Warm standbys: each has the last shipped copy of the state, and loads it when promoted."""

    name: ClassVar[str] = "redundancy"
    ideal: ClassVar[dict[str, Any]] = {"coverage": 1, "switch": "0s", "load": "0s"}
    costs: ClassVar[str] = "agent-hours"
    example: ClassVar[str] = "redundancy: {standbys: 2, mode: warm, copy: 30s}"

    standbys: int = Field(1, ge=1, le=10_000, description="units that stand by for the group")
    mode: Literal["warm"] = Field("warm", description="how they stand by")
    copy_every: Duration = Field(
        30_000_000_000, alias="copy", gt=0, description="how often the state is shipped to them"
    )
    coverage: Share = Field(
        0.95,
        description="the chance that a promotion works",
        json_schema_extra={
            "source": "assumed; failover coverage below 1 is the rule",
            "grade": "-",
        },
    )
    switch: DurationDistribution = Field(
        "1s",
        validate_default=True,
        description="time to take over the role",
    )
    load: DurationDistribution = Field(
        "5s",
        validate_default=True,
        description="time to load the copy and open sessions",
        json_schema_extra={
            "source": "half of a warm model load of 10 s (ServerlessLLM, arXiv 2401.14351)",
            "grade": "-",
        },
    )
    bandwidth: Bandwidth | None = Field(
        None, description="warm: bytes a second at which the copy is loaded, beside `load`; none: no limit"
    )
