"""The language of gates: `recovery_time{fault=crash}.p95 < 60s`, `share(recovery_time <= 60s) >= 0.95`.

gate     = subject compare number [unit]
subject  = name | "share(" name compare number [unit] ")"
name     = ["control." | "score."] word ["{" label "=" value {"," label "=" value} "}"] ["." statistic]
compare  = "<" | "<=" | ">" | ">=" | "=="
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from agentchaos.distributions import parse_duration
from agentchaos.scoring.measures import PICKS
from agentchaos.scoring.objectives import ATTRIBUTES, DIMENSIONS, PASS_K
from agentchaos.words import did_you_mean

STATISTICS = ("mean", "p50", "p95", "p99", "max")
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

SHARES = (
    "task_success", "request_availability", "deadline_hits", "timeliness", "accuracy", "completeness",
    "honesty", "availability", "unit_availability", "redone", "lost_work", "responsiveness",
)  # fmt: skip
COUNTS = (
    "tasks_planned", "tasks_done", "tasks_failed", "tasks_abandoned", "tasks_goal_lost",
    "tasks_unfinished", "doubled", "missing", "orphan", "side_effects", "tokens", "undetected",
)  # fmt: skip
TIMES = ("mttr", "mttf", "mtbf", "mttd", "task_time")
BY_SERVICE = ("wait", "p_wait", "attempts", "call_success", "backoff")
CLASSES = ("useful", "lost", "waiting", "overhead", "down", "idle")


class GateSyntaxError(ValueError):
    """A gate that says nothing; `offset` is where, in characters from its beginning."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@dataclasses.dataclass(frozen=True, slots=True)
class Gate:
    """A parsed gate. threshold is in the base unit (s for durations, 0..1 for %).

    statistic: "" for the value itself. For `share(...)`, `inner` and `inner_operator` are the bound inside.
    """

    expression: str
    name: str
    statistic: str
    operator: str
    threshold: float
    inner: float | None = None
    inner_operator: str = ""
    implied: bool = False

    @property
    def subject(self) -> str:
        """What is bounded, as written."""
        return self.name + (f".{self.statistic}" if self.statistic else "")


_NAME = r"((?:control\.|score\.)?[A-Za-z_]\w*)\s*(\{[^}]*\})?(?:\.(\w+))?"
_COMPARE = r"(<=|>=|==|<|>)"
_VALUE = r"([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%|[A-Za-z]\w*)?"
_PLAIN = re.compile(rf"\s*{_NAME}\s*{_COMPARE}\s*{_VALUE}\s*")
_SHARE = re.compile(rf"\s*share\s*\(\s*{_NAME}\s*{_COMPARE}\s*{_VALUE}\s*\)\s*{_COMPARE}\s*{_VALUE}\s*")
_UNITS = frozenset({"usd", "steps", "step", "tokens", "token", "parts", "tasks", "agents"})


def parse(text: str, known: Iterable[str] | None = None) -> Gate:
    """Reads a gate; with `known`, refuses names that are not among them.

    Raises:
        GateSyntaxError: with what is wrong and how to mend it.
    """
    if not isinstance(text, str):
        raise GateSyntaxError(f"a gate is a text such as 'availability >= 0.95', not '{text}'")
    share = _SHARE.fullmatch(text)
    if share:
        name, labels, statistic, inner_op, inner, inner_unit, op, value, unit = share.groups()
        if statistic:
            raise GateSyntaxError("inside share(...) stands a measure without a statistic")
        full = _full_name(name, labels, known)
        _finite_share(_number(value, unit), op)
        return Gate(
            text.strip(), full, "share", op, _number(value, unit), _number(inner, inner_unit), inner_op
        )
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        raise GateSyntaxError(
            f"'{text}' is not a gate; write 'NAME >= NUMBER', such as 'availability >= 0.95'"
        )
    name, labels, statistic, op, value, unit = plain.groups()
    if statistic and statistic not in STATISTICS:
        raise GateSyntaxError(
            f"no statistic '{statistic}'{did_you_mean(statistic, STATISTICS)}", plain.start(3)
        )
    full = _full_name(name, labels, known)
    statistic = "" if statistic in (None, "mean") else statistic
    if statistic in QUANTILES and op in (">", ">=", "=="):
        raise GateSyntaxError(f"a quantile is bounded from above: '{full}.{statistic} < {value}{unit or ''}'")
    return Gate(text.strip(), full, statistic or "", op, _number(value, unit))


def _finite_share(value: float, op: str) -> None:
    if not 0 <= value <= 1 or op in ("<", "<=", "=="):
        raise GateSyntaxError("a share is gated from below, within 0..1: 'share(...) >= 0.95'")


def _full_name(name: str, labels: str | None, known: Iterable[str] | None) -> str:
    full = name
    if labels:
        parts = [part.partition("=") for part in labels.strip("{}").split(",")]
        if not all(equals and key.strip() and value.strip() for key, equals, value in parts):
            raise GateSyntaxError(f"labels are written '{{fault=crash}}', not '{labels}'", len(name))
        full += "{" + ",".join(f"{key.strip()}={value.strip()}" for key, _, value in parts) + "}"
    if known is not None:
        names = set(known)
        if full not in names:
            raise GateSyntaxError(f"no measure '{full}'{did_you_mean(full, sorted(names))}")
    return full


def _number(value: str, unit: str | None) -> float:
    number = float(value.replace("_", ""))
    if unit is None or unit in _UNITS:
        return number
    if unit == "%":
        return number / 100
    try:
        return parse_duration(f"{value}{unit}") / 1e9
    except ValueError:
        raise GateSyntaxError(
            f"no unit '{unit}'{did_you_mean(unit, ('s', 'ms', 'min', 'h', 'd', *_UNITS))}"
        ) from None


def known_names(faults: Iterable[str], services: Iterable[str], groups: Iterable[str]) -> set[str]:
    """Every name that a gate may use in a scenario with these faults, services and groups."""
    faults, services, groups = list(faults), list(services), list(groups)
    raw = [*SHARES, *COUNTS, *TIMES, *PICKS]
    raw += [f"pass_{k}" for k in range(1, PASS_K + 1)]
    raw += [f"{name}{{service={service}}}" for name in BY_SERVICE for service in services]
    raw += [f"{name}{{agent={group}}}" for name in ("availability", "task_success") for group in groups]
    raw += [f"time{{class={name}}}" for name in CLASSES]
    raw += [f"cost{{currency={code}}}" for code in ("USD", "EUR", "GBP", "JPY", "CNY")]
    names = set(raw) | {f"control.{name}" for name in raw}
    names |= {f"{name}{{fault={fault}}}" for name in PICKS for fault in faults}
    names |= {f"recovery_time{{fault={fault},from=after_lift}}" for fault in faults}
    names |= {f"outage{{fault={fault}}}" for fault in faults}
    names |= {f"cascade_steps{{fault={fault}}}" for fault in faults}
    attributes = [name for group in ATTRIBUTES.values() for name in group]
    return names | {f"score.{name}" for name in attributes} | set(DIMENSIONS) | {"overall"}
