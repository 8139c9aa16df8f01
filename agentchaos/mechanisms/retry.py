"""Retry: a failed call is made again, after a pause that grows; a call that takes too long has failed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from agentchaos.distributions import Duration
from agentchaos.mechanisms.base import Mechanism


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Retry(Mechanism):
    """Attempts at a call of the services named; the j-th pause is backoff x factor^(j-1), jittered.

    Full jitter draws the pause uniformly from 0 to that (Brooker 2015, "Exponential backoff and jitter").
    A Retry-After that is longer than the pause is honoured.
    """

    name: ClassVar[str] = "retry"
    costs: ClassVar[str] = "calls, and load on a service that is already failing"
    example: ClassVar[str] = "retry: {on: crm, attempts: 3, backoff: 1s, timeout: 20s}"

    on: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        (), description="the services; none: all that the group calls"
    )
    attempts: int = Field(
        3,
        ge=1,
        le=100,
        description="attempts in all",
        json_schema_extra={"source": "openai and anthropic SDKs: two retries", "grade": "A"},
    )
    backoff: Duration = Field(
        500_000_000,
        description="the first pause",
        json_schema_extra={"source": "openai and anthropic SDKs: 0.5 s", "grade": "A"},
    )
    factor: float = Field(2.0, ge=1, le=100, description="each pause is so much longer")
    jitter: Literal["full", "none"] = Field("full", description="how a pause is drawn")
    longest: Duration = Field(60_000_000_000, gt=0, description="no pause is longer than this")
    timeout: Duration | None = Field(
        None, gt=0, description="an attempt that takes longer has failed; none: wait for ever"
    )
