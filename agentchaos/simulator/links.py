"""The links of a unit, and what a partition that is in force cuts of them."""

from __future__ import annotations

import simpy

from agentchaos.disturbances import OnLink
from agentchaos.plan import Strike
from agentchaos.simulator.incidents import Case


class Cut:
    """A partition in force. `place`: the unit that is cut off, or the ghost that was left there.

    healed: succeeds when it is over; case: the incident that it has opened; services: those cut off.
    """

    __slots__ = ("case", "healed", "place", "services", "strike")

    def __init__(self, strike: Strike, place: object, services: tuple[str, ...], healed: simpy.Event) -> None:
        self.strike, self.place, self.services, self.healed = strike, place, services, healed
        self.case: Case | None = None

    @property
    def control(self) -> bool:
        """Whether the heartbeats of the place are lost."""
        blow = self.strike.disturbance
        return isinstance(blow, OnLink) and blow.control

    @property
    def deaf(self) -> bool:
        """Whether no order reaches the place."""
        blow = self.strike.disturbance
        return isinstance(blow, OnLink) and blow.control and not blow.one_way


def between(cuts: list[Cut], place: object) -> Cut | None:
    """The first of the cuts that stands between a place and the service that has them."""
    return next((cut for cut in cuts if cut.place is place), None)


def felt(cuts: list[Cut]) -> Cut | None:
    """The newest of the cuts of a place that has not been got over."""
    return next((cut for cut in reversed(cuts) if cut.case is None or not cut.case.closed), None)
