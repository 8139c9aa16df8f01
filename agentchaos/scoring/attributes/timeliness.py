"""Timeliness (T1): right tasks, weighted 1 before the deadline and down to 0 at twice the deadline."""

from __future__ import annotations

from agentchaos.scoring.attributes.base import of_share
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def timeliness(table: Table, alpha: float) -> Attribute:
    """The attribute, from the measure of its name."""
    label = "no task has a deadline" if all(g.deadline is None for g in table.setting.groups) else ""
    meaning = "right tasks, weighted down to 0 at twice the deadline / planned"
    return of_share(table, "timeliness", "temporal", "timeliness", meaning, alpha, label=label)
