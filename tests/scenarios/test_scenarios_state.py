"""The scenarios of state: each meets or misses its gates for the reason that it tells."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
from direction.paired import difference, ours, values
from walk import call

from agentchaos import bundled

pytestmark = pytest.mark.slow

N = 24
PAIRS = 8


def verdict(name: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a run."""
    done = call("run", bundled.path(name), "--replications", N, "--out", folder)
    return done.exit_code, done.stdout


def test_a_checkpoint_brings_the_poison_back_and_the_gates_are_missed(tmp_path: Path) -> None:
    code, told = verdict("poisoned_memory", tmp_path)
    assert code == 1
    assert "✘ task_success" in told
    assert "✘ taint_time{fault=poisoning}" in told
    assert "✔ availability" in told, "it is back soon, and that is not what is wrong with it"


def test_a_cold_start_is_slower_and_right(tmp_path: Path) -> None:
    code, told = verdict("poisoned_memory_cold", tmp_path)
    assert code == 0, told
    kept, cold = ours("poisoned_memory"), ours("poisoned_memory_cold")
    slower = difference(cold, kept, "recovery_time{fault=crash}", PAIRS)
    assert slower.low > 20, "seconds"
    right = difference(cold, kept, "task_success", PAIRS)
    assert right.low > 0.25
    tainted = difference(kept, cold, "taint_time{fault=poisoning}", PAIRS)
    assert tainted.low > 3600, "seconds"


def test_one_wrong_answer_against_a_cascade(tmp_path: Path) -> None:
    code, told = verdict("traditional_vs_agentic", tmp_path)
    assert code == 0, told
    for measure, least in (("cascade_steps", 8.0), ("cascade_tasks", 0.4), ("cascade_agents", 0.3)):
        web, loop = (
            values(ours("traditional_vs_agentic"), f"{measure}{{agent={name},fault=wrong_answer}}", PAIRS)
            for name in ("web", "loop")
        )
        assert max(web) <= 1
        assert fmean(loop) - fmean(web) > least
