"""Shares that are reachable, and the judgement of new against old."""

import random

import pytest

from bot.domain.canary.judgement import Finding, Level, Rate, Rules, Verdict, judge, points_needed
from bot.domain.canary.shares import by_pods, is_telling, neighbours, stable_pods_for
from bot.domain.canary.statistics import binomial_tail, rate_p_value, signed_rank_p_value
from tests.domain.canary_worlds import World, caught_at

RULES = Rules(looks=6)


@pytest.mark.parametrize("stable", range(1, 21))
def test_the_share_by_pods_is_the_nearest_reachable_one_and_never_without_a_canary(stable: int) -> None:
    for asked in range(1, 100):
        share = by_pods(stable, asked)
        reachable = [100 * canary / (stable + canary) for canary in range(1, 100 * stable)]
        assert share.canary >= 1
        assert abs(share.percent - asked) == pytest.approx(min(abs(each - asked) for each in reachable))


@pytest.mark.parametrize(
    ("stable", "asked", "canary", "percent"),
    [(1, 10, 1, 50), (2, 10, 1, 33), (3, 25, 1, 25), (4, 10, 1, 20), (5, 10, 1, 17), (9, 10, 1, 10), (10, 50, 10, 50)],
)
def test_shares_of_common_sizes(stable: int, asked: int, canary: int, percent: int) -> None:
    share = by_pods(stable, asked)
    assert (share.canary, round(share.percent)) == (canary, percent)


def test_of_two_equally_near_shares_the_one_with_fewer_pods_is_taken() -> None:
    assert by_pods(2, 55).canary == 2  # 2 of 4 and 3 of 5 pods: 50 % and 60 %


def test_neighbours_are_the_next_shares_and_none_is_below_one_pod() -> None:
    below, above = neighbours(by_pods(3, 25))
    assert below is None
    assert (above.stable, above.canary) == (3, 2)


def test_ten_per_cent_takes_nine_stable_pods() -> None:
    assert stable_pods_for(10) == 9
    assert is_telling(10, by_pods(4, 10).percent)
    assert not is_telling(10, by_pods(9, 10).percent)


@pytest.mark.parametrize(("stable", "asked"), [(3, 0), (3, 100), (3, -5), (0, 10)])
def test_a_share_that_is_none_is_refused(stable: int, asked: int) -> None:
    with pytest.raises(ValueError, match=r"per cent|stable pods"):
        by_pods(stable, asked)


def test_the_binomial_tail_is_the_sum_of_its_terms() -> None:
    assert binomial_tail(3, 4, 0.5) == pytest.approx(5 / 16)
    assert binomial_tail(0, 4, 0.5) == 1.0
    assert binomial_tail(5, 4, 0.5) == 0.0


def test_the_signed_rank_test_counts_exactly() -> None:
    assert signed_rank_p_value([1, 2, 3, 4, 5]) == pytest.approx(1 / 32)
    assert signed_rank_p_value([-1, 2, 3]) == pytest.approx(2 / 8)
    assert signed_rank_p_value([1, 1]) == pytest.approx(1 / 4)
    assert signed_rank_p_value([0.0, float("nan")]) == 1.0


def test_a_rate_is_not_worse_for_one_unlucky_request() -> None:
    assert rate_p_value(1, 40, 3, 400) > 0.2
    assert judge([Rate("errors", 1, 400, 30, 4000)], RULES).verdict is Verdict.GOOD


def test_many_errors_are_worse_even_before_there_are_many_requests() -> None:
    assert judge([Rate("errors", 20, 60, 1, 2000)], RULES).verdict is Verdict.WORSE


def test_too_little_traffic_cannot_tell() -> None:
    found = judge([Rate("errors", 0, 34, 0, 4000)], RULES)
    assert found.verdict is Verdict.UNCLEAR
    assert found.findings[0].text == "too few requests (34 of 100)"
    assert judge([], RULES).verdict is Verdict.UNCLEAR


def test_a_level_without_enough_points_cannot_tell() -> None:
    found = judge([Level("p99", "ms", ((None, 80.0),) * 30 + ((90.0, 88.0),) * 4)], RULES)
    assert found.verdict is Verdict.UNCLEAR
    assert found.findings[0].text == "too few measurements (4 of 5)"


def test_a_slow_version_is_worse_as_soon_as_it_can_be_told() -> None:
    needed = points_needed(RULES, 1)
    slow = tuple((900.0 + i, 200.0 + i) for i in range(needed))
    assert judge([Level("p99", "ms", slow)], RULES).verdict is Verdict.WORSE
    assert judge([Level("p99", "ms", slow[:-1])], RULES).verdict is Verdict.UNCLEAR


def test_a_budget_that_the_old_version_keeps_must_be_kept() -> None:
    points = tuple((306.0 + i / 10, 298.0 + i / 10) for i in range(12))
    assert judge([Level("p99", "ms", points)], RULES).verdict is Verdict.GOOD
    found = judge([Level("p99", "ms", points, budget=300.0)], RULES)
    assert (found.verdict, found.findings[0].text) == (Verdict.WORSE, "over its budget of 300 ms")


def test_a_crash_of_the_canary_is_worse_whatever_the_numbers_say() -> None:
    good = Rate("errors", 0, 4000, 0, 40_000)
    crash = Finding("crashes", Verdict.WORSE, 2, 0, "", "2 crashes")
    assert judge([good], RULES).verdict is Verdict.GOOD
    assert judge([good], RULES, [crash]).verdict is Verdict.WORSE


def test_of_equal_versions_at_most_one_in_twenty_is_called_worse() -> None:
    dice = random.Random(20261123)
    assert sum(caught_at(World(), dice) is not None for _ in range(60)) <= 3


def test_a_fifth_more_latency_is_caught_before_half_of_the_traffic() -> None:
    dice = random.Random(20261123)
    found = [caught_at(World(latency_ratio=1.2), dice) for _ in range(40)]
    assert sum(at is not None and at < 50 for at in found) >= 38
