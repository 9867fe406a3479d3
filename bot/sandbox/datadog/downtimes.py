"""Downtimes: what mutes which groups, from when to when. Pure but for the ids.

Made by `api_downtimes` from checked requests, asked by the board. Moments are aware datetimes in UTC.
"""

import re
import uuid
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox.datadog.monitors import Monitor
from bot.sandbox.datadog.scope import Matches, has_tag

Json = dict[str, Any]
KEPT_AFTER_CANCEL = timedelta(hours=48)
_DURATION = re.compile(r"^(\d+)([smhdw])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STEPS = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1), "HOURLY": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """One rule of a recurring downtime. `rrule` is RFC 5545's, of which FREQ and INTERVAL are understood."""

    start: datetime
    duration: timedelta
    rrule: str
    told_duration: str

    def around(self, now: datetime) -> tuple[datetime, datetime]:
        """The occurrence that lasts now, else the next."""
        parts = dict(part.split("=", 1) for part in self.rrule.split(";") if "=" in part)
        step = _STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
        passed = max(0, (now - self.start) // step)
        for number in (passed, passed + 1):
            begins = self.start + number * step
            if now < begins + self.duration:
                return begins, begins + self.duration
        raise AssertionError("one of two neighbouring occurrences ends after now")


@dataclass(slots=True)
class Downtime:
    """One downtime. `end` None: for ever; `recurrences` empty: once."""

    id: str
    scope: str
    matches: Matches
    monitor_id: int | None
    monitor_tags: tuple[str, ...]
    start: datetime
    end: datetime | None
    created: datetime
    modified: datetime
    recurrences: tuple[Recurrence, ...] = ()
    timezone: str = "UTC"
    display_timezone: str = "UTC"
    message: str | None = None
    mutes_first_recovery: bool = False
    end_states: tuple[str, ...] = ("alert", "no data", "warn")
    end_types: tuple[str, ...] = ("expired",)
    canceled: datetime | None = None
    was_active: bool = False

    def span(self, now: datetime) -> tuple[datetime, datetime | None]:
        """When it lasts: the only time, or the occurrence that lasts now or comes next."""
        if not self.recurrences:
            return self.start, self.end
        return min(rule.around(now) for rule in self.recurrences)

    def status(self, now: datetime) -> str:
        """active, scheduled, ended or canceled."""
        if self.canceled is not None:
            return "canceled"
        begins, ends = self.span(now)
        if ends is not None and now >= ends:
            return "ended"
        return "active" if now >= begins else "scheduled"

    def concerns(self, monitor: Monitor) -> bool:
        """Whether the monitor is one of those that it is for."""
        if self.monitor_id is not None:
            return monitor.id == self.monitor_id
        tags = set(monitor.tags)
        return all(tag == "*" or has_tag(tags, *_split(tag)) for tag in self.monitor_tags)


@dataclass(slots=True)
class Downtimes:
    """All downtimes, also those of the past."""

    clock: Callable[[], float]
    found: dict[str, Downtime] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def muting(self, monitor: Monitor, tags: Set[str], now_s: float) -> list[Downtime]:
        """The downtimes that mute a group with these tags at a moment."""
        now = datetime.fromtimestamp(now_s, UTC)
        return [
            each
            for each in self.found.values()
            if each.concerns(monitor) and each.status(now) == "active" and each.matches(tags)
        ]

    def forget_old(self) -> None:
        """Cancelled ones are shown two days longer."""
        now = self.now()
        for each in list(self.found.values()):
            if each.canceled is not None and now - each.canceled > KEPT_AFTER_CANCEL:
                del self.found[each.id]

    def ended_since(self) -> list[Downtime]:
        """Those that were active when this was asked last, and have run out since."""
        now, over = self.now(), []
        for each in self.found.values():
            is_active = each.status(now) == "active"
            if each.was_active and not is_active and each.canceled is None:
                over.append(each)
            each.was_active = is_active
        return over


def new_id() -> str:
    return str(uuid.uuid4())


def duration(text: str) -> timedelta | None:
    """`30m`, `2h`, `1d`; None when it is none."""
    match = _DURATION.match(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match and int(match[1]) else None


def frequency_is_known(rrule: str) -> bool:
    return dict(part.split("=", 1) for part in rrule.split(";") if "=" in part).get("FREQ") in _STEPS


def zone(name: str) -> ZoneInfo | None:
    """A time zone; None when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _split(tag: str) -> tuple[str, str]:
    key, _, pattern = tag.partition(":")
    return key, pattern
