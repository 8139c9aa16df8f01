"""What the metrics gave, as CSV tables and back: every field of every datum, exactly.

A datum is its plain fields and at most one tuple of rows. The plain fields are a line of
measures.csv: arm, replication, name, type, how many lines its rows take, the fields. The rows are
lines of the table of its kind: histograms, incidents, panel, curves, landings. The same data give
the same bytes.

Signals are pooled over replications, arm by arm, and have a table of their own, signals.csv, that
says of each window what it is worth: arm, layer, signal, of (a group or a service), time_s and
until_s (the window), value, unit, numerator, denominator, n (replications).
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentchaos.errors import ArchiveError, Problem
from agentchaos.metrics.base import (
    Count,
    Curve,
    Data,
    DataByArm,
    Datum,
    Histogram,
    Incident,
    Incidents,
    Landing,
    Landings,
    Ratio,
    Reach,
    Series,
    Signals,
    Trial,
    Trials,
)
from agentchaos.metrics.layers import SIGNALS
from agentchaos.trace import NS


def to_csv(data: Mapping[str, Mapping[int, Data]]) -> dict[str, str]:
    """The text of each file, arms in their order and replications in that of their numbers.

    measures.csv is the last: it says how many rows the others must have, so that files of two runs,
    or of one that was cut short between them, are not taken for a whole.
    """
    rows: dict[str, list[Sequence[Any]]] = {table.file: [] for table in _TABLES.values()}
    measures: list[Sequence[Any]] = []
    for arm, replication, name, datum in _flat(data):
        table = _TABLES.get(type(datum))
        lines = list(table.lines(getattr(datum, table.field))) if table else []
        if table:
            rows[table.file] += ([arm, replication, name, *line] for line in lines)
        measures.append([arm, replication, name, *_plain_cells(datum, len(lines))])
    texts = {t.file: _csv([*_KEY, *t.columns], rows[t.file]) for t in _TABLES.values()}
    return {**texts, MEASURES: _csv(_MEASURES_COLUMNS, measures)}


def from_csv(texts: Mapping[str, str], folder: Path) -> DataByArm:
    """What `to_csv` was given, equal in every field.

    Raises ArchiveError with file and line (under `folder`) for anything that cannot be meant.
    """
    rows = {kind: _rows(table, texts, folder) for kind, table in _TABLES.items() if table.file in texts}
    data: DataByArm = {}
    path = folder / MEASURES
    for line, cells in _lines(MEASURES, texts, _MEASURES_COLUMNS, folder):
        replications = data.setdefault(cells["arm"], {})
        if cells["replication"] == "":
            continue
        with _complaining(path, line):
            row = replications.setdefault(int(cells["replication"]), {})
            if cells["type"] == "":
                continue
            if cells["name"] in row:
                raise ValueError(f"{cells['name']!r} stands there twice")
            row[cells["name"]] = _datum(cells, rows)
    _refuse_strays(rows, folder)
    return data


def signals_to_csv(signals: SignalsByArm) -> str:
    """The text of signals.csv. `value` is for who reads it: reckoned again, never read back."""
    rows: list[Sequence[Any]] = []
    for arm, pooled in signals.items():
        bounds = [(_exact_seconds(begin), _exact_seconds(end)) for begin, end in pooled.bounds()]
        for signal, of, numerators, denominators in pooled.rows:
            about = SIGNALS[signal]
            head = [arm, about.layer, signal, of]
            for window, above, below in zip(bounds, numerators, denominators, strict=True):
                value = f"{above * about.scale / below:.6g}" if below else ""
                rows.append([*head, *window, value, about.unit, above, below, pooled.replications])
    return _csv(_SIGNALS_COLUMNS, rows)


def signals_from_csv(text: str, folder: Path) -> SignalsByArm:
    """What `signals_to_csv` was given.

    Raises ArchiveError with file and line (under `folder`) for anything that cannot be meant.
    """
    series: dict[str, dict[tuple[str, str], list[tuple[int, int]]]] = {}
    grids: dict[str, tuple[list[tuple[int, int]], int]] = {}
    for line, cells in _lines(SIGNALS_FILE, {SIGNALS_FILE: text}, _SIGNALS_COLUMNS, folder, key=("arm",)):
        with _complaining(folder / SIGNALS_FILE, line):
            arm, whose = cells["arm"], (cells["signal"], cells["of"])
            if cells["signal"] not in SIGNALS:
                raise ValueError(f"no signal is called {cells['signal']!r}")
            window = _ns(cells["time_s"]), _ns(cells["until_s"])
            values = series.setdefault(arm, {}).setdefault(whose, [])
            grid, replications = grids.setdefault(arm, ([], int(cells["n"])))
            if len(series[arm]) == 1:
                grid.append(window)
            if len(values) == len(grid) or grid[len(values)] != window or int(cells["n"]) != replications:
                raise ValueError(f"{cells['signal']!r} has another grid or n than the signal before it")
            values.append((int(cells["numerator"]), int(cells["denominator"])))
    pooled: SignalsByArm = {}
    with _complaining(folder / SIGNALS_FILE, 1):
        if len({tuple(found) for found in series.values()}) > 1:
            raise ValueError("the arms have different signals")
        for arm, (grid, replications) in grids.items():
            rows = [
                Series(*whose, *map(tuple, zip(*values, strict=True)))
                for whose, values in series[arm].items()
                if len(values) == len(grid) or _refuse(f"{whose[0]!r} of {whose[1]!r} is cut short")
            ]
            pooled[arm] = Signals(grid[0][1] - grid[0][0], grid[-1][1], tuple(rows), replications)
    return pooled


def _refuse(why: str) -> bool:
    raise ValueError(why)


def _exact_seconds(ns: int) -> str:
    """`90`, `0.25`: whole nanoseconds come back."""
    return f"{ns // NS}.{ns % NS:09d}".rstrip("0").rstrip(".")


def _ns(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    return int(whole) * NS + int(f"{rest:0<9}")


SignalsByArm = dict[str, Signals]
"""Arm -> its signals, pooled over its replications."""
SIGNALS_FILE = "signals.csv"
_SIGNALS_COLUMNS = (
    *("arm", "layer", "signal", "of", "time_s", "until_s", "value", "unit"),
    *("numerator", "denominator", "n"),
)


# ---- the tables ----

_CHUNK = 512
"""Packed values a cell: far below the longest that the csv module reads (131,072 characters)."""


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


_READ: dict[str, Callable[[str], Any]] = {
    "int": int,
    "str": str,
    "bool": _flag,
    "int | None": lambda text: None if text == "" else int(text),
    "tuple[Reach, ...]": lambda text: tuple(
        Reach(str(agent), *(int(number) for number in numbers)) for agent, *numbers in json.loads(text)
    ),
}
"""How a cell is read, by the annotation of its field."""


def _readers(kind: type, without: str = "") -> dict[str, Callable[[str], Any]]:
    fields = dataclasses.fields(kind)
    return {field.name: _READ[str(field.type)] for field in fields if field.name != without}


class _Table(NamedTuple):
    """Where the rows of a kind of datum go: `lines` and `items` are each other's inverse."""

    file: str
    field: str
    columns: tuple[str, ...]
    lines: Callable[[Any], Iterable[Sequence[Any]]]
    items: Callable[[Mapping[str, str]], tuple[Any, ...]]


def _chunks(words: Iterable[str]) -> Iterator[list[str]]:
    """Many small values packed into few cells, so that the files stay small."""
    rest = iter(words)
    while chunk := list(itertools.islice(rest, _CHUNK)):
        yield [" ".join(chunk)]


def _buckets_of(cells: Mapping[str, str]) -> tuple[tuple[int, int], ...]:
    pairs = (word.partition(":") for word in cells["buckets"].split())
    return tuple((int(bucket), int(count)) for bucket, _, count in pairs)


_INCIDENT = _readers(Incident)


def _json(cell: object) -> str:
    return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))


def _incident_cells(rows: Iterable[tuple[int, Incident]]) -> Iterator[list[Any]]:
    for number, incident in rows:
        cells = [getattr(incident, name) for name in _INCIDENT]
        yield [number, *(_json(cell) if isinstance(cell, tuple) else cell for cell in cells)]


def _incident_of(cells: Mapping[str, str]) -> tuple[tuple[int, Incident]]:
    # a column that an older version did not write takes its field's default
    fields = {name: read(cells[name]) for name, read in _INCIDENT.items() if name in cells}
    return ((int(cells["numbered"]), Incident(**fields)),)


def _trial_of(cells: Mapping[str, str]) -> tuple[Trial]:
    identity, trials, right = (int(cells[name]) for name in ("identity", "trials", "right"))
    return (Trial(cells["agent"], identity, trials, right),)


def _landing_cells(rows: Iterable[Landing]) -> Iterator[list[Any]]:
    for fault, planned, landed, missed in rows:
        yield [fault, planned, landed, json.dumps(missed, ensure_ascii=False)]


def _landing_of(cells: Mapping[str, str]) -> tuple[Landing]:
    missed = tuple((str(reason), int(count)) for reason, count in json.loads(cells["missed"]))
    return (Landing(cells["fault"], int(cells["planned"]), int(cells["landed"]), missed),)


_TABLES: dict[type, _Table] = {
    Histogram: _Table(
        "histograms.csv",
        "buckets",
        ("buckets",),
        lambda buckets: _chunks(f"{bucket}:{count}" for bucket, count in buckets),
        _buckets_of,
    ),
    Incidents: _Table("incidents.csv", "rows", ("numbered", *_INCIDENT), _incident_cells, _incident_of),
    Trials: _Table("panel.csv", "rows", Trial._fields, lambda rows: rows, _trial_of),
    Curve: _Table(
        "curves.csv",
        "values",
        ("values",),
        lambda values: _chunks(str(value) for value in values),
        lambda cells: tuple(int(word) for word in cells["values"].split()),
    ),
    Landings: _Table("landings.csv", "rows", Landing._fields, _landing_cells, _landing_of),
}
_KINDS: dict[str, type] = {
    kind.__name__.lower(): kind for kind in (Ratio, Count, Histogram, Incidents, Trials, Curve, Landings)
}
_PLAIN = {
    kind: _readers(kind, without=_TABLES[kind].field if kind in _TABLES else "") for kind in _KINDS.values()
}
_PLAIN_COLUMNS = tuple(dict.fromkeys(itertools.chain.from_iterable(_PLAIN.values())))
_KEY = ("arm", "replication", "name")
_MEASURES_COLUMNS = (*_KEY, "type", "rows", *_PLAIN_COLUMNS)

MEASURES = "measures.csv"
FILES = (*(table.file for table in _TABLES.values()), MEASURES)
"""The files of a run's data."""
FIRST_FILES = frozenset(
    {"histograms.csv", "incidents.csv", "panel.csv", "curves.csv", "landings.csv", "measures.csv"}
)
"""Those that every run has; what was added later, the runs before it lack."""


# ---- writing ----


def _flat(
    data: Mapping[str, Mapping[int, Data]],
) -> Iterator[tuple[str, int | None, str, Datum | None]]:
    """Every datum with its place; an arm or a replication without any keeps its place."""
    for arm, replications in data.items():
        if not replications:
            yield arm, None, "", None
        for replication, row in sorted(replications.items()):
            if not row:
                yield arm, replication, "", None
            for name, datum in row.items():
                yield arm, replication, name, datum


def _plain_cells(datum: Datum | None, lines: int) -> list[Any]:
    """Type, lines in the table of its kind, and the plain fields in the order of the columns."""
    if datum is None:
        return [None] * (2 + len(_PLAIN_COLUMNS))
    kind = type(datum)
    plain = [getattr(datum, name) if name in _PLAIN[kind] else None for name in _PLAIN_COLUMNS]
    return [kind.__name__.lower(), lines if kind in _TABLES else None, *plain]


class _Lines(list[str]):
    """A sink for csv.writer that ends lines with a newline alone.

    The writer is left its own ending, by which it knows that a carriage return needs quotes.
    """

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return "".join(lines)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


# ---- reading ----

_Rows = dict[tuple[str, str, str], list[tuple[Any, ...]]]
"""Items by (arm, replication, name), a tuple a line."""


def _key(cells: Mapping[str, str]) -> tuple[str, str, str]:
    return cells["arm"], cells["replication"], cells["name"]


def _rows(table: _Table, texts: Mapping[str, str], folder: Path) -> _Rows:
    found: _Rows = {}
    path = folder / table.file
    for line, cells in _lines(table.file, texts, [*_KEY, *table.columns], folder):
        with _complaining(path, line):
            found.setdefault(_key(cells), []).append(table.items(cells))
    return found


def _lines(
    file: str,
    texts: Mapping[str, str],
    columns: Sequence[str],
    folder: Path,
    key: Sequence[str] = ("arm", "replication", "name"),
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of a file, whose columns must be known and begin with the key."""
    # not str.splitlines: a cell may hold a line separator of Unicode
    reader = csv.reader(io.StringIO(texts[file], newline=""), strict=True)
    path = folder / file
    with _complaining(path, 1):
        header = next(reader, [])
        if tuple(header[: len(key)]) != tuple(key) or not set(header) <= set(columns):
            raise ValueError(f"the columns are {header}, known are {list(columns)}")
    while True:
        with _complaining(path, reader.line_num + 1):
            if (cells := next(reader, None)) is None:
                return
            row = dict(zip(header, cells, strict=True))
        yield reader.line_num, row


def _datum(cells: Mapping[str, str], rows: Mapping[type, _Rows]) -> Datum:
    """A datum from its line of measures.csv; takes the rows that are its own out of `rows`."""
    kind = _KINDS[cells["type"]]
    values = {name: read(cells[name]) for name, read in _PLAIN[kind].items() if name in cells}
    if table := _TABLES.get(kind):
        found = rows[kind].pop(_key(cells), []) if kind in rows else []
        if len(found) != int(cells["rows"]):
            raise ValueError(f"{cells['name']!r} has {len(found)} lines in {table.file}, not {cells['rows']}")
        values[table.field] = tuple(itertools.chain.from_iterable(found))
    datum: Datum = kind(**values)
    return datum


def _refuse_strays(rows: Mapping[type, _Rows], folder: Path) -> None:
    for kind, left in rows.items():
        for arm, replication, name in left:
            file = folder / _TABLES[kind].file
            message = (
                f"has lines of {name!r} (arm {arm}, replication {replication}) that {MEASURES} "
                "does not name; the files are of different runs"
            )
            raise ArchiveError(Problem(message, file=str(file)))


@contextlib.contextmanager
def _complaining(path: Path, line: int) -> Iterator[None]:
    """Tells what cannot be meant as a complaint about that line."""
    try:
        yield
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        what = f"{error} is unknown or missing" if isinstance(error, KeyError) else str(error)
        message = f"{what}; the file was changed or cut short"
        raise ArchiveError(Problem(message, file=str(path), line=line, column=1)) from error
