"""Named streams of chance: a draw is a pure function of what it is for, never of what was drawn before.

A stream is a 64-bit key; its i-th draw is the SplitMix64 finaliser of key + (i + 1) * golden
(Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"), which gives random
access. Names enter a key through BLAKE2b. So adding an agent, a fault or a crash shifts nobody else's draws.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_STEP = 2.0**-53


def _mix(x: int) -> int:
    """The SplitMix64 finaliser: a bijection of 64-bit integers that looks random."""
    x &= _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


@lru_cache(maxsize=4096)
def _of_name(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


class Stream:
    """One named stream of uniform draws."""

    __slots__ = ("key",)

    def __init__(self, key: int) -> None:
        self.key = key

    def named(self, *names: str | int) -> Stream:
        """The stream for something more particular; order of the names matters."""
        key = self.key
        for name in names:
            number = _of_name(name) if isinstance(name, str) else name + 1
            key = _mix((key ^ _mix(number)) + _GOLDEN)
        return Stream(key)

    def uniform(self, index: int = 0) -> float:
        """The index-th draw, strictly between 0 and 1."""
        x = (self.key + (index + 1) * _GOLDEN) & _MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((x ^ (x >> 31)) >> 11) * _STEP + _STEP / 2


def root(seed: int) -> Stream:
    """The stream from which every other stream of a run descends."""
    return Stream(_mix(seed & _MASK)).named("agentchaos")
