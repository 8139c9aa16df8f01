"""The test of the oracles can fail: with the rate that matters moved by 5 %, it does.

Apart from test_oracles.py, so that two processes can share the work.
"""

from __future__ import annotations

import math

import pytest
from oracles.closed_forms import Oracle
from oracles.rows import ORACLES
from oracles.simulating import simulate

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_same_test_fails_when_the_rate_is_moved(
    oracle: Oracle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old, new = oracle.moved
    folder = tmp_path_factory.getbasetemp()
    assert old in oracle.scenario
    # fewer than above will do: at the standard error allowed there, z is about 8
    mean, error = simulate(
        oracle, oracle.scenario.replace(old, new), folder, math.ceil(0.6 * oracle.replications)
    )
    assert abs(mean - oracle.exact) / error > 4
    assert abs(mean - oracle.moved_exact) / error < 4
