"""Chance is named, not sequenced: what is added shifts no draw of anything that it does not touch."""

from __future__ import annotations

import random

import pytest
from simulator.played import Played, decide, fold, play, played, rows_of

from agentchaos import pipeline
from agentchaos.trace import Step

WORLD = """
name: chance
horizon: 20min
drain: 10min
services:
  gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6), capacity: 4, tokens_out: uniform(10, 900)}
  crm: {kind: tool, latency: exponential(mean=0.5s), capacity: 2, side_effects: true, error_rate: 0.05}
  OTHER
agents:
  bots:
    count: 3
    required: 2
    operator: exponential(mean=2min)
    tasks: {arrive: poisson(200/h), steps: uniform(3, 9), deadline: 4min, panel: 20,
            spawn: {probability: 0.05}, success: "beta(2, 1)"}
    step: {think: gpt, act: crm, effects: 50%}
    protect:
      heartbeat: {every: 5s}
      watchdog: {after: 90s}
      checkpointing: {every: 20s, mode: async, write: exponential(mean=2s)}
      redundancy: {standbys: 1}
      retry: {attempts: 3, backoff: 1s}
    recover: checkpoint
  GROUP
faults:
  - crash: {agent: bots, every: exponential(mean=10min)}
  - hang: {agent: bots, every: exponential(mean=20min), for: 1min}
  - state_loss: {agent: bots, parts: [memory, plan, context], every: exponential(mean=10min)}
  - state_corruption: {agent: bots, parts: [context], every: exponential(mean=10min)}
  - latency: {service: crm, at: 5min, for: 3min, factor: 20}
  FAULT
"""


def world(other: str = "", group: str = "", fault: str = "") -> str:
    return WORLD.replace("OTHER", other).replace("GROUP", group).replace("FAULT", fault)


@pytest.fixture(scope="module")
def alone() -> Played:
    return play(world())


def test_the_same_seed_plays_the_same(alone: Played) -> None:
    assert play(world()).rows == alone.rows
    assert play(world(), seed=2).rows != alone.rows
    assert play(world(), number=2).rows != alone.rows


@pytest.mark.parametrize("name", ["another", "zebra"])  # before and after the first in every order
def test_an_unrelated_group_changes_no_row_of_the_first(alone: Played, name: str) -> None:
    group = (
        f"{name}: {{count: 4, tasks: {{arrive: poisson(300/h)}}, step: {{think: llm}}, protect: "
        f"{{heartbeat: {{every: 3s}}, checkpointing: {{every: 1 steps}}}}, recover: checkpoint}}"
    )
    crash = f"- crash: {{name: more, agent: {name}, every: exponential(mean=5min)}}"
    both = play(world("llm: {kind: model, latency: exponential(mean=1s)}", group, crash))
    assert rows_of(both.rows, "bots") == rows_of(alone.rows, "bots")
    assert len(both.rows) > len(alone.rows) + 1000


@pytest.mark.parametrize(
    "fault",
    [
        "- latency: {name: never, service: crm, probability: 1e-12, factor: 100}",
        "- latency: {name: never, service: gpt, probability: 1e-12, factor: 100, at: 4min, for: 5min}",
        "- hallucination: {name: never, service: gpt, probability: 1e-12}",
        "- crash: {name: never, agent: bots, at: 19min, probability: 1e-12}",
        "- checkpoint_corrupt: {name: never, agent: bots, at: 1ms}",
        "- state_loss: {name: never, agent: bots, at: 1ms, parts: [goal]}",
    ],
)
def test_a_fault_that_never_strikes_changes_nothing_else(alone: Played, fault: str) -> None:
    more = play(world(fault=fault))
    assert not [e for e in more.events("fault_struck") if e.subject == "never"]
    assert [row for row in more.rows if row[0] in ("step", "call") or row[7] != "never"] == alone.rows


def draws(run: Played, tasks: set[str]) -> dict[tuple[str, int, int], Step]:
    """Finished steps by what their right-or-wrong draw is named after."""
    return {
        (s.task, s.step, s.epoch): s
        for s in run.steps
        if s.task in tasks and s.what == "work" and s.outcome in ("right", "wrong")
    }


CALM = """
name: calm
preset: ideal
horizon: 30min
services: {gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6)}}
agents:
  bots:
    count: 4
    operator: 30s
    tasks: {arrive: poisson(300/h), steps: uniform(3, 9), success: "beta(1, 1)", spawn: {probability: 0.05}}
    step: {think: gpt}
faults: [{crash: {agent: bots, every: exponential(mean=3min)}}]
"""


def test_a_crash_changes_no_right_or_wrong_of_a_task_that_it_does_not_touch() -> None:
    chaos, control = play(CALM), play(CALM, arm="control")
    touched = {row.task for row in chaos.events("incident_opened", "state_restored")}
    untouched = {e.task for e in control.events("task_planned")} - touched
    assert len(touched) > 5
    assert len(untouched) > 50
    mine, theirs = draws(chaos, untouched), draws(control, untouched)
    assert mine.keys() == theirs.keys()
    for key, step in mine.items():
        assert step.outcome == theirs[key].outcome, key
        assert step.time - step.began == theirs[key].time - theirs[key].began, key


def children(run: Played) -> dict[str, set[str]]:
    """What each task begot that was done by the horizon, after which nothing is begotten."""
    born: dict[str, set[str]] = {
        e.task: set() for e in run.events("task_ended") if e.time <= run.plan.world.horizon
    }
    for event in run.events("task_planned"):
        parent = event.task.rpartition(">")[0]
        if parent in born:
            born[parent].add(event.task)
    return born


def test_a_crash_begets_no_task_and_keeps_none_from_being_begotten() -> None:
    text = CALM.replace("probability: 0.05", "probability: 0.1")
    chaos, control = play(text), play(text, arm="control")
    planned_ids = [e.task for e in chaos.events("task_planned")]
    assert len(planned_ids) == len(set(planned_ids))
    mine, theirs = children(chaos), children(control)
    both = mine.keys() & theirs.keys()
    assert {parent: mine[parent] for parent in both} == {parent: theirs[parent] for parent in both}
    redone = {(s.task, s.step) for s in chaos.steps if s.epoch > 0 and s.outcome in ("right", "wrong")}
    tasks = {f"{task}>{step}" for task, step in redone if task in both}
    assert len(tasks & set(planned_ids)) > 3, "steps that had begotten a task were done again"


def test_a_task_that_is_touched_keeps_its_draws_until_then_and_draws_anew_when_it_is_done_again() -> None:
    chaos, control = play(CALM), play(CALM, arm="control")
    all_tasks = {e.task for e in control.events("task_planned")}
    mine, theirs = draws(chaos, all_tasks), draws(control, all_tasks)
    again = [key for key in mine if key[2] > 0]
    assert len(again) > 20
    for key in mine.keys() - set(again):
        assert mine[key].outcome == theirs[key].outcome
        assert mine[key].time - mine[key].began == theirs[key].time - theirs[key].began
    lasted = [mine[key].time - mine[key].began for key in again]
    before = [theirs[t, n, 0].time - theirs[t, n, 0].began for t, n, _ in again]
    assert not set(lasted) & set(before)


def test_an_earlier_crash_shifts_no_later_recovery_of_another_unit() -> None:
    """Every outage, repair and checkpoint draws by its own name."""
    text = CALM.replace("operator: 30s", "operator: exponential(mean=20s)")
    text = text.replace("step:", "recover: {cold_start: {start: exponential(mean=9s)}}\n    step:")
    plan = decide(text)
    replication = plan.replication("chaos", 1)
    all_ = {i.id: i for i in played(plan, replication).incidents}
    fewer = replication._replace(strikes=tuple(s for s in replication.strikes if s.number != 0))
    some = {i.id: i for i in played(plan, fewer).incidents}
    assert len(some) > 10
    for id_, incident in some.items():
        if incident.strikes == 1 and all_[id_].strikes == 1:
            assert incident.detected is not None
            assert all_[id_].detected == incident.detected
            up = [
                e for e in ("onset", "detected", "started") if getattr(incident, e) != getattr(all_[id_], e)
            ]
            assert up == []


def test_outages_that_begin_again_draw_anew_and_repairs_draw_apart() -> None:
    text = """
name: x
preset: ideal
horizon: 100s
drain: 1h
agents:
  a:
    tasks: {loop: 1, steps: 99}
    step: {work: 10s}
    operator: 5s
    protect: {redundancy: {standbys: 1}}
    recover: {cold_start: {start: exponential(mean=10s)}}
    rebuild: {cold_start: {start: exponential(mean=10s)}}
faults: [{crash: {agent: a, at: 50s}}, {crash: {name: second, agent: a, at: 55.000001s}}]
"""
    twice = play(text, only=lambda s: s.number == 1).at("unit_up", value=1)
    once = play(text, only=lambda s: s.number == 1 and s.fault == "crash").at("unit_up", value=1)
    assert twice != once
    role = play(text, only=lambda s: s.number == 0 and s.fault == "crash")
    assert role.at("failed_over")


def test_planning_steps_and_work_steps_of_one_number_draw_apart() -> None:
    text = CALM.replace("faults: [{crash: {agent: bots, every: exponential(mean=3min)}}]",
                        "faults: [{state_loss: {agent: bots, parts: [plan], every: 1min}}]")  # fmt: skip
    run = play(text.replace("    step:", "    state: {plan: {rebuild: 3}}\n    step:"))
    by_number: dict[tuple[str, int], list[int]] = {}
    for s in run.steps:
        if s.outcome != "interrupted":
            by_number.setdefault((s.task, s.step), []).append(s.time - s.began)
    several = [lasted for lasted in by_number.values() if len(lasted) > 1]
    assert len(several) > 10
    assert all(len(set(lasted)) == len(lasted) for lasted in several)


def test_one_process_and_two_play_the_same() -> None:
    plan = decide(world())
    plan = type(plan)(**{**vars(plan), "replications": 2})
    one = pipeline.play(plan, jobs=1)
    two = pipeline.play(plan, jobs=2)
    assert one.arms == two.arms


def test_folding_in_batches_is_folding_at_once(alone: Played) -> None:
    chance = random.Random(1)
    for _ in range(3):
        cuts = sorted(chance.sample(range(1, len(alone.rows)), 40))
        assert fold(alone.plan, alone.rows, cuts) == alone.data
