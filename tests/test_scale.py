"""Memory does not grow with the horizon where traces are not kept; long and wide runs are in benchmarks/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(__file__).parent.parent / "benchmarks" / "scale.py"


def megabytes(case: str) -> float:
    """The memory that playing a case takes beyond what the package itself takes."""
    done = subprocess.run([sys.executable, SCALE, "--one", case], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.mark.slow
def test_four_times_the_horizon_takes_no_more_memory() -> None:
    # batches, queues and histograms fill up to a size that does not depend on the horizon; incidents, of
    # which there are a few more, are kept as they are results
    assert megabytes("24h") <= 1.25 * megabytes("6h") + 2
