"""The simulator against closed forms, through the real language and the real pipeline.

Rules: |z| < 4 with fixed seeds; the standard error (from independent replication means) is at most one
eighth of the shift that moving the row's rate by 5 % causes; with the rate moved, the same test fails
(test_oracles_moved.py); and the z of all rows together are neither too large nor too small (chi-square).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from oracles.closed_forms import Oracle
from oracles.rows import ORACLES
from oracles.simulating import simulate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oracles")


@functools.cache
def _row(oracle: Oracle, folder: Path) -> tuple[float, float, float]:
    """(mean, standard error, z)."""
    mean, error = simulate(oracle, oracle.scenario, folder, oracle.replications)
    return mean, error, (mean - oracle.exact) / error


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_printed_digits_are_those_of_the_formula(oracle: Oracle) -> None:
    digits = len(repr(oracle.published).split(".")[-1])
    assert oracle.exact == pytest.approx(oracle.published, rel=1e-6, abs=0.6 * 10.0**-digits)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_simulation_agrees(
    oracle: Oracle, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    mean, error, z = _row(oracle, folder)
    row = f"{oracle.id:4} {oracle.formula:42} {oracle.exact:12.6g} {mean:12.6g} {error:10.2g} {z:6.2f}"
    record_property("oracle", row)
    assert abs(z) < 4
    # small enough to see a shift of five percent
    assert error <= abs(oracle.moved_exact - oracle.exact) / 8


def test_the_z_of_all_rows_are_those_of_chance(folder: Path) -> None:
    from scipy.special import chdtri

    total = math.fsum(_row(oracle, folder)[2] ** 2 for oracle in ORACLES)
    low, high = chdtri(len(ORACLES), [0.999, 0.001])
    assert low < total < high
