"""What the calls cost: tokens, and money by currency."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting
from agentchaos.trace import NS, Batch

PER_MILLION = Fraction(NS, 1_000_000)
"""From a price per million tokens to 1e-9 of the currency per token."""

_BESIDE = frozenset({"shadow_called", "ghost_called"})


class Cost(Metric):
    """Tokens and money of every attempt that began after the warm-up, drain included.

    Those of hot standbys that think along, and of a ghost that works on, are paid for as well.
    """

    name: ClassVar[str] = "cost"
    about: ClassVar[str] = "tokens used, and their price in each currency"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._in: dict[str, int] = {}
        self._out: dict[str, int] = {}

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        warmup, into, out_of = self.setting.warmup, self._in, self._out
        for event in batch.events:
            if event[0] in _BESIDE and event[9]["began"] >= warmup:
                service, detail = event[7], event[9]
                into[service] = into.get(service, 0) + detail["tokens_in"]
                out_of[service] = out_of.get(service, 0) + detail["tokens_out"]
        for _, _, began, _, _, _, _, _, _, service, _, _, _, tokens_in, tokens_out in batch.calls:
            if (tokens_in or tokens_out) and began >= warmup:
                into[service] = into.get(service, 0) + tokens_in
                out_of[service] = out_of.get(service, 0) + tokens_out

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        yield "tokens", Count(sum(self._in.values()) + sum(self._out.values()), unit="tokens")
        bills: dict[str, Fraction] = {}
        for service in self.setting.services:
            if service.price_in or service.price_out:
                # a price is what was written, 0.1 and not its nearest binary fraction
                bill = Fraction(str(service.price_in)) * self._in.get(service.name, 0)
                bill += Fraction(str(service.price_out)) * self._out.get(service.name, 0)
                currency = service.currency.upper()
                bills[currency] = bills.get(currency, Fraction(0)) + bill * PER_MILLION
        for currency, bill in bills.items():
            yield (
                f"cost{{currency={currency}}}",
                Ratio(round(bill), 1, unit=currency.lower(), scale=NS, better="lower"),
            )
