"""What a table of trials looks like: pass^k and pass@k on an axis, tallies of tasks, reliability diagram."""

from __future__ import annotations

import math
from typing import NamedTuple

from agentchaos.renderers import drawing, wording
from agentchaos.report import Passes, TrialsShown
from agentchaos.scoring.confidence import Bin
from agentchaos.scoring.results import Measured

PASSES = 8
"""So many k are drawn, and the last; all are among the measures."""
TALLIES = 24
"""So many different tallies are drawn one by one."""
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIDE = 300.0
"""Of the reliability diagram, in its own units."""


class Span(NamedTuple):
    """A share with its bounds; places in percent."""

    measure: Measured
    at: float
    low: float
    high: float


class Row(NamedTuple):
    """pass^k and pass@k of one k, on a track from 0 to 1; None: no task has so many trials."""

    k: int
    tasks: int
    hat: Span | None
    any_: Span | None


class Dot(NamedTuple):
    """A bin of the reliability diagram: where its dot stands, and how large it is."""

    bin: Bin
    x: float
    y: float
    radius: float
    words: str


class Bar(NamedTuple):
    """Tasks with the same tally; share of all tasks in percent."""

    label: str
    tasks: int
    share: float


def shown(passes: tuple[Passes, ...]) -> tuple[Passes, ...]:
    """The first few k, and the last."""
    last = passes[-1:] if len(passes) > PASSES else ()
    return (*passes[:PASSES], *last)


def rows(trials: TrialsShown) -> list[Row]:
    """A row for each k that is drawn."""
    return [Row(one.k, one.hat.n, span(one.hat), span(one.at)) for one in shown(trials.passes)]


def span(measure: Measured) -> Span | None:
    """The places of a share and its bounds; None where it was not measured."""
    if measure.mean is None:
        return None
    low = 0.0 if measure.low is None else measure.low
    high = 1.0 if measure.high is None else measure.high
    at, left, right = (drawing.percent(value, 0, 1) for value in (measure.mean, low, high))
    return Span(measure, at, left, right)


def dots(trials: TrialsShown) -> list[Dot]:
    """The bins that hold any trial; the area of a dot is their number."""
    most = max((one.n for one in trials.bins), default=0)
    found = []
    for one in trials.bins:
        if one.confidence is None or one.right is None:
            continue
        words = (
            f"confidence {wording.share(one.confidence)}, right {wording.share(one.right)}, "
            f"{wording.many(one.n, 'trial')}"
        )
        x, y = SIDE * one.confidence, SIDE * (1 - one.right)
        found.append(Dot(one, round(x, 1), round(y, 1), round(4 + 12 * math.sqrt(one.n / most), 1), words))
    return found


def bars(trials: TrialsShown) -> list[Bar]:
    """How many tasks came out right how often; none where there are too many kinds."""
    if len(trials.tallies) > TALLIES:
        return []
    alike = trials.fewest == trials.most
    return [
        Bar(
            f"{right} of {tried}" if not alike else f"{right}",
            count,
            round(100 * count / trials.tasks, 2),
        )
        for tried, right, count in trials.tallies
    ]
