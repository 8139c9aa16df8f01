"""The wheel, installed in a clean environment outside the checkout, runs what ships inside it.

AGENTCHAOS_BIN names the installed `agentchaos`; .ci/run sets it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = os.environ.get("AGENTCHAOS_BIN", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not BIN, reason="AGENTCHAOS_BIN does not name an installed agentchaos; .ci/run sets it"
    ),
]


def call(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # of the checkout nothing may leak in: not its folder, not its environment
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def bundled(name: str, cwd: Path) -> Path:
    """Where the installed package, asked with its own Python, has a scenario."""
    code = f"from agentchaos import bundled; print(bundled.path({name!r}))"
    done = call(str(Path(BIN).with_name("python")), "-c", code, cwd=cwd)
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert not path.is_relative_to(CHECKOUT)
    return path


@pytest.mark.parametrize(
    ("name", "code", "verdict"),
    [
        ("duplicate_refund_keyed", 0, "pass"),
        # the canary: without the key it must fail, or a pass says nothing
        ("duplicate_refund", 1, "fail"),
    ],
)
def test_a_bundled_scenario_runs_from_elsewhere(tmp_path: Path, name: str, code: int, verdict: str) -> None:
    scenario = bundled(name, tmp_path)
    done = call(BIN, "run", str(scenario), "--out", "out", cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    (latest,) = (tmp_path / "out").glob("*/latest")
    assert (latest / "report.html").stat().st_size > 0
    assert json.loads((latest / "scores.json").read_text())["verdict"] == verdict
    assert json.loads((latest / "run.json").read_text())["complete"] is True


def test_the_templates_and_the_type_marker_ship(tmp_path: Path) -> None:
    package = bundled("quickstart", tmp_path).parent.parent
    assert (package / "py.typed").is_file()
    inside = {path.name for path in (CHECKOUT / "agentchaos/renderers/templates").glob("*")}
    assert inside <= {path.name for path in (package / "renderers/templates").glob("*")}
