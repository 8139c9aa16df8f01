"""A closed form's scenario through the real language and the real pipeline."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

from oracles.closed_forms import Oracle

from agentchaos import pipeline
from agentchaos.metrics.base import Data, Metric
from agentchaos.plan import Plan
from agentchaos.targets.simulator import Simulator
from agentchaos.trace import Batch, Checker, Recorder


def _plan(text: str, folder: Path, replications: int, seed: int = 1) -> Plan:
    file = folder / "oracle.yaml"
    file.write_text(text, encoding="utf-8")
    plan = pipeline.decide(pipeline.load(file), seed=seed, replications=replications)
    return dataclasses.replace(plan, arms=("chaos",))


def _lean(plan: Plan, number: int, only: tuple[type[Metric], ...]) -> Data:
    """A replication of which no more is folded than is read."""
    metrics, checker = [metric(plan.setting) for metric in only], Checker()

    def take(batch: Batch) -> None:
        checker.take(batch)
        for metric in metrics:
            metric.take(batch)

    Simulator().play(plan, plan.replication("chaos", number), Recorder(take))
    assert checker.finish() == []
    return {name: datum for metric in metrics for name, datum in metric.data()}


@functools.cache
def _data(
    text: str, folder: Path, replications: int, by_seed: bool, only: tuple[type[Metric], ...]
) -> tuple[Data, ...]:
    if only:
        plan = _plan(text, folder, replications)
        return tuple(_lean(plan, n, only) for n in range(1, replications + 1))
    if by_seed:
        plans = [_plan(text, folder, 1, seed) for seed in range(1, replications + 1)]
        return tuple(pipeline.play_one(plan, "chaos", 1)[0] for plan in plans)
    plan = _plan(text, folder, replications)
    return tuple(pipeline.play_one(plan, "chaos", n)[0] for n in range(1, replications + 1))


def simulate(oracle: Oracle, text: str, folder: Path, replications: int) -> tuple[float, float]:
    """(mean, standard error) over independent replications."""
    values = [oracle.read(data) for data in _data(text, folder, replications, oracle.by_seed, oracle.only)]
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))
