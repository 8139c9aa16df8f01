"""docs/adding-a-fault.md, followed to the letter: its file is put in place, its scenario played."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import agentchaos

ROOT = Path(agentchaos.__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding-a-fault.md"

pytestmark = pytest.mark.slow


def block(language: str) -> str:
    """The one block of a language on the page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the page's file in the place that the page names."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "agentchaos", folder / "agentchaos", ignore=shutil.ignore_patterns("__pycache__"))
    (place,) = re.findall(r"file in place as `([^`]+)`", PAGE.read_text(encoding="utf-8"))
    file = folder / place
    assert not file.exists(), "nothing else is to be touched"
    file.write_text(block("python"), encoding="utf-8")
    (folder / "brownouts.yaml").write_text(block("yaml"), encoding="utf-8")
    return folder


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from agentchaos.cli import main; main()", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_fault_is_listed_and_explained(copy: Path) -> None:
    listed = run(copy, "list", "faults")
    assert listed.returncode == 0, listed.stderr
    assert "brownout" in listed.stdout
    explained = run(copy, "explain", "brownout")
    assert explained.returncode == 0, explained.stderr
    assert "slowest" in explained.stdout
    assert "the largest factor" in explained.stdout


def test_its_scenario_is_valid_and_a_slip_is_told(copy: Path) -> None:
    assert run(copy, "validate", "brownouts.yaml").returncode == 0
    text = block("yaml").replace("- brownout:", "- brownuot:")
    (copy / "slip.yaml").write_text(text, encoding="utf-8")
    wrong = run(copy, "validate", "slip.yaml")
    assert wrong.returncode == 2
    assert "did you mean 'brownout'?" in wrong.stdout + wrong.stderr


def test_it_lands(copy: Path) -> None:
    played = run(copy, "run", "brownouts.yaml", "--json", "--out", str(copy / "reports"))
    assert played.returncode == 0, played.stderr
    (fault,) = json.loads(played.stdout)["faults"]
    assert fault["name"] == "brownout"
    assert fault["landed"] > 0
