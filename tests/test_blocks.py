"""Block diagrams: what is up follows from what is down."""

from __future__ import annotations

import dataclasses
import itertools
import json

from agentchaos.blocks import Block

BRIDGE = Block.series((Block.parallel(("a", "b")), Block(2, ("c", "d", Block.series(("a", "e"))))))


def test_series_parallel_and_k_of_n() -> None:
    series, parallel = Block.series(("a", "b", "c")), Block.parallel(("a", "b", "c"))
    two = Block(2, ("a", "b", "c"))
    for down in itertools.chain.from_iterable(itertools.combinations("abc", n) for n in range(4)):
        assert series.is_up(down) == (len(down) == 0)
        assert parallel.is_up(down) == (len(down) < 3)
        assert two.is_up(down) == (len(down) < 2)


def test_blocks_within_blocks() -> None:
    assert list(BRIDGE.names()) == ["a", "b", "c", "d", "a", "e"]
    assert BRIDGE.is_up({"a"})
    assert BRIDGE.is_up({"b", "c"})
    assert not BRIDGE.is_up({"a", "c"}), "of c, d and a-e only d is left"
    assert not BRIDGE.is_up({"a", "b"})


def test_the_way_through_json_and_back() -> None:
    assert Block.from_json(json.loads(json.dumps(dataclasses.asdict(BRIDGE)))) == BRIDGE
