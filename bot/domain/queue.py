"""The line before a target: who waits to release there, whose turn it is, and until when. First come, first served.

Saved by bot.store.queue, joined and left by bot.usecases.queue, moved on by bot.reconcile.queue. Nothing is started
unasked: whose turn it is presses *Start now*, and the plan is made at that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.catalog import Target
from bot.domain.names import ChannelId, ReleaseId, UserId, Version

TURN = timedelta(minutes=15)
"""How long a turn stands before the next one in line gets it."""
LONGEST_WAIT = timedelta(hours=24)
"""A place in line that nobody came to in a day is given up: what was wanted then is another matter."""


class PlaceState(StrEnum):
    """Where somebody in line stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    """It is their turn."""
    STARTED = "started"
    LEFT = "left"
    MISSED = "missed"
    """Their turn passed without them, or they waited for a day."""

    @property
    def is_over(self) -> bool:
        return self in (self.STARTED, self.LEFT, self.MISSED)


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in a line."""

    id: str
    """A ULID: places are in order of their ids."""
    target: Target
    user: UserId
    version: Version
    since: datetime
    state: PlaceState = PlaceState.WAITING
    until: datetime | None = None
    """Of a turn: when it passes on."""
    row_version: int = 0
    turns: int = 0
    """How many turns were offered: each is told once."""
    asked_in: ChannelId | None = None
    release: ReleaseId | None = None
    """What was started from it."""
    ended_at: datetime | None = None

    @property
    def key(self) -> str:
        """A person stands in a line once."""
        return f"{self.target}:{self.user}"

    def offered(self, now: datetime) -> "Place":
        return replace(self, state=PlaceState.OFFERED, until=now + TURN, turns=self.turns + 1)

    def put_back(self) -> "Place":
        """The target was taken before they came: they keep their place."""
        return replace(self, state=PlaceState.WAITING, until=None)

    def ended(self, state: PlaceState, now: datetime, release: ReleaseId | None = None) -> "Place":
        return replace(self, state=state, until=None, release=release, ended_at=now)


def first(line: Sequence[Place], now: datetime) -> Place | None:
    """Who is first in a line of places in order: a turn that passed does not count, whether it was told yet or not."""
    return next((place for place in line if not is_missed(place, now)), None)


def is_missed(place: Place, now: datetime) -> bool:
    """Whether a place is to be given up."""
    if place.state is PlaceState.OFFERED:
        return place.until is not None and now >= place.until
    return now - place.since >= LONGEST_WAIT


def decide(line: Sequence[Place], *, is_free: bool, now: datetime) -> list[Place]:
    """The places that change now, as they are afterwards. `line`: those that are not over, in order.

    `is_free`: whether the first in line could start at this moment.
    """
    changed = [place.ended(PlaceState.MISSED, now) for place in line if is_missed(place, now)]
    head = first(line, now)
    if head is None:
        return changed
    if is_free and head.state is PlaceState.WAITING:
        changed.append(head.offered(now))
    elif not is_free and head.state is PlaceState.OFFERED:
        changed.append(head.put_back())
    return changed
