"""CronJob schedules as Kubernetes reads them: in words, and their next and missed runs. Pure; `now` is an argument."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.cron import BadCron, Cron, parse_cron

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
LATE = timedelta(minutes=2)
"""A run that is not there so long after its time was missed; the controller looks every 10 s at the latest."""
_DAYS = ("Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_EVERY_MINUTE = tuple(range(60))
_EVERY_HOUR = tuple(range(24))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a CronJob runs. `cron` is None for a schedule that we can't read, such as `@every 1h`."""

    written: str
    zone: tzinfo
    zone_name: str
    cron: Cron | None

    def next_runs(self, now: datetime, count: int) -> tuple[datetime, ...]:
        """In UTC, the nearest first."""
        return self.cron.next_starts(now, self.zone, count) if self.cron else ()

    def missed(self, now: datetime, last: datetime | None, created: datetime) -> datetime | None:
        """The latest run that was due since `last` (lastScheduleTime) and never came; None when all is well."""
        if self.cron is None:
            return None
        since = max(last or created, now - timedelta(days=2))
        due = self.cron.last_start(now - LATE, self.zone, now - LATE - since) if now - LATE > since else None
        return due if due is not None and due > since else None


def read_schedule(written: str, zone_name: str) -> Schedule:
    """Never raises: what can't be read is shown as it is written."""
    try:
        zone: tzinfo = ZoneInfo(zone_name) if zone_name else UTC
        cron = parse_cron(MACROS.get(written.strip().lower(), written).replace("?", "*"))
    except (BadCron, ZoneInfoNotFoundError, ValueError, OSError):
        return Schedule(written, UTC, zone_name, None)
    return Schedule(written, zone, zone_name, cron)


def in_words(schedule: Schedule) -> str:
    """`every day at 03:00`, `every 15 minutes`; the expression itself when words would be longer."""
    cron = schedule.cron
    if cron is None:
        return schedule.written
    days = _days(cron)
    times = _times(cron)
    if days is None or times is None:
        return schedule.written
    if times.startswith("every"):
        return times if days == "every day" else f"{times}, {days}"
    zone = f" {schedule.zone_name or 'UTC'}"
    return f"{days} at {times}{zone}"


def _times(cron: Cron) -> str | None:
    minutes, hours = cron.minutes, cron.hours
    if hours == _EVERY_HOUR:
        if minutes == _EVERY_MINUTE:
            return "every minute"
        gap = _gap(minutes, 60)
        if gap:
            return f"every {gap} minutes"
        if minutes == (0,):
            return "every hour"
        return f"every hour at :{minutes[0]:02}" if len(minutes) == 1 else None
    if len(minutes) != 1:
        return None
    gap = _gap(hours, 24)
    if gap:
        return f"every {gap} hours at :{minutes[0]:02}" if minutes[0] else f"every {gap} hours"
    if len(hours) > 4:
        return None
    return _and([f"{hour:02}:{minutes[0]:02}" for hour in hours])


def _gap(values: tuple[int, ...], whole: int) -> int | None:
    """The even distance between values that fill a whole round from 0; None when they do not."""
    if len(values) < 2 or whole % len(values):
        return None
    gap = whole // len(values)
    return gap if values == tuple(range(0, whole, gap)) else None


def _days(cron: Cron) -> str | None:
    every_month = len(cron.months) == 12
    if cron.any_day and len(cron.weekdays) == 7:
        return ("every day" if len(cron.days) == 31 else None) if every_month else None
    if cron.any_day and every_month and len(cron.days) == 31:
        if cron.weekdays == frozenset(range(1, 6)):
            return "weekdays"
        if cron.weekdays == frozenset((0, 6)):
            return "weekends"
        return _and([_DAYS[day % 7] for day in sorted(cron.weekdays, key=lambda day: day or 7)])
    if cron.any_weekday and len(cron.weekdays) == 7 and len(cron.days) <= 3:
        days = _and([f"day {day}" for day in sorted(cron.days)])
        if every_month:
            return f"{days} of each month"
        if len(cron.months) <= 3 and len(cron.days) == 1:
            return _and([f"{min(cron.days)} {_MONTHS[month - 1]}" for month in sorted(cron.months)])
    return None


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
