"""Completeness (F4): required sub-goals that were satisfied and stayed so."""

from __future__ import annotations

from agentchaos.scoring.attributes.base import of_share
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def completeness(table: Table, alpha: float) -> Attribute:
    """The attribute, from `completeness`."""
    return of_share(
        table, "completeness", "functional", "completeness", "satisfied sub-goals / required sub-goals", alpha
    )
