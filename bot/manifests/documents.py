"""YAML that others wrote or rendered, as plain values: bounded in size, depth and aliases, no tags, one key of a name.

Scalars mean what the YAML 1.2 core schema says, as for the tools that write them: `yes` and `12:30` are text, `1e+06`
is a number. Raises BadDocuments with words for people.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

MOST_BYTES = 5 * 1024 * 1024
MOST_DOCUMENTS = 500
MOST_VALUES = 200_000
"""With every alias written out."""
MOST_ALIASES = 100
DEEPEST = 64

# Of a scalar without quotes the one parser says None, the other an empty style.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]{1,40}", re.ASCII)
_OCTAL = re.compile(r"0o?([0-7]{1,40})", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,32}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?", re.ASCII)
_STRING_TAG = "tag:yaml.org,2002:str"


class BadDocuments(Exception):
    """It can't be read; the message says why, without a full stop: `line 3 has the key a twice`."""


def read_documents(content: bytes) -> tuple[Any, ...]:
    """The values of all documents, empty ones left out."""
    if len(content) > MOST_BYTES:
        raise BadDocuments(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
    try:
        return tuple(value for value in _Reader(content).documents() if value is not None)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadDocuments(f"is no YAML ({line}{error.problem or 'unreadable'})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadDocuments("is no YAML (not text)") from error


class _Reader:
    """One pass over the events of a stream."""

    def __init__(self, content: bytes) -> None:
        self._events: Iterator[Any] = yaml.parse(content, Loader=_LOADER)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._aliases = 0
        self._values = 0

    def documents(self) -> Iterator[Any]:
        count = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if count > MOST_DOCUMENTS:
                    raise BadDocuments(f"has more than {MOST_DOCUMENTS} documents")
                self._anchors.clear()
                value, _ = self._value(next(self._events), 0)
                yield value

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """A value, and how many it holds with itself."""
        if depth > DEEPEST:
            raise self._bad(event, f"is nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            value, weight = self._alias(event)
        else:
            if event.tag is not None and event.tag not in (_STRING_TAG, "!"):
                raise self._bad(event, f"has the tag {event.tag[:60]}")
            self._count(event, 1)
            if isinstance(event, yaml.ScalarEvent):
                plain = not event.style and event.tag is None
                value, weight = (_meant(event.value) if plain else event.value), 1
            elif isinstance(event, yaml.SequenceStartEvent):
                value, weight = self._sequence(depth)
            else:
                value, weight = self._mapping(depth)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, weight)
        return value, weight

    def _sequence(self, depth: int) -> tuple[list[Any], int]:
        items, total = [], 1
        while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
            item, weight = self._value(following, depth + 1)
            items.append(item)
            total += weight
        return items, total

    def _mapping(self, depth: int) -> tuple[dict[str, Any], int]:
        entries: dict[str, Any] = {}
        total = 1
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            if not isinstance(following, yaml.ScalarEvent):
                raise self._bad(following, "has a key that is not text")
            key = following.value
            if key == "<<" and not following.style:
                raise self._bad(following, "has a merge key <<; write the keys out")
            if key in entries:
                raise self._bad(following, f"has the key {key[:60]} twice")
            entries[key], weight = self._value(next(self._events), depth + 1)
            total += weight
        return entries, total

    def _alias(self, event: Any) -> tuple[Any, int]:
        self._aliases += 1
        if self._aliases > MOST_ALIASES:
            raise self._bad(event, f"uses more than {MOST_ALIASES} aliases")
        if event.anchor not in self._anchors:
            raise self._bad(event, f"refers to {event.anchor[:60]}, which is not defined before it")
        value, weight = self._anchors[event.anchor]
        self._count(event, weight)
        return value, weight

    def _count(self, event: Any, weight: int) -> None:
        self._values += weight
        if self._values > MOST_VALUES:
            raise self._bad(event, f"holds more than {MOST_VALUES} values with its aliases written out")

    @staticmethod
    def _bad(event: Any, problem: str) -> BadDocuments:
        return BadDocuments(f"{problem} (line {event.start_mark.line + 1})")


def _meant(text: str) -> str | int | float | bool | None:
    """What a scalar without quotes is."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if octal := _OCTAL.fullmatch(text):
        return int(octal[1], 8)
    if _WHOLE.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
