"""What spreads damage to state, and what it does, on common random numbers: intervals that exclude zero."""

from __future__ import annotations

import pytest
from direction.paired import difference, replications, values

from agentchaos.metrics.base import Incidents

pytestmark = pytest.mark.slow

N, MORE = 8, 16
"""Replications; and those that it takes where the difference is small."""

GROUP = """
name: spread
horizon: 30min
drain: 5min
seed: 4
services: {gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6)}, crm: {kind: tool, latency: 500ms}}
agents:
  a:
    count: 4
    required: 1
    tasks: {loop: endless, steps: uniform(6, 12), success: beta(60, 2)}
    step: {think: gpt, act: crm}
    state: {SHARED, memory: {poison_notice: NOTICE}}
    TALK
    protect: {heartbeat: {every: 5s}}
    recover: {cold_start: {start: 2s, load: 5s}}
faults:
  - FAULT
"""
POISON = "poisoning: {agent: a, at: 5min, who: any}"


def group(fault: str = POISON, *, shared: bool = False, talk: str = "", notice: str = "0.5%") -> str:
    text = GROUP.replace("FAULT", fault).replace("SHARED", f"shared: {str(shared).lower()}")
    return text.replace("    TALK\n", f"    talk: {talk}\n" if talk else "").replace("NOTICE", notice)


def test_a_shared_memory_spreads_poison_to_more_agents_than_own_ones() -> None:
    one, all_ = group(notice="0%"), group(shared=True, notice="0%")
    agents = "cascade_agents{fault=poisoning}"
    assert (set(values(all_, agents, N)), set(values(one, agents, N))) == ({4.0}, {1.0})
    assert difference(all_, one, "cascade_steps{agent=a}", N).low > 0
    assert difference(one, all_, "task_success", N).low > 0


def test_a_shared_memory_that_all_watch_is_mended_sooner() -> None:
    """It helps as well: four look at it, and the first that finds the poison mends it for all."""
    time = difference(group(), group(shared=True), "taint_time{fault=poisoning}", N)
    assert time.low > 0


def test_a_shared_memory_outlives_the_crash_of_a_process() -> None:
    crash = "crash: {agent: a, every: exponential(mean=10min)}"
    point = difference(group(crash), group(crash, shared=True), "memory_point{fault=crash}", MORE)
    assert point.low > 0
    assert set(values(group(crash, shared=True), "memory_point{fault=crash}", MORE)) == {0.0}
    right = difference(group(crash, shared=True), group(crash), "task_success", MORE)
    assert right.low > 0, "nothing has to be learnt anew"


def test_messages_spread_poison() -> None:
    talk = "{to: a, every: 2 steps, taints: 60%}"
    agents = difference(group(talk=talk), group(), "cascade_agents{fault=poisoning}", MORE)
    assert agents.low > 0
    right = difference(group(), group(talk=talk), "task_success", MORE)
    assert right.low > 0
    some = difference(
        group(talk=talk), group(talk=talk.replace("60%", "5%")), "messages_tainted{kind=talk}", MORE
    )
    assert some.low > 0


def test_messages_of_agents_that_are_well_harm_nobody() -> None:
    calm = "crash: {agent: a, at: 29min, who: any}"
    talk = "{to: a, every: 2 steps, taints: 100%}"
    harm = difference(group(calm), group(calm, talk=talk), "task_success", N)
    assert (harm.low, harm.high) == (0, 0)


def test_poison_lasts_longer_than_corruption() -> None:
    corruption = "state_corruption: {name: poisoning, agent: a, at: 5min, who: any, parts: [memory]}"
    time = difference(group(), group(corruption), "taint_time{fault=poisoning}", N)
    assert time.low > 0


@pytest.mark.parametrize("part", ["memory", "goal", "plan", "context", "tools"])
@pytest.mark.parametrize("fault", ["state_loss", "state_corruption", "state_staleness", "poisoning"])
def test_every_damage_to_every_part_costs_right_tasks(fault: str, part: str) -> None:
    """Often enough to be seen: the same world without the fault is right more often, or loses time by it."""
    hazardous = group(f"{fault}: {{name: it, agent: a, parts: [{part}], every: exponential(mean=1min)}}")
    calm = group("crash: {name: it, agent: a, at: 29min59s, who: any, probability: 0.000001}")
    # an agent that is often wrong anyway: a raised hazard is seen in few replications
    struck, well = (text.replace("beta(60, 2)", "beta(8, 4)") for text in (hazardous, calm))
    wanted = "tasks_done" if (fault, part) in SLOWER else "task_success"
    assert difference(well, struck, wanted, N).low > 0


SLOWER = {("state_loss", "plan"), ("state_loss", "tools")}
"""A lost plan is made again, and lost sessions are opened again: that takes time, and makes nothing wrong."""


PIPE = """
name: pipe
horizon: 30min
drain: 10min
seed: 8
services: {gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6)}}
agents:
  draft:
    count: 2
    tasks: {arrive: poisson(120/h), steps: uniform(3, 6), success: beta(20, 3)}
    step: {think: gpt}
    hand_off: {to: review, carries: CARRIES}
  review:
    count: 2
    tasks: {steps: 4, success: beta(60, 2)}
    step: {think: gpt}
faults:
  - hallucination: {service: gpt, every: exponential(mean=3min), for: 10s, calls: 2}
"""


def test_hand_offs_carry_what_is_wrong_to_the_next_group() -> None:
    all_, none = PIPE.replace("CARRIES", "100%"), PIPE.replace("CARRIES", "0%")
    right = difference(none, all_, "task_success{agent=review}", N)
    assert right.low > 0
    steps = difference(all_, none, "cascade_steps{agent=review,fault=hallucination}", N)
    assert steps.low > 0
    same = difference(none, all_, "task_success{agent=draft}", N)
    assert (same.low, same.high) == (0, 0), "nothing flows upstream"


def test_cascades_within_groups_make_up_the_whole() -> None:
    for data in replications(PIPE.replace("CARRIES", "100%"), N):
        datum = data["incidents"]
        assert isinstance(datum, Incidents)
        for _, incident in datum.rows:
            for name in ("steps", "tasks", "agents"):
                within = sum(getattr(reach, name) for reach in incident.reach)
                assert within == getattr(incident, f"cascade_{name}")
