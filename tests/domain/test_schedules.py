"""CronJob schedules: in words, the next runs, and runs that never came."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.schedules import in_words, read_schedule

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("0 3 * * *", "every day at 03:00 Asia/Tokyo"),
        ("0 1,13 * * *", "every day at 01:00 and 13:00 Asia/Tokyo"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "every hour at :05"),
        ("0 */6 * * *", "every 6 hours"),
        ("0 9 * * mon", "Mondays at 09:00 Asia/Tokyo"),
        ("0 9 * * 1-5", "weekdays at 09:00 Asia/Tokyo"),
        ("0 0 * * 7", "Sundays at 00:00 Asia/Tokyo"),
        ("30 2 1,15 * *", "day 1 and day 15 of each month at 02:30 Asia/Tokyo"),
        ("0 0 ? * *", "every day at 00:00 Asia/Tokyo"),
        ("@yearly", "1 January at 00:00 Asia/Tokyo"),
        ("@daily", "every day at 00:00 Asia/Tokyo"),
        ("@every 1h", "@every 1h"),
        ("*/7 9-17 * * *", "*/7 9-17 * * *"),
        ("not a schedule", "not a schedule"),
    ],
)
def test_a_schedule_reads_as_words_where_words_are_shorter(written: str, words: str) -> None:
    assert in_words(read_schedule(written, "Asia/Tokyo")) == words


def test_without_a_zone_it_is_utc_and_an_unknown_zone_is_shown_as_written() -> None:
    assert in_words(read_schedule("0 3 * * *", "")) == "every day at 03:00 UTC"
    assert in_words(read_schedule("0 3 * * *", "Mars/Olympus")) == "0 3 * * *"
    assert read_schedule("0 3 * * *", "Mars/Olympus").next_runs(NOW, 2) == ()


def test_next_runs_follow_the_clock_of_their_zone_through_a_change_of_it() -> None:
    new_york = read_schedule("30 1 * * *", "America/New_York")
    twice = new_york.next_runs(datetime(2026, 10, 31, 20, tzinfo=UTC), 3)
    assert [f"{run:%d %H:%M}" for run in twice] == ["01 05:30", "01 06:30", "02 06:30"]
    skipped = read_schedule("30 2 * * *", "America/New_York").next_runs(datetime(2026, 3, 7, 20, tzinfo=UTC), 1)
    assert [f"{run:%d %H:%M}" for run in skipped] == ["09 06:30"]


def test_a_day_that_comes_every_four_years_is_found() -> None:
    assert read_schedule("0 0 29 2 *", "").next_runs(NOW, 1) == (datetime(2028, 2, 29, tzinfo=UTC),)


@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 7), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_next_run_is_the_first_minute_that_fits(minute: int, hour: int, weekday: int, later: int) -> None:
    now = NOW + timedelta(minutes=later)
    (found,) = read_schedule(f"{minute} {hour} * * {weekday}", "").next_runs(now, 1)
    assert now < found <= now + timedelta(days=7)
    assert (found.minute, found.hour, found.isoweekday() % 7) == (minute, hour, weekday % 7)


def test_a_run_is_missed_two_minutes_after_it_was_due() -> None:
    hourly = read_schedule("0 * * * *", "")
    created, last = NOW - timedelta(days=9), NOW - timedelta(hours=1)
    assert hourly.missed(NOW + timedelta(seconds=90), last, created) is None
    assert hourly.missed(NOW + timedelta(minutes=3), last, created) == NOW
    assert hourly.missed(NOW + timedelta(minutes=3), NOW, created) is None


def test_a_schedule_that_is_new_has_missed_nothing() -> None:
    created = NOW - timedelta(minutes=30)
    assert read_schedule("0 3 * * *", "").missed(NOW, None, created) is None
