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


class TicketState(StrEnum):
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
class Ticket:
    """Somebody's place in a line."""

    id: str
    """A ULID: tickets are in order of their ids."""
    target: Target
    user: UserId
    version: Version
    since: datetime
    state: TicketState = TicketState.WAITING
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

    def offered(self, now: datetime) -> "Ticket":
        return replace(self, state=TicketState.OFFERED, until=now + TURN, turns=self.turns + 1)

    def wanting(self, version: Version) -> "Ticket":
        """The same ticket, for another version."""
        return replace(self, version=version)

    def put_back(self) -> "Ticket":
        """The target was taken before they came: they keep their place."""
        return replace(self, state=TicketState.WAITING, until=None)

    def ended(self, state: TicketState, now: datetime, release: ReleaseId | None = None) -> "Ticket":
        return replace(self, state=state, until=None, release=release, ended_at=now)


def first(line: Sequence[Ticket], now: datetime) -> Ticket | None:
    """Who is first in a line of tickets in order: a turn that passed does not count, whether it was told yet or not."""
    return next((ticket for ticket in line if not is_missed(ticket, now)), None)


def is_missed(ticket: Ticket, now: datetime) -> bool:
    """Whether a ticket is to be given up."""
    if ticket.state is TicketState.OFFERED:
        return ticket.until is not None and now >= ticket.until
    return now - ticket.since >= LONGEST_WAIT


def decide(line: Sequence[Ticket], *, is_free: bool, now: datetime) -> list[Ticket]:
    """The tickets that change now, as they are afterwards. `line`: those that are not over, in order.

    `is_free`: whether the first in line could start at this moment.
    """
    changed = [ticket.ended(TicketState.MISSED, now) for ticket in line if is_missed(ticket, now)]
    head = first(line, now)
    if head is None:
        return changed
    if is_free and head.state is TicketState.WAITING:
        changed.append(head.offered(now))
    elif not is_free and head.state is TicketState.OFFERED:
        changed.append(head.put_back())
    return changed
