"""The scenarios of state: what a checkpoint brings back, and what a loop makes of one wrong answer."""

from __future__ import annotations

from statistics import fmean

import pytest
from direction.paired import difference, ours, values

pytestmark = pytest.mark.slow

PAIRS = 8


def test_a_cold_start_is_slower_and_right_where_a_checkpoint_brings_the_poison_back() -> None:
    kept, cold = ours("poisoned_memory"), ours("poisoned_memory_cold")
    slower = difference(cold, kept, "recovery_time{fault=crash}", PAIRS)
    assert slower.low > 20, "seconds"
    right = difference(cold, kept, "task_success", PAIRS)
    assert right.low > 0.25
    tainted = difference(kept, cold, "taint_time{fault=poisoning}", PAIRS)
    assert tainted.low > 3600, "seconds"


def test_one_wrong_answer_against_a_cascade() -> None:
    for measure, least in (("cascade_steps", 8.0), ("cascade_tasks", 0.4), ("cascade_agents", 0.3)):
        web, loop = (
            values(ours("traditional_vs_agentic"), f"{measure}{{agent={name},fault=wrong_answer}}", PAIRS)
            for name in ("web", "loop")
        )
        assert max(web) <= 1
        assert fmean(loop) - fmean(web) > least
