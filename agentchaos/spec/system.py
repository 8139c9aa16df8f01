"""`system:` as a user writes it: a block diagram over the names of groups, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from agentchaos.blocks import Block
from agentchaos.spec.complaints import Finding
from agentchaos.spec.nodes import Loc
from agentchaos.words import did_you_mean, shown
from agentchaos.world import Noun

KINDS = ("group", "series", "parallel", "k_of_n")


def _named(value: object) -> object:
    """`worker` stands for `{group: worker}`."""
    return {"group": value} if isinstance(value, str) else value


class _Named:
    """Tells the JSON schema of the short form."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}


class BlockSpec(Noun):
    """Which groups must be up for the system to be up: a group by its name, or a block of blocks.

    A group is up while as many of its roles are up as it requires.
    """

    noun: ClassVar[str] = "block"

    group: str | None = Field(None, description="a group; its name alone says the same")
    series: tuple[BlockItem, ...] | None = Field(
        None, min_length=1, description="all of these blocks are needed"
    )
    parallel: tuple[BlockItem, ...] | None = Field(
        None, min_length=1, description="one of these blocks is enough"
    )
    k_of_n: KOfN | None = Field(None, description="so many of these blocks are enough: {k: 2, of: [a, b, c]}")

    @model_validator(mode="after")
    def _exactly_one(self) -> BlockSpec:
        named = [name for name in KINDS if getattr(self, name) is not None]
        if len(named) != 1:
            found = f"and {len(named)} were found: {', '.join(named)}" if named else "and nothing stands here"
            raise ValueError(f"a block is a group, or one of series, parallel and k_of_n, {found}")
        return self

    @property
    def block(self) -> Block:
        """It as engines and metrics read it; a group alone is a series of one."""
        if self.group is not None:
            return Block.series((self.group,))
        if self.series is not None:
            return Block.series(_blocks(self.series))
        if self.parallel is not None:
            return Block.parallel(_blocks(self.parallel))
        assert self.k_of_n is not None
        return Block(self.k_of_n.k, _blocks(self.k_of_n.of))


BlockItem = Annotated[BlockSpec, BeforeValidator(_named), _Named()]


class KOfN(Noun):
    """So many of several blocks are enough."""

    k: int = Field(ge=1, le=100_000, description="so many must be up")
    of: tuple[BlockItem, ...] = Field(min_length=1, description="of these blocks")


BlockSpec.model_rebuild()


def _blocks(of: Iterable[BlockSpec]) -> tuple[Block | str, ...]:
    return tuple(one.group if one.group is not None else one.block for one in of)


def problems(system: BlockSpec, groups: Iterable[str]) -> Iterator[Finding]:
    """Names that lead nowhere, more wanted than there are, groups that count for nothing."""
    known = list(groups)
    yield from _walk(("system",), system, known)
    named = set(system.block.names())
    if not named <= set(known):
        return  # a misspelt name may mean a group that would seem to be left out
    for group in known:
        if group not in named:
            what = (
                f"group {shown(group)} is in no block, so the system would be up without it; "
                f"add it, or write 'parallel: [..., {group}]' where it is a spare"
            )
            yield Finding(("system",), what, (("agents", "*"), ("system", "*")))


def _walk(here: Loc, block: BlockSpec, known: list[str]) -> Iterator[Finding]:
    if block.group is not None and block.group not in known:
        what = f"no agent {shown(block.group)}{did_you_mean(block.group, known)}"
        yield Finding(here, what, (("agents", block.group),))
    for key in ("series", "parallel"):
        for place, one in enumerate(getattr(block, key) or ()):
            yield from _walk((*here, key, place), one, known)
    if block.k_of_n is None:
        return
    n = len(block.k_of_n.of)
    if block.k_of_n.k > n:
        what = f"{block.k_of_n.k} of {n} blocks can never be up; at most {n}"
        yield Finding((*here, "k_of_n", "k"), what, ((*here, "k_of_n", "of"),))
    for place, one in enumerate(block.k_of_n.of):
        yield from _walk((*here, "k_of_n", "of", place), one, known)
