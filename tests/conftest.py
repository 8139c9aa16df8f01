"""What all tests share: the Hypothesis profile. Markers stand in pyproject.toml."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# no deadline: a busy machine must not turn a test red
settings.register_profile("here", deadline=None)
# the same examples on every machine: a red CI is a change's fault, never that of luck
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `last` goes to the end, where it need not wait for others."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of the oracles: what closed form and simulation say, side by side."""
    reports = [r for word in ("passed", "failed") for r in terminalreporter.stats.get(word, [])]
    rows = [text for r in reports for name, text in r.user_properties if name == "oracle"]
    if rows:
        terminalreporter.section("closed forms and simulation")
        heads = ("row", "formula", "exact", "simulated", "std error", "z")
        terminalreporter.line("{:4} {:42} {:>12} {:>12} {:>10} {:>6}".format(*heads))
        for row in sorted(rows):
            terminalreporter.line(row)
