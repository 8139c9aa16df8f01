"""What each signal is: its layer, its unit and how it is reckoned; and which events count towards one.

The three layers are those of the published classification of an agent system's signals: the health of the
agent, its behaviour, and the system around it. `signals.py` derives them; nothing else knows their formulas.
"""

from __future__ import annotations

from typing import NamedTuple

from agentchaos.trace import NS

LAYERS: dict[str, str] = {
    "agent_health": "whether each group is alive, busy and quick",
    "behaviour": "what it does, how varied that is, and whether it gets anywhere",
    "system": "how many take part, how much they say to each other, how well what they lean on answers",
}
"""Layer -> what it asks."""

BITS = 1_000_000_000
"""Entropies are kept as integers, in so many parts of a bit, so that sums of them are exact."""

MINUTE = 60 * NS


class Signal(NamedTuple):
    """A signal. value of a bin = numerator / denominator x scale.

    of: `agent` (a series a group) or `service`; unit: `1` is a share; counts: what the numerator counts.
    """

    layer: str
    title: str
    of: str
    unit: str
    scale: float
    about: str
    formula: str


SIGNALS: dict[str, Signal] = {
    "heartbeat": Signal(
        "agent_health", "Heartbeat", "agent", "1", 1.0,
        "share of the expected beats that are sent; a unit that hangs goes on beating",
        "time of units that beat / time of all units, standbys included",
    ),
    "utilisation": Signal(
        "agent_health", "Resource utilisation", "agent", "1", 1.0,
        "share of role time that is busy, waiting for an answer included",
        "time of steps in hand / time of all roles",
    ),
    "call_errors": Signal(
        "agent_health", "Error rate of calls", "agent", "1", 1.0,
        "share of attempts at calls that failed where the caller could see it",
        "attempts that ended in error, timeout, refused, rate_limited or rejected / "
        "all but those interrupted or spare",
    ),
    "step_errors": Signal(
        "agent_health", "Error rate of steps", "agent", "1", 1.0,
        "share of steps that came to nothing",
        "steps ended in error, caught or interrupted / steps",
    ),
    "decision_latency": Signal(
        "agent_health", "Decision latency", "agent", "s", 1 / NS,
        "mean time of a model call, the wait in its queue included",
        "time of attempts at models / their number, without those interrupted, spare or rejected",
    ),
    "action_frequency": Signal(
        "behaviour", "Action frequency", "agent", "steps/min", MINUTE,
        "finished steps a minute, of the whole group",
        "steps of work that ended right or wrong / time",
    ),
    "decision_pattern": Signal(
        "behaviour", "Decision pattern", "agent", "bits", 1 / BITS,
        "how mixed the actions are: Shannon entropy of (service, outcome) of calls and (what, outcome) "
        "of steps; 0 where all are alike, as in a loop that repeats itself",
        "mean over replications of -sum p log2 p in the window",
    ),
    "state_transitions": Signal(
        "behaviour", "State transitions", "agent", "1/min", MINUTE,
        "changes of state a minute: tasks, parts of the state, restores, fail-overs, breakers, votes",
        "events of such kinds / time",
    ),
    "goal_progress": Signal(
        "behaviour", "Goal progress", "agent", "steps/min", MINUTE,
        "net progress a minute: below zero where more is set back than done",
        "(steps finished - steps set back - steps of tasks that were given up) / time",
    ),
    "agent_count": Signal(
        "system", "Agent count", "agent", "roles", 1.0,
        "mean number of roles that are up",
        "time of roles that are up / time",
    ),
    "communication": Signal(
        "system", "Communication volume", "agent", "1/min", MINUTE,
        "calls, messages and heartbeats a minute, of the whole group",
        "(attempts at calls + messages + beats) / time",
    ),
    "service_health": Signal(
        "system", "Infrastructure health", "service", "1", 1.0,
        "share of good attempts at calls of the service, whoever made them",
        "attempts answered well / all but those interrupted, spare or rejected",
    ),
    "calls_waiting": Signal(
        "system", "Calls waiting", "service", "calls", 1.0,
        "mean number of calls that stand in line for the service",
        "time that attempts stood in line / time",
    ),
}  # fmt: skip
"""Every signal, layer by layer, in the order in which they are shown."""

COUNTED: dict[str, str] = {
    **dict.fromkeys(
        (
            *("task_started", "task_ended"),
            *("part_lost", "part_rebuilt", "part_tainted", "part_cleansed"),
            *("role_down", "role_up", "recovery_started", "state_restored", "failed_over", "rolled_back"),
            *("healing_started", "reconciled", "unit_ready", "unit_draining"),
            *("split_brain_began", "split_brain_ended"),
            *("breaker_opened", "breaker_half_opened", "breaker_closed", "fell_back", "vote_decided"),
        ),
        "state_transitions",
    ),
    **dict.fromkeys(
        # a vote is no message of its own: what a voter asks a model are calls
        ("message_sent", "shadow_called", "ghost_called", "approval_requested", "approval_given"),
        "communication",
    ),
}
"""Kind of event -> the signal of the group (`agent`) in which each one counts. A new kind is one line."""

FAILED_CALLS = frozenset({"error", "timeout", "refused", "rate_limited", "rejected"})
"""Attempts of which the caller could see that they failed; `rejected` by a breaker or bulkhead of its own."""
NOT_JUDGED = frozenset({"interrupted", "spare"})
"""Attempts that are neither good nor bad: cut short, or copies that nothing hung on."""
NOT_SENT = frozenset({"rejected"})
"""Attempts that never came to the service: they say nothing about it, and are no communication."""
FAILED_STEPS = frozenset({"error", "caught", "interrupted"})
