"""Parts of Datadog's JSON, read leniently: what is absent or of another kind is empty, never an error.

Used by the modules of bot.datadog at their door: one odd monitor must not hide all the others.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

EMPTY: Mapping[str, Any] = {}


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else EMPTY


def part(value: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping at a path of keys."""
    for key in keys:
        value = mapping(value).get(key)
    return mapping(value)


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """Texts and numbers as text; anything else is empty."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int | float) else ""


def texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in items(value) if isinstance(each, str))


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """ISO 8601, or seconds since 1970; UTC."""
    try:
        if isinstance(value, str) and value:
            told = datetime.fromisoformat(value)
            return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
        seconds = number(value)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None
