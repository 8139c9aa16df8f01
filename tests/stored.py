"""The stored runs of older formats, unpacked for a test."""

from __future__ import annotations

import tarfile
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"


def unpacked(version: int, to: Path) -> Path:
    """The folder of the stored run of a format, below `to`/desk."""
    shelf = to / "desk"
    shelf.mkdir(parents=True, exist_ok=True)
    with tarfile.open(SAMPLES / f"format-{version}.tar.gz") as packed:
        packed.extractall(shelf, filter="data")
        return shelf / packed.getnames()[0]
