"""Value done right over time, and the moments of changes for good; by hand, cells of half a second."""

from __future__ import annotations

from typing import Any

from metrics.hand_traces import data_of, ended, event, planned, setting

from agentchaos.trace import Row

FRAME = setting(changes=("shift",), faults=("shift",))


def shifted(time: float, strike: str = "shift@gpt#1", *, met: float | None = -1.0) -> list[Row]:
    """A change, and when somebody met it; None: nobody did."""
    detail = {"what": "shift", "fault": "shift"}
    rows = [
        event("fault_planned", 0, agent="", incident=strike, subject="shift", detail={"fault": "shift"}),
        event("environment_shifted", time, agent="", incident=strike, subject="gpt", value=3, detail=detail),
    ]
    if met is not None:
        rows.append(event("fault_struck", max(time, met), agent="", incident=strike, subject="shift"))
    return rows


def curves(rows: list[Row], frame: Any = FRAME) -> tuple[list[int], list[int]]:
    """(cells at whose end quality grows, by how much ...), as (cell, growth); and those of shifts."""
    data = data_of([*rows, event("ended", 120, agent="")], frame)
    quality: Any = data["quality"]
    shifts: Any = data["shifts"]
    assert quality.every == shifts.every == 500_000_000
    assert len(quality.values) == len(shifts.values) == 200
    return list(quality.values), list(shifts.values)


def test_value_counts_at_the_end_of_tasks_that_are_right_by_the_horizon() -> None:
    rows = [
        *planned(0, "a/1"), ended(10, "a/1"),
        *planned(10, "a/2", value=2.5), ended(10.5, "a/2"),
        *planned(11, "a/3"), ended(20, "a/3", right=False),
        *planned(21, "a/4"), ended(22, "a/4", "failed"),
        *planned(90, "a/5"), ended(100, "a/5"),
        *planned(100, "a/6"), ended(101, "a/6"),
    ]  # fmt: skip
    quality, shifts = curves(rows)
    assert quality[18] == 0
    assert quality[19] == 1000  # the cell (9.5, 10]
    assert quality[20] == quality[198] == 3500
    assert quality[199] == 4500  # the horizon itself counts, what ends in the drain does not
    assert shifts == [0] * 200


def test_a_change_counts_from_the_beginning_of_its_cell_if_somebody_met_it() -> None:
    assert curves(shifted(40))[1] == [0] * 80 + [1] * 120
    assert curves(shifted(40.4, met=60))[1] == [0] * 80 + [1] * 120
    assert curves(shifted(40, met=None))[1] == [0] * 200
    assert curves([*shifted(0), *shifted(99.9, "b")])[1] == [1] * 199 + [2]
    assert curves(shifted(100))[1] == [0] * 200  # no time is left


def test_after_a_warm_up_what_was_before_it_counts_at_its_end() -> None:
    frame = setting(warmup=20, horizon=120, changes=("shift",))
    rows = [*planned(15, "a/1"), ended(25, "a/1"), *planned(20, "a/2"), ended(20, "a/2")]
    quality, _ = curves(rows, frame)
    assert quality[0] == quality[-1] == 1000  # the first was planned before
    assert curves(shifted(5), frame)[1] == [1] * 200


def test_without_changes_there_is_nothing_of_it() -> None:
    data = data_of([*planned(0, "a/1"), ended(10, "a/1"), event("ended", 120, agent="")])
    assert "quality" not in data
    assert "shifts" not in data


def test_a_change_is_no_strike_to_be_tolerated() -> None:
    rows = shifted(40)
    rows[0] = event(
        "fault_planned", 0, agent="", incident="shift@gpt#1", subject="shift",
        detail={"fault": "shift", "scope": "environment"},
    )  # fmt: skip
    data = data_of([*rows, event("ended", 120, agent="")], FRAME)
    incidents: Any = data["incidents"]
    landings: Any = data["landings"]
    assert incidents.rows == ()
    assert [(row.fault, row.landed) for row in landings.rows] == [("shift", 1)]
