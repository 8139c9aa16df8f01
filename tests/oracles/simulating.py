"""A closed form's scenario through the real language and the real pipeline.

Of a row's first replication everything is folded; of the others only what the row was seen to read in it.
Rows of one scenario share its replications, and processes of one test session share them through files.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import ItemsView
from pathlib import Path

import pytest
from oracles.closed_forms import Oracle
from oracles.rows import ORACLES

from agentchaos import pipeline
from agentchaos.metrics.base import Data, Datum, Metric
from agentchaos.metrics.fold import Fold
from agentchaos.plan import Plan
from agentchaos.plugins import shelf
from agentchaos.trace import Batch, Row

PART = 0.1
"""Of a row's replications so many are played at a time with its rate moved, until it is plain."""
PLAIN = 4.5
"""The |z| at which it is plain: more than the 4 at which the test of a row fails."""
MINIMUM = 6
"""Replications without which no standard error is to be believed."""


class _Noted(dict[str, Datum]):
    """Data that note which of them are read."""

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Datum:
        self.read.add(name)
        return super().__getitem__(name)

    def items(self) -> ItemsView[str, Datum]:
        self.read |= set(self)
        return super().items()


@dataclasses.dataclass(frozen=True)
class Simulation:
    """The scenario of some rows, as it is or with its rate moved.

    Moved, it is played until every row is plainly off its exact value, and no more often than as it is.
    """

    text: str
    moved: bool
    rows: tuple[Oracle, ...]

    @property
    def replications(self) -> int:
        """How often it is played."""
        return max(row.replications for row in self.rows)

    def values(self, folder: Path) -> dict[str, list[float]]:
        """What each row reads in each replication."""
        file = folder / "oracle.yaml"
        file.write_text(self.text, encoding="utf-8")
        plans = [_plan(file, seed) for seed in self._seeds()]
        declared = tuple(dict.fromkeys(kind for row in self.rows for kind in row.only))
        data, trace = pipeline.play_one(plans[0], "chaos", 1, keep=not declared, only=declared)
        only = declared or self._asked_for(plans[0], data, trace)
        found = {row.id: [row.read(data)] for row in self.rows}
        part = math.ceil(PART * self.replications)
        for number in range(2, self.replications + 1):
            if self.moved and number % part == 1 and number > MINIMUM and self._is_plain(found):
                break
            plan = plans[number - 1 if len(plans) > 1 else 0]
            data, _ = pipeline.play_one(plan, "chaos", 1 if len(plans) > 1 else number, only=only)
            for row in self.rows:
                found[row.id].append(row.read(data))
        return found

    def _is_plain(self, found: dict[str, list[float]]) -> bool:
        return all(abs(_z(found[row.id], row.exact)) > PLAIN for row in self.rows)

    def _seeds(self) -> range:
        return range(1, self.replications + 1 if self.rows[0].by_seed else 2)

    def _asked_for(self, plan: Plan, data: Data, trace: list[Row]) -> tuple[type[Metric], ...]:
        """The metrics that give what the rows read in a replication."""
        noted = _Noted(data)
        for row in self.rows:
            row.read(noted)
        found = []
        for kind in shelf("metrics", Metric).values():
            fold = Fold(plan.setting, (kind,))
            fold.take(Batch(trace))
            if noted.read & set(fold.data()):
                found.append(kind)
        return tuple(found)


def _plan(file: Path, seed: int) -> Plan:
    plan = pipeline.decide(pipeline.load(file), seed=seed, replications=1)
    return dataclasses.replace(plan, arms=("chaos",))


def simulation(oracle: Oracle, *, moved: bool) -> Simulation:
    """The simulation that a row shares with others of its scenario."""
    peers = tuple(one for one in ORACLES if _told(one, moved) == _told(oracle, moved))
    assert len({one.by_seed for one in peers}) == 1
    return Simulation(_told(oracle, moved), moved, peers)


def _told(oracle: Oracle, moved: bool) -> str:
    old, new = oracle.moved
    assert old in oracle.scenario
    return oracle.scenario.replace(old, new) if moved else oracle.scenario


def simulate(oracle: Oracle, factory: pytest.TempPathFactory, *, moved: bool = False) -> tuple[float, float]:
    """(mean, standard error) over independent replications."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # its parent belongs to this session, and to all of its workers
        shared = shared.parent
    word, played = "moved" if moved else "as-it-is", simulation(oracle, moved=moved)
    files = {row.id: shared / f"oracle-{row.id}-{word}.json" for row in played.rows}
    claim = shared / f"oracle-{played.rows[0].id}-{word}.claimed"
    if not files[oracle.id].exists() and _is_ours(claim):
        try:
            for row, found in played.values(factory.mktemp(oracle.id)).items():
                part = files[row].with_suffix(".part")
                part.write_text(json.dumps(found), encoding="utf-8")
                part.replace(files[row])
        except BaseException:
            claim.unlink()
            raise
    while not files[oracle.id].exists():
        assert claim.exists(), "it was played by another process, and failed there"
        time.sleep(0.1)
    return _mean_and_error(json.loads(files[oracle.id].read_text(encoding="utf-8")))


def _is_ours(claim: Path) -> bool:
    """Whether this process is the first that wants it, and so has to play it."""
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _mean_and_error(values: list[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def _z(values: list[float], exact: float) -> float:
    mean, error = _mean_and_error(values)
    return (mean - exact) / error
