"""How much of Datadog's limits is used up, by the headers of its answers."""

import math

import pytest

from bot.datadog.limits import DEFAULT_RETRY_S, LONGEST_RETRY_S, Lane, Limits


def headers(remaining: object, *, limit: object = 10, reset: object = 60, name: str = "monitors") -> dict[str, str]:
    return {
        "X-RateLimit-Name": name,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
    }


def test_what_was_never_asked_may_be_asked() -> None:
    assert Limits().wait_s("list", Lane.LOOPS, 0) == 0


def test_loops_wait_for_the_next_period_at_a_fifth() -> None:
    limits = Limits()
    limits.note("list", headers(2), 100)
    assert limits.wait_s("list", Lane.LOOPS, 110) == 50
    assert limits.wait_s("list", Lane.PEOPLE, 110) == 0
    assert limits.wait_s("list", Lane.LOOPS, 160) == 0


def test_calls_on_their_way_count() -> None:
    limits = Limits()
    limits.note("list", headers(5), 0)
    assert [limits.wait_s("list", Lane.LOOPS, 1) for _ in range(4)] == [0, 0, 0, 59]


def test_an_answer_that_was_overtaken_gives_nothing_back() -> None:
    limits = Limits()
    limits.note("list", headers(3), 0)
    limits.note("list", headers(9), 0)
    assert [limits.wait_s("list", Lane.LOOPS, 1) for _ in range(2)] == [0, 59]


def test_a_new_period_gives_all_back() -> None:
    limits = Limits()
    limits.note("list", headers(0, reset=1), 0)
    limits.note("list", headers(9), 2)
    assert limits.wait_s("list", Lane.LOOPS, 3) == 0


def test_operations_of_one_name_share_a_limit() -> None:
    limits = Limits()
    limits.note("list", headers(9), 0)
    limits.note("get", headers(1), 0)
    assert limits.wait_s("list", Lane.LOOPS, 1) == 59


def test_after_a_refusal_nobody_calls_before_its_time() -> None:
    limits = Limits()
    assert limits.note_refused("list", headers(0, reset=3600), 0) == 3600
    assert limits.wait_s("list", Lane.PEOPLE, 3599) == 1
    assert limits.wait_s("list", Lane.PEOPLE, 3601) == 0
    assert limits.wait_s("other", Lane.PEOPLE, 1) == 0


@pytest.mark.parametrize("reset", ["", "soon", "nan", "inf", "-5", "1e400"])
def test_a_refusal_that_does_not_say_when_waits_a_while(reset: str) -> None:
    assert Limits().note_refused("list", headers(0, reset=reset), 0) == DEFAULT_RETRY_S


def test_retry_after_is_taken_where_there_is_no_reset() -> None:
    assert Limits().note_refused("list", {"Retry-After": "7"}, 0) == 7


def test_no_header_silences_the_bot_for_good() -> None:
    limits = Limits()
    assert limits.note_refused("list", headers(0, reset=10**12), 0) == LONGEST_RETRY_S
    limits.note("get", headers(0, reset=10**12, name="get"), 0)
    assert limits.wait_s("get", Lane.LOOPS, 1) <= LONGEST_RETRY_S


@pytest.mark.parametrize("odd", ["", "x", "-1", "nan", "inf"])
@pytest.mark.parametrize("which", ["limit", "remaining", "reset"])
def test_headers_that_are_no_numbers_limit_nothing(which: str, odd: str) -> None:
    given: dict[str, object] = {"limit": 10, "remaining": 0, "reset": 60} | {which: odd}
    limits = Limits()
    limits.note("list", headers(given["remaining"], limit=given["limit"], reset=given["reset"]), 0)
    waits = limits.wait_s("list", Lane.LOOPS, 1)
    assert waits == 0
    assert math.isfinite(waits)


def test_a_limit_of_few_calls_leaves_some_to_loops() -> None:
    limits = Limits()
    limits.note("list", headers(1, limit=2), 0)
    assert limits.wait_s("list", Lane.LOOPS, 1) == 0
