"""Durations that are counted one by one into a `Histogram`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agentchaos.metrics.base import Histogram, bucket_of


class Durations:
    """A histogram in the making: as many buckets as durations differ, whatever their number."""

    __slots__ = ("_buckets", "_censored", "_count", "_maximum", "_total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = self._total = self._maximum = self._censored = 0

    def add(self, ns: int) -> None:
        """One that came to its end."""
        bucket = bucket_of(ns)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._note(ns)

    def extend(self, durations: Collection[int]) -> None:
        """Many that came to their end."""
        buckets = self._buckets
        for ns in durations:
            bucket = bucket_of(ns) if ns else 0
            buckets[bucket] = buckets.get(bucket, 0) + 1
        self._count += len(durations)
        self._total += sum(durations)
        self._maximum = max(self._maximum, max(durations, default=0))

    def censor(self, ns: int) -> None:
        """One of which no more is known than that it lasted longer than this."""
        self._censored += 1
        self._note(ns)

    def merge(self, other: Durations) -> None:
        """All that another has counted."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self._count += other._count
        self._total += other._total
        self._censored += other._censored
        self._maximum = max(self._maximum, other._maximum)

    def _note(self, ns: int) -> None:
        self._count += 1
        self._total += ns
        if ns > self._maximum:
            self._maximum = ns

    def histogram(self, censored: Iterable[int] = ()) -> Histogram:
        """All of them, and those that are `censored` now."""
        running = list(censored)
        return Histogram(
            count=self._count + len(running),
            total=self._total + sum(running),
            maximum=max([self._maximum, *running]),
            buckets=tuple(sorted(self._buckets.items())),
            censored=self._censored + len(running),
        )
