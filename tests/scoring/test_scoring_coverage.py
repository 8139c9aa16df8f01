"""Error rates by simulation: with the truth at the threshold, no gate passes more often than it may."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables_by_hand import HOUR, share, table

from agentchaos.metrics.base import Data
from agentchaos.scoring.gate import judge
from agentchaos.scoring.intervals import exact_low, shows, violation_rate, violations
from agentchaos.scoring.measures import measure
from agentchaos.scoring.scores import score

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("coverage")
    finally:
        sys.path.remove(str(BENCHMARKS))


coverage = script()
CASES = list(coverage.cases())
PROMISED = [case for case in CASES if case.promised]

# -- the batch is the single function -----------------------------------------------------------


@pytest.mark.parametrize("shape", coverage.SHAPES, ids=lambda one: one.name)
@pytest.mark.parametrize("size", [1, 2, 10, 60, 300])
def test_the_batch_shows_what_the_bound_shows(shape, size: int) -> None:  # type: ignore[no-untyped-def]
    samples = shape.draw(coverage.stream(99, size), (2 if size > 100 else 8, size))
    for row in samples:
        for alpha in (0.05, 0.01):
            low = exact_low(row.tolist(), alpha)
            below, above = max(0.0, low - 1e-4), min(1.0, low + 1e-4)
            assert shows(row[None, :], below, alpha)[0]
            assert not shows(row[None, :], above, alpha)[0] or above == low


def test_the_batch_knows_the_ends() -> None:
    ones = np.ones((3, 59))
    assert shows(ones, 0.95).all()
    assert not shows(ones[:, :58], 0.95).any()
    assert shows(ones, 0.0).all()
    assert not shows(np.zeros((1, 20)), 0.01).any()
    assert shows(np.full((1, 1500), 0.99), 0.98).tolist() == [True]  # products beyond what a float holds


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.integers(0, 29),
    st.floats(0, 1),
    st.sampled_from([0.05, 0.01]),
)
def test_no_value_that_grows_lowers_the_bound(
    values: list[float], place: int, to: float, alpha: float
) -> None:
    place %= len(values)
    better = [*values[:place], max(values[place], to), *values[place + 1 :]]
    assert exact_low(better, alpha) >= exact_low(values, alpha) - 1e-9


def test_the_bounds_of_violations_are_the_wider_of_their_two() -> None:
    rows = [(3.0, 0.0), (2.0, 1.0), (4.0, 0.0)] * 10
    share_, both = violations(rows)
    alone = violation_rate(rows)
    assert share_ == alone[0]
    assert (both.low or 0.0) <= (alone[1].low or 0.0)
    assert (both.high or 0.0) >= (alone[1].high or 0.0)


# -- false passes -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", PROMISED, ids=lambda case: case.name)
def test_few_runs_pass_by_luck(case) -> None:  # type: ignore[no-untyped-def]
    """The quick form: a thousand runs a case, one look and three."""
    assert case.passes(coverage.looks(1), 1000) <= coverage.most(1000)
    assert case.passes(coverage.looks(3), 1000) <= coverage.most(1000)


@pytest.mark.slow
@pytest.mark.parametrize("case", PROMISED, ids=lambda case: case.name)
@pytest.mark.parametrize("k", [1, 3, 5])
def test_no_gate_passes_by_luck_more_often_than_it_may(case, k: int) -> None:  # type: ignore[no-untyped-def]
    assert case.passes(coverage.looks(k), 10_000) <= coverage.most(10_000)


def test_the_test_would_see_a_bound_that_is_too_narrow() -> None:
    alone = next(case for case in CASES if "Wilson over tasks alone" in case.name)
    assert alone.passes(coverage.looks(1), 1000) > coverage.most(1000)
    shape = next(
        one for one in coverage.SHAPES if one.name.startswith("5% of runs collapse") and "noise" in one.name
    )
    found = coverage.false_passes(shape, 20, 400)
    assert found["Johnson"] > 0.25  # .36 in theory: that none of twenty collapsed
    assert found["exact"] <= coverage.most(400)
    # looks that do not share alpha pass too often
    bernoulli = coverage.SHAPES[6]
    steps = (59, 93, 124, 153)  # where another failure may be borne
    whole = sum(shows(bernoulli.draw(coverage.stream(98), (4000, 153))[:, :step], 0.95) for step in steps)
    assert float((whole > 0).mean()) > coverage.most(4000)


@pytest.mark.parametrize(
    ("gate", "truth", "alpha"),
    [("availability >= 0.95", 0.95, 0.05), ("availability >= 0.95", 0.95, 0.05 / 3)],
)
def test_the_whole_judge_passes_no_more_often(gate: str, truth: float, alpha: float) -> None:
    """Through measure, score and judge, with 60 replications that are all or nothing."""
    trials, passed, scores = 40, 0, score(table(2))  # a gate on a raw measure reads no score
    up = np.random.Generator(np.random.PCG64(7)).random((trials, 60)) < truth
    for row in up:
        of = table(60, _rows(row))
        passed += judge([gate], of, measure(of, alpha), scores, alpha=alpha)[0].verdict == "pass"
    expected = truth**60  # .046: only a run without any failure passes, at 1 - .05/3 not even that
    assert passed == (int(up.all(axis=1).sum()) if alpha == 0.05 else 0)
    assert passed / trials <= expected + 4 * coverage.error(expected, trials)


def _rows(row: np.ndarray) -> Callable[[int, Data], Data]:
    return lambda n, _: {"availability": share(HOUR if row[n - 1] else 0, HOUR)}


# -- the page -----------------------------------------------------------------------------------


def page() -> str:
    return str(coverage.PAGE.read_text(encoding="utf-8"))


def test_the_page_has_the_tables_of_its_script() -> None:
    text = page()
    assert coverage.BEGIN in text
    for part in coverage.PARTS:
        number = coverage.TRIALS // 10 if part.tenth else coverage.TRIALS
        assert f"### {part.title}\n\n{part.words} {number:,} runs a cell, seed {coverage.SEED}.\n" in text
    for case in CASES:
        assert f"| {case.name}" in text
    assert "\n".join(coverage.perfect_table()) in text


def test_no_promise_is_broken_on_the_page() -> None:
    rows = [line for line in page().splitlines() if line.startswith(tuple(f"| {c.name} |" for c in PROMISED))]
    assert len(rows) == len(PROMISED)
    assert not [line for line in rows if "**" in line]


@pytest.mark.slow
def test_rows_of_the_page_are_what_the_script_makes() -> None:
    text = page()
    for case in (PROMISED[0], PROMISED[6], PROMISED[9]):
        shares = [case.passes(coverage.looks(k), coverage.TRIALS) for k in (1, 3, 5)]
        assert f"| {case.name} | {' | '.join(f'{p:.4f}' for p in shares)} |" in text.replace("**", "")
