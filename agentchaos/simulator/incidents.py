"""Incidents while they are open: from onset to recovered and caught up."""

from __future__ import annotations

from agentchaos.disturbances import Part
from agentchaos.plan import Strike


class Case:
    """An open incident of a member. `mark`: the task in hand at onset and its high-water mark.

    cut: its unit cannot reach a service, so that a step that was finished proves nothing.
    """

    __slots__ = (
        "caught_up",
        "cut",
        "detected",
        "id",
        "mark",
        "onset",
        "recovered",
        "scope",
        "strike",
        "unhealed",
    )

    def __init__(
        self, strike: Strike, onset: int, mark: tuple[str, int] | None, parts: tuple[Part, ...] = ()
    ) -> None:
        self.id, self.strike, self.scope = strike.id, strike, strike.scope
        self.onset, self.mark = onset, mark
        self.unhealed = set(parts)
        self.detected = self.recovered = self.caught_up = self.cut = False

    @property
    def closed(self) -> bool:
        """Nothing more will come of it."""
        return self.recovered and self.caught_up
