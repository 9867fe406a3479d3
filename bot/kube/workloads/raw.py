"""Readers of raw JSON of the API that never raise: what is absent, null or of another type is empty.

Used by all of bot.kube, mostly by the names that bot.kube.workloads.parsing passes on.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


def at(value: object, *keys: str) -> Json:
    """The object under `keys`; empty when something on the way is absent or of another type."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects(value: object) -> Iterator[Json]:
    """The objects in a list; nothing when it is null or no list."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def text(value: object) -> str:
    """A string, or empty."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int:
    """An integer, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def strings(value: object) -> dict[str, str]:
    """Labels or annotations."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def moment(value: object) -> datetime | None:
    """An RFC 3339 time with or without a fraction of any length; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
