"""Writes docs/mechanisms.md: each mechanism in the scenario made for it, on and off, with what it costs.

    python docs/tables/mechanisms.py [REPLICATIONS]

Plays the pairs of scenarios/mechanisms/. The two of a pair share their random numbers, so the difference is
taken replication by replication. The same replications give the same page.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

from cells import bounded, measured, plain, share_of, table

from agentchaos.renderers.wording import quantity
from agentchaos.world import MECHANISMS

PAGE = Path(__file__).parent.parent / "mechanisms.md"
REPLICATIONS = 20


@dataclasses.dataclass(frozen=True)
class Pair:
    """A mechanism, what it is for, and what it costs: measures, with the unit in which they are written."""

    name: str
    helps: str
    unit: str
    costs: str
    cost_unit: str


PAIRS = (
    Pair("heartbeat", "recovery_time", "s", "messages{kind=heartbeat}", "1"),
    Pair("watchdog", "recovery_time", "s", "false_alarms{by=progress}", "1"),
    Pair("checkpointing", "lost_steps", "1", "checkpoint_pause", "s"),
    Pair("redundancy", "recovery_time", "s", "agent_hours", "s"),
    Pair("rollback", "task_success", "share", "rolled_back", "1"),
    Pair("self_healing", "task_success", "share", "needless_actions", "1"),
    Pair("quarantine", "task_success{agent=writer}", "share", "messages_blocked", "1"),
    Pair("quorum", "task_success", "share", "tokens", "1"),
    Pair("verification", "task_success", "share", "verification_time", "s"),
    Pair("guardrail", "safety", "share", "guardrail_time", "s"),
    Pair("escalation", "request_availability", "share", "human_time", "s"),
    Pair("circuit_breaker", "deadline_hits", "share", "rejected{service=search}", "share"),
    Pair("timeout", "deadline_hits", "share", "attempts{service=search}", "1"),
    Pair("retry", "task_success", "share", "attempts{service=crm}", "1"),
    Pair("fallback", "task_success", "share", "degraded", "share"),
    Pair("bulkhead", "deadline_hits", "share", "tasks_done", "1"),
    Pair("hedging", "deadline_hits", "share", "tokens", "1"),
    Pair("idempotency", "doubled", "1", "side_effects", "1"),
    Pair("reconciler", "availability", "share", "agent_hours", "s"),
    Pair("disruption_budget", "availability", "share", "disruption_time", "s"),
)

HEAD = """\
# What each mechanism buys, and what it costs

Each in the scenario that was made for it (`scenarios/mechanisms/NAME.yaml`, and `NAME_off.yaml` without
it): {n} replications of each, on the same random numbers; one-sided 95 % bounds in brackets. Each file
explains its gates, which are met with the mechanism and missed without it. What a mechanism does where it is
out of place (voting below one half, a breaker before a healthy service, retries that feed an overload, a
checkpoint at every step) is held by tests/direction/.

This page is what `python docs/tables/mechanisms.py` writes.
"""
COLUMNS = ("mechanism", "measure", "with it", "without it", "its price", "with it", "without it")


def page(replications: int) -> Iterator[str]:
    """The page, line by line."""
    yield from HEAD.format(n=replications).splitlines()
    yield ""
    yield from table(COLUMNS, (row(pair, replications) for pair in PAIRS))
    yield ""
    rest = sorted(set(MECHANISMS) - {pair.name for pair in PAIRS})
    yield f"Without a pair of their own: {', '.join(rest)}, which is a fact of a unit that a rolling update"
    yield "waits for (scenarios/rolling_update.yaml): declared, it costs time until a started unit counts."


def row(pair: Pair, replications: int) -> tuple[str, ...]:
    """A line of the table."""
    found = [measured(f"mechanisms/{pair.name}{end}", replications) for end in ("", "_off")]
    write = {"s": lambda x: quantity(x, "s"), "share": share_of, "1": lambda x: f"{x:,.1f}"}[pair.cost_unit]
    return (
        f"[{pair.name}](../scenarios/mechanisms/{pair.name}.yaml)",
        f"`{pair.helps}`",
        *(bounded(one[pair.helps], pair.unit) for one in found),
        f"`{pair.costs}`",
        *(plain(one, pair.costs, write) for one in found),
    )


def main() -> None:
    """Writes the page."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    PAGE.write_text("\n".join(page(replications)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
