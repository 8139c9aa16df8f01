"""The bundled scenarios are found in a checkout and in a wheel, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentchaos import bundled
from agentchaos.errors import UsageError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a package `agentchaos` stands."""
    (tmp_path / "agentchaos").mkdir()
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "agentchaos" / "bundled.py"))
    return tmp_path


def scenarios(folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("")


def test_in_a_checkout_they_stand_beside_the_package(site: Path) -> None:
    scenarios(site / "scenarios", "b.yaml", "a.yaml", "notes.md")
    (site / "pyproject.toml").write_text("")
    assert bundled.names() == ("a", "b")
    assert bundled.path("b") == site / "scenarios" / "b.yaml"


def test_those_in_folders_bear_their_names(site: Path) -> None:
    scenarios(site / "scenarios", "a.yaml")
    scenarios(site / "scenarios" / "mechanisms", "b.yaml", "b_off.yaml")
    (site / "pyproject.toml").write_text("")
    assert bundled.names() == ("a", "mechanisms/b", "mechanisms/b_off")
    assert bundled.path("mechanisms/b_off") == site / "scenarios" / "mechanisms" / "b_off.yaml"


def test_in_a_wheel_they_stand_inside_it(site: Path) -> None:
    scenarios(site / "agentchaos" / "scenarios_data", "a.yaml")
    scenarios(site / "scenarios", "of_another_package.yaml")
    assert bundled.names() == ("a",)
    assert bundled.path("a") == site / "agentchaos" / "scenarios_data" / "a.yaml"


def test_a_folder_of_another_package_is_not_taken_for_ours(site: Path) -> None:
    scenarios(site / "scenarios", "of_another_package.yaml")
    assert bundled.names() == ()
    with pytest.raises(UsageError, match="this installation has none"):
        bundled.path("of_another_package")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("customer_servise", "did you mean 'customer_service'?"),
        ("zzz", "there are customer_service, research_agent"),
        ("../customer_service", "no bundled scenario '../customer_service'"),
        ("customer_service.yaml", "did you mean 'customer_service'"),
    ],
)
def test_an_unknown_name_is_told_with_a_mend(site: Path, name: str, message: str) -> None:
    scenarios(site / "scenarios", "customer_service.yaml", "research_agent.yaml")
    (site / "pyproject.toml").write_text("")
    with pytest.raises(UsageError) as caught:
        bundled.path(name)
    assert message in str(caught.value)
