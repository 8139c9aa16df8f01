"""Writes docs/golden_trio.md: the trio, each link dropped, and one-step tasks, as tables made by simulation.

    python docs/tables/golden_trio.py [REPLICATIONS]

Plays scenarios/golden_trio/. All of them share one world and its random numbers. The same replications give
the same page.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

from cells import Measures, bounded, measured, plain, seed_of, table

PAGE = Path(__file__).parent.parent / "golden_trio.md"
REPLICATIONS = 40


@dataclasses.dataclass(frozen=True)
class Form:
    """A form of the world, and the link of the chain that it lacks."""

    name: str
    lacks: str


CHAIN = (
    Form("trio", "-"),
    Form("without_heartbeat", "detection"),
    Form("without_redundancy", "somewhere to run"),
    Form("without_checkpointing", "state"),
)
SHORT = (Form("one_step", "-"), Form("one_step_bare", "all three"))

HEAD = """\
# The golden trio

Checkpointing, redundancy and heartbeat are links of one chain: somebody must notice the failure, there must
be somewhere to run, and something to go on from. What a crash costs with all three, and with one of them
dropped (`scenarios/golden_trio/`; {n} replications each, seed {seed}, the same crashes for all; one-sided
95 % bounds in brackets). Bold is what breaks: another thing for each link, and none of the others makes up
for it.

This page is what `python docs/tables/golden_trio.py` writes.
"""
MIDDLE = """
## Where there is nothing to save

The same over tasks of one step, as a stateless service has them. No crash costs a finished step, with the
trio or without it; what the trio still buys is the time until the role is up again.
"""
COLUMNS = (
    "",
    "lacks",
    "detected after",
    "recovery time",
    "lost steps",
    "work back after",
    "agent-hours",
    "n",
)


def row(form: Form, found: Measures, bold: str) -> tuple[str, ...]:
    """A line of the table."""
    cells = {
        "detect_time": bounded(found["detect_time"]),
        "recovery_time": bounded(found["recovery_time"]),
        "lost_steps": bounded(found["lost_steps"], "1"),
    }
    if bold:
        cells[bold] = f"**{cells[bold]}**"
    return (
        f"[{form.name}](../scenarios/golden_trio/{form.name}.yaml)",
        form.lacks,
        *cells.values(),
        bounded(found["work_recovery_time"]),
        plain(found, "agent_hours", lambda seconds: f"{seconds / 3600:.1f}"),
        str(found["recovery_time"].n),
    )


BROKEN = {
    "without_heartbeat": "detect_time",
    "without_redundancy": "recovery_time",
    "without_checkpointing": "lost_steps",
}
"""Form -> the measure of the link that it lacks."""


def page(replications: int) -> Iterator[str]:
    """The page, line by line."""
    yield from HEAD.format(n=replications, seed=seed_of("golden_trio/trio")).splitlines()
    yield ""
    yield from table(COLUMNS, (row_of(form, replications) for form in CHAIN))
    yield from MIDDLE.splitlines()
    yield ""
    yield from table(COLUMNS, (row_of(form, replications) for form in SHORT))


def row_of(form: Form, replications: int) -> tuple[str, ...]:
    """A line of the table, played."""
    return row(form, measured(f"golden_trio/{form.name}", replications), BROKEN.get(form.name, ""))


def main() -> None:
    """Writes the page."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    PAGE.write_text("\n".join(page(replications)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
