"""What there is, and what each thing means: the texts of `list` and `explain`, read off the models."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agentchaos import bundled
from agentchaos.errors import UsageError
from agentchaos.metrics.base import Metric
from agentchaos.plugins import shelf
from agentchaos.scoring import glossary
from agentchaos.scoring.expressions import example_gate
from agentchaos.scoring.objectives import ATTRIBUTES
from agentchaos.scoring.scores import NOT_YET
from agentchaos.spec.scenario import ObjectivesSpec, Scenario
from agentchaos.words import did_you_mean, shown
from agentchaos.world import (
    FAULTS,
    MECHANISMS,
    RECOVERIES,
    Band,
    Burst,
    Group,
    PartSpec,
    Service,
    Spawn,
    StateSpec,
    StepSpec,
    Tasks,
)

NOUNS: dict[str, type[BaseModel]] = {
    "scenario": Scenario,
    "agents": Group,
    "services": Service,
    "tasks": Tasks,
    "step": StepSpec,
    "state": StateSpec,
    "part": PartSpec,
    "band": Band,
    "burst": Burst,
    "spawn": Spawn,
    "objectives": ObjectivesSpec,
}


def _metrics() -> dict[str, type[Metric]]:
    return shelf("metrics", Metric)


def kinds() -> dict[str, dict[str, Any]]:
    """Kind -> name -> thing, for all that `list` knows."""
    return {
        "faults": dict(FAULTS),
        "mechanisms": dict(MECHANISMS),
        "recoveries": dict(RECOVERIES),
        "metrics": dict(_metrics()),
        "measures": dict(glossary.MEASURES),
        "attributes": {
            name: f"{dimension}: {glossary.ATTRIBUTES[name]}"
            for dimension, names in ATTRIBUTES.items()
            for name in names
        },
        "scenarios": {name: name for name in bundled.names()},
        "nouns": dict(NOUNS),
    }


def listing(kind: str) -> Iterator[str]:
    """A line for each thing of a kind.

    Raises:
        UsageError: there is no such kind.
    """
    known = kinds()
    if kind not in known:
        raise UsageError(f"nothing is called {shown(kind)}{did_you_mean(kind, list(known))}")
    things = known[kind]
    width = max((len(name) for name in things), default=0)
    for name, thing in things.items():
        yield f"{name:<{width}}  {_about(kind, thing)}"


def _about(kind: str, thing: Any) -> str:
    if kind in ("measures", "attributes"):
        return str(thing)
    if kind == "scenarios":
        return _first_comment(bundled.path(thing).read_text(encoding="utf-8"))
    if kind == "metrics":
        return str(thing.about)
    return (inspect.getdoc(thing) or "").split("\n")[0]


def _first_comment(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line.lstrip("# ") if line.startswith("#") else ""


def explanation(name: str) -> Iterator[str]:
    """What a thing is: its fields with defaults, their sources and grades, an example.

    Raises:
        UsageError: nothing of that name.
    """
    # `tasks` is a part of a scenario and a metric too: both are told, what can be written first
    found = [(kind, things[name]) for kind, things in kinds().items() if name in things]
    found.sort(key=lambda one: one[0] == "metrics")
    for place, (kind, thing) in enumerate(found):
        if place:
            yield ""
        yield from _explain(kind, name, thing)
    if found:
        return
    words = [word for things in kinds().values() for word in things]
    raise UsageError(f"nothing is called {shown(name)}{did_you_mean(name, words)}")


def _explain(kind: str, name: str, thing: Any) -> Iterator[str]:
    yield f"{name}  ({kind})"
    yield ""
    if kind == "scenarios":
        yield bundled.path(name).read_text(encoding="utf-8").rstrip()
        return
    if kind == "attributes":
        yield str(thing)
        if name in NOT_YET:
            yield f"Not measured in this version: {NOT_YET[name]}."
        yield f"Gate: score.{name} >= 0.9; `agentchaos explain-score RUN_FOLDER {name}` shows its arithmetic."
        return
    if kind == "measures":
        yield str(thing)
        yield f"Gate: {example_gate(name)}"
        return
    yield inspect.getdoc(thing) or ""
    if kind == "metrics":
        yield ""
        yield str(thing.about)
        return
    facts = list(_facts(thing))
    if facts:
        yield ""
    for label, value in facts:
        yield f"{label}: {value}"
    yield ""
    yield "Fields:"
    for key, field in thing.model_fields.items():
        yield from _field(field.alias or key, field)
    if example := getattr(thing, "example", ""):
        yield ""
        yield f"Example: {example}"


def _facts(thing: Any) -> Iterator[tuple[str, str]]:
    if hasattr(thing, "boundary"):
        yield "Boundary", thing.boundary
        yield "Exercises", ", ".join(thing.exercises) or "-"
        if thing.figure != "-":
            yield "How often", f"{thing.figure} [{thing.grade}]"
    if getattr(thing, "costs", ""):
        yield "Costs", thing.costs
    if getattr(thing, "published", ""):
        yield "Published class", thing.published


def _field(key: str, field: FieldInfo) -> Iterator[str]:
    required = field.is_required()
    default = "required" if required else f"default {_shown(field)}"
    yield f"  {key}: {field.description or ''} ({default})"
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "source" in extra:
        yield f"      source: {extra['source']} [{extra.get('grade', '-')}]"


def _shown(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    for mark in field.metadata:
        if hasattr(mark, "write") and not isinstance(value, str):  # a quantity, in its own unit
            return str(mark.write(value))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        dumped = value.model_dump(mode="json", exclude_none=True)
        return ", ".join(f"{k}: {v}" for k, v in dumped.items()) or "none"
    if isinstance(value, tuple | list | dict) and not value:
        return "none"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
