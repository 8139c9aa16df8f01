"""What agents learn of changes for good, and how strange a change still is to one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agentchaos.plan import Strike


class Memory(Protocol):
    """The part of the state in which it is kept: lost with it, restored with it, shared with it."""

    known: dict[str, int]


class Lore:
    """The experience of one member: steps in which it met each change. after: so many make it familiar.

    A ghost and the voters of a step know what their member knew, and add nothing to it.
    """

    def __init__(self, memory: Memory, after: int | None) -> None:
        self._memory, self._after = memory, after
        self._met: set[str] = set()  # in the step in hand

    def strange(self, change: str) -> float:
        """From 1, quite new, down to 0, as if it had always been so; linear in the steps that met it."""
        if self._after is None:
            return 1.0
        return max(0.0, 1.0 - self._memory.known.get(change, 0) / self._after)

    def meet(self, changes: Iterable[str]) -> None:
        """The step in hand has to do with them."""
        self._met.update(changes)

    def learn(self) -> None:
        """The step is over, well or not: it taught something about what it met."""
        if self._after is not None:
            for change in sorted(self._met):
                self._memory.known[change] = min(self._after, self._memory.known.get(change, 0) + 1)
        self._met.clear()

    def interrupted(self) -> None:
        """The step came to nothing."""
        self._met.clear()

    def kept(self) -> Lore:
        """What is known now, for one who learns no more."""
        return Lore(_Kept(dict(self._memory.known)), self._after)


class _Kept:
    def __init__(self, known: dict[str, int]) -> None:
        self.known = known


class Novelty:
    """A change for good to which somebody can get used: strike, hazard, and what becomes of old calls."""

    __slots__ = ("fails", "hazard", "id", "key", "strike", "wrong")

    def __init__(self, strike: Strike, key: int, hazard: float, fails: float, wrong: float) -> None:
        self.strike, self.id, self.key = strike, strike.id, key
        self.hazard, self.fails, self.wrong = hazard, fails, wrong


def hazard_of(novelties: Iterable[Novelty], lore: Lore | None) -> float:
    """The hazard of a step that has to do with these: h^strangeness of each."""
    hazard = 1.0
    for new in novelties:
        if new.hazard != 1.0:
            hazard *= float(new.hazard ** (1.0 if lore is None else lore.strange(new.id)))
    return hazard
