"""Rollback, self-healing and quarantine: where they help, what they cost, and where they do harm.

Each pair differs in one thing and shares its random numbers; see paired.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from direction.paired import difference, ours, values

pytestmark = pytest.mark.slow

FEW = 8


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("rollback", "task_success"),
        ("self_healing", "task_success"),
        ("quarantine", "task_success{agent=writer}"),
    ],
)
def test_more_tasks_end_right_with_it(name: str, measure: str) -> None:
    assert difference(ours(f"mechanisms/{name}"), ours(f"mechanisms/{name}_off"), measure, FEW).rises


def written(name: str, old: str, new: str) -> str:
    """A bundled scenario with one thing changed, as text."""
    text = Path(ours(f"mechanisms/{name}")).read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


def without_faults(name: str) -> str:
    text = Path(ours(f"mechanisms/{name}")).read_text(encoding="utf-8")
    return text[: text.index("faults:")] + "gates:\n  - availability >= 10%\n"


def test_rollback_does_nothing_where_nothing_is_noticed() -> None:
    idle = without_faults("rollback")
    bare = idle.replace("      rollback: {names: 95%, compensation: 90%, takes: 2s}\n", "")
    assert bare != idle
    measures = ("task_success", "tasks_done", "side_effects")
    assert all(values(idle, m, 3) == values(bare, m, 3) for m in measures)


def test_what_is_not_compensated_is_done_twice() -> None:
    stuck = written("rollback", "compensation: 90%", "compensation: 0%")
    assert difference(stuck, ours("mechanisms/rollback"), "doubled", FEW).rises


def test_a_rollback_that_does_not_know_the_origin_brings_the_damage_back() -> None:
    blind = written("rollback", "names: 95%", "names: 0%")
    assert difference(blind, ours("mechanisms/rollback"), "task_success", FEW).falls


def test_self_healing_that_sees_ghosts_sets_well_agents_back() -> None:
    nervous = written("self_healing", "noise: 2%", "noise: 25%")
    assert difference(nervous, ours("mechanisms/self_healing"), "needless_actions", FEW).rises
    assert difference(nervous, ours("mechanisms/self_healing"), "tasks_done", FEW).falls


def test_quarantine_of_well_agents_silences_them() -> None:
    nervous = written("quarantine", "noise: 2%", "noise: 25%")
    assert difference(nervous, ours("mechanisms/quarantine"), "messages_blocked", FEW).rises
    assert difference(nervous, ours("mechanisms/quarantine"), "tasks_done", FEW).falls
