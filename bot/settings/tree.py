"""A YAML file as a tree of values that know their lines. Read by bot.settings.section, made by `read_tree`.

Stricter than YAML: one document, no tags, no merge keys, no duplicate keys, bounded in size, depth and aliases, so that
no file can eat the machine or hide a key. Scalars stay text; what they mean is decided by the field that reads them,
so `no`, `on` and `18:00` are never anything but what was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from bot.settings.faults import shown

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
# Counted with every alias written out: nine aliases of nine aliases of … would otherwise be a bomb.
MAX_VALUES = 20_000
MAX_ALIASES = 100
_STRING_TAG = "tag:yaml.org,2002:str"
# YAML 1.2's core schema, for telling a number from a word in a message.
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+|(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?)", re.ASCII
)
_NULLS = ("", "~", "null", "Null", "NULL")
_TRUTHS = ("true", "True", "TRUE", "false", "False", "FALSE")


class BadFile(Exception):
    """The file can't be read as a tree at all. `line` from 1, 0 when no line is to blame."""

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text, and whether it was quoted (then it can be no number)."""

    line: int
    text: str
    quoted: bool

    @property
    def is_null(self) -> bool:
        """Nothing was written, or null."""
        return not self.quoted and self.text in _NULLS

    @property
    def kind(self) -> str:
        """What it is, in words."""
        if self.quoted:
            return "text"
        if self.is_null:
            return "empty"
        if self.text in _TRUTHS:
            return "true or false"
        return "a number" if _NUMBER.fullmatch(self.text) else "text"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple["Value", ...]
    kind = "a list"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with the line each stands on, in the order of the file."""

    line: int
    entries: dict[str, "Entry"]
    kind = "a section of keys"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's line and its value."""

    line: int
    value: "Value"


Value = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that stands twice in one section; the first one is kept."""

    line: int
    first_line: int
    path: str


def read_tree(text: bytes) -> tuple[Value | None, tuple[Duplicate, ...]]:
    """The tree (None: the file is empty) and the keys written twice. Raises BadFile."""
    if len(text) > MAX_BYTES:
        raise BadFile(0, f"is larger than {MAX_BYTES >> 20} MiB", "Keep only Kajitori's own configuration in it")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise BadFile(line, "is not UTF-8 text", "Save the file as UTF-8") from error
    try:
        return _Composer(decoded).compose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = " ".join(part for part in (error.context, error.problem) if part)
        raise BadFile(mark.line + 1 if mark else 0, f"is no valid YAML: {_plain(told)}", "Mend the line") from error
    except yaml.YAMLError as error:
        line = decoded.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        raise BadFile(line, "has a character that YAML does not allow", "Remove control characters") from error
    except (ValueError, OverflowError) as error:
        # PyYAML converts some escapes and directive numbers without checking: "\UFFFFFFFF", %YAML 1.<5,000 digits>.
        raise BadFile(0, "has an escape or a directive that YAML does not allow", "Remove it") from error


def _plain(message: str) -> str:
    clean = "".join(character if character.isprintable() else "?" for character in message)
    return clean if len(clean) <= 200 and shown(clean).startswith("`") else "the structure is broken here"


class _Composer:
    """One pass over PyYAML's events; keeps what it needs to refuse bombs before they unfold."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._duplicates: list[Duplicate] = []
        self._aliases = 0

    def compose(self) -> tuple[Value | None, tuple[Duplicate, ...]]:
        tree: Value | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "holds a second document", "Keep one document; remove the line `---`")
                tree, _ = self._value(next(self._events), 1, "")
        if isinstance(tree, Scalar) and tree.is_null:
            tree = None
        return tree, tuple(self._duplicates)

    def _value(self, event: Any, depth: int, path: str) -> tuple[Value, int]:
        """The value that begins with this event, and how many values it is with its aliases written out."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._refuse(event, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it")
        if event.tag is not None and event.tag != _STRING_TAG:
            self._refuse(event, f"has the tag {shown(event.tag)}", "Remove the tag; only plain values are read")
        line = event.start_mark.line + 1
        value: Value
        weight = 1
        if isinstance(event, yaml.ScalarEvent):
            value = Scalar(line, event.value, quoted=event.style is not None or event.tag == _STRING_TAG)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Value] = []
            while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
                item, item_weight = self._value(following, depth + 1, f"{path}[{len(items)}]")
                items.append(item)
                weight += item_weight
            value = Sequence(line, tuple(items))
        else:
            value, weight = self._mapping(line, depth, path)
        if weight > MAX_VALUES:
            self._refuse(event, f"holds more than {MAX_VALUES} values with its aliases written out", "Make it smaller")
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, weight)
        return value, weight

    def _mapping(self, line: int, depth: int, path: str) -> tuple[Mapping, int]:
        entries: dict[str, Entry] = {}
        weight = 1
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            key, _ = self._value(following, depth + 1, path)
            if not isinstance(key, Scalar):
                self._refuse(following, "has a key that is not text", "Keys are plain words")
            if key.text == "<<" and not key.quoted:
                self._refuse(following, "has a merge key `<<`", "Write the keys out where they belong")
            inner = f"{path}.{key.text}" if path else key.text
            value, value_weight = self._value(next(self._events), depth + 1, inner)
            weight += 1 + value_weight
            if key.text in entries:
                self._duplicates.append(Duplicate(key.line, entries[key.text].line, inner))
            else:
                entries[key.text] = Entry(key.line, value)
        return Mapping(line, entries), weight

    def _alias(self, event: Any) -> tuple[Value, int]:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._refuse(event, f"uses more than {MAX_ALIASES} aliases", "Write the values out")
        if event.anchor not in self._anchors:
            self._refuse(event, f"refers to {shown(event.anchor)}, which is not defined before it", "Write it out")
        return self._anchors[event.anchor]

    @staticmethod
    def _refuse(event: Any, problem: str, remedy: str) -> NoReturn:
        raise BadFile(event.start_mark.line + 1, problem, remedy)
