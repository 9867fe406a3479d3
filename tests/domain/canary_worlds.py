"""Simulated canaries for the judgement: requests of two versions, as Datadog would sum them up slice by slice."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from bot.domain.canary.judgement import Judgement, Level, Rate, Rules, Verdict, judge

SLICES_PER_LOOK = 12
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class World:
    """A service under a canary. Latencies are log-normal, as measured ones roughly are."""

    requests_per_s: float = 50.0
    steps: tuple[int, ...] = (10, 25, 50)
    looks_per_step: int = 2
    look_s: float = 300.0
    error_rate: float = 0.002
    new_error_rate: float = 0.002
    latency_ratio: float = 1.0
    spread: float = 0.5


def looks(world: World, dice: random.Random) -> Iterator[tuple[int, Judgement]]:
    """(step's share, judgement) of each look at one canary, over all data since it began."""
    errors = [0, 0, 0, 0]
    points: dict[float, list[tuple[float | None, float | None]]] = {0.5: [], 0.95: [], 0.99: []}
    rules = Rules(looks=len(world.steps) * world.looks_per_step)
    for share in world.steps:
        for _ in range(world.looks_per_step):
            for _ in range(SLICES_PER_LOOK):
                total = world.requests_per_s * world.look_s / SLICES_PER_LOOK
                new, old = round(total * share / 100), round(total * (100 - share) / 100)
                errors[0] += _count(new, world.new_error_rate, dice)
                errors[1] += new
                errors[2] += _count(old, world.error_rate, dice)
                errors[3] += old
                for q, series in points.items():
                    slow = _quantile(q, new, world, dice)
                    series.append(
                        (None if slow is None else slow * world.latency_ratio, _quantile(q, old, world, dice))
                    )
            readings: list[Rate | Level] = [
                Rate("errors", *errors),
                *(Level(f"p{round(q * 100)}", "ms", tuple(series)) for q, series in points.items()),
            ]
            yield share, judge(readings, rules)


def caught_at(world: World, dice: random.Random) -> int | None:
    """The share at which the canary was first called worse; None when it never was."""
    return next((share for share, found in looks(world, dice) if found.verdict is Verdict.WORSE), None)


def _quantile(q: float, n: int, world: World, dice: random.Random) -> float | None:
    """The sample quantile of n latencies: an order statistic of n uniforms is beta distributed, so none is drawn."""
    if n < 1:
        return None
    rank = min(n, max(1, round(q * n)))
    uniform = dice.betavariate(rank, n + 1 - rank)
    return 100.0 * 2.718281828 ** (world.spread * NORMAL.inv_cdf(min(max(uniform, 1e-12), 1 - 1e-12)))


def _count(n: int, chance: float, dice: random.Random) -> int:
    """How many of n; binomial, by its gaps."""
    if chance <= 0 or n <= 0:
        return 0
    return dice.binomialvariate(n, chance) if hasattr(dice, "binomialvariate") else _by_gaps(n, chance, dice)


def _by_gaps(n: int, chance: float, dice: random.Random) -> int:
    found, at = 0, 0
    while True:
        at += 1 + int(dice.expovariate(1.0) / chance)
        if at > n:
            return found
        found += 1
