"""The two scenarios of split brain: doubled deeds without fencing, none with it, by the same partitions."""

from __future__ import annotations

from typing import Any

import pytest

from agentchaos import bundled, pipeline
from agentchaos.metrics.base import Data, Landings

REPLICATIONS = 8


def played(name: str) -> list[Data]:
    plan = pipeline.decide(pipeline.load(bundled.path(name)), replications=REPLICATIONS)
    return [pipeline.play_one(plan, "chaos", n)[0] for n in range(1, REPLICATIONS + 1)]


@pytest.fixture(scope="module")
def open_() -> list[Data]:
    return played("split_brain")


@pytest.fixture(scope="module")
def fenced() -> list[Data]:
    return played("split_brain_fenced")


def total(rows: list[Data], name: str) -> float:
    data: list[Any] = [row[name] for row in rows]
    return sum(datum.value for datum in data)


def test_without_fencing_deeds_are_done_twice(open_: list[Data]) -> None:
    assert total(open_, "doubled") > 0
    assert total(open_, "fenced") == 0
    assert total(open_, "split_brain_time") > 0


def test_with_fencing_none_is(open_: list[Data], fenced: list[Data]) -> None:
    assert total(fenced, "doubled") == 0
    assert total(fenced, "fenced") > 0
    assert 0 < total(fenced, "split_brain_time") < total(open_, "split_brain_time")


def test_the_partitions_are_the_same(open_: list[Data], fenced: list[Data]) -> None:
    landed: list[list[Any]] = [[row["landings"] for row in rows] for rows in (open_, fenced)]
    assert all(isinstance(datum, Landings) for datum in landed[0])
    assert landed[0] == landed[1]
