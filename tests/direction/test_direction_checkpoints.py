"""Which way checkpoints, their store and the event log move things: for better, and for worse.

Each pair of scenarios differs in one place and shares its random numbers; the paired interval excludes zero.
"""

from __future__ import annotations

import pytest
from direction.paired import Difference
from direction.paired import difference as first_minus_second

pytestmark = pytest.mark.slow

WORLD = """
name: direction
horizon: 30min
drain: 20min
services:
  gpt: {kind: model, latency: "lognormal(mean=2s, cv=0.6)"}
  store: {kind: store, latency: 1s, error_rate: 0}
agents:
  bot:
    count: 4
    tasks: {loop: endless, steps: "uniform(20, 40)", success: 0.95}
    step: {think: gpt}
    state: {memory: {size: 50MB}}
    protect: {heartbeat: {every: 5s}, checkpointing: {SAVES}}
    recover: RECOVER
faults: [{crash: {agent: bot, every: exponential(mean=10min)}}MORE]
"""
HERE = WORLD.replace("RECOVER", "checkpoint").replace("MORE", "")
LOST, POINT, USEFUL = "lost_steps", "recovery_point", "time{class=useful}"


def difference(one: str, other: str, measure: str) -> Difference:
    """What the other has of a measure beyond the one."""
    return first_minus_second(other, one, measure, 12)


def saving(how: str, text: str = HERE) -> str:
    return text.replace("SAVES", f"{how}, store: store" if "store:" not in how else how)


# -- for better ---------------------------------------------------------------------------------


def test_checkpoints_save_work() -> None:
    cold = HERE.replace("recover: checkpoint", "recover: cold_start").replace(", checkpointing: {SAVES}", "")
    assert difference(cold, saving("every: 5 steps"), LOST).falls
    assert difference(cold, saving("every: 5 steps"), "lost_work").falls


def test_more_checkpoints_lose_less() -> None:
    assert difference(saving("every: 15 steps"), saving("every: 3 steps"), POINT).falls


def test_a_faster_store_leaves_more_time_for_work() -> None:
    slow, fast = saving("every: 4 steps"), saving("every: 4 steps").replace("latency: 1s", "latency: 50ms")
    assert difference(slow, fast, USEFUL).rises
    assert difference(slow, fast, "checkpoint_pause").falls


def test_writing_beside_the_work_leaves_more_time_for_it() -> None:
    waits, beside = saving("every: 4 steps"), saving("every: 4 steps, mode: async")
    assert difference(waits, beside, USEFUL).rises


def test_a_checksum_keeps_the_damage_out() -> None:
    faults = ", {checkpoint_corrupt: {agent: bot, every: exponential(mean=20s), generations: 1}}"
    struck = WORLD.replace("RECOVER", "checkpoint").replace("MORE", faults).replace("mean=10min", "mean=3min")
    blind = ", ".join(f"{part}: {{notice: 0}}" for part in ("goal", "plan", "context"))
    struck = struck.replace("{size: 50MB}", f"{{size: 50MB, notice: 0}}, {blind}")
    verified = saving("every: 5 steps, generations: 5", struck)
    believed = saving("every: 5 steps, generations: 5, verify: false", struck)
    assert difference(verified, believed, "task_success").falls
    assert difference(verified, believed, "accuracy").falls


def test_older_generations_help_where_the_newest_is_damaged() -> None:
    faults = ", {checkpoint_corrupt: {agent: bot, every: exponential(mean=15s), generations: 1}}"
    struck = WORLD.replace("RECOVER", "checkpoint").replace("MORE", faults).replace("mean=10min", "mean=2min")
    one, five = (saving(f"every: 5 steps, generations: {n}", struck) for n in (1, 5))
    assert difference(one, five, LOST).falls


def test_an_event_log_loses_less_than_checkpoints() -> None:
    logged = HERE.replace(", checkpointing: {SAVES}", "").replace("checkpoint\n", "state_reconstruction\n")
    assert difference(saving("every: 5 steps"), logged, POINT).falls


def test_a_checkpoint_to_begin_from_shortens_the_replay() -> None:
    logged = WORLD.replace("RECOVER", "state_reconstruction").replace("MORE", "")
    bare = logged.replace(", checkpointing: {SAVES}", "")
    assert difference(bare, saving("every: 5min", logged), "recovery_time").falls


# -- for worse ----------------------------------------------------------------------------------


def test_checkpoints_that_are_too_many_leave_less_time_for_work() -> None:
    assert difference(saving("every: 12 steps"), saving("every: 1 steps"), USEFUL).falls


def test_checkpoints_that_are_too_few_leave_less_time_for_work_too() -> None:
    often = HERE.replace("mean=10min", "mean=2min").replace('"uniform(20, 40)"', "200")
    assert difference(saving("every: 10 steps", often), saving("every: 100 steps", often), USEFUL).falls


@pytest.mark.parametrize("gaps", ["exponential(mean=60s)", "uniform(0s, 120s)"])
def test_gaps_that_vary_have_a_worse_recovery_point_than_a_period_of_the_same_mean(gaps: str) -> None:
    """The inspection paradox: a crash is likelier to fall into a long gap."""
    text = """
name: direction
preset: ideal
horizon: 700s
drain: 60s
agents:
  worker:
    count: 40
    tasks: {loop: 1, steps: 200}
    step: {work: 5s}
    protect: {checkpointing: {every: EVERY, write: 0s, mode: async}}
    recover: checkpoint
faults: [{crash: {agent: worker, at: "uniform(600s, 660s)"}}]
"""
    found = difference(text.replace("EVERY", "60s"), text.replace("EVERY", gaps), POINT)
    assert found.rises
    # E[gap^2] / (2 E[gap]): 60 s or 40 s where the period has 30 s
    assert found.mean == pytest.approx({"e": 27, "u": 10}[gaps[0]], abs=8)


def test_checkpoints_at_the_exit_lose_the_whole_task() -> None:
    assert difference(saving("every: 5 steps"), saving("mode: exit"), LOST).rises


def test_checkpoints_do_harm_where_tasks_have_one_step() -> None:
    short = HERE.replace('"uniform(20, 40)"', "1")
    cold = short.replace("recover: checkpoint", "recover: {cold_start: {load: 10s}}")
    cold = cold.replace(", checkpointing: {SAVES}", "")
    # a step that is finished waits until it is saved, and may be lost meanwhile
    assert difference(cold, saving("every: 1 steps", short), "lost_work").rises
    assert difference(cold, saving("every: 1 steps", short), USEFUL).falls, "and they cost their pauses"


def test_a_store_that_is_down_costs_work_that_is_lost_and_time_to_recover() -> None:
    faults = ", {checkpoint_store_down: {service: store, every: 10min, for: 5min}}"
    struck = WORLD.replace("RECOVER", "checkpoint").replace("MORE", faults)
    assert difference(saving("every: 5 steps"), saving("every: 5 steps", struck), POINT).rises
    assert difference(saving("every: 5 steps"), saving("every: 5 steps", struck), "recovery_time").rises


def test_a_store_that_all_share_is_a_bottleneck() -> None:
    narrow = saving("every: 2 steps").replace("latency: 1s", "latency: 1s, capacity: 1")
    assert difference(saving("every: 2 steps"), narrow, USEFUL).falls


def test_state_a_hundred_times_as_large_costs_pauses_and_time_to_recover() -> None:
    saves = "every: 5 steps, bandwidth: 1GB/s"
    big = saving(saves).replace("50MB", "5GB")
    assert difference(saving(saves), big, "checkpoint_pause").rises
    assert difference(saving(saves), big, "recovery_time").rises


def test_an_event_log_takes_longer_the_longer_the_agent_lives() -> None:
    logged = HERE.replace(", checkpointing: {SAVES}", "").replace("checkpoint\n", "state_reconstruction\n")
    assert difference(saving("every: 5 steps"), logged, "recovery_time").rises
