"""Cron expressions: what is read, and when a window last began."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cron import BadCron, parse_cron

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone=TOKYO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "now", "within", "began"),
    [
        # Friday 17:00 in Tokyo, for 64 hours: until Monday 09:00.
        ("0 17 * * fri", "2026-11-20 16:59", 64, None),
        ("0 17 * * fri", "2026-11-20 17:00", 64, "2026-11-20 17:00"),
        ("0 17 * * fri", "2026-11-23 08:59", 64, "2026-11-20 17:00"),
        ("0 17 * * fri", "2026-11-23 09:00", 64, None),
        ("*/15 9-17 * * 1-5", "2026-11-23 10:20", 1, "2026-11-23 10:15"),
        ("0 0 1 jan *", "2027-01-01 05:00", 24, "2027-01-01 00:00"),
        ("0 0 29 2 *", "2028-02-29 12:00", 24, "2028-02-29 00:00"),
        ("0 12 * * sun", "2026-11-22 13:00", 2, "2026-11-22 12:00"),
        ("0 12 * * 7", "2026-11-22 13:00", 2, "2026-11-22 12:00"),
        ("0 12 * * fri-sun", "2026-11-22 13:00", 2, "2026-11-22 12:00"),
        # Both day fields restricted: either may match.
        ("0 12 1 * mon", "2026-11-23 13:00", 2, "2026-11-23 12:00"),
        ("0 12 1 * mon", "2026-12-01 13:00", 2, "2026-12-01 12:00"),
        ("0 12 1 * mon", "2026-11-24 13:00", 2, None),
    ],
)
def test_the_last_start_within_a_span(cron, now, within, began):
    expected = at(began) if began else None
    assert parse_cron(cron).last_start(at(now), TOKYO, timedelta(hours=within)) == expected


def test_a_wall_clock_time_that_summer_time_skips_is_an_hour_on():
    # 2026-03-29 in Berlin has no 02:30.
    began = parse_cron("30 2 * * *").last_start(at("2026-03-29 12:00", BERLIN), BERLIN, timedelta(hours=12))
    assert began == at("2026-03-29 03:30", BERLIN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has 0 fields"),
        ("0 17 * *", "has 4 fields"),
        ("60 * * * *", "`60` is no minute (0-59)"),
        ("* 24 * * *", "`24` is no hour"),
        ("* * 0 * *", "`0` is no day of month"),
        ("* * * 13 *", "`13` is no month (1-12 or jan-dec)"),
        ("* * * * 8", "`8` is no day of week"),
        ("* * * * friday", "`friday` is no day of week"),
        ("5-1 * * * *", "`5-1` runs backwards"),
        ("*/0 * * * *", "`*/0` steps by nothing"),
        ("*-5 * * * *", "is no minute"),
        ("1,,2 * * * *", "is no minute"),
        ("0 0 31 feb *", "never comes"),
        ("@daily", "has 1 fields"),
        ("１ * * * *", "is no minute"),
    ],
)
def test_what_is_no_cron_is_refused_with_the_field(text, told):
    with pytest.raises(BadCron) as refusal:
        parse_cron(text)
    assert told in str(refusal.value)


@given(st.text(alphabet="0123456789*/,- abcfrimonsu", max_size=30), st.datetimes(timezones=st.just(UTC)))
def test_any_text_is_read_or_refused_and_what_is_read_can_be_asked(text, now):
    try:
        cron = parse_cron(text)
    except BadCron:
        return
    if now.year < 3 or now.year > 9997:
        return
    began = cron.last_start(now, TOKYO, timedelta(days=3))
    assert began is None or now - timedelta(days=3) < began <= now
