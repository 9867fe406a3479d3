"""Cron expressions of five fields: did one start within the last so-many hours, and when does the next one?

Used by freezes and CronJobs' schedules, checked by the settings. Nothing is scheduled here. The grammar: crontab(5)'s
lists, ranges, steps, names of months and days, Sunday as 0 or 7; when both day fields are restricted, either may match.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name, least, greatest, names of its values (the first name stands for `least`)
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(?P<first>\*|[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?(?:/(?P<step>[0-9]{1,2}))?", re.ASCII)
_LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

_LONGEST_LOOK = timedelta(days=5 * 366)
"""29 February is at most eight years away; Kubernetes looks five years ahead too."""


class BadCron(ValueError):
    """The text is no cron expression; the message says which field is wrong."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something starts, by the wall clock of a zone that the caller names."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    any_day: bool
    any_weekday: bool

    def matches_day(self, day: datetime) -> bool:
        """Whether it fires at all on that local date."""
        if day.month not in self.months:
            return False
        on_day = day.day in self.days
        on_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return on_day and on_weekday
        return on_day or on_weekday

    def last_start(self, now: datetime, zone: tzinfo, within: timedelta) -> datetime | None:
        """The latest start at or before `now` (aware) and younger than `within`, in UTC; None when there is none.

        A wall-clock time that a change to summer time skips is taken as the same instant an hour on.
        """
        local = now.astimezone(zone)
        day = local.date()
        oldest = now - within
        while datetime.combine(day, time.max, zone).astimezone(UTC) > oldest:
            if self.matches_day(datetime.combine(day, time.min)):
                for hour in reversed(self.hours):
                    for minute in reversed(self.minutes):
                        start = datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
                        if oldest < start <= now:
                            return start
            day -= timedelta(days=1)
        return None

    def next_starts(self, after: datetime, zone: tzinfo, count: int) -> tuple[datetime, ...]:
        """The next starts after `after` (aware), in UTC; fewer than `count` when five years hold no more.

        As Kubernetes counts: a wall-clock time that a change to summer time skips is none, one that comes twice is two.
        """
        found: list[datetime] = []
        day = after.astimezone(zone).date()
        last = day + _LONGEST_LOOK
        while len(found) < count and day <= last:
            if self.matches_day(datetime.combine(day, time.min)):
                found += [start for start in self._starts_of(day, zone) if start > after]
            day += timedelta(days=1)
        return tuple(found[:count])

    def _starts_of(self, day: date, zone: tzinfo) -> list[datetime]:
        starts: set[datetime] = set()
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime.combine(day, time(hour, minute))
                for fold in (0, 1):
                    start = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
                    if start.astimezone(zone).replace(tzinfo=None) == wall:
                        starts.add(start)
        return sorted(starts)


def parse_cron(text: str) -> Cron:
    """Read five fields. Raises BadCron."""
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise BadCron(f"has {len(fields)} fields; five are needed: minute hour day-of-month month day-of-week")
    minutes, hours, days, months, weekdays = (
        _values(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
    )
    weekdays = frozenset(weekday % 7 for weekday in weekdays)
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=weekdays,
        any_day=fields[2].startswith("*"),
        any_weekday=fields[4].startswith("*"),
    )
    if cron.any_weekday and min(days) > max(_LONGEST_MONTHS[month] for month in months):
        raise BadCron(f"never comes: no such month has a day {min(days)}")
    return cron


def _values(field: str, name: str, least: int, greatest: int, names: tuple[str, ...]) -> frozenset[int]:
    def number(word: str) -> int:
        if word in names:
            return names.index(word) + least
        if not word.isdigit() or not least <= int(word) <= greatest:
            hint = f" or {names[0]}-{names[-1]}" if names else ""
            raise BadCron(f"`{word[:20]}` is no {name} ({least}-{greatest}{hint})")
        return int(word)

    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise BadCron(f"`{part[:20]}` is no {name}")
        step = int(match["step"] or 1)
        if step == 0:
            raise BadCron(f"`{part[:20]}` steps by nothing")
        if match["first"] == "*":
            if match["last"]:
                raise BadCron(f"`{part[:20]}` is no {name}")
            first, last = least, greatest
        else:
            first = number(match["first"])
            last = number(match["last"]) if match["last"] else (greatest if match["step"] else first)
        if last < first and names is _WEEKDAYS and last == 0:
            last = 7  # fri-sun
        if last < first:
            raise BadCron(f"`{part[:20]}` runs backwards")
        found.update(range(first, last + 1, step))
    return frozenset(found)
