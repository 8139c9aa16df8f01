"""The 19 attributes of the five dimensions, and the targets that a run is held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "functional": ("correctness", "accuracy", "consistency", "completeness"),
    "temporal": ("timeliness", "responsiveness", "stability", "durability"),
    "environmental": ("adaptability", "robustness", "portability"),
    "social": ("safety", "trustworthiness", "collaborativity", "explainability"),
    "systemic": ("availability", "fault_tolerance", "scalability", "security"),
}
"""Dimension -> its attributes, in the order of the published classification."""

DIMENSIONS = tuple(ATTRIBUTES)
PASS_K = 4


@dataclasses.dataclass(frozen=True)
class Objectives:
    """Targets. rto_s, rpo_s, response_s in seconds; met: share of incidents that must be within them.

    dimensions: the attributes that make up a dimension, where not all of them.
    """

    rto_s: float | None = None
    rpo_s: float | None = None
    availability: float | None = None
    response_s: float | None = None
    met: float = 0.95
    dimensions: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    aggregate: str = "geometric"

    def attributes(self, dimension: str) -> tuple[str, ...]:
        """The attributes that make up a dimension here."""
        return tuple(self.dimensions.get(dimension, ATTRIBUTES[dimension]))
