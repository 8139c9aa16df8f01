"""State reconstruction by hand: what is appended, what a replay takes, and what comes back."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 300s
drain: 200s
agents:
  a:
    count: 1
    tasks: {loop: TASKS, steps: STEPS}
    step: {work: 10s}
    state: STATE
    protect: PROTECT
    recover: {state_reconstruction: {LOG}}
faults: [FAULTS]
"""
LOG = "append: 1s, events_per_step: 2, rate: 1/s, start: 3s, load: 4s"


def run(faults: str = "", log: str = LOG, **fields: str) -> Played:
    text = HEAD.replace("FAULTS", faults).replace("LOG", log)
    for name, default in (("TASKS", "1"), ("STEPS", "12"), ("STATE", "{}"), ("PROTECT", "{}")):
        text = text.replace(name, fields.get(name.lower(), default))
    return play(text)


def crash(at: str) -> str:
    return f"{{crash: {{agent: a, at: {at}}}}}"


def test_each_step_is_appended_and_the_agent_stands_still_for_it() -> None:
    played = run(steps="3")
    assert played.at("log_appended") == [11, 22, 33]
    assert [e.step for e in played.events("log_appended")] == [1, 2, 3]
    assert (played.value("log_events"), played.value("log_pause")) == (6, 3)
    assert played.value("time{class=overhead}") == pytest.approx(3 / 300)
    assert "checkpoints" not in played.data


def test_a_crash_loses_nothing_but_the_step_in_flight() -> None:
    played = run(crash("50s"))
    # appended at 11 22 33 44; struck in the fifth step; eight events at one a second
    assert played.incident.restored == (50 + 3 + 4 + 8) * NS
    (restored,) = played.events("state_restored")
    assert (restored.subject, restored.step, restored.value) == ("log", 4, 43 * NS)
    assert restored.detail is not None
    assert (restored.detail["replayed"], restored.detail["lost_steps"]) == (8, 0)
    assert (played.incident.point, played.incident.memory_point) == (0, 0)
    assert played.value("replayed_events") == 8


def test_a_step_that_is_not_yet_written_down_is_lost() -> None:
    played = run(crash("43500ms"))
    (restored,) = played.events("state_restored")
    assert (restored.step, played.incident.lost_steps) == (3, 1)
    assert played.incident.point == 11.5 * NS, "since the third step"
    assert [e.subject for e in played.events("checkpoint_lost")] == ["log"]
    assert played.incident.restored == (43.5 + 7 + 6) * NS
    assert played.value("log_pause") == pytest.approx(12.5)


def test_the_log_grows_with_the_life_of_the_memory_and_not_with_the_task() -> None:
    played = run(crash("250s"), tasks="9", steps="4")
    # 22 steps of 11 s, then the crash in the 23rd: 44 events, though the task has two steps
    assert played.incident.restored == (250 + 7 + 44) * NS
    assert played.events("state_restored")[0].step == 2
    tenfold = run(crash("50s"), LOG.replace("events_per_step: 2", "events_per_step: 20"))
    assert tenfold.incident.restored == (50 + 7 + 80) * NS
    again = run(f"{crash('50s')}, {{crash: {{name: b, agent: a, at: 150s}}}}", tasks="9", steps="4")
    # back at 65 with four steps; 76 87 98 109 120 131 142: eleven when it falls again
    assert again.incidents[1].restored == (150 + 7 + 22) * NS


def test_a_checkpoint_shortens_the_replay() -> None:
    played = run(crash("80s"), protect="{checkpointing: {every: 3 steps, write: 1s}}")
    # 11 22 33 saved 34; 45 56 67 saved 68; 79: one step since
    assert [e.time / NS for e in played.events("checkpoint_saved")][:2] == [34, 68]
    assert played.incident.restored == (80 + 7 + 2) * NS
    assert played.events("state_restored")[0].step == 7
    corrupt = run(
        f"{crash('80s')}, {{checkpoint_corrupt: {{agent: a, at: 70s, generations: 2}}}}",
        protect="{checkpointing: {every: 3 steps, write: 1s}}",
    )
    assert corrupt.incident.restored == (80 + 7 + 14) * NS, "none is whole: from the beginning"
    believed = run(
        f"{crash('80s')}, {{checkpoint_corrupt: {{agent: a, at: 70s}}}}",
        protect="{checkpointing: {every: 3 steps, write: 1s, verify: false}}",
    )
    assert believed.incident.restored == (80 + 7 + 2) * NS
    assert believed.events("part_tainted"), "what is built on damage is damaged"


def test_what_was_tainted_comes_back_tainted() -> None:
    faults = f"{{state_corruption: {{agent: a, parts: [memory], at: 15s}}}}, {crash('50s')}"
    state = "{memory: {notice: 0}}"
    played = run(faults, state=state)
    assert played.at("part_cleansed") == []
    assert all(s.taint for s in played.steps if s.time > 50 * NS)


def test_a_part_that_a_living_process_lost_is_read_from_the_log() -> None:
    lost = "{state_loss: {agent: a, parts: [context], at: 45s}}"
    played = run(lost)
    # found before the sixth step at 55; the ten events of the task's five steps
    (restored,) = played.events("state_restored")
    assert (restored.time, restored.subject, restored.step) == (65 * NS, "log", 5)
    assert restored.detail is not None
    assert "context" in restored.detail["parts"]
    assert [e.subject for e in played.events("recovery_started")] == ["log"]
    later = run(lost.replace("45s", "145s"), tasks="9", steps="4")
    # the fourteenth step at 154: two of its task
    assert later.events("state_restored")[0].time == (154 + 4) * NS
    memory = run(lost.replace("context", "memory").replace("45s", "145s"), tasks="9", steps="4")
    assert memory.events("state_restored")[0].time == (154 + 28) * NS


def test_the_ideal_one_takes_no_time() -> None:
    played = run(crash("45s"), "events_per_step: 1")
    assert played.incident.restored == 45 * NS
    assert played.value("log_pause") == 0
    assert played.value("log_events") == 12


def test_without_a_failure_it_is_as_if_there_were_no_log() -> None:
    logged = run(log="append: 0s")
    text = HEAD.replace("FAULTS", "").replace("{state_reconstruction: {LOG}}", "cold_start")
    for name, default in (("TASKS", "1"), ("STEPS", "12"), ("STATE", "{}"), ("PROTECT", "{}")):
        text = text.replace(name, default)
    assert [row for row in logged.rows if row[0] != "log_appended"] == play(text).rows


def test_a_planned_restart_replays_as_well() -> None:
    drained = run("{drain: {agent: a, at: 50s, for: 20s, grace: 5s}}")
    (restored,) = drained.events("state_restored")
    assert restored.subject == "log"
    assert restored.detail is not None
    assert restored.detail["lost_steps"] == 0
