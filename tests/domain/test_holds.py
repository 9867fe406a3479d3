"""Who is kept out by a lock, when its holder is reminded, and when it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalog import Target
from bot.domain.holds import Expire, Hold, HoldKind, Remind, Rest, decide, first_that_hinders, passed
from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.release import ReleaseKind

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STG, ADMIN = EnvironmentName("stg"), ServiceName("admin")
STG_ADMIN, STG_WEB = Target(STG, ADMIN), Target(STG, ServiceName("web"))
ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
LOCK = Hold("1", HoldKind.MANUAL, STG, ADMIN, ALICE, "migration", NOW, NOW + timedelta(hours=1))
WHOLE = Hold("2", HoldKind.MANUAL, STG, None, ALICE, "network", NOW, NOW + timedelta(hours=1))
AFTER = Hold("3", HoldKind.ROLLBACK, STG, ADMIN, ALICE, "", NOW, version="1.4.2")


@pytest.mark.parametrize("kind", ReleaseKind)
def test_a_lock_keeps_all_but_rollbacks_of_others_out(kind: ReleaseKind) -> None:
    assert LOCK.hinders(kind, BOB, NOW) is (kind is not ReleaseKind.ROLLBACK)
    assert not LOCK.hinders(kind, ALICE, NOW)


@pytest.mark.parametrize("kind", ReleaseKind)
def test_after_a_rollback_only_what_changes_no_version_goes_through(kind: ReleaseKind) -> None:
    passes = kind in (ReleaseKind.ROLLBACK, ReleaseKind.RESTART)
    assert AFTER.hinders(kind, ALICE, NOW) is not passes
    assert AFTER.hinders(kind, BOB, NOW) is not passes


def test_a_lock_of_an_environment_covers_each_of_its_services_and_no_other_environment() -> None:
    assert WHOLE.covers(STG_ADMIN)
    assert WHOLE.covers(STG_WEB)
    assert not WHOLE.covers(Target(EnvironmentName("prd"), ADMIN))
    assert not LOCK.covers(STG_WEB)


def test_a_refusal_names_a_person_before_a_rollback() -> None:
    assert first_that_hinders([AFTER, LOCK], STG_ADMIN, ReleaseKind.DEPLOY, BOB, NOW) == LOCK
    assert first_that_hinders([AFTER, LOCK], STG_ADMIN, ReleaseKind.DEPLOY, ALICE, NOW) == AFTER
    assert first_that_hinders([AFTER, LOCK], STG_WEB, ReleaseKind.DEPLOY, BOB, NOW) is None


def test_a_rollback_names_whose_lock_it_passes() -> None:
    assert passed([AFTER, WHOLE], STG_ADMIN, ReleaseKind.ROLLBACK, BOB, NOW) == WHOLE
    assert passed([AFTER, WHOLE], STG_ADMIN, ReleaseKind.ROLLBACK, ALICE, NOW) is None
    assert passed([WHOLE], STG_ADMIN, ReleaseKind.RESTART, BOB, NOW) is None


def test_its_end_counts_before_anybody_told_it() -> None:
    assert LOCK.hinders(ReleaseKind.DEPLOY, BOB, NOW + timedelta(minutes=59))
    assert not LOCK.hinders(ReleaseKind.DEPLOY, BOB, NOW + timedelta(hours=1))


def test_its_holder_is_reminded_ten_minutes_before_the_end_once() -> None:
    assert decide(LOCK, NOW) == Rest(NOW + timedelta(minutes=50))
    assert decide(LOCK, NOW + timedelta(minutes=50)) == Remind()
    reminded = LOCK.moved(reminded_for=LOCK.until)
    assert decide(reminded, NOW + timedelta(minutes=51)) == Rest(LOCK.until)
    assert decide(reminded, NOW + timedelta(hours=1)) == Expire()


def test_of_an_extended_lock_its_holder_is_reminded_again() -> None:
    extended = LOCK.moved(reminded_for=LOCK.until, until=NOW + timedelta(minutes=90))
    assert decide(extended, NOW + timedelta(minutes=55)) == Rest(NOW + timedelta(minutes=80))
    assert decide(extended, NOW + timedelta(minutes=80)) == Remind()


def test_what_a_rollback_left_has_no_end_of_its_own() -> None:
    assert decide(AFTER, NOW + timedelta(days=400)) == Rest(None)


@given(st.integers(1, 1440), st.integers(0, 3000))
def test_a_lock_is_reminded_of_while_it_stands_and_never_at_its_start(length: int, minutes: int) -> None:
    lock = Hold("1", HoldKind.MANUAL, STG, ADMIN, ALICE, "", NOW, NOW + timedelta(minutes=length))
    assert lock.remind_at is not None
    assert lock.since < lock.remind_at < NOW + timedelta(minutes=length)
    step = decide(lock, NOW + timedelta(minutes=minutes))
    assert isinstance(step, Expire) is (minutes >= length)
