"""Broken scenarios, each with everything that is said about it; and nothing in them is ever executed.

Each NAME.yaml here is validated from within this folder; stderr must be NAME.txt to the letter, and the
exit code 2. Files below `parts/` are included by others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentchaos.cli import app

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.yaml"))
LINE_MAX = 600
"""Characters of a complaint, whatever is in the file."""
LEAKS = ("Input should", "validation error", "pydantic", "Traceback", "None", "ctx", "<class", "NoneType")


@pytest.fixture(autouse=True)
def _in_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


def expected(name: str) -> str:
    return (HERE / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_wrong_is_told(name: str) -> None:
    result = CliRunner().invoke(app, ["validate", f"{name}.yaml"])
    assert result.stderr == expected(name)
    assert result.stdout == ""
    assert result.exit_code == 2


@pytest.mark.parametrize("name", ["many_at_once", "tags", "unicode_names"])
def test_a_process_says_the_same(name: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    main = "from agentchaos.cli import main; main()"
    command = [sys.executable, "-c", main, "validate", f"{name}.yaml"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected(name))


@pytest.mark.parametrize("command", ["run", "plan"])
def test_nothing_is_run_or_planned_either(command: str, tmp_path: Path) -> None:
    arguments = [command, "name_of_a_fault.yaml"] + (["--out", str(tmp_path)] if command == "run" else [])
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", expected("name_of_a_fault"))
    assert list(tmp_path.iterdir()) == []


def test_several_files_are_all_told() -> None:
    result = CliRunner().invoke(app, ["validate", "tabs.yaml", "gates_empty.yaml"])
    assert result.stderr == expected("tabs") + expected("gates_empty")
    assert result.exit_code == 2


def test_tags_execute_nothing() -> None:
    CliRunner().invoke(app, ["validate", "tags.yaml"])
    assert not (HERE / "executed").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_expected_itself_is_worth_reading(name: str) -> None:
    text = expected(name)
    assert text.endswith("\n")
    for line in text.splitlines():
        file, number, column, message = line.split(":", 3)
        assert (HERE / file).is_file(), line
        assert int(number) >= 1, line
        assert int(column) >= 1, line
        assert message.strip(), line
        assert len(line) <= LINE_MAX, line
        assert line.isprintable(), line
        assert not [leak for leak in LEAKS if leak in line], line


def test_each_scenario_has_its_message_and_each_message_its_scenario() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == set(NAMES)
    assert len(NAMES) >= 40
