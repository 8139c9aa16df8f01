"""Versions of a run's folder: what may change without a new one, and how an older one is read.

`run.json` carries the version of the whole folder (`schema_version`); every other file follows it. The rules:

* A field, a column, a table or a signal may be *added* at any time, with a default (or None, "not kept") for
  the runs that were written before. The version stays.
* What is renamed, removed or means something else asks for a new version, for a migration from the one
  before, and for a stored sample of it under tests/samples, which every later version must read.
* What a newer agentchaos wrote and this one does not know is refused, never passed over: numbers made
  without it could be other numbers.

`scores.json` and what `--json` prints carry the version of the JSON contract, which others build on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

FORMAT = 1
"""The version that this agentchaos writes."""
OLDEST = 1
"""The oldest version that it reads."""
CONTRACT = 1
"""The version of scores.json and of the JSON contract."""
TRACE = "trace-*.jsonl.gz"
"""What a migration names for kept traces."""


class Migration(NamedTuple):
    """How one file of format `of` becomes that of the format after it.

    change: a pure function of the file's content: a dict for `*.json`, rows for a trace, else the text.
    """

    of: int
    file: str
    change: Callable[[Any], Any]


MIGRATIONS: tuple[Migration, ...] = ()
"""In their order; a file that a new format leaves as it was needs none."""


def migrated(
    file: str,
    content: Any,
    version: int,
    migrations: Sequence[Migration] | None = None,
    to: int | None = None,
) -> Any:
    """The content of a file of an older format, as the newest format would have it."""
    known = MIGRATIONS if migrations is None else migrations
    for step in range(version, FORMAT if to is None else to):
        for migration in known:
            if migration.of == step and migration.file == file:
                content = migration.change(content)
    return content


def wrong_with(version: object, writer: object, ours: str) -> str:
    """Why a folder of this version cannot be read here; empty where it can. writer: who wrote it."""
    if isinstance(version, int) and not isinstance(version, bool) and OLDEST <= version <= FORMAT:
        return ""
    by = f"version {writer}" if isinstance(writer, str) and writer else "it does not say which version"
    readable = f"{FORMAT}" if OLDEST == FORMAT else f"{OLDEST} to {FORMAT}"
    return (
        f"schema_version is {version!r}, this agentchaos ({ours}) reads {readable}; "
        f"use the agentchaos that wrote it ({by})"
    )
