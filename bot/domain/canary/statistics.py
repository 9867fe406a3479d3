"""Statistical tests for a canary: is new worse than old, or is it noise? Exact, without tables, standard library only.

Used by `judgement`. Both tests are one-sided and exact: their p-values hold for the few requests and the few points
that a canary has, where the usual normal approximations do not.
"""

import math
from collections.abc import Sequence


def rate_p_value(new_events: int, new_total: int, old_events: int, old_total: int, *, margin: float = 1.0) -> float:
    """How likely at least `new_events` would be, were the new rate at most `margin` times the old one.

    The conditional test of two rates (Przyborowski and Wilenski, Biometrika 31, 1940): given all events together, those
    of the new version are binomial with its share of the requests. 1.0 when nothing is known of either side.
    """
    if new_total <= 0 or old_total <= 0 or new_events <= 0:
        return 1.0
    share = new_total * margin / (new_total * margin + old_total)
    return binomial_tail(new_events, new_events + old_events, share)


def binomial_tail(at_least: int, tries: int, chance: float) -> float:
    """P(X >= at_least) for X binomial, exact up to rounding."""
    if at_least <= 0:
        return 1.0
    if at_least > tries or chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    log_p, log_q = math.log(chance), math.log1p(-chance)
    terms = (
        math.lgamma(tries + 1) - math.lgamma(k + 1) - math.lgamma(tries - k + 1) + k * log_p + (tries - k) * log_q
        for k in range(at_least, tries + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def signed_rank_p_value(differences: Sequence[float]) -> float:
    """How likely a sum of positive ranks at least as high would be, were the differences symmetric around zero.

    Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945), exact by counting; zeros are left out, equal sizes share
    their mean rank. With fewer than five differences nothing can become significant, which is as it should be.
    """
    kept = [difference for difference in differences if difference != 0 and math.isfinite(difference)]
    if not kept:
        return 1.0
    doubled = _doubled_ranks([abs(difference) for difference in kept])
    observed = sum(rank for rank, difference in zip(doubled, kept, strict=True) if difference > 0)
    # Of the 2^n ways to give signs, how many make the doubled positive ranks sum up to s? The s-th digit of `ways`,
    # a number whose digits are so many bytes wide that none overflows: the product of (1 + x^rank), a shift a factor.
    width = len(kept) // 8 + 1
    ways = 1
    for rank in doubled:
        ways += ways << (8 * width * rank)
    digits = ways.to_bytes(width * (sum(doubled) + 1), "little")
    beyond = range(width * observed, len(digits), width)
    return sum(int.from_bytes(digits[at : at + width], "little") for at in beyond) / (1 << len(kept))


def _doubled_ranks(sizes: Sequence[float]) -> list[int]:
    """Twice the rank of each size, so that shared (mean) ranks are whole numbers."""
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    ranks = [0] * len(sizes)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and sizes[order[end + 1]] == sizes[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            ranks[i] = start + end + 2
        start = end + 1
    return ranks
