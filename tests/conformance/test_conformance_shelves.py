"""Every mechanism and every recovery: valid from YAML, plays, is deterministic, costs, has its idle twin."""

from __future__ import annotations

from typing import Any

import pytest
from conformance.shelves import CALM, Entry, data_of, scenario, without
from conformance.shelves import MECHANISMS as ENTRIES
from conformance.shelves import RECOVERIES as ENTRIES_OF_RECOVERIES
from simulator.played import Played, play

from agentchaos.world import MECHANISMS, RECOVERIES

SHELVES: dict[str, tuple[dict[str, Any], dict[str, Entry]]] = {
    "mechanisms": (MECHANISMS, ENTRIES),
    "recoveries": (RECOVERIES, ENTRIES_OF_RECOVERIES),
}
THINGS = [(shelf, name) for shelf, (things, _) in SHELVES.items() for name in things]


class Thing:
    """Something on a shelf, with its entry."""

    def __init__(self, shelf: str, name: str) -> None:
        things, entries = SHELVES[shelf]
        self.shelf, self.name, self.model = shelf, name, things[name]
        if name not in entries:
            pytest.fail(
                f"the {shelf} have {name!r}, of which tests/conformance/shelves.py has no entry: say there "
                "how it is put to work, which measure shows its cost, and in which form it does nothing"
            )
        self.entry = entries[name]

    def text(self, fields: str | None, *, kind: str = "") -> str:
        """The scenario with it in that form; None: without it."""
        protect: dict[str, Any] = data_of(self.entry.beside)
        recover: Any = self.entry.recover
        if fields is not None and self.shelf == "mechanisms":
            protect[self.name] = data_of(fields)
        elif fields is not None:
            recover = {self.name: data_of(fields)}
        return scenario(kind=kind, faults=self.entry.faults, protect=protect, recover=recover)


@pytest.fixture(params=THINGS, ids=[f"{shelf}-{name}" for shelf, name in THINGS], scope="module")
def thing(request: pytest.FixtureRequest) -> Thing:
    return Thing(*request.param)


@pytest.fixture(scope="module")
def at_work(thing: Thing) -> Played:
    """Its trace keeps the grammar: `play` checks that."""
    return play(thing.text(thing.entry.fields))


def test_it_says_what_it_is(thing: Thing) -> None:
    assert thing.model.__doc__
    assert thing.model.name == thing.name
    if thing.shelf == "mechanisms":
        assert thing.model.costs, "what it costs"
    else:
        assert thing.model.published, "the published class"
    for name, field in thing.model.model_fields.items():
        assert field.description, f"{name} has no description"


def test_its_example_names_it(thing: Thing) -> None:
    example: Any = data_of(thing.model.example)
    if thing.shelf == "mechanisms":
        assert list(example) == [thing.name]
        assert thing.model.model_validate(example[thing.name])
    else:
        (word,) = [example["recover"]] if isinstance(example["recover"], str) else example["recover"]
        assert word in (thing.name, *thing.model.aliases)


def test_it_is_deterministic(thing: Thing, at_work: Played) -> None:
    assert play(thing.text(thing.entry.fields)).rows == at_work.rows


def _cost(thing: Thing, played: Played) -> float:
    cost = thing.entry.cost
    if callable(cost):
        return cost(played)
    if cost not in played.data:
        return 0.0  # a price that is measured only where it is paid
    datum: Any = played.data[cost]
    return float(datum.total if hasattr(datum, "total") else datum.value or 0.0)


def test_its_cost_is_seen(thing: Thing, at_work: Played) -> None:
    text = thing.text(None, kind=CALM if thing.shelf == "recoveries" else "")
    assert _cost(thing, at_work) > _cost(thing, play(text)), f"{thing.entry.cost} does not show it"


def test_its_idle_twin_leaves_the_trace_as_it_is_without_it(thing: Thing) -> None:
    entry = thing.entry
    idle = play(thing.text(entry.idle or entry.fields, kind=entry.world))
    assert without(idle.rows, entry.own) == without(play(thing.text(None, kind=entry.world)).rows, entry.own)


def test_it_is_at_work_where_its_cost_is_measured(thing: Thing, at_work: Played) -> None:
    base = play(thing.text(None))
    if thing.name != "cold_start":  # what a group does unless it says otherwise
        assert at_work.rows != base.rows or thing.name == "heartbeat"
