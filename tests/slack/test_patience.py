"""The patience between attempts to open a socket."""

from hypothesis import given
from hypothesis import strategies as st

from bot.inbound.slack.patience import Patience

shares = st.floats(0, 0.999)


def test_the_first_attempt_waits_for_nothing() -> None:
    assert Patience(lambda: 0.5).wait_s(100.0) == 0


@given(shares)
def test_failures_double_the_wait_up_to_half_a_minute(share: float) -> None:
    patience, now, waits = Patience(lambda: share), 0.0, []
    for _ in range(12):
        patience.failed(now)
        waits.append(round(patience.wait_s(now), 6))
        now += waits[-1] + 1
    assert waits == sorted(waits)
    assert 0 < waits[0] <= 0.25
    assert 15 <= waits[-1] <= 30


def test_two_sockets_cut_by_one_cause_are_one_failure() -> None:
    once, twice = Patience(lambda: 0.5), Patience(lambda: 0.5)
    once.ended(5.0, lived_s=1.0)
    for _ in range(2):
        twice.ended(5.0, lived_s=1.0)
    assert once.wait_s(5.0) == twice.wait_s(5.0) > 0


@given(shares)
def test_crowding_waits_half_a_minute_to_a_minute(share: float) -> None:
    patience = Patience(lambda: share)
    patience.crowded(10.0)
    assert 30 <= patience.wait_s(10.0) <= 60


def test_losing_the_last_good_socket_of_a_crowd_ends_the_wait() -> None:
    patience = Patience(lambda: 0.5)
    patience.crowded(100.0)
    patience.ended(101.0, lived_s=90.0)
    assert patience.wait_s(101.0) > 30
    patience.deaf()
    assert patience.wait_s(101.0) == 0
    patience.began()
    assert patience.wait_s(101.0) > 30, "the free place is for one"


def test_the_loss_of_a_socket_does_not_shorten_what_slack_asked_for() -> None:
    patience = Patience(lambda: 0.5)
    patience.limited(0.0, 30.0)
    patience.ended(1.0, lived_s=90.0)
    assert patience.wait_s(1.0) >= 29


def test_the_loss_of_the_last_socket_of_a_crowd_does_not_shorten_a_429() -> None:
    patience = Patience(lambda: 0.5)
    patience.crowded(0.0)
    patience.limited(0.0, 30.0)
    patience.deaf()
    assert 29 <= patience.wait_s(1.0) <= 30


@given(shares)
def test_link_disabled_asks_at_most_once_in_half_a_minute(share: float) -> None:
    patience = Patience(lambda: share)
    patience.barred(0.0)
    assert patience.wait_s(0.0) >= 30


def test_sockets_that_die_young_are_not_replaced_in_a_tight_loop() -> None:
    patience, now = Patience(lambda: 0.0), 0.0
    for _ in range(8):
        patience.ended(now, lived_s=0.1)
        now += patience.wait_s(now)
    assert now > 15
