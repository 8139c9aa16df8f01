"""All closed forms that the simulator is held against."""

from __future__ import annotations

from oracles.closed_forms import ORACLES as OF_WORK
from oracles.upkeep_forms import UPKEEP

ORACLES = (*OF_WORK, *UPKEEP)
