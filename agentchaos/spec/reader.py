"""YAML text becomes a checked model; every complaint names file, line and column, all of them at once.

Data are built from YAML nodes, so that each key and value keeps its position, through `include:` too.
Scalars are those of YAML 1.2 (`on` is a word, `1e3` a number, `1:30` a text); duplicate keys, tags, merge
keys and alias bombs are refused; nothing in a file is ever executed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agentchaos.errors import Problem, ScenarioError
from agentchaos.words import did_you_mean

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]

BYTES_MAX = 1_000_000
NODES_MAX = 100_000
"""Nodes of a file after aliases are expanded: beyond this it is a bomb, not a scenario."""
INCLUDES_DEEP = 10


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something stands: file, 1-based line and column."""

    file: str
    line: int
    column: int


@dataclasses.dataclass(frozen=True)
class Loaded(Generic[M]):
    """A file that was read: the model, the merged data, its text and the hash of what was meant."""

    path: Path
    value: M
    data: dict[str, Any]
    text: str
    sha256: str
    overrides: tuple[str, ...] = ()


class _Loader(yaml.SafeLoader):
    """Composes nodes only; plain scalars stay text, so that any other tag was written by the user."""

    def scan_plain(self) -> Any:
        """A plain scalar; inside `{}` a comma between parentheses is part of it.

        So `latency: lognormal(mean=2s, cv=0.6)` reads the same in block and in flow style.
        """
        token = super().scan_plain()
        while self.flow_level and _open(token.value) and self.peek() == ",":
            self.forward()
            while self.peek() == " ":
                self.forward()
            rest = super().scan_plain()
            if not rest.value:
                break
            token = yaml.ScalarToken(f"{token.value}, {rest.value}", True, token.start_mark, rest.end_mark)
        return token


def _open(text: str) -> bool:
    return text.count("(") > text.count(")")


_Loader.yaml_implicit_resolvers = {}

_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) <= 300:
        if _INT.fullmatch(text):
            return int(text)
        if _OCT.fullmatch(text) or _HEX.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


class _Builder:
    """Builds data from nodes and remembers the position of every key and value."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._above: set[int] = set()

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def complain(self, node: yaml.Node, loc: Loc, message: str) -> None:
        place = self._place(node)
        self.problems.append(Problem(message, place.file, place.line, place.column, dotted(loc)))

    def build(self, node: yaml.Node, loc: Loc = ()) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            if self._nodes == NODES_MAX + 1:
                self.complain(node, loc, f"aliases expand to more than {NODES_MAX:,} values")
            return None
        self.values.setdefault(loc, self._place(node))
        if id(node) in self._above:
            self.complain(node, loc, "this alias contains itself")
            return None
        self._above.add(id(node))
        try:
            return self._build(node, loc)
        finally:
            self._above.discard(id(node))

    def _build(self, node: yaml.Node, loc: Loc) -> Any:
        core = "tag:yaml.org,2002:"
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in (core + "str", "!"):
                self.complain(node, loc, f"the tag '{_tag(node.tag)}' is not allowed; write the plain value")
                return None
            return scalar(node.value) if node.style is None else node.value
        expected = core + ("map" if isinstance(node, yaml.MappingNode) else "seq")
        if node.tag not in (expected, "!"):
            self.complain(node, loc, f"the tag '{_tag(node.tag)}' is not allowed; write the plain value")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, place)) for place, item in enumerate(node.value)]
        return self._mapping(node, loc)

    def _mapping(self, node: Any, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or _tag(key_node.tag) != "str":
                self.complain(key_node, loc, "a key is a plain word")
                continue
            key = key_node.value
            if key == "<<" and key_node.style is None:
                self.complain(key_node, loc, "merge keys are not part of YAML 1.2; use 'include:'")
                continue
            if key in data:
                first = self.keys[(*loc, key)]
                self.complain(
                    key_node, (*loc, key), f"'{key}' stands here twice; it is already in line {first.line}"
                )
                continue
            self.keys.setdefault((*loc, key), self._place(key_node))
            data[key] = self.build(value_node, (*loc, key))
        return data


def _tag(tag: str) -> str:
    return tag.removeprefix("tag:yaml.org,2002:")


def dotted(loc: Loc) -> str:
    """`agents.support.count`, `faults[1].crash`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


# -- files --------------------------------------------------------------------------------------


def _text_of(path: Path) -> str:
    """The text of a file, of bounded size."""
    file = str(path)
    try:
        if path.is_dir():
            raise ScenarioError(Problem("is a folder; give a YAML file", file=file))
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise ScenarioError(Problem(f"no such file{_beside(path)}", file=file)) from None
    except OSError as wrong:
        raise ScenarioError(Problem(f"cannot be read: {wrong.strerror}", file=file)) from None
    if len(raw) > BYTES_MAX:
        raise ScenarioError(Problem(f"is larger than {BYTES_MAX:,} bytes; no scenario is", file=file))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise ScenarioError(Problem("is not UTF-8 text; is it a YAML file?", file, line, 1)) from None
    if not text.strip():
        raise ScenarioError(Problem("is empty; 'agentchaos init' writes a scenario", file, 1, 1))
    return text


def _beside(path: Path) -> str:
    try:
        names = sorted(p.name for p in path.parent.glob("*.y*ml"))[:200]
    except OSError:
        return ""
    return did_you_mean(path.name, names) if names else ""


def _compose(text: str, file: str) -> yaml.Node:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = (wrong.problem or "not YAML").replace("but found another document", "only one document")
        context = f" {wrong.context}" if wrong.context else ""
        hint = "; indent with spaces" if "\\t" in what else ""
        raise ScenarioError(Problem(f"not YAML: {what}{context}{hint}", file, line, column)) from None
    except yaml.reader.ReaderError as wrong:
        line = text[: wrong.position].count("\n") + 1
        raise ScenarioError(
            Problem(f"a character that YAML does not allow (code {wrong.character})", file, line, 1)
        ) from None
    except RecursionError:
        raise ScenarioError(Problem("is nested too deeply", file, 1, 1)) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise ScenarioError(
            Problem("holds nothing but comments; 'agentchaos init' writes a scenario", file, 1, 1)
        )
    return node


class _Source:
    """The merged data of a file and of what it includes, with positions."""

    def __init__(self) -> None:
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self.texts = 0

    def load(self, path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
        self.texts += 1
        file = str(path)
        node = _compose(_text_of(path), file)
        builder = _Builder(file)
        try:
            data = builder.build(node)
        except RecursionError:
            raise ScenarioError(Problem("is nested too deeply", file, 1, 1)) from None
        self.problems += builder.problems
        if not isinstance(data, dict):
            raise ScenarioError(Problem("a scenario is a mapping such as 'name: my-agents'", file, 1, 1))
        base = self._included(data, builder, path, (*above, path.resolve()))
        merged = _merged(base, data)
        self._take(builder)
        return merged

    def _included(
        self, data: dict[str, Any], builder: _Builder, path: Path, above: tuple[Path, ...]
    ) -> dict[str, Any]:
        if "include" not in data:
            return {}
        wanted = data.pop("include")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        base: dict[str, Any] = {}
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            place = builder.values[("include",)]
            self.problems.append(
                Problem("'include' is a list of files", place.file, place.line, place.column, "include")
            )
            return base
        for number, name in enumerate(wanted):
            place = builder.values.get(("include", number), builder.values[("include",)])
            target = path.parent / name
            where = (place.file, place.line, place.column, f"include[{number}]")
            if target.resolve() in above:
                chain = " -> ".join(p.name for p in (*above, target))
                self.problems.append(Problem(f"files include each other: {chain}", *where))
                continue
            if len(above) >= INCLUDES_DEEP:
                self.problems.append(Problem(f"more than {INCLUDES_DEEP} files deep", *where))
                continue
            try:
                base = _merged(base, self.load(target, above))
            except ScenarioError as wrong:
                if target.is_file():
                    self.problems += wrong.problems
                else:
                    self.problems.append(Problem(f"'{name}': {wrong.problems[0].message}", *where))
        return base

    def _take(self, builder: _Builder) -> None:
        """Positions of a file that wins over what was taken before."""
        lists = {loc for loc in builder.values if any(isinstance(part, int) for part in loc)}
        heads = {loc[: next(i for i, p in enumerate(loc) if isinstance(p, int))] for loc in lists}
        for known in (self.values, self.keys):
            for loc in [k for k in known if any(k[: len(h)] == h and len(k) > len(h) for h in heads)]:
                del known[loc]
        self.values.update(builder.values)
        self.keys.update(builder.keys)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged deeply; anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


# -- overrides ----------------------------------------------------------------------------------

_STEP = re.compile(r"([^.\[\]=]+)|\[(\d+)\]")


def _override(data: dict[str, Any], text: str) -> Loc:
    """Sets one `path=value` in place and gives its location. Raises ValueError."""
    path, equals, raw = text.partition("=")
    steps: list[str | int] = [
        int(found.group(2)) if found.group(2) is not None else found.group(1).strip()
        for found in _STEP.finditer(path)
    ]
    if not equals or not steps:
        raise ValueError(f"'{text}' is not PATH=VALUE, such as agents.support.count=4")
    try:
        node = yaml.compose(raw, Loader=_Loader)
    except yaml.YAMLError:
        raise ValueError(f"the value of '{text}' is not YAML") from None
    builder = _Builder("--set")
    value = builder.build(node) if node is not None else None
    if builder.problems:
        raise ValueError(builder.problems[0].message)
    at: Any = data
    loc: list[str | int] = []
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        step, at, loc = _into(at, step, loc)
        if last:
            if isinstance(at, list):
                at[int(step)] = value
            else:
                at[step] = value
            return (*loc, step)
        if isinstance(at, dict) and at.get(str(step)) is None:
            at[str(step)] = {}
        at = at[step]
        loc.append(step)
    raise AssertionError("unreachable")


def _into(at: Any, step: str | int, loc: list[str | int]) -> tuple[str | int, Any, list[str | int]]:
    """Where a step leads from here; a word in a list finds the item that has it as its key or name."""
    where = dotted(tuple(loc)) or "the scenario"
    if isinstance(at, list):
        if isinstance(step, int):
            if step >= len(at):
                raise ValueError(f"{where} has {len(at)} items; [{step}] is beyond them")
            return step, at, loc
        names: dict[str, int] = {}
        for number, item in enumerate(at):
            for key, fields in item.items() if isinstance(item, dict) else ():
                names.setdefault(key, number)
                if isinstance(fields, dict) and isinstance(fields.get("name"), str):
                    names[fields["name"]] = number
        if step not in names:
            raise ValueError(f"{where} has no '{step}'{did_you_mean(step, names)}")
        item = at[names[step]]
        return next(iter(item)), item, [*loc, names[step]]
    if not isinstance(at, dict):
        raise ValueError(f"{where} is a plain value; nothing is below it")
    return str(step), at, loc


# -- complaints of the model --------------------------------------------------------------------


def _inner(annotation: Any) -> Iterator[Any]:
    """The types in an annotation, unwrapped of Annotated, unions and optionals."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _inner(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _inner(part)
    else:
        yield annotation


def _below(annotation: Any, part: str | int) -> Iterator[Any]:
    """The types that stand under a key or index of something so annotated."""
    for kind in _inner(annotation):
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                if part in (name, field.alias):
                    yield field.annotation
        elif origin is dict:
            yield arguments[1]
        elif origin in (tuple, list) and isinstance(part, int):
            yield arguments[0]


def _fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that may stand at a place of a model."""
    kinds: list[Any] = [model]
    for part in loc:
        kinds = [below for kind in kinds for below in _below(kind, part)] or kinds
    return [
        field.alias or name
        for kind in kinds
        for inner in _inner(kind)
        if isinstance(inner, type) and issubclass(inner, BaseModel)
        for name, field in inner.model_fields.items()
    ]


def _known(data: Any, loc: Loc) -> Loc:
    """The part of a location that stands in the data; words of pydantic's own are left out."""
    path: list[str | int] = []
    at = data
    for part in loc:
        if (isinstance(at, dict) and part in at) or (
            isinstance(at, list) and isinstance(part, int) and part < len(at)
        ):
            at = typing.cast(Any, at)[part]
            path.append(part)
    return tuple(path)


def _shown(value: Any) -> str:
    text = str(value)
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"


_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_WANTED = {
    "int": "a whole number is wanted",
    "float": "a number is wanted",
    "string": "a text is wanted",
    "bool": "true or false is wanted",
    "tuple": "a list is wanted, such as [a, b]",
    "list": "a list is wanted, such as [a, b]",
    "dict": "a mapping is wanted, such as {key: value}",
    "model": "a mapping is wanted, such as {key: value}",
}


def _message(error: Any) -> str:
    """What is wrong, the bound and the mend, in plain words."""
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    if kind in _LIMITS:
        key, word = _LIMITS[kind]
        return f"{_shown(value)} is out of bounds: it must be {word} {context[key]}"
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", context.get("expected", ""))
        return f"{_shown(value)} is not one of {context.get('expected')}" + (
            did_you_mean(str(value), options).split("; known")[0] if options else ""
        )
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "too_short":
        return "at least one is wanted here"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is not a name: letters and digits, no odd signs, a letter first"
    wanted = _WANTED.get(kind.split("_")[0])
    if wanted:
        return f"{wanted}, not {_shown(value) if value is not None else 'nothing'}"
    return str(error["msg"])


def _of_model(
    error: ValidationError, model: type[BaseModel], source: _Source, data: Any
) -> Iterator[Problem]:
    """One problem for each place that the model complains of; branches of a union are joined."""
    gathered: dict[tuple[Loc, str], list[str]] = {}
    for one in error.errors(include_url=False):
        loc = tuple(one["loc"])
        if one["type"] == "missing":
            known = _known(data, loc[:-1])
            described = _description(model, (*known, loc[-1]))
            gathered.setdefault((known, "key"), []).append(f"'{loc[-1]}' is missing{described}")
        elif one["type"] == "extra_forbidden":
            known = _known(data, loc)
            fields = _fields_at(model, _known(data, loc[:-1]))
            gathered.setdefault((known, "key"), []).append(
                f"no field '{loc[-1]}' here{did_you_mean(str(loc[-1]), fields)}"
            )
        else:
            gathered.setdefault((_known(data, loc), "value"), []).append(_message(one))
    for (loc, side), messages in gathered.items():
        unique = list(dict.fromkeys(messages))
        joined = unique if side == "key" or len(unique) == 1 else [_either(unique)]
        for message in dict.fromkeys(joined):
            yield _placed(source, loc, message, by_key=side == "key")


def _either(messages: list[str]) -> str:
    """Complaints of the branches of a union as one: what is wanted, then what was found."""
    wanted = [m.split(" is wanted")[0].split(" is not one of ")[-1] for m in messages]
    found = re.search(r"not ('.*'|nothing)$", messages[0])
    return f"{' or '.join(dict.fromkeys(wanted))} is wanted" + (f", not {found.group(1)}" if found else "")


def _description(model: type[BaseModel], loc: Loc) -> str:
    kinds: list[Any] = [model]
    for part in loc[:-1]:
        kinds = [below for kind in kinds for below in _below(kind, part)] or kinds
    for kind in kinds:
        for inner in _inner(kind):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                for name, field in inner.model_fields.items():
                    if loc[-1] in (name, field.alias) and field.description:
                        return f": {field.description}"
    return ""


def _placed(source: _Source, loc: Loc, message: str, *, by_key: bool = False) -> Problem:
    """A problem at the position of a location, or of the nearest one above it that has a position."""
    tables = (source.keys, source.values) if by_key else (source.values, source.keys)
    for length in range(len(loc), -1, -1):
        for table in tables:
            place = table.get(loc[:length])
            if place is not None:
                return Problem(message, place.file, place.line, place.column, dotted(loc))
    return Problem(message, path=dotted(loc))


# -- the whole ----------------------------------------------------------------------------------


def read(path: Path, model: type[M], *, overrides: Sequence[str] = ()) -> Loaded[M]:
    """Reads a file into a model, with `overrides` (`path=value`) on top.

    Raises:
        ScenarioError: with every problem found, in order of file, line and column.
    """
    source = _Source()
    data = source.load(path)
    problems = list(source.problems)
    for text in overrides:
        try:
            loc = _override(data, text)
        except ValueError as wrong:
            problems.append(Problem(str(wrong), file="--set"))
        else:
            for table in (source.values, source.keys):
                for known in [k for k in table if k[: len(loc)] == loc]:
                    del table[known]
            source.values[loc] = source.keys[loc] = Place(f"--set {text}", 0, 0)
    value: M | None = None
    try:
        value = model.model_validate(data)
    except ValidationError as error:
        problems += _of_model(error, model, source, data)
    if value is not None:
        found: Iterable[tuple[Loc, str]] = getattr(value, "problems", lambda: ())()
        problems += [_placed(source, _known(data, loc), message) for loc, message in found]
    if problems:
        unique = dict.fromkeys(problems)
        raise ScenarioError(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.path, p.message)))
    assert value is not None
    meant = json.dumps(data, sort_keys=True, ensure_ascii=True, default=str)
    alone = source.texts == 1 and not overrides
    text = path.read_text(encoding="utf-8-sig") if alone else _dumped(data, path, overrides)
    return Loaded(
        path=path,
        value=value,
        data=data,
        text=text,
        sha256=hashlib.sha256(meant.encode()).hexdigest(),
        overrides=tuple(overrides),
    )


def _dumped(data: dict[str, Any], path: Path, overrides: Sequence[str]) -> str:
    """The scenario as it was meant, with includes and overrides worked in."""
    head = f"# {path.name} with its includes" + "".join(f" and --set {text}" for text in overrides)
    body = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return f"{head.replace(chr(10), ' ')}\n{body}"
