"""Whatever stands in a file, the answer is a scenario, or complaints that say where."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentchaos import bundled
from agentchaos.errors import ScenarioError
from agentchaos.spec.nodes import dump
from agentchaos.spec.reader import PROBLEMS_MAX, read
from agentchaos.spec.scenario import Scenario

LEAKS = (
    "Input should",
    "validation error",
    "Traceback",
    "<class",
    "NoneType",
    "object at 0x",
    "ctx",
)

VALID: dict[str, Any] = {
    "name": "valid",
    "horizon": "1h",
    "services": {
        "gpt": {"kind": "model", "latency": "2s", "price": {"in": "1 usd/M"}, "band": {"good": 0.8}},
        "crm": {"latency": "exponential(mean=1s)", "side_effects": True, "capacity": 4},
    },
    "agents": {
        "bot": {
            "count": 3,
            "required": 2,
            "tasks": {"arrive": "poisson(60/h)", "burst": [{"at": "5min", "tasks": 3}], "panel": 20},
            "step": {"think": "gpt", "act": "crm", "effects": "20%"},
            "state": {"memory": {"size": "4MB"}},
            "protect": {
                "heartbeat": {"every": "5s"},
                "checkpointing": {"every": "5 steps", "covers": ["goal", "plan"]},
                "retry": {"on": ["crm"], "attempts": 3},
            },
            "recover": {"checkpoint": {"bandwidth": "10MB/s"}},
        },
    },
    "faults": [
        {"crash": {"agent": "bot", "every": "exponential(mean=1h)"}},
        {"latency": {"service": "crm", "at": "5min", "for": "1min"}},
    ],
    "objectives": {"rto": "1min", "rpo": 0},
    "gates": ["recovery_time{fault=crash}.p95 < 60s", "availability >= 90%"],
    "dimensions": {"functional": ["correctness"]},
    "weights": {"correctness": 2},
}

NODES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "5", "5s", "-1s", "0s", "1e400", "5%", "gpt", "bot", "crash", "inf", "nan", ".nan", "auto"]
    ),
    st.sampled_from(
        ["exponential(mean=0s)", "poisson(1/h)", "uniform(1, 2)", "availability >= 2", "overall > 0.5"]
    ),
    st.just([]),
    st.just({}),
    st.lists(st.sampled_from(["a", 1, None]), max_size=3),
    st.dictionaries(
        st.sampled_from(["a", "crash", "every", "name", ""]), st.sampled_from([1, "2s", {}]), max_size=2
    ),
)


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """The valid scenario with one to three of its nodes deleted, renamed, replaced or doubled."""
    data = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 3))):
        *above, key = draw(st.sampled_from(places(data)[1:] or [("name",)]))
        at: Any = data
        for step in above:
            at = at[step]
        match draw(st.sampled_from(["delete", "rename", "replace", "replace", "double"])):
            case "delete" if key in at or isinstance(at, list):
                del at[key]
            case "rename" if isinstance(at, dict) and key in at:
                at[draw(st.sampled_from([key[:-1], key + "s", key.upper(), "", "x" * 99, "bot", "gpt"]))] = (
                    at.pop(key)
                )
            case "double" if isinstance(at, list):
                at.append(copy.deepcopy(at[key]))
            case _:
                at[key] = draw(NODES)
    return data


def answer(raw: bytes) -> list[str] | None:
    """Complaints about a file, checked for their form; None where it is a scenario."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it.yaml")
        path.write_bytes(raw)
        try:
            loaded = read(path, Scenario)
        except ScenarioError as wrong:
            problems = wrong.problems
        else:
            plan = loaded.value.plan(file="it.yaml", sha256=loaded.sha256, replications=1)
            assert plan.world.end > plan.world.horizon
            path.write_text(dump(loaded.value.effective()), encoding="utf-8")
            assert read(path, Scenario).value == loaded.value
            return None
    assert 1 <= len(problems) <= PROBLEMS_MAX + 1
    for problem in problems:
        assert problem.file == str(path)
        assert min(problem.line, problem.column) >= 1, problem
        assert problem.message.isprintable(), problem
        assert 0 < len(problem.message) <= 400, problem
        assert not [leak for leak in LEAKS if leak in problem.message], problem
    return [str(problem) for problem in problems]


def test_what_is_mutated_is_valid_to_begin_with() -> None:
    assert answer(dump(VALID).encode()) is None


@settings(max_examples=400)
@given(mutants())
def test_no_mutant_of_a_scenario_gets_anything_but_complaints(data: Any) -> None:
    answer(dump(data).encode("utf-8", "replace"))


@given(st.text(max_size=200))
def test_no_text_gets_anything_but_complaints(text: str) -> None:
    answer(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=100))
def test_no_bytes_get_anything_but_complaints(raw: bytes) -> None:
    answer(raw)


@settings(max_examples=300)
@given(st.data())
def test_no_cut_or_splice_of_a_file_gets_anything_but_complaints(data: st.DataObject) -> None:
    text = bundled.path("customer_service").read_text(encoding="utf-8")
    text = text[text.index("name:") :]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    signs = st.text(alphabet="{}[]:,-#&*!|>'\"%@`\\\n\t a1?<=~\x00\u00e9", max_size=6)
    answer((text[:start] + data.draw(signs) + text[end:]).encode())


@pytest.mark.parametrize("place", places(VALID)[1:], ids=lambda place: ".".join(map(str, place)))
def test_each_key_misspelt_is_told_in_its_line(place: tuple[Any, ...]) -> None:
    """So no key is ever ignored in silence, at whatever depth it stands."""
    *above, key = place
    if isinstance(key, int) or above in (["agents"], ["services"]):
        return
    data = copy.deepcopy(VALID)
    at: Any = data
    for step in above:
        at = at[step]
    renamed = {(f"{k}qq" if k == key else k): v for k, v in at.items()}
    at.clear()
    at.update(renamed)
    text = dump(data)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if f"{key}qq:" in line]
    told = answer(text.encode())
    assert told is not None
    assert any(f":{lines[0]}:" in line and f"'{key}qq'" in line for line in told), told
