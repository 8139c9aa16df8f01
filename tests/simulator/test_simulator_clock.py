"""Warm-up, horizon, drain, deadlines: what is counted, what is open, and what is over."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.metrics.base import Count, Histogram
from agentchaos.trace import NS


def run(group: str, faults: str = "", **clock: str) -> Played:
    times = {"horizon": "100s", "drain": "50s", **clock}
    head = "".join(f"{key}: {value}\n" for key, value in times.items())
    return play(f"name: by hand\npreset: ideal\n{head}agents: {{a: {group}}}\nfaults: [{faults}]\n")


def count(played: Played, name: str) -> int:
    datum = played.data[name]
    assert isinstance(datum, Count)
    return datum.count


def test_at_twice_the_deadline_a_task_is_abandoned_wherever_it_is() -> None:
    played = run("{tasks: {schedule: [0s, 0s, 40s], steps: 5, deadline: 23s}, step: {work: 10s}}")
    ended = [
        (e.task, e.time / NS, e.member, (e.detail or {})["outcome"]) for e in played.events("task_ended")
    ]
    assert ended == [
        ("a/at0", 46, 0, "abandoned"),
        ("a/at1", 46, -1, "abandoned"),  # while it waits in line
        ("a/at2", 86, 0, "abandoned"),
    ]
    assert [s.time / NS for s in played.steps if s.outcome == "interrupted"] == [46, 86]
    assert played.at("task_started") == [0, 46], "what is over is not begun"


def test_work_goes_on_past_the_deadline() -> None:
    played = run("{tasks: {schedule: [0s], steps: 4, deadline: 30s}, step: {work: 10s}}")
    assert played.at("task_ended") == [40]
    assert played.value("deadline_hits") == 0
    assert played.value("request_availability") == 1
    assert played.value("timeliness") == pytest.approx(1 - 10 / 30, abs=1e-6)
    assert run(
        "{tasks: {schedule: [0s], steps: 4, deadline: 40s}, step: {work: 10s}}"
    ).value("deadline_hits") == 1  # fmt: skip


def test_what_ends_at_twice_the_deadline_is_too_late() -> None:
    played = run("{tasks: {schedule: [0s], steps: 4, deadline: 20s}, step: {work: 10s}}")
    assert count(played, "tasks_abandoned") == 1
    assert played.value("request_availability") == 0


def test_a_task_in_hand_of_a_dead_agent_is_abandoned_at_its_time() -> None:
    played = run(
        "{tasks: {schedule: [0s], steps: 9, deadline: 20s}, step: {work: 10s}, operator: 60s}",
        "{crash: {agent: a, at: 25s}}",
    )
    assert played.at("task_ended") == [40]
    assert played.incident.lost
    assert played.incident.recovered == 85 * NS, "an idle agent has recovered when it is ready"
    assert [s.outcome for s in played.steps] == ["right", "right", "interrupted"]


def test_planned_is_what_arrives_within_warmup_and_horizon() -> None:
    group = "{count: 9, tasks: {schedule: [19.9s, 20s, 60s, 100s], steps: 1}, step: {work: 10s}}"
    played = run(group, warmup="20s")
    assert count(played, "tasks_planned") == 3
    assert count(played, "tasks_done") == 3
    assert len(played.at("task_arrived")) == 4


def test_strikes_at_the_horizon_land_and_none_come_after() -> None:
    group = "{tasks: {loop: 1, steps: 99}, step: {work: 10s}}"
    played = run(group, "{crash: {agent: a, every: 50s}}")
    assert played.at("fault_struck") == [50, 100]
    assert len(played.incidents) == 2
    service = "name: x\npreset: ideal\nhorizon: 100s\ndrain: 50s\nservices: {t: {latency: 1s}}\n" \
        "agents: {a: {tasks: {loop: 1, steps: 999}, step: {act: t}}}\n" \
        "faults: [{latency: {service: t, at: 90s, for: 40s, factor: 2}}]\n"  # fmt: skip
    assert play(service).at("fault_lifted") == [100], "faults are off in the drain"


def test_incidents_before_the_warmup_are_not_counted() -> None:
    group = "{tasks: {schedule: [0s], steps: 99}, step: {work: 10s}}"
    assert len(run(group, "{crash: {agent: a, every: 30s}}", warmup="31s").incidents) == 2


def test_what_is_open_when_the_drain_ends_has_failed_and_is_censored() -> None:
    played = run("{tasks: {schedule: [0s, 95s], steps: 9}, step: {work: 10s}, operator: 200s}",
                 "{crash: {agent: a, at: 97s}}")  # fmt: skip
    assert played.at("ended") == [150]
    assert count(played, "tasks_unfinished") == 1
    assert played.incident.recovered is None
    assert played.incident.end == 150 * NS
    time = played.data["task_time"]
    assert isinstance(time, Histogram)
    assert (time.count, time.censored, time.total) == (2, 1, (90 + 55) * NS)


def test_work_in_hand_at_the_end_has_its_rows() -> None:
    text = (
        "name: x\npreset: ideal\nhorizon: 8s\ndrain: 1s\nservices: {t: {latency: 5s, capacity: 1}}\n"
        "agents: {a: {count: 2, tasks: {schedule: [1s, 2s], steps: 9}, step: {act: t}}}\n"
    )
    played = play(text)
    cut = [(c.task, c.outcome, c.began / NS, c.wait / NS, c.time / NS) for c in played.calls][1:]
    assert sorted(cut) == [("a/at0", "interrupted", 6, 3, 9), ("a/at1", "interrupted", 2, 4, 9)]
    assert [(s.wait / NS, s.outcome) for s in played.steps[1:]] == [(3, "interrupted"), (4, "interrupted")]


def test_a_checkpoint_under_way_at_the_end_is_overhead() -> None:
    played = run(
        "{tasks: {loop: 1, steps: 9}, step: {work: 10s},"
        " protect: {checkpointing: {every: 1 steps, write: 90s}}}",
        drain="0s",
    )
    assert played.value("time{class=overhead}") == 0.9


def test_members_take_from_one_line_the_longest_idle_first() -> None:
    group = "{count: 2, tasks: {schedule: [0s, 20s, 21s, 22s], steps: 1}, step: {work: 10s}}"
    started = [(e.task, e.member, e.time / NS) for e in run(group).events("task_started")]
    assert started == [("a/at0", 0, 0), ("a/at1", 1, 20), ("a/at2", 0, 21), ("a/at3", 1, 30)]


def test_a_list_of_tasks_is_due_from_the_start() -> None:
    played = run("{count: 2, tasks: {loop: 9, steps: 2}, step: {work: 10s}}")
    assert count(played, "tasks_planned") == 18
    assert [e.task for e in played.events("task_started")][:4] == ["a/0:0", "a/1:0", "a/0:1", "a/1:1"]
    assert count(played, "tasks_done") == 14


def test_an_endless_loop_takes_its_last_task_by_the_horizon() -> None:
    played = run("{tasks: {loop: endless, steps: 3}, step: {work: 10s}}")
    assert played.at("task_arrived") == [0, 30, 60, 90]
    assert played.at("task_ended") == [30, 60, 90, 120]


def test_children_are_begotten_by_finished_steps_and_not_by_their_grandchildren_forever() -> None:
    played = run("{count: 4, tasks: {schedule: [0s], steps: 2,"
                 " spawn: {probability: 1, generations: 2}}, step: {work: 10s}}")  # fmt: skip
    names = [e.task for e in played.events("task_planned")]
    children = {"a/at0>1", "a/at0>2"}
    assert set(names) == {"a/at0", *children, *(f"{child}>{step}" for child in children for step in (1, 2))}
    assert len(names) == 7


def test_tasks_that_are_refused_at_once_do_not_stop_the_clock() -> None:
    played = play(
        "name: x\npreset: ideal\nhorizon: 9s\ndrain: 1s\nservices: {t: {latency: 1s}}\n"
        "agents: {a: {tasks: {loop: endless, steps: 1}, step: {act: t}}}\n"
        "faults: [{rate_limit: {service: t, at: 2s, for: 4s}}]\n"
    )
    assert played.at("task_arrived") == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
