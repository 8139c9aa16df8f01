"""Puts every question to a plan, and sets the answers beside what was simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from agentchaos.analytic.base import NoClosedForm
from agentchaos.metrics.base import Data
from agentchaos.plan import Plan
from agentchaos.twin import availability, breakers, calls, completion, queues, recovery, survival
from agentchaos.twin.estimates import Compared, compare
from agentchaos.twin.values import Closed, Questions, Unsolved

RECOGNISERS: tuple[Callable[[Plan], Questions], ...] = (
    availability.questions,
    survival.questions,
    recovery.questions,
    completion.questions,
    queues.questions,
    breakers.questions,
    calls.questions,
)


class Twin(NamedTuple):
    """The closed forms of a plan, and the measures that have none."""

    closed: tuple[Closed, ...] = ()
    unsolved: tuple[Unsolved, ...] = ()

    def beside(self, rows: Sequence[Data]) -> tuple[Compared, ...]:
        """Each closed form beside the data of the replications with faults."""
        return tuple(compare(one, rows) for one in self.closed)


def solve(plan: Plan) -> Twin:
    """Every measure of a plan for which there is a recogniser: its closed form, or why it has none.

    Where two recognisers know of one measure, the first closed form stands, and else the first reason.
    """
    closed: dict[str, Closed] = {}
    unsolved: dict[str, Unsolved] = {}
    for questions in RECOGNISERS:
        for question in questions(plan):
            if question.measure in closed:
                continue
            try:
                closed[question.measure] = question.answer()
                unsolved.pop(question.measure, None)
                continue
            except NoClosedForm as why:
                reason = str(why)
            except ArithmeticError:
                reason = "its numbers are too large or too small to be computed"
            unsolved.setdefault(question.measure, Unsolved(question.measure, question.subject, reason))
    return Twin(tuple(closed.values()), tuple(unsolved.values()))
