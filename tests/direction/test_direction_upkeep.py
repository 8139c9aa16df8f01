"""Planned disruption, crews, readiness, the reconciler: where they help and where not, and what they cost."""

from __future__ import annotations

import pytest
from direction.paired import difference, ours, values

pytestmark = pytest.mark.slow

GROUP = """
name: upkeep
horizon: 40min
services: {gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6), error_rate: 0}}
agents:
  bot:
    count: 4
    required: 3
    tasks: {arrive: poisson(200/h), deadline: 3min}
    step: {think: gpt}
    protect: {checkpointing: {every: 2 steps}PROTECT}
    recover: RECOVER
faults: [FAULTS]
"""
HASTE = "{rolling_update: {agent: bot, at: 10min, batch: 2, grace: 20s}}"
CRASHES = "{crash: {agent: bot, every: exponential(mean=20min)}}"


def world(protect: str = "", faults: str = HASTE, recover: str = "checkpoint", more: str = "") -> str:
    text = GROUP.replace("PROTECT", protect).replace("FAULTS", faults).replace("RECOVER", recover)
    return text.replace("    step:", f"    {more}\n    step:") if more else text


def moves(first: str, second: str, measure: str, number: int = 12) -> int:
    """+1 where the measure is higher in the first world, -1 where it is lower, 0 where one cannot tell."""
    found = difference(first, second, measure, number)
    return found.rises - found.falls


BUDGET = ", disruption_budget: {max_unavailable: 1}"


def test_a_disruption_budget_raises_availability_under_a_rolling_update() -> None:
    assert moves(world(BUDGET), world(), "availability") == 1


def test_it_does_not_help_against_failures() -> None:
    assert values(world(BUDGET, CRASHES), "availability", 12) == values(
        world("", CRASHES), "availability", 12
    )


def test_nor_against_an_update_that_goes_one_by_one() -> None:
    slow = HASTE.replace("batch: 2", "batch: 1")
    assert moves(world(BUDGET, slow), world("", slow), "availability") == 0


def test_readiness_costs_availability() -> None:
    assert moves(world(", readiness: {delay: 40s}"), world(), "availability") == -1


def test_few_crews_cost_unit_time_and_many_do_not() -> None:
    often, seen = CRASHES.replace("20min", "4min"), ", heartbeat: {every: 5s}"
    free, one, four = (world(seen, often, "cold_start", more) for more in ("", "crews: 1", "crews: 4"))
    assert moves(one, free, "unit_availability") == -1
    assert moves(one, four, "crew_wait") == 1
    assert values(four, "unit_availability") == values(free, "unit_availability")


def test_a_reconciler_brings_back_what_nobody_recovers() -> None:
    left = world("", CRASHES, "none")
    assert moves(world(", reconciler: {every: 30s}", CRASHES, "none"), left, "availability") == 1


def test_a_heartbeat_that_loses_beats_costs_needless_recoveries() -> None:
    sure, lossy = (world(f", heartbeat: {{every: 5s, misses: 2, loss: {p}}}", CRASHES) for p in (0, 0.2))
    assert moves(lossy, sure, "false_alarms{by=liveness}") == 1
    assert moves(lossy, sure, "availability") == -1
    patient = world(", heartbeat: {every: 5s, misses: 6, loss: 0.2}", CRASHES)
    assert moves(patient, lossy, "false_alarms") == -1, "more misses in a row are rarer"


def test_with_care_against_in_haste() -> None:
    care, haste = ours("rolling_update"), ours("rolling_update_careless")
    assert moves(care, haste, "availability") == 1
    assert moves(care, haste, "agent_hours") == 1, "the price of a spare"
