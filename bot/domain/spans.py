"""Spans of time as people type them: `30m`, `1h30m`, `2d`, `tomorrow`. Read by those who mute and silence."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

_SPAN = re.compile(r"(?:(\d{1,2})d)?(?:(\d{1,3})h)?(?:(\d{1,4})m(?:in)?)?", re.ASCII)
MORNING = time(9)
LONGEST = timedelta(days=7)


class BadSpan(ValueError):
    """The text is no span, or one of nothing, or one that is too long."""


def end_of(span: str, now: datetime, zone: tzinfo) -> datetime:
    """When a span that begins now is over, UTC; `tomorrow` is at 9:00 by the wall clock of the zone. Raises BadSpan."""
    if span == "tomorrow":
        day = (now.astimezone(zone) + timedelta(days=1)).date()
        return datetime.combine(day, MORNING, zone).astimezone(UTC)
    found = _SPAN.fullmatch(span)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < length <= LONGEST:
        raise BadSpan(span)
    return now + length
