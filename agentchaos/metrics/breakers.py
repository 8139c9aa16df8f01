"""What circuit breakers did: how long they kept calls away, and how often they opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting
from agentchaos.trace import Batch


class Breakers(Metric):
    """Of each service, the time within [warmup, horizon] for which its breakers were not closed.

    All breakers before a service count alike. Half-open is not closed: all but a probe are rejected.
    """

    name: ClassVar[str] = "breakers"
    about: ClassVar[str] = "how long circuit breakers were open, and how often they opened"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._number: dict[str, int] = {}
        for group in setting.groups:
            for service, number in group.breakers:
                self._number[service] = self._number.get(service, 0) + number
        self._open: dict[tuple[str, int, str], int] = {}  # since when
        self._time = dict.fromkeys(self._number, 0)
        self._trips = dict.fromkeys(self._number, 0)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self._number:
            return
        for kind, time, agent, member, _, _, _, service, *_ in batch.events:
            if kind == "breaker_opened" and service in self._number:
                if (agent, member, service) not in self._open:  # else a probe failed
                    self._open[agent, member, service] = time
                    self._trips[service] += self.setting.counts(time)
            elif kind == "breaker_closed" and service in self._number:
                self._time[service] += self._within(self._open.pop((agent, member, service)), time)

    def _within(self, begin: int, end: int) -> int:
        return max(0, min(end, self.setting.horizon) - max(begin, self.setting.warmup))

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        window = self.setting.horizon - self.setting.warmup
        for service, number in sorted(self._number.items()):
            label = f"{{service={service}}}"
            time = self._time[service]
            time += sum(
                self._within(t, self.setting.end) for (_, _, s), t in self._open.items() if s == service
            )
            yield f"breaker_open{label}", Ratio(time, number * window, share=True, better="lower")
            yield f"breaker_trips{label}", Count(self._trips[service])
