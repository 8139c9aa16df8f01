"""The bundled scenarios: each has the verdict that its file explains, for the reason that it explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from walk import call

from agentchaos import bundled

pytestmark = pytest.mark.slow

RTO, RPO = "share(recovery_time <= {}s) >= {}", "share(recovery_point <= {}s) >= {}"

MET = {
    "duplicate_refund_keyed", "golden_trio/trio", "golden_trio/one_step", "golden_trio/one_step_bare",
    "mechanisms/heartbeat", "mechanisms/watchdog", "mechanisms/checkpointing", "mechanisms/redundancy",
    "mechanisms/reconciler", "mechanisms/rollback", "mechanisms/self_healing", "mechanisms/quarantine",
}  # fmt: skip
"""Scenarios of which every gate is met."""

MISSED = {
    "duplicate_refund": ["doubled == 0"],
    "golden_trio/without_heartbeat": [RTO.format(120, 0.9)],
    "golden_trio/without_redundancy": [RTO.format(120, 0.9)],
    "golden_trio/without_checkpointing": [RPO.format(120, 0.9)],
    "mechanisms/heartbeat_off": [RTO.format(120, 0.9)],
    "mechanisms/watchdog_off": [RTO.format(240, 0.9)],
    "mechanisms/checkpointing_off": [RPO.format(180, 0.9)],
    "mechanisms/redundancy_off": [RTO.format(120, 0.8)],
    "mechanisms/reconciler_off": ["availability >= 85%"],
    "mechanisms/rollback_off": ["task_success >= 85%"],
    "mechanisms/self_healing_off": ["task_success >= 75%"],
    "mechanisms/quarantine_off": ["task_success{agent=writer} >= 85%"],
}
"""Scenario -> the gates that it misses."""

ELSEWHERE = {
    *("quickstart", "customer_service", "customer_service_fragile"),  # the demo, tests/e2e
    *("research_agent", "research_agent_every_5", "research_agent_every_200"),  # tests/test_readme.py
}


def outcomes(name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """(exit code, outcome by gate) of a run of a bundled scenario."""
    done = call("run", bundled.path(name), "--out", folder, "--json", "--format", "json", "--jobs", 1)
    report = json.loads(done.stdout)
    return done.exit_code, {gate["expression"]: gate["verdict"] for gate in report["gates"]}


@pytest.mark.parametrize("name", sorted(MET))
def test_its_gates_are_met(name: str, tmp_path: Path) -> None:
    code, gates = outcomes(name, tmp_path)
    assert set(gates.values()) == {"pass"}, gates
    assert code == 0


@pytest.mark.parametrize("name", sorted(MISSED))
def test_the_gate_that_its_file_names_is_missed(name: str, tmp_path: Path) -> None:
    code, gates = outcomes(name, tmp_path)
    assert [gate for gate, outcome in gates.items() if outcome == "fail"] == MISSED[name]
    assert code == 1


def test_every_bundled_scenario_is_run_by_a_test() -> None:
    folder = Path(__file__).parent.parent
    told = {*MET, *MISSED, *ELSEWHERE}
    texts = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("test_*.py"))
    for name in set(bundled.names()) - told:
        word = name.rpartition("/")[2].removesuffix("_off")
        assert f'"{word}' in texts, f"no test runs {name}"
