"""What all tests share: the Hypothesis profile. Markers stand in pyproject.toml."""

from __future__ import annotations

import os

from hypothesis import settings

# no deadline: a busy machine must not turn a test red
settings.register_profile("here", deadline=None)
# the same examples on every machine: a red CI is a change's fault, never that of luck
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
