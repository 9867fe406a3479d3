"""What a watch tells, and what it counts.

Made by bot.kube.watches.watch; read by whoever is told and by health.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """Everything that is there now. What is known and not among it is gone."""

    rows: Sequence[T]
    namespace: str = ""
    """Where everything was looked for; empty: in the whole cluster. Rows of other namespaces are not spoken of."""


@dataclass(frozen=True, slots=True)
class Changed(Generic[T]):
    """One object changed, or is gone; then `row` is the last that was seen of it."""

    row: T
    is_gone: bool = False


News: TypeAlias = Listed[T] | Changed[T]
Tell: TypeAlias = Callable[[Sequence[News[T]]], Awaitable[None]]
"""Is told what arrived together, in order. When it raises, a list follows: only the states in between are lost."""


@dataclass(slots=True)
class Counts:
    """What a watch did since it began."""

    lists: int = 0
    connections: int = 0
    """Streams asked for."""
    events: int = 0
    """Changes heard."""
    bookmarks: int = 0
    """Signs of life heard while nothing changed."""
    oversized: int = 0
    """Objects let go because their line was too long."""
    odd: int = 0
    """Objects that could not be made small."""

    def add(self, other: "Counts") -> None:
        """Adds another watch's."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
