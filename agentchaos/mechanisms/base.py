"""What a mechanism is: typed fields that an engine reads, with the defaults and their sources."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Mechanism(BaseModel):
    """A fault-tolerance mechanism as a user declares it under `protect:`.

    `ideal` holds the fields that `preset: ideal` sets unless the user writes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: ClassVar[str]
    ideal: ClassVar[dict[str, Any]] = {}
    costs: ClassVar[str] = ""
    example: ClassVar[str] = ""
