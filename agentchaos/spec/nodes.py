"""YAML text becomes data in which every key and value keeps its position.

Scalars are those of YAML 1.2 (`on` is a word, `1e3` a number, `1:30` a text); duplicate keys, tags, merge
keys and alias bombs are refused; nothing in a file is ever executed.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import yaml

from agentchaos.errors import Problem, ScenarioError
from agentchaos.words import plain, shown

Loc = tuple[str | int, ...]

NODES_MAX = 100_000
"""Nodes of a file after aliases are expanded: beyond this it is a bomb, not a scenario."""
DEEP_MAX = 40
"""A scenario is some ten levels deep; what walks its data need not fear for the stack."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something stands: file, 1-based line and column.

    text: the column of the first sign of a text that stands on one line.
    """

    file: str
    line: int
    column: int
    text: int | None = None


class Refused:
    """Stands where a value was refused, so that nothing more is said about it."""


REFUSED = Refused()


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
_DIGITS_MAX = 300


def scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2; what is no finite number stays text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) <= _DIGITS_MAX:
        if _INT.fullmatch(text):
            return int(text)
        if _OCT.fullmatch(text) or _HEX.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text) and math.isfinite(value := float(text)):
            return value
    return text


# -- from text to nodes -------------------------------------------------------------------------

_MENDS = (
    ("found '<stream end>'", "the text ends within brackets or quotes"),
    ("got '<stream end>'", "the text ends within brackets or quotes"),
    ("found character '\\t'", "a tab stands where only spaces can; indent with spaces"),
    (
        "mapping values are not allowed",
        "a ':' where none can stand; check the indentation, quote texts with ': '",
    ),
    ("could not find expected ':'", "a key without its ':', or a line that is indented too little"),
    ("expected <block end>, but found ','", "a ',' outside of brackets"),
    ("expected <block end>", "indented differently from the lines above that it belongs to"),
    (
        "expected ',' or",
        "a ',' or a closing bracket is missing before this; in brackets a text with '{' or '[' needs quotes",
    ),
    ("found undefined alias", "no anchor '&...' of this name stands before this alias"),
    ("found duplicate anchor", "this anchor is already in use"),
    ("but found another document", "a second document begins here; a scenario is one document"),
    ("expected chomping or indentation", "a text that begins with '>' or '|' needs quotes"),
    ("unexpected end of stream", "the text ends within brackets or quotes"),
    ("expected the node content", "a value is wanted here"),
    ("the scalar", "only one value can stand here; quote a text that begins with a quote"),
    ("cannot start any token", "a text that begins with this sign needs quotes"),
    ("sequence entries are not allowed", "a '-' where none can stand; a list begins on a line of its own"),
    ("incompatible YAML document", "a scenario is YAML 1.2; leave out the line with %YAML"),
    ("found unknown escape character", "in \"...\" a backslash begins an escape; write '...' instead"),
)  # fmt: skip
"""What PyYAML says -> what to do about it."""


def compose(text: str, file: str) -> yaml.Node:
    """The one document of a text.

    Raises:
        ScenarioError: it is not YAML, or holds nothing.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ScenarioError(Problem(f"not YAML: {_syntax(wrong)}", file, line, column)) from None
    except yaml.reader.ReaderError as wrong:
        before = text[: wrong.position]
        line, column = before.count("\n") + 1, wrong.position - (before.rfind("\n") + 1) + 1
        what = f"a character that YAML does not allow (U+{int(wrong.character):04X})"
        raise ScenarioError(Problem(what, file, line, column)) from None
    except RecursionError:
        raise ScenarioError(Problem("is nested too deeply", file, 1, 1)) from None
    except (ValueError, OverflowError):  # PyYAML lets `"\UFFFFFFFF"` through to chr()
        assert loader is not None
        mark = loader.get_mark()
        what = "not YAML: no character has the code of this escape"
        raise ScenarioError(Problem(what, file, mark.line + 1, mark.column + 1)) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise ScenarioError(
            Problem("holds nothing but comments; 'agentchaos init' writes a scenario", file, 1, 1)
        )
    return node


def _syntax(wrong: yaml.MarkedYAMLError) -> str:
    said = f"{wrong.context or ''} {wrong.problem or ''}"
    for sign, mend in _MENDS:
        if sign in said:
            return mend
    return plain(said.strip() or "this cannot be read", 120)


# -- from nodes to data -------------------------------------------------------------------------


class Builder:
    """Builds data from nodes and remembers the position of every key and value."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._above: set[int] = set()

    def _place(self, node: yaml.Node) -> Place:
        mark, text = node.start_mark, None
        if isinstance(node, yaml.ScalarNode) and node.end_mark.line == mark.line:
            text = mark.column + 1 + (node.style in ("'", '"'))
        return Place(self.file, mark.line + 1, mark.column + 1, text)

    def _complain(self, node: yaml.Node, loc: Loc, message: str) -> Any:
        place = self._place(node)
        self.problems.append(Problem(message, place.file, place.line, place.column, dotted(loc)))
        return REFUSED

    def build(self, node: yaml.Node, loc: Loc = ()) -> Any:
        """The data of a node that stands at `loc`."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            if self._nodes == NODES_MAX + 1:
                self._complain(
                    node,
                    loc,
                    f"more than {NODES_MAX:,} values once aliases are expanded; no scenario has so many",
                )
            return REFUSED
        self.values.setdefault(loc, self._place(node))
        if len(loc) > DEEP_MAX:
            return self._complain(node, loc[:3], f"is nested more than {DEEP_MAX} levels deep")
        if id(node) in self._above:
            return self._complain(node, loc, "this alias contains itself")
        self._above.add(id(node))
        try:
            return self._build(node, loc)
        finally:
            self._above.discard(id(node))

    def _build(self, node: yaml.Node, loc: Loc) -> Any:
        kind = (
            "str"
            if isinstance(node, yaml.ScalarNode)
            else "map"
            if isinstance(node, yaml.MappingNode)
            else "seq"
        )
        if (tag := _tag(node.tag)) not in (kind, "!"):
            return self._complain(node, loc, f"the tag {shown(tag)} is not allowed; write the plain value")
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, place)) for place, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        assert isinstance(node, yaml.ScalarNode)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in node.value):
            return self._complain(node, loc, "half of a surrogate pair is no character")
        return scalar(node.value) if node.style is None else node.value

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if (wrong := _wrong_key(key_node)) is not None:
                # so that nobody misses the fields that it may have brought
                data["<<"] = self._complain(key_node, loc, wrong)
                continue
            key = key_node.value
            if key in data:
                first = self.keys[(*loc, key)]
                what = f"{shown(key)} stands here twice; it is already in line {first.line}"
                self._complain(key_node, (*loc, key), what)
                continue
            self.keys.setdefault((*loc, key), self._place(key_node))
            data[key] = self.build(value_node, (*loc, key))
        return data


def _wrong_key(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        return "a key is a plain word, not a list or mapping"
    if _tag(node.tag) not in ("str", "!"):
        return f"the tag {shown(_tag(node.tag))} is not allowed; write the plain key"
    if node.value == "<<" and node.style is None:
        return "merge keys are not part of YAML 1.2; write the fields, or use 'include'"
    if any(0xD800 <= ord(c) <= 0xDFFF for c in node.value):
        return "half of a surrogate pair is no character"
    return None


def _tag(tag: str) -> str:
    return str(tag).removeprefix("tag:yaml.org,2002:")


def dotted(loc: Loc) -> str:
    """`agents.support.count`, `faults[1].crash`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{plain(part)}" if text else plain(part)
    return text


# -- from data back to text ---------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.2 or 1.1 would take for something else."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag that a plain scalar has without being told."""
        theirs = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        if kind is not yaml.ScalarNode or not implicit[0]:
            return theirs
        words = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str"}
        ours = "tag:yaml.org,2002:" + words[type(scalar(value))]
        return theirs if ours.endswith(":str") else ours

    def ignore_aliases(self, data: Any) -> bool:
        """Never an alias: they are for machines."""
        return True


def dump(data: Any) -> str:
    """YAML that reads back to the same data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
