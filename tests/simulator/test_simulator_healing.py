"""Rollback and self-healing, computed by hand: steps of 10 s, each with a deed."""

from __future__ import annotations

from simulator.played import Played, play

from agentchaos.metrics.base import Count, Ratio
from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 100s
services: {tool: {kind: tool, side_effects: true}}
agents:
  a:
    tasks: {schedule: [0s], steps: 12}
    step: {work: 10s, act: tool}
    state: STATE
    protect: PROTECT
faults: [{state_corruption: {agent: a, parts: [plan], at: 57s}}]
"""

OTHERS = ", ".join(f"{part}: {{notice: 0}}" for part in ("memory", "goal", "context", "tools"))
BLIND = f"{{plan: {{corrupt_wrong: 1, notice: 0}}, {OTHERS}}}"
"""The plan makes every step wrong, and nobody notices by himself."""
SAVES = "checkpointing: {every: 2 steps, write: 0s}"
HEALS = "self_healing: {window: 3, odd: 2"


def run(protect: str, state: str = BLIND, seed: int | None = None) -> Played:
    return play(HEAD.replace("STATE", state).replace("PROTECT", protect), seed=seed)


def count(played: Played, name: str) -> int:
    datum = played.data[name]
    assert isinstance(datum, Count)
    return datum.count


def success(played: Played) -> float | None:
    datum = played.data["task_success"]
    assert isinstance(datum, Ratio)
    return datum.value


def test_odd_decisions_are_seen_and_rolled_back_to_before_the_damage() -> None:
    played = run(f"{{{SAVES}, {HEALS}}}, rollback: {{}}}}")
    # steps 6 and 7 are wrong (they end at 60 and 70 s); the newest snapshot from before 57 s is of step 4
    assert played.at("failure_detected", subject="behaviour") == [70]
    (back,) = played.events("rolled_back")
    assert (back.time, back.step, back.value) == (70 * NS, 4, 3)
    assert back.detail == {"compensated": 3, "stuck": 0, "pause": 0}
    assert played.at("side_effect_compensated", value=1) == [70, 70, 70]
    assert played.at("task_ended", value=1) == [150]
    assert (count(played, "doubled"), count(played, "compensated"), count(played, "rolled_back")) == (0, 3, 3)
    assert (count(played, "healing_actions"), count(played, "needless_actions")) == (1, 0)


def test_without_it_the_wrong_steps_stand() -> None:
    played = run(f"{{{SAVES}}}")
    assert played.at("failure_detected") == []
    assert success(played) == 0
    assert "healing_actions" not in played.data


def test_deeds_are_doubled_where_nothing_is_compensated() -> None:
    played = run(f"{{{SAVES}, {HEALS}}}, rollback: {{compensation: 0}}}}")
    assert success(played) == 1
    assert count(played, "doubled") == 3
    (back,) = played.events("rolled_back")
    assert back.detail is not None
    assert back.detail["stuck"] == 3


def test_a_compensated_deed_may_be_done_again_under_its_key() -> None:
    played = run(f"{{{SAVES}, {HEALS}}}, rollback: {{}}, idempotency: {{key: task}}}}")
    assert played.at("side_effect_deduplicated") == []
    assert (count(played, "doubled"), count(played, "missing"), count(played, "side_effects")) == (0, 0, 12)


def test_compensation_takes_its_time_and_counts_as_overhead() -> None:
    played = run(f"{{{SAVES}, {HEALS}}}, rollback: {{takes: 5s}}}}")
    assert played.at("rolled_back") == [85]
    assert played.at("task_ended") == [165]
    overhead = played.data["time{class=overhead}"]
    assert isinstance(overhead, Ratio)
    assert overhead.numerator == 15 * NS


def test_where_the_origin_is_not_named_the_newest_snapshot_brings_the_damage_back() -> None:
    played = run(f"{{{SAVES}, {HEALS}}}, rollback: {{names: 0}}}}")
    back, *_ = played.events("rolled_back")
    assert (back.time, back.step) == (70 * NS, 6), "saved at 60 s, after the damage"
    assert success(played) == 0
    assert count(played, "rollbacks") > 1, "it is noticed again"


def test_a_new_plan_ends_the_damage_and_leaves_what_was_done() -> None:
    played = run(f"{{{SAVES}, {HEALS}, act: replan}}}}")
    assert played.at("part_rebuilt", subject="plan") == [70]
    assert played.at("rolled_back") == []
    assert success(played) == 0, "steps 6 and 7 stand"
    assert [step.outcome for step in played.steps].count("wrong") == 2


def test_a_restart_takes_the_process_down() -> None:
    played = run(f"{{{SAVES}, {HEALS}, act: restart}}}}")
    assert played.at("unit_down", subject="healing") == [70]
    assert success(played) == 1, "a cold start begins the task again"
    assert played.at("task_ended") == [190]


def test_a_noticed_damage_is_rolled_back_without_any_watcher() -> None:
    played = run(f"{{{SAVES}, rollback: {{}}}}", f"{{plan: {{corrupt_wrong: 1, notice: 1}}, {OTHERS}}}")
    assert played.at("failure_detected", subject="self") == [60]
    assert played.at("rolled_back", step=4) == [60]
    assert success(played) == 1


def test_false_alarms_are_needless_actions() -> None:
    played = run(f"{{{SAVES}, {HEALS}, noise: 1, cooldown: 50s}}}}", f"{{plan: {{notice: 0}}, {OTHERS}}}")
    assert played.at("false_alarm", subject="behaviour")[0] == 20
    needless, actions = count(played, "needless_actions"), count(played, "healing_actions")
    assert 0 < needless <= actions


def test_a_cooldown_keeps_the_next_action_back() -> None:
    often = run(
        f"{{{SAVES}, {HEALS}, noise: 1, cooldown: 0s, act: replan}}}}", f"{{plan: {{notice: 0}}, {OTHERS}}}"
    )
    seldom = run(
        f"{{{SAVES}, {HEALS}, noise: 1, cooldown: 100s, act: replan}}}}", f"{{plan: {{notice: 0}}, {OTHERS}}}"
    )
    assert count(often, "healing_actions") > count(seldom, "healing_actions") > 0


def test_the_same_seed_gives_the_same_trace() -> None:
    protect = f"{{{SAVES}, {HEALS}, shows: 0.5, noise: 0.2}}, rollback: {{compensation: 0.5, names: 0.5}}}}"
    assert run(protect, seed=3).rows == run(protect, seed=3).rows


# -- quarantine: a breaker around an agent -----------------------------------------------------------

TEAM = """
name: by hand
preset: ideal
horizon: 400s
drain: 100s
services: {tool: {kind: tool}}
agents:
  a:
    tasks: {schedule: [0s, 1s], steps: 12}
    step: {work: 10s, act: tool}
    state: STATE
    talk: {to: b, every: 1 steps, taints: 1, delay: 0s}
    protect: PROTECT
  b:
    tasks: {schedule: [0s], steps: 30}
    step: {work: 10s, act: tool}
    state: {taint_hazard: 1}
faults: [{state_corruption: {agent: a, parts: [plan], at: 57s}}]
"""
BREAKS = "quarantine: {window: 3, odd: 2, open: 60s, probes: 2"


def team(protect: str) -> Played:
    return play(TEAM.replace("STATE", BLIND).replace("PROTECT", protect))


def test_odd_decisions_open_the_breaker_around_an_agent() -> None:
    played = team(f"{{{BREAKS}}}}}")
    # steps 6 and 7 are wrong; the message of step 6 is out before the breaker opens at step 7
    assert played.at("breaker_opened", subject="agent") == [70]
    assert played.at("message_sent") == [10, 20, 30, 40, 50, 60, *range(150, 260, 10)]
    assert played.at("message_blocked") == [70, 80, 90, 100, 110, 120, 140]


def test_it_takes_no_task_while_open_and_good_steps_close_it() -> None:
    played = team(f"{{{BREAKS}}}}}")
    assert played.at("breaker_half_opened", subject="agent") == [130]
    assert played.at("task_started", agent="a") == [0, 130], "the second task waits from 120 to 130 s"
    assert played.at("breaker_closed", subject="agent") == [150]
    assert (count(played, "quarantines"), count(played, "needless_quarantines")) == (1, 0)
    assert count(played, "messages_blocked") == 7


def test_an_odd_step_opens_it_again() -> None:
    played = team(f"{{{BREAKS.replace('open: 60s', 'open: 25s')}}}}}")
    assert played.at("breaker_opened", subject="agent")[:2] == [70, 100], "tried at 95 s, step 10 is wrong"


def test_without_it_every_message_spreads_the_damage() -> None:
    kept, spread = team(f"{{{BREAKS}}}}}"), team("{}")
    assert "quarantines" not in spread.data
    tainted = [event for event in spread.events("message_acted") if event.detail and event.detail["taint"]]
    assert len(tainted) == 7
    assert sum(bool(e.detail and e.detail["taint"]) for e in kept.events("message_acted")) == 1


def test_a_quarantine_of_a_well_agent_is_needless() -> None:
    played = team(f"{{{BREAKS}, noise: 1}}}}")
    assert count(played, "needless_quarantines") >= 1
