"""The limiter: never faster than Slack allows, silent after a 429, and never stuck."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.limits import PER_MINUTE, Limiter

POST, UPDATE = "chat.postMessage", "chat.update"


def in_window(times: list[float], start: float, length: float) -> int:
    return sum(1 for at in times if start <= at < start + length)


calls = st.lists(
    st.tuples(st.sampled_from([POST, UPDATE]), st.sampled_from(["C1", "C2", "C3", "C4"]), st.floats(0, 1.5)),
    min_size=1,
    max_size=300,
)


@given(calls)
@settings(max_examples=50, deadline=None)
def test_no_window_ever_holds_more_than_slack_allows(wanted) -> None:
    limiter, now = Limiter(), 1000.0
    sent: dict[tuple[str, str], list[float]] = {}
    for method, channel, pause in wanted:
        now += pause
        for _ in range(5):
            if (wait := limiter.delay(method, channel, now)) == 0:
                break
            now += wait
        assert limiter.delay(method, channel, now) == 0, "after the advised wait it may go"
        limiter.note_sent(method, channel, now)
        sent.setdefault((method, channel), []).append(now)
    for method, most in PER_MINUTE.items():
        times = [at for (name, _), all_times in sent.items() if name == method for at in all_times]
        assert all(in_window(times, start, 59.999) <= most for start in times)
    for (method, _), times in sent.items():
        if method == POST:
            for length in (0.9, 5.0, 30.0):
                assert all(in_window(times, start, length) <= 3 + length for start in times)


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60), st.floats(1, 120))
@settings(max_examples=50, deadline=None)
def test_after_a_429_nothing_goes_before_retry_after(steps, retry_after_s: float) -> None:
    limiter, now = Limiter(), 0.0
    limiter.note_sent(POST, "C1", now)
    limiter.note_limited(POST, retry_after_s, now, channel="C1")
    free_at = now + retry_after_s
    for pause, same_channel in steps:
        now += pause
        wait = limiter.delay(POST, "C1" if same_channel else "C2", now)
        assert now + wait >= free_at - 1e-6
        if wait == 0:
            limiter.note_sent(POST, "C1" if same_channel else "C2", now)


def test_a_limited_method_does_not_hold_up_the_other() -> None:
    limiter = Limiter()
    limiter.note_limited(UPDATE, 30, 0.0)
    assert limiter.delay(UPDATE, "C1", 0.0) == 30
    assert limiter.delay(POST, "C1", 0.0) == 0


def sendable(limiter: Limiter, method: str, now: float) -> int:
    count = 0
    while limiter.delay(method, f"C{count}", now) == 0:
        limiter.note_sent(method, f"C{count}", now)
        count += 1
    return count


def test_the_rate_is_halved_by_a_429_and_comes_back_a_tenth_a_minute() -> None:
    for minutes, expected in ((0, 20), (1, 24), (2, 28), (5, 40), (30, 40)):
        limiter = Limiter()
        limiter.note_limited(UPDATE, 10, 0.0)
        assert sendable(limiter, UPDATE, 10.0 + minutes * 60) in (expected, expected - 1)


def test_many_429s_never_stop_a_method_for_good() -> None:
    limiter = Limiter()
    for _ in range(100):
        limiter.note_limited(UPDATE, 1, 0.0)
    assert sendable(limiter, UPDATE, 1.0) == 4


def test_three_messages_go_at_once_into_a_channel_and_then_one_a_second() -> None:
    limiter = Limiter()
    for _ in range(3):
        assert limiter.delay(POST, "C1", 5.0) == 0
        limiter.note_sent(POST, "C1", 5.0)
    assert limiter.delay(POST, "C1", 5.0) == 1.0
    assert limiter.delay(POST, "C2", 5.0) == 0


def test_quiet_channels_are_forgotten() -> None:
    limiter = Limiter()
    for number in range(3000):
        limiter.note_sent(POST, f"C{number}", number * 10.0)
    assert len(limiter._channels) < 1100
