"""Time that adds up between openings and closings, and how much of it lies in a window."""

from __future__ import annotations

from collections.abc import Hashable


class Spans:
    """Time in [begin, end] (ns) for which each key was open; what stays open lasts to `end`."""

    def __init__(self, begin: int, end: int) -> None:
        self.begin, self.end = begin, end
        self._since: dict[Hashable, int] = {}
        self._closed: dict[Hashable, int] = {}

    def within(self, begin: int, end: int) -> int:
        """How much of [begin, end] lies in the window; ns."""
        return max(0, min(end, self.end) - max(begin, self.begin))

    def open(self, key: Hashable, time: int) -> None:
        """The key is open from now on; it may be so already."""
        self._since.setdefault(key, time)

    def close(self, key: Hashable, time: int) -> None:
        """The key is open no more."""
        since = self._since.pop(key, None)
        if since is not None:
            self._closed[key] = self._closed.get(key, 0) + self.within(since, time)

    def of(self, key: Hashable) -> int:
        """How long the key was open; ns."""
        since = self._since.get(key)
        return self._closed.get(key, 0) + (0 if since is None else self.within(since, self.end))

    def total(self) -> int:
        """How long all keys together were open; ns."""
        return sum(self.of(key) for key in {**self._closed, **self._since})
