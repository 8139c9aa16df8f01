"""How a group calls each service: its retries, timeout, breaker, bulkhead, copies and who stands in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from agentchaos.mechanisms.fallback import Fallback
from agentchaos.mechanisms.hedging import Hedging
from agentchaos.mechanisms.retry import Retry
from agentchaos.simulator.breaker import Breaker
from agentchaos.simulator.budget import Budget
from agentchaos.simulator.bulkhead import Bulkhead
from agentchaos.simulator.clock import Clock
from agentchaos.simulator.station import Station
from agentchaos.world import Group


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How one member calls one service. timeout: ns, None: it waits for ever.

    guarded: whether an attempt is more than one call of the station.
    """

    station: Station
    retry: Retry | None
    attempts: int
    timeout: int | None
    budget: Budget | None
    breaker: Breaker | None
    bulkhead: Bulkhead | None
    hedging: Hedging | None
    fallback: Fallback | None

    @property
    def guarded(self) -> bool:
        """Whether something stands between the member and the service."""
        return not (self.breaker is None and self.bulkhead is None and self.hedging is None)


class Manners:
    """The manners of a group. What its members share (budgets, bulkheads, most breakers) is held here."""

    def __init__(
        self,
        env: Clock,
        name: str,
        spec: Group,
        stations: Mapping[str, Station],
        event: Callable[..., None],
    ) -> None:
        self.env, self.name, self.spec, self._event = env, name, spec, event
        self._shelf = {service: self._common(stations[service]) for service in spec.services}

    def of(self, member: int) -> dict[str, Manner]:
        """The manners of a member, by service."""
        breaking = self.spec.circuit_breaker
        if breaking is None or breaking.per == "group":
            return self._shelf
        return {
            service: dataclasses.replace(manner, breaker=self._breaker(service, member))
            if breaking.covers(service)
            else manner
            for service, manner in self._shelf.items()
        }

    def _common(self, station: Station) -> Manner:
        spec, service = self.spec, station.name
        retry = spec.retry if spec.retry and spec.retry.covers(service) else None
        timeout = spec.timeout if spec.timeout and spec.timeout.covers(service) else None
        bulkhead = spec.bulkhead if spec.bulkhead and spec.bulkhead.covers(service) else None
        hedging = spec.hedging if spec.hedging and spec.hedging.covers(service) else None
        breaking = spec.circuit_breaker
        shared = breaking is not None and breaking.per == "group" and breaking.covers(service)
        return Manner(
            station=station,
            retry=retry,
            attempts=retry.attempts if retry else 1,
            timeout=timeout.after if timeout else retry.timeout if retry else None,
            budget=Budget(retry) if retry and retry.budget is not None else None,
            breaker=self._breaker(service, -1) if shared else None,
            bulkhead=Bulkhead(self.env, bulkhead) if bulkhead else None,
            hedging=hedging,
            fallback=spec.fallback if spec.fallback and spec.fallback.on == service else None,
        )

    def _breaker(self, service: str, member: int) -> Breaker:
        assert self.spec.circuit_breaker is not None
        return Breaker(self.spec.circuit_breaker, partial(self._turned, service, member))

    def _turned(self, service: str, member: int, state: str) -> None:
        columns: dict[str, Any] = {"agent": self.name, "member": member, "subject": service}
        self._event(f"breaker_{state}", **columns)
