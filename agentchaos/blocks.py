"""The structure of a system: which groups must be up for the whole to be up, as a recursive block diagram."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """At least `k` `of` these blocks and groups (names) must be up: all in a series, one in parallel."""

    k: int
    of: tuple[Block | str, ...]

    @classmethod
    def series(cls, of: tuple[Block | str, ...]) -> Block:
        """All of them are needed."""
        return cls(len(of), of)

    @classmethod
    def parallel(cls, of: tuple[Block | str, ...]) -> Block:
        """One of them is enough."""
        return cls(1, of)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Block:
        """What `dataclasses.asdict` made of a block."""
        return cls(
            value["k"], tuple(one if isinstance(one, str) else cls.from_json(one) for one in value["of"])
        )

    def names(self) -> Iterator[str]:
        """The groups that it names, in order; one that stands twice comes twice."""
        for one in self.of:
            if isinstance(one, str):
                yield one
            else:
                yield from one.names()

    def is_up(self, down: Container[str]) -> bool:
        """Whether it is up while these groups are down."""
        up = 0
        for one in self.of:
            up += one not in down if isinstance(one, str) else one.is_up(down)
        return up >= self.k
