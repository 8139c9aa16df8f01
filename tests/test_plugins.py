"""What stands on a shelf: modules of a folder and entry points of other packages."""

from __future__ import annotations

import abc
import importlib
import sys
import textwrap
from pathlib import Path

import pytest

import agentchaos
from agentchaos.errors import AgentChaosError
from agentchaos.metrics.base import Metric
from agentchaos.plugins import PluginError, name_of, shelf


class Toy(abc.ABC):
    """What the shelf `toys` is for."""

    name: str

    @abc.abstractmethod
    def play(self) -> str: ...


class Stray(Toy):
    """A thing that stands on no shelf; to import it there does not put it there."""

    name = "stray"

    def play(self) -> str:
        return ""


BASE = "from test_plugins import Toy\n"


class Place:
    """A shelf `agentchaos.toys` and a foreign package `acme` in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module("__init__", "")

    def module(self, name: str, text: str) -> None:
        path = self.folder / "toys" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def acme(self, text: str, **points: str) -> None:
        (self.folder / "acme_toys.py").write_text(textwrap.dedent(text))
        info = self.folder / "acme_toys-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-toys\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[agentchaos.toys]", *lines, ""]))
        importlib.invalidate_caches()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(agentchaos, "__path__", [*agentchaos.__path__, str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "test_plugins", sys.modules[__name__])
    yield Place(tmp_path)
    for name in [m for m in sys.modules if m.startswith(("agentchaos.toys", "acme_toys"))]:
        del sys.modules[name]
    vars(agentchaos).pop("toys", None)


def a_toy(name: str, title: str = "", key: str = "name") -> str:
    return BASE + textwrap.dedent(f"""
        class {title or name.title()}(Toy):
            {key} = {name!r}
            def play(self): return self.{key}
    """)


def test_things_are_found_by_name_and_sorted(place):
    place.module("zoo", a_toy("kite"))
    place.module("attic", a_toy("top") + a_toy("ball", key="kind"))
    found = shelf("toys", Toy)
    assert list(found) == ["ball", "kite", "top"]
    assert found["kite"]().play() == "kite"


def test_bases_the_imported_and_the_nameless_do_not_stand_there(place):
    place.module("base", a_toy("kite"))
    place.module(
        "more",
        """
        import abc
        from agentchaos.toys.base import Kite
        from test_plugins import Stray, Toy
        class Half(Toy, abc.ABC):
            name = "half"
        class Nameless(Toy):
            def play(self): return ""
        class Painted(Kite):
            pass
        class Other:
            name = "other"
        """,
    )
    assert list(shelf("toys", Toy)) == ["kite"]


def test_entry_points_stand_beside_the_built_in_ones(place):
    place.module("zoo", a_toy("kite"))
    place.acme(a_toy("drum") + a_toy("flute"), acme="acme_toys", again="acme_toys:Drum")
    assert list(shelf("toys", Toy)) == ["drum", "flute", "kite"]


def test_two_of_one_name_are_refused_with_both_places(place):
    place.module("zoo", a_toy("kite"))
    place.acme(a_toy("kite", "Dragon"), acme="acme_toys:Dragon")
    with pytest.raises(
        PluginError, match=r"'kite': agentchaos.toys.zoo.Kite and acme_toys.Dragon; rename one"
    ):
        shelf("toys", Toy)


def test_a_plug_in_that_cannot_be_imported_is_told_with_its_cause(place):
    place.acme("import nowhere_to_be_found", acme="acme_toys")
    with pytest.raises(
        PluginError, match=r"plug-in 'acme' .acme_toys. of agentchaos.toys cannot be imported: "
        r"ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    ) as caught:  # fmt: skip
        shelf("toys", Toy)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert isinstance(caught.value, AgentChaosError)


def test_an_entry_point_to_something_else_is_refused(place):
    place.acme("answer = 42", acme="acme_toys:answer")
    with pytest.raises(PluginError, match="is 42; a module is wanted, or a concrete Toy"):
        shelf("toys", Toy)


def test_a_built_in_module_that_cannot_be_imported_is_told_by_name(place):
    place.module("broken", "1 / 0")
    with pytest.raises(PluginError, match=r"agentchaos.toys.broken cannot .*division by zero"):
        shelf("toys", Toy)


def test_the_answer_is_kept_and_cannot_be_spoilt(place):
    place.module("zoo", a_toy("kite"))
    first = shelf("toys", Toy)
    first.clear()
    place.module("late", a_toy("drum"))
    assert list(shelf("toys", Toy)) == ["kite"]


@pytest.fixture(autouse=True)
def fresh():
    from agentchaos.plugins import _stock

    _stock.cache_clear()
    yield
    _stock.cache_clear()


def test_a_name_is_a_class_s_own():
    class Parent:
        kind = "parent"

    class Child(Parent):
        pass

    class Odd:
        name = 3

    assert [name_of(thing) for thing in (Parent, Child, Odd)] == ["parent", None, None]


def test_the_metrics_are_on_their_shelf():
    assert "tasks" in shelf("metrics", Metric)
