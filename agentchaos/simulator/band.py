"""Watches whether a service's users are well: the share of good calls, held to its band."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agentchaos.plan import Strike
from agentchaos.simulator.station import Force, Station


class Watch:
    """Opens an incident for the strike in force when the share of good calls leaves the band.

    The incident has recovered when the strike has been lifted and the share is back in the band; calls
    are looked at when they end, so a service that nobody calls does not recover unseen.
    """

    def __init__(self, station: Station, now: Callable[[], int], event: Callable[..., None]) -> None:
        self.station, self._now, self._event = station, now, event
        self.band = station.spec.band
        self.slow = self.band.slow or round(4e9 * station.spec.latency.mean())
        self._calls: deque[tuple[int, bool]] = deque()
        self._bad = 0
        self.open: Strike | None = None
        self._lifted = False
        station.answered = self.answered

    def _share(self) -> float | None:
        """The share of good calls, or None where there are too few to tell."""
        oldest = self._now() - self.band.window
        calls = self._calls
        while calls and calls[0][0] < oldest:
            self._bad -= not calls.popleft()[1]
        return 1.0 - self._bad / len(calls) if len(calls) >= self.band.calls else None

    def answered(self, took: int, outcome: str) -> None:
        """A call has ended."""
        good = outcome in ("ok", "corrupt") and took <= self.slow  # the caller cannot tell a wrong answer
        self._calls.append((self._now(), good))
        self._bad += not good
        self.look()

    def look(self) -> None:
        """Opens or closes the incident by what the window shows."""
        share = self._share()
        if self.open is None:
            force = next((f for f in self.station.forces if f.hits), None)
            if force is not None and share is not None and share < float(self.band.good):
                self._begin(force)
        elif self._lifted and (share is None or share >= float(self.band.good)):
            self._event("recovered", incident=self.open.id)
            self._event("caught_up", incident=self.open.id, detail={"lost": False})
            self.open = None

    def _begin(self, force: Force) -> None:
        self.open, self._lifted = force.strike, False
        self._event(
            "incident_opened",
            incident=force.strike.id,
            subject=force.strike.fault,
            detail={"scope": "service", "kind": force.strike.kind, "idle": False},
        )

    def lifted(self, strike: Strike) -> None:
        """A strike on the service is over; its incident's recovery clock runs from here."""
        if self.open is strike:
            self._lifted = True
            self.look()
