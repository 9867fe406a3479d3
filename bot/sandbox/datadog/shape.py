"""Shapes of request bodies, checked as strictly as Datadog checks them; what is refused is named. Pure.

`record`, `text`, … make checks; a check raises `Invalid`, whose text is the refusal that the client gets.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Check = Callable[[Any, str], None]


class Invalid(ValueError):
    """A body that Datadog would refuse."""


def record(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *, is_open: bool = False
) -> Check:
    """An object. `is_open`: fields that are not named here may be there too."""
    known = {**required, **(optional or {})}

    def check(given: Any, path: str) -> None:
        _is(given, dict, path, "object")
        for name in required:
            if name not in given:
                raise Invalid(f"{path}: '{name}' is a required property")
        for name, entry in given.items():
            if name in known:
                known[name](entry, f"{path}.{name}")
            elif not is_open:
                raise Invalid(f"{path}: Additional properties are not allowed ('{name}' was unexpected)")

    return check


def text(longest: int | None = None, *, shortest: int = 0, choices: Sequence[str] = ()) -> Check:
    def check(given: Any, path: str) -> None:
        _is(given, str, path, "string")
        if choices and given not in choices:
            raise Invalid(f"{path}: {given!r} is not one of {list(choices)}")
        if len(given) < shortest:
            raise Invalid(f"{path}: is too short, at least {shortest} characters")
        if longest is not None and len(given) > longest:
            raise Invalid(f"{path}: is too long, at most {longest} characters")

    return check


def whole(given: Any, path: str) -> None:
    if isinstance(given, bool):
        raise Invalid(f"{path}: {given!r} is not of type 'integer'")
    _is(given, int, path, "integer")


def flag(given: Any, path: str) -> None:
    _is(given, bool, path, "boolean")


def anything(given: Any, path: str) -> None:
    return None


def nullable(check: Check) -> Check:
    def either(given: Any, path: str) -> None:
        if given is not None:
            check(given, path)

    return either


def listing(check: Check, most: int | None = None, least: int = 0) -> Check:
    def each(given: Any, path: str) -> None:
        _is(given, list, path, "array")
        if len(given) < least:
            raise Invalid(f"{path}: is too short, at least {least} items")
        if most is not None and len(given) > most:
            raise Invalid(f"{path}: is too long, at most {most} items")
        for index, entry in enumerate(given):
            check(entry, f"{path}[{index}]")

    return each


def moment(given: Any, path: str) -> None:
    """An ISO 8601 date-time with its offset."""
    _is(given, str, path, "string")
    when(given, path)


def when(given: str, path: str) -> datetime:
    """The moment that an ISO 8601 text tells; Invalid without an offset."""
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise Invalid(f"{path}: {given!r} is not a valid ISO-8601 datetime") from None
    if found.tzinfo is None:
        raise Invalid(f"{path}: {given!r} has no UTC offset")
    return found


def _is(given: Any, kind: type, path: str, name: str) -> None:
    if not isinstance(given, kind):
        raise Invalid(f"{path}: {given!r} is not of type '{name}'")
