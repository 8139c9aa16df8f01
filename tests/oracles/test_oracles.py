"""The simulator against closed forms, through the real language and the real pipeline.

Rules: |z| < 4 with fixed seeds; the standard error (from independent replication means) is at most one
eighth of the shift that moving the row's rate by 5 % causes; with the rate moved, the same test fails;
and the z of all rows together are neither too large nor too small (chi-square).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

import pytest
from oracles.closed_forms import ORACLES, Oracle

from agentchaos import pipeline
from agentchaos.metrics.base import Data
from agentchaos.plan import Plan

pytestmark = pytest.mark.slow


def _plan(text: str, folder: Path, replications: int, seed: int = 1) -> Plan:
    file = folder / "oracle.yaml"
    file.write_text(text, encoding="utf-8")
    plan = pipeline.decide(pipeline.load(file), seed=seed, replications=replications)
    return dataclasses.replace(plan, arms=("chaos",))


@functools.cache
def _data(text: str, folder: Path, replications: int, by_seed: bool) -> tuple[Data, ...]:
    if by_seed:
        plans = [_plan(text, folder, 1, seed) for seed in range(1, replications + 1)]
        return tuple(pipeline.play_one(plan, "chaos", 1)[0] for plan in plans)
    plan = _plan(text, folder, replications)
    return tuple(pipeline.play_one(plan, "chaos", n)[0] for n in range(1, replications + 1))


def _simulate(oracle: Oracle, text: str, folder: Path, replications: int) -> tuple[float, float]:
    """(mean, standard error) over independent replications."""
    values = [oracle.read(data) for data in _data(text, folder, replications, oracle.by_seed)]
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oracles")


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_printed_digits_are_those_of_the_formula(oracle: Oracle) -> None:
    digits = len(repr(oracle.published).split(".")[-1])
    assert oracle.exact == pytest.approx(oracle.published, rel=1e-6, abs=0.6 * 10.0**-digits)


@pytest.fixture(scope="module")
def table(folder: Path) -> list[tuple[Oracle, float, float, float]]:
    rows = []
    for oracle in ORACLES:
        mean, error = _simulate(oracle, oracle.scenario, folder, oracle.replications)
        rows.append((oracle, mean, error, (mean - oracle.exact) / error))
    print(f"\n{'row':4} {'formula':42} {'exact':>12} {'simulated':>12} {'std error':>10} {'z':>6}")
    for oracle, mean, error, z in rows:
        print(f"{oracle.id:4} {oracle.formula:42} {oracle.exact:12.6g} {mean:12.6g} {error:10.2g} {z:6.2f}")
    return rows


def test_simulation_agrees_with_every_closed_form(
    table: list[tuple[Oracle, float, float, float]],
) -> None:
    assert {o.id: round(z, 2) for o, _, _, z in table if abs(z) >= 4} == {}


def test_standard_errors_are_small_enough_to_see_a_shift_of_five_percent(
    table: list[tuple[Oracle, float, float, float]],
) -> None:
    shares = {o.id: error / abs(o.moved_exact - o.exact) for o, _, error, _ in table}
    assert {k: round(v, 3) for k, v in shares.items() if v > 1 / 8} == {}


def test_the_z_of_all_rows_are_those_of_chance(
    table: list[tuple[Oracle, float, float, float]],
) -> None:
    from scipy.special import chdtri

    total = math.fsum(z * z for *_, z in table)
    low, high = chdtri(len(table), [0.999, 0.001])
    assert low < total < high


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.id)
def test_the_same_test_fails_when_the_rate_is_moved(oracle: Oracle, folder: Path) -> None:
    old, new = oracle.moved
    assert old in oracle.scenario
    mean, error = _simulate(oracle, oracle.scenario.replace(old, new), folder, max(8, oracle.replications))
    assert abs(mean - oracle.exact) / error > 4
    assert abs(mean - oracle.moved_exact) / error < 4
