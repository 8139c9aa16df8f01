"""What the twin answers with: a closed form and how its number is read from a run, or why there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import NamedTuple


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """How the simulated number is read from the data of replications; see `estimates.estimate`.

    kind: ratio | once | histogram | restricted | point | detect | within | largest | panel | lost.
    once: a share of replications; restricted: a mean in which what had not ended counts as long as it was
    watched. name: the datum; agent and fault: of which incidents or trials; k: of pass^k; limit: seconds,
    of the share within.
    """

    kind: str
    name: str = ""
    agent: str = ""
    fault: str = ""
    k: int = 0
    limit: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Closed:
    """A measure that has a closed form. exact: in `unit`; note: what else is taken for granted.

    bound: the number is one that the simulated value may reach and never pass, not a mean.
    """

    measure: str
    subject: str
    form: str
    formula: str
    exact: float
    unit: str
    reading: Reading
    note: str = ""
    bound: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Unsolved:
    """A measure of this plan for which no closed form is known, and why."""

    measure: str
    subject: str
    reason: str


class Question(NamedTuple):
    """What is asked of a plan. `answer` gives the closed form or raises NoClosedForm with the reason."""

    measure: str
    subject: str
    answer: Callable[[], Closed]


Questions = Iterator[Question]
