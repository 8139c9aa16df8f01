"""Correctness (F1): tasks that end right, of those that were planned (pass^1, by the oracle)."""

from __future__ import annotations

from agentchaos.scoring.attributes.base import of_share
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def correctness(table: Table, alpha: float) -> Attribute:
    """The attribute, from `task_success`."""
    return of_share(table, "correctness", "functional", "task_success", "right tasks / planned tasks", alpha)
