"""Checks that say what is wrong with a piece of Block Kit and where, as Slack's `blocks.validate` does.

The words of `bot.sandbox.slack.elements` and `blocks` are made of these. A check takes a value and its JSON
pointer and yields faults; it never raises and never changes the value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule. `pointer` is a JSON pointer into the request, such as `/blocks/0/text/text`."""

    pointer: str
    code: str
    message: str
    constraint: Any = None

    def line(self) -> str:
        """The line Slack puts into `response_metadata.messages`."""
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"

    def as_json(self) -> dict[str, Any]:
        """The shape of one entry of `blocks.validate`'s `errors`."""
        fault: dict[str, Any] = {"pointer": self.pointer, "code": self.code, "message": self.message}
        if self.constraint is not None:
            fault["constraint"] = self.constraint
        return fault


TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
Check = Callable[[Any, str], Iterator[Fault]]


def _wrong_type(pointer: str, wanted: str, value: Any) -> Fault:
    got = "null" if value is None else TYPE_NAMES.get(type(value), "number")
    return Fault(pointer, "invalid_type", f"must be a {wanted}", {"type": "type", "expected": wanted, "got": got})


def string(longest: int, shortest: int = 1) -> Check:
    """A string of `shortest` to `longest` characters."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield _wrong_type(pointer, "string", value)
        elif len(value) > longest:
            constraint = {"type": "max_length", "expected": longest, "got": len(value)}
            yield Fault(pointer, "failed_constraint", f"must be less than {longest + 1} characters", constraint)
        elif len(value) < shortest:
            constraint = {"type": "min_length", "expected": shortest, "got": len(value)}
            yield Fault(pointer, "failed_constraint", f"must be more than {shortest - 1} characters", constraint)

    return check


def boolean() -> Check:
    """True or false, nothing that merely looks like it."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if not isinstance(value, bool):
            yield _wrong_type(pointer, "boolean", value)

    return check


def number(low: float | None = None, high: float | None = None, whole: bool = False) -> Check:
    """A number between `low` and `high`, both allowed."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            yield _wrong_type(pointer, "integer" if whole else "number", value)
        elif (low is not None and value < low) or (high is not None and value > high):
            constraint = {"type": "range", "expected": [low, high], "got": value}
            yield Fault(pointer, "failed_constraint", f"must be between {low} and {high}", constraint)

    return check


def one_of(*allowed: str) -> Check:
    """One of the given words."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if value not in allowed:
            constraint = {"type": "enum", "expected": list(allowed), "got": value}
            yield Fault(pointer, "failed_constraint", f"must be one of {', '.join(allowed)}", constraint)

    return check


def array(item: Check, most: int, least: int = 1) -> Check:
    """A list of `least` to `most` values that each pass `item`."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield _wrong_type(pointer, "array", value)
            return
        if len(value) > most:
            constraint = {"type": "max_items", "expected": most, "got": len(value)}
            yield Fault(pointer, "failed_constraint", f"no more than {most} items allowed", constraint)
        if len(value) < least:
            constraint = {"type": "min_items", "expected": least, "got": len(value)}
            yield Fault(pointer, "failed_constraint", f"must provide at least {least} items", constraint)
        for place, entry in enumerate(value):
            yield from item(entry, f"{pointer}/{place}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with just these fields. An unknown field is a fault, as it is for Slack."""
    known = {**required, **(optional or {})}

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type(pointer, "object", value)
            return
        for name in required:
            if name not in value:
                yield Fault(pointer, "missing_field", f"missing required field: {name}", {"field": name})
        for name, entry in value.items():
            if name in known:
                yield from known[name](entry, f"{pointer}/{name}")
            else:
                yield Fault(f"{pointer}/{name}", "unknown_field", f"no more fields allowed: {name}", {"field": name})

    return check


def tagged(kinds: Mapping[str, Check], tag: str = "type") -> Check:
    """An object whose `tag` chooses the check, among `kinds`."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type(pointer, "object", value)
        elif not isinstance(value.get(tag), str):
            yield Fault(pointer, "missing_field", f"missing required field: {tag}", {"field": tag})
        elif value[tag] not in kinds:
            constraint = {"type": "enum", "expected": sorted(kinds), "got": value[tag]}
            yield Fault(f"{pointer}/{tag}", "failed_constraint", f"unsupported type: {value[tag]}", constraint)
        else:
            yield from kinds[value[tag]](value, pointer)

    return check


def both(*checks: Check) -> Check:
    """All of the checks, one after the other."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        for each in checks:
            yield from each(value, pointer)

    return check


def some_of(*names: str) -> Check:
    """An object that has at least one of these fields."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        if isinstance(value, dict) and not any(name in value for name in names):
            yield Fault(pointer, "missing_field", f"must provide one of: {', '.join(names)}", {"fields": list(names)})

    return check


def anything() -> Check:
    """A value the sandbox carries without judging it."""

    def check(value: Any, pointer: str) -> Iterator[Fault]:
        yield from ()

    return check
