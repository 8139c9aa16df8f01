"""The page of the five recoveries: its table says what simulation says, and lands in their classes."""

from __future__ import annotations

from typing import Any

import pytest
from pages import DOCS, script

from agentchaos.world import MECHANISMS, RECOVERIES

FEW = 8
"""Replications: fewer than the page has, and enough for its classes."""


SCRIPT = script("recoveries")
PAGE = (DOCS / "recoveries.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| [")]
NORMAL, HUNDREDFOLD = ROWS[:5], ROWS[5:]


def approach(row: list[str]) -> Any:
    name = row[0].partition("]")[0].lstrip("[")
    return next(one for one in SCRIPT.APPROACHES if one.name == name)


def test_the_page_has_every_approach_twice_and_the_words_of_the_script() -> None:
    assert [approach(row) for row in NORMAL] == list(SCRIPT.APPROACHES)
    assert [approach(row) for row in HUNDREDFOLD] == list(SCRIPT.APPROACHES)
    seed = SCRIPT.seed_of("recoveries/cold_start")
    head = SCRIPT.HEAD.format(n=SCRIPT.REPLICATIONS, seed=seed)
    assert PAGE.startswith(head)
    assert SCRIPT.BETWEEN in PAGE
    assert PAGE.endswith(SCRIPT.READING)
    assert len(ROWS[0]) == len(SCRIPT.COLUMNS)


def test_the_classes_are_those_that_the_recoveries_give_themselves() -> None:
    for one in SCRIPT.APPROACHES:
        assert RECOVERIES[one.name].published == one.published


def test_all_land_in_their_class_and_those_that_read_their_state_leave_it() -> None:
    assert [row[-2:] for row in NORMAL] == [["yes", "yes"]] * 5
    assert {approach(row).name for row in HUNDREDFOLD if row[-2] == "**no**"} == {
        *("warm_start", "checkpoint_recovery", "state_reconstruction"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("row", NORMAL, ids=lambda row: approach(row).name)
def test_simulation_says_the_same(row: list[str]) -> None:
    line = SCRIPT.play(approach(row), FEW, jobs=1)
    assert (line.time_in_class, line.point_in_class) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("row", HUNDREDFOLD, ids=lambda row: approach(row).name)
def test_simulation_says_the_same_of_a_hundredfold(row: list[str]) -> None:
    line = SCRIPT.play(approach(row), FEW, hundredfold=True, jobs=1)
    assert ("yes" if line.time_in_class else "**no**") == row[-2]


def test_by_default_a_hot_standby_is_faster_than_a_warm_one_and_that_than_a_checkpoint() -> None:
    standby = MECHANISMS["redundancy"]()  # type: ignore[call-arg]
    checkpoint = RECOVERIES["checkpoint_recovery"]()  # type: ignore[call-arg]
    cold = RECOVERIES["cold_start"]()  # type: ignore[call-arg]
    hot = standby.switch.mean()  # type: ignore[attr-defined]
    warm = hot + standby.load.mean()  # type: ignore[attr-defined]
    restored = checkpoint.start.mean() + checkpoint.load.mean()  # type: ignore[attr-defined]
    anew = cold.start.mean() + cold.load.mean()  # type: ignore[attr-defined]
    assert hot < warm < restored < anew
