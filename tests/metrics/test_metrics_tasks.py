"""Shares and counts of planned tasks, from traces written by hand."""

from __future__ import annotations

from hand_traces import GROUP, data_of, ended, event, planned, setting

from agentchaos.metrics.base import Data, GroupFacts, Histogram, Ratio, Trial, bucket_of
from agentchaos.trace import NS


def parts(data: Data, name: str) -> tuple[int, int]:
    datum = data[name]
    assert isinstance(datum, Ratio)
    return datum.numerator, datum.denominator


def claim(time: float, task: str, confidence: float):
    return event("claim", time, task=task, value=confidence)


def test_every_fate_counts_in_the_denominator_and_is_told_apart():
    rows = [
        *planned(0, "right", value=2.0), ended(5, "right"),
        *planned(5, "wrong"), ended(9, "wrong", right=False),
        *planned(9, "fails"), ended(10, "fails", "failed"),
        *planned(10, "given up"), ended(11, "given up", "abandoned"),
        *planned(11, "goal"), ended(12, "goal", "goal_lost"),
        *planned(12, "open"),
    ]  # fmt: skip
    data = data_of(rows)
    assert parts(data, "task_success") == (2000, 7000)
    assert parts(data, "task_success{agent=a}") == (2000, 7000)
    assert parts(data, "request_availability") == (2, 6)
    counts = {name: data[f"tasks_{name}"].value for name in (
        "planned", "done", "failed", "abandoned", "goal_lost", "unfinished")}  # fmt: skip
    assert counts == {
        "planned": 6, "done": 2, "failed": 1, "abandoned": 1, "goal_lost": 1, "unfinished": 1,
    }  # fmt: skip


def test_only_tasks_planned_between_warmup_and_horizon_count_whenever_they_end():
    frame = setting(warmup=10, horizon=20, end=50)
    rows = [
        *planned(9, "before"), ended(15, "before"),
        *planned(10, "first"), *planned(20, "last"), *planned(20.5, "after"),
        ended(40, "first"), ended(45, "last", right=False), ended(45, "after"),
    ]  # fmt: skip
    data = data_of(rows, frame)
    assert parts(data, "task_success") == (1000, 2000)
    assert data["tasks_done"].value == 2


def test_deadlines_are_met_up_to_their_moment_and_worth_falls_to_nothing_at_twice_them():
    rows = [
        *planned(0, "in time", deadline=10), ended(10, "in time"),
        *planned(10, "late", deadline=10), ended(25, "late"),
        *planned(30, "twice", deadline=10), ended(50, "twice"),
        *planned(50, "wrong", deadline=10), ended(51, "wrong", right=False),
        *planned(60, "free"), ended(99, "free"),
    ]  # fmt: skip
    data = data_of(rows)
    assert parts(data, "deadline_hits") == (2, 4)
    assert parts(data, "request_availability") == (4, 5)
    million = 1000 * 1_000_000
    assert parts(data, "timeliness") == (million + million // 2 + 0 + 0 + million, 5 * million)


def test_completeness_gives_part_credit_and_none_to_what_never_ended():
    rows = [
        *planned(0, "all", goals=4), ended(1, "all", goals_done=4),
        *planned(1, "some", goals=4), ended(2, "some", "failed", goals_done=1),
        *planned(2, "open", goals=4),
        *planned(3, "boast", goals=1), ended(4, "boast", goals_done=7),
    ]  # fmt: skip
    assert parts(data_of(rows), "completeness") == (4 + 1 + 0 + 1, 13)


def test_honesty_is_the_brier_score_of_the_claims():
    rows = [
        *planned(0, "true"), claim(1, "true", 1.0), ended(1, "true"),
        *planned(1, "boast"), claim(2, "boast", 1.0), ended(2, "boast", right=False),
        *planned(2, "doubt"), claim(3, "doubt", 0.5), ended(3, "doubt"),
        *planned(3, "admits"), ended(4, "admits", "failed"),
        *planned(4, "open"), claim(5, "open", 0.1),
    ]  # fmt: skip
    shares = 1_000_000 + 0 + 750_000 + 1_000_000 + 990_000
    assert parts(data_of(rows), "honesty") == (shares, 5_000_000)


def test_panel_counts_every_arrival_of_an_identity_as_a_trial():
    panel = GroupFacts("p", 1, 0, 1, None, panel=3)
    rows = [
        *planned(0, "1", agent="p", identity=2), ended(1, "1", agent="p"),
        *planned(1, "2", agent="p", identity=2), ended(2, "2", "failed", agent="p"),
        *planned(2, "3", agent="p", identity=0),
        *planned(3, "4", agent="a", identity=1), ended(4, "4"),
    ]  # fmt: skip
    data = data_of(rows, setting(groups=(GROUP, panel)))
    assert data["panel"].rows == (Trial("p", 0, 1, 0), Trial("p", 2, 2, 1))


def test_what_was_never_done_has_a_censored_time():
    rows = [
        *planned(0, "done"), ended(7, "done", right=False),
        *planned(10, "fails"), ended(11, "fails", "failed"),
        *planned(20, "open"),
        event("task_planned", 30, task="never came", detail={
            "identity": None, "steps": 1, "goals": 1, "deadline": None, "value": 1}),
    ]  # fmt: skip
    assert data_of(rows)["task_time"] == Histogram(
        count=3,
        total=(7 + 1 + 100) * NS,
        maximum=100 * NS,
        buckets=((bucket_of(7 * NS), 1),),
        censored=2,
    )
