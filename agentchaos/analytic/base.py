"""What all closed forms share: how one refuses where it does not hold."""

from __future__ import annotations


class NoClosedForm(ValueError):
    """The formula does not hold for these numbers; the message says why in plain words."""


def require(holds: bool, why: str) -> None:
    """Refuses unless a precondition holds."""
    if not holds:
        raise NoClosedForm(why)


def require_positive(**numbers: float) -> None:
    """Refuses numbers that are not above 0, or not finite."""
    for name, number in numbers.items():
        require(0 < number < float("inf"), f"{name} is {number:g}; it must be above 0 and finite")


def require_share(**numbers: float) -> None:
    """Refuses numbers outside 0..1."""
    for name, number in numbers.items():
        require(0 <= number <= 1, f"{name} is {number:g}; it must lie in 0..1")
