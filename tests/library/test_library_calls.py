"""The bundled scenarios of mechanisms of calls: each passes with its mechanism, and fails without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from walk import call

from agentchaos import bundled

pytestmark = pytest.mark.slow

MISSED = {
    "circuit_breaker": ["deadline_hits >= 0.90"],
    "timeout": ["deadline_hits >= 0.90"],
    "fallback": ["task_success >= 0.85", "tasks_failed.mean <= 2"],
    "bulkhead": ["deadline_hits >= 0.85"],
    "retry": ["task_success >= 0.85", "tasks_failed.mean <= 3"],
    "idempotency": ["doubled == 0"],
    "hedging": ["deadline_hits >= 0.90"],
}
"""Mechanism -> the gates that are missed without it."""


def outcomes(name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """(exit code, outcome by gate) of a run of a bundled scenario."""
    done = call("run", bundled.path(name), "--out", folder, "--json")
    report = json.loads(done.stdout)
    return done.exit_code, {gate["expression"]: gate["verdict"] for gate in report["gates"]}


@pytest.mark.parametrize("name", MISSED)
def test_its_gates_are_met_with_it(name: str, tmp_path: Path) -> None:
    code, gates = outcomes(f"mechanisms/{name}", tmp_path)
    assert code == 0
    assert set(gates.values()) == {"pass"}


@pytest.mark.parametrize("name", MISSED)
def test_and_missed_without_it(name: str, tmp_path: Path) -> None:
    code, gates = outcomes(f"mechanisms/{name}_off", tmp_path)
    assert code == 1
    assert [gate for gate, outcome in gates.items() if outcome == "fail"] == MISSED[name]
