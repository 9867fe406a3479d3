"""A freeze: a window in which nothing new is released to an environment, set by a person or by the configuration. Pure.

Rollbacks and aborts always go: they mend something.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.domain.catalog import Environment, Freeze
from bot.domain.cron import parse_cron
from bot.domain.names import EnvironmentName, UserId
from bot.domain.release import ReleaseKind


@dataclass(frozen=True, slots=True)
class Closure:
    """A freeze that holds, held, or will."""

    environment: EnvironmentName
    reason: str
    since: datetime
    until: datetime | None
    """None: until somebody ends it."""
    by: UserId | None = None
    """Who set it; None for the configuration's."""
    id: str = ""
    """A ULID; empty for the configuration's."""

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.since <= now and (self.until is None or now < self.until)


def is_held_up(kind: ReleaseKind) -> bool:
    """Whether a freeze stops releases of that kind."""
    return kind is not ReleaseKind.ROLLBACK


def configured_now(environment: Environment, now: datetime, zone: tzinfo) -> tuple[Closure, ...]:
    """The configuration's freezes that are in force."""
    found = []
    for freeze in environment.freezes:
        start = parse_cron(freeze.cron).last_start(now, zone, freeze.duration)
        if start is not None:
            found.append(_closure(environment, freeze, start))
    return tuple(found)


def configured_next(environment: Environment, now: datetime, zone: tzinfo) -> tuple[Closure, ...]:
    """The next time that each of the configuration's freezes begins."""
    return tuple(
        _closure(environment, freeze, start)
        for freeze in environment.freezes
        for start in parse_cron(freeze.cron).next_starts(now, zone, 1)
    )


def _closure(environment: Environment, freeze: Freeze, start: datetime) -> Closure:
    return Closure(environment.name, freeze.reason, start, start + freeze.duration)
