"""Holds: what keeps a target, or a whole environment, from new releases beside a release that moves there.

A person's lock, and the lock that a rollback leaves behind. Saved by bot.store.holds, asked for by bot.usecases.holds,
ended in time by bot.reconcile.holds. The lock of a moving release is in bot.store.releases.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.catalog import Target
from bot.domain.names import ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import ReleaseKind

DEFAULT_LENGTH = timedelta(hours=1)
"""Of a lock without a duration: long enough for a migration, short enough to be forgotten without harm."""
LONGEST = timedelta(hours=24)
"""A lock is never longer than a day: what has to be closed for longer is a freeze."""
EXTENSION = timedelta(minutes=30)
REMINDER = timedelta(minutes=10)
"""Before its end; of a lock shorter than twice that, when half of it is over."""


class HoldKind(StrEnum):
    """Why it holds."""

    MANUAL = "manual"
    """Somebody wants the place for a while."""
    ROLLBACK = "rollback"
    """A version was taken back; nobody said yet why it is safe to go on."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on a target, or (without a service) on an environment."""

    id: str
    kind: HoldKind
    environment: EnvironmentName
    service: ServiceName | None
    owner: UserId
    """Who locked it; of a rollback, who asked for that. A rollback's hold belongs to nobody in particular."""
    reason: str
    since: datetime
    until: datetime | None = None
    """Of a manual one; a rollback's has no end of its own."""
    row_version: int = 0
    step: int = 1
    """Rises with every change that makes the buttons drawn before it stale."""
    asked_in: ChannelId | None = None
    reminded_for: datetime | None = None
    """The end that its holder was reminded of."""
    version: str = ""
    """Rollback: the version that was left."""
    release: ReleaseId | None = None
    """Rollback: the release that made it."""
    ended_at: datetime | None = None
    ended_by: UserId | None = None
    """None: its time was over."""
    ended_why: str = ""

    @property
    def where(self) -> str:
        """`stg/admin`, or `stg`."""
        return f"{self.environment}/{self.service}" if self.service else str(self.environment)

    @property
    def key(self) -> str:
        """Of a kind there is one per place."""
        return hold_key(self.kind, self.environment, self.service)

    def is_open(self, now: datetime) -> bool:
        """Whether it holds. Its end counts at once, whether or not somebody has told it yet."""
        return self.ended_at is None and (self.until is None or now < self.until)

    def covers(self, target: Target) -> bool:
        """Whether it is about that target."""
        return self.environment == target.environment and self.service in (None, target.service)

    def hinders(self, kind: ReleaseKind, by: UserId, now: datetime) -> bool:
        """Whether it refuses a release of that kind at its place.

        A rollback mends something and goes through every hold. A person's lock lets that person through. What a
        rollback left behind lets new pods of the version that runs through: they change no version.
        """
        if kind is ReleaseKind.ROLLBACK or not self.is_open(now):
            return False
        match self.kind:
            case HoldKind.MANUAL:
                return by != self.owner
            case HoldKind.ROLLBACK:
                return kind is not ReleaseKind.RESTART

    @property
    def remind_at(self) -> datetime | None:
        """When its holder is told that it ends soon; None: never."""
        if self.until is None:
            return None
        begun = self.until - EXTENSION if self.reminded_for is not None else self.since
        return self.until - min(REMINDER, (self.until - begun) / 2)

    def moved(self, **changes: object) -> "Hold":
        """A copy with changes that make the buttons drawn before it stale."""
        return replace(self, step=self.step + 1, **changes)  # type: ignore[arg-type]


def hold_key(kind: HoldKind, environment: EnvironmentName, service: ServiceName | None) -> str:
    """`manual:stg/admin`."""
    return f"{kind}:{environment}/{service}" if service else f"{kind}:{environment}"


@dataclass(frozen=True, slots=True)
class Remind:
    """Tell its holder that it ends soon."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before `until`; None: before somebody does something."""

    until: datetime | None


def decide(hold: Hold, now: datetime) -> Remind | Expire | Rest:
    """What is due for an open hold."""
    if hold.until is None:
        return Rest(None)
    if now >= hold.until:
        return Expire()
    remind_at = hold.remind_at
    if remind_at is None or hold.reminded_for == hold.until:
        return Rest(hold.until)
    return Remind() if now >= remind_at else Rest(remind_at)


def first_that_hinders(
    holds: Iterable[Hold], target: Target, kind: ReleaseKind, by: UserId, now: datetime
) -> Hold | None:
    """The hold that a refusal names: a person's before a rollback's, the oldest first."""
    found = [hold for hold in holds if hold.covers(target) and hold.hinders(kind, by, now)]
    return min(found, key=lambda hold: (hold.kind is not HoldKind.MANUAL, hold.since), default=None)


def passed(holds: Iterable[Hold], target: Target, kind: ReleaseKind, by: UserId, now: datetime) -> Hold | None:
    """Somebody else's lock that a rollback goes through; it is named then."""
    if kind is not ReleaseKind.ROLLBACK:
        return None
    others = [hold for hold in holds if hold.covers(target) and hold.hinders(ReleaseKind.DEPLOY, by, now)]
    return min((hold for hold in others if hold.kind is HoldKind.MANUAL), key=lambda hold: hold.since, default=None)
