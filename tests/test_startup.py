"""What a command imports: none waits for a library that it does not use (times: benchmarks/startup.py)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentchaos import bundled

HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "simpy", "jinja2", "concurrent.futures.process"}
CODE = """
import sys
from agentchaos.cli import main
sys.argv = ["agentchaos", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "light"),
    [
        (["--help"], {"pydantic", "yaml", *HEAVY}),
        (["run", "--help"], {"yaml", *HEAVY}),
        (["--version"], {"pydantic", "yaml", *HEAVY}),
        (["validate", str(bundled.path("customer_service"))], {"rich.table", *HEAVY}),
        (["list", "faults"], HEAVY),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_imports_no_more_than_it_uses(words: list[str], light: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert light & set(done.stderr.split()) == set()


def test_no_command_imports_pyplot_or_scipy_stats() -> None:
    # half a second and three quarters of a second, whoever asks
    code = (
        "import sys, agentchaos.pipeline as p; from agentchaos.renderers.base import renderers; renderers()\n"
        "import agentchaos.scoring.scores, agentchaos.scoring.gate, agentchaos.simulator.simulation\n"
        "print('matplotlib' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
