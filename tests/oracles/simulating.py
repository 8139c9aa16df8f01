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
"""So many of a row's replications are played at a time."""
MINIMUM = 6
"""Replications without which no standard error is to be believed."""
MOST = 1.5
"""Times the number of replications that a row is thought to need: it is not played more often."""
PLAIN = 4.2
"""With its rate moved it is played until it is off by so many: the test of a row fails at 4."""


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
    """The scenario of some rows, as it is or with its rate moved, played until enough is known of each."""

    text: str
    moved: bool
    rows: tuple[Oracle, ...]

    @property
    def replications(self) -> int:
        """How often it has to be played, more or less."""
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
        part, number = math.ceil(PART * self.replications), 1
        while number < MINIMUM or number % part or not self._is_enough(found):
            number += 1
            plan = plans[number - 1 if len(plans) > 1 else 0]
            data, _ = pipeline.play_one(plan, "chaos", 1 if len(plans) > 1 else number, only=only)
            for row in self.rows:
                found[row.id].append(row.read(data))
            if number == self.most:
                break
        return found

    def _is_enough(self, found: dict[str, list[float]]) -> bool:
        if self.moved:
            return all(abs(_z(found[row.id], row.exact)) > PLAIN for row in self.rows)
        return all(_mean_and_error(found[row.id])[1] <= row.shift / 8 for row in self.rows)

    @property
    def most(self) -> int:
        """It is not played more often."""
        return math.ceil(MOST * self.replications)

    def _seeds(self) -> range:
        return range(1, self.most + 1 if self.rows[0].by_seed else 2)

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
