"""The simulator against closed forms, through the real language and the real pipeline.

Rules: |z| < 4 with fixed seeds; the standard error (from independent replication means) is at most one
eighth of the shift that moving the row's rate by 5 % causes; with the rate moved, the same test fails;
and the z of all rows together are neither too large nor too small (chi-square).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from oracles.closed_forms import Oracle
from oracles.rows import ORACLES
from oracles.simulating import simulate

pytestmark = pytest.mark.slow


def z_of(oracle: Oracle, factory: pytest.TempPathFactory) -> float:
    mean, error = simulate(oracle, factory)
    return (mean - oracle.exact) / error


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_printed_digits_are_those_of_the_formula(oracle: Oracle) -> None:
    digits = len(repr(oracle.published).split(".")[-1])
    assert oracle.exact == pytest.approx(oracle.published, rel=1e-6, abs=0.6 * 10.0**-digits)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_simulation_agrees(
    oracle: Oracle,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> None:
    mean, error = simulate(oracle, tmp_path_factory)
    z = z_of(oracle, tmp_path_factory)
    row = f"{oracle.id:4} {oracle.formula:42} {oracle.exact:12.6g} {mean:12.6g} {error:10.2g} {z:6.2f}"
    record_property("oracle", row)
    assert abs(z) < 4
    # small enough to see a shift of five percent
    assert error <= oracle.shift / 8


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_same_test_fails_when_the_rate_is_moved(
    oracle: Oracle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mean, error = simulate(oracle, tmp_path_factory, moved=True)
    assert abs(mean - oracle.exact) / error > 4
    assert abs(mean - oracle.moved_exact) / error < 4


@pytest.mark.last
def test_the_z_of_all_rows_are_those_of_chance(tmp_path_factory: pytest.TempPathFactory) -> None:
    from scipy.special import chdtri

    total = math.fsum(z_of(oracle, tmp_path_factory) ** 2 for oracle in ORACLES)
    low, high = chdtri(len(ORACLES), [0.999, 0.001])
    assert low < total < high
