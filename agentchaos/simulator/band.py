"""Watches whether a service's users are well: the share of good calls, held to its band."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agentchaos.plan import Strike
from agentchaos.simulator.station import Station


class Watch:
    """Opens an incident for the strike that befalls calls when the share of good ones leaves the band.

    That is a strike in force or, where its slow calls end after it was lifted, the last one that befell
    a bad call in the window. The incident has recovered when the strike has been lifted and the share is
    back in the band; calls are looked at when they end, so a service that nobody calls does not recover
    unseen. A watch looks from the start on, so that a fault that never strikes moves no onset.
    """

    def __init__(self, station: Station, now: Callable[[], int], event: Callable[..., None]) -> None:
        self.station, self._now, self._event = station, now, event
        self.band = station.spec.band
        self.slow = self.band.slow or round(4e9 * station.spec.latency.mean())
        self._calls: deque[tuple[int, bool]] = deque()
        self._bad = 0
        self._culprit: tuple[int, Strike] | None = None  # the last strike that befell a bad call, and when
        self.open: Strike | None = None
        self._over: set[str] = set()
        self._seen: set[str] = set()
        station.answered = self.answered

    def _share(self) -> float | None:
        """The share of good calls, or None where there are too few to tell."""
        oldest = self._now() - self.band.window
        calls = self._calls
        while calls and calls[0][0] < oldest:
            self._bad -= not calls.popleft()[1]
        return 1.0 - self._bad / len(calls) if len(calls) >= self.band.calls else None

    def answered(self, took: int, outcome: str, strike: Strike | None) -> None:
        """A call has ended."""
        good = outcome in ("ok", "corrupt") and took <= self.slow  # the caller cannot tell a wrong answer
        self._calls.append((self._now(), good))
        self._bad += not good
        if strike is not None and not good:
            self._culprit = (self._now(), strike)
        self.look()

    def look(self) -> None:
        """Opens or closes the incident by what the window shows."""
        share = self._share()
        if self.open is None:
            if share is not None and share < float(self.band.good):
                strike = self._blamed()
                if strike is not None and strike.id not in self._seen:
                    self._begin(strike)
        elif self.open.id in self._over and (share is None or share >= float(self.band.good)):
            self._event("recovered", incident=self.open.id)
            self._event("caught_up", incident=self.open.id, detail={"lost": False})
            self.open = None

    def _blamed(self) -> Strike | None:
        """The strike behind the bad calls of the window."""
        for force in self.station.forces:
            if force.hits:
                return force.strike
        if self._culprit is None or self._culprit[0] < self._now() - self.band.window:
            return None
        return self._culprit[1]

    def _begin(self, strike: Strike) -> None:
        self.open = strike
        self._seen.add(strike.id)
        self._event(
            "incident_opened",
            incident=strike.id,
            subject=strike.fault,
            detail={"scope": "service", "kind": strike.kind, "idle": False},
        )

    def lifted(self, strike: Strike) -> None:
        """A strike on the service is over; its incident's recovery clock runs from here."""
        self._over.add(strike.id)
        if self.open is strike:
            self.look()
