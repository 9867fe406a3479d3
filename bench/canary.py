"""`python -m bench.canary`: how often the judgement cries wolf, and how often it catches a slow version in time.

Simulates canaries in memory: old and new versions at 50 requests a second together, in steps of 10, 25 and 50 %, each
watched ten minutes and judged twice; latencies are log-normal, errors are rare, and both versions
share the ups and downs of the day. Usage: python -m bench.canary [--canaries 1000] [--seed 1].
"""

import argparse
import math
import random
import sys
from dataclasses import dataclass

from bot.domain.canary.judgement import Level, Rate, Rules, Verdict, judge

STEPS = (10, 25, 50)
STEP_S, LOOKS_PER_STEP, SLICE_S = 600, 2, 20
REQUESTS_PER_S = 50.0
MEDIAN_MS, SPREAD, ERROR_SHARE = 120.0, 0.5, 0.004
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
Z = {"p50": 0.0, "p95": 1.6449, "p99": 2.3263}
MOST_EQUAL_STOPPED, FEWEST_SLOW_CAUGHT = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class Course:
    """How one simulated canary went."""

    worse_at: int | None
    """The share at which it was called worse; None: never."""
    good: bool
    """Whether it was called good at its last look."""


def simulate(chance: random.Random, *, p99_factor: float) -> Course:
    """One canary, look by look, until it is called worse."""
    rules = Rules(looks=len(STEPS) * LOOKS_PER_STEP)
    points: dict[str, list[tuple[float | None, float | None]]] = {name: [] for name in QUANTILES}
    counts = [0, 0, 0, 0]
    verdict = Verdict.UNCLEAR
    for share in STEPS:
        for _look in range(LOOKS_PER_STEP):
            for _slice in range(STEP_S // LOOKS_PER_STEP // SLICE_S):
                day = math.exp(chance.gauss(0, 0.1))
                new_n = _requests(chance, REQUESTS_PER_S * SLICE_S * share / 100)
                old_n = _requests(chance, REQUESTS_PER_S * SLICE_S * (100 - share) / 100)
                for name in QUANTILES:
                    factor = p99_factor if name == "p99" else 1.0
                    new, old = (_quantile(chance, name, n) for n in (new_n, old_n))
                    points[name].append((day * factor * new if new else None, day * old if old else None))
                for place, n in ((0, new_n), (2, old_n)):
                    counts[place] += _requests(chance, n * ERROR_SHARE)
                    counts[place + 1] += n
            levels = [Level(name, "ms", tuple(found)) for name, found in points.items()]
            verdict = judge([Rate("errors", *counts), *levels], rules).verdict
            if verdict is Verdict.WORSE:
                return Course(share, False)
    return Course(None, verdict is Verdict.GOOD)


def _requests(chance: random.Random, mean: float) -> int:
    """A Poisson number, by its normal approximation where that is good."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def _quantile(chance: random.Random, name: str, requests: int) -> float | None:
    """A quantile of so many log-normal latencies, in milliseconds, as it would be measured: with its sampling error."""
    if requests < 1:
        return None
    q, z = QUANTILES[name], Z[name]
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    error = SPREAD * math.sqrt(q * (1 - q) / requests) / density
    return MEDIAN_MS * math.exp(SPREAD * z + chance.gauss(0, error))


def main() -> int:
    """Run and print; exit code 1 when an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.canary", description=__doc__)
    parser.add_argument("--canaries", type=int, default=1000, help="of each sort (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return 0 if measure(given.canaries, given.seed) else 1


def measure(canaries: int = 1000, seed: int = 1) -> bool:
    """Simulate so many of each sort and print; whether both aims were met."""
    chance = random.Random(seed)
    equal = [simulate(chance, p99_factor=1.0) for _ in range(canaries)]
    slow = [simulate(chance, p99_factor=1.2) for _ in range(canaries)]
    stopped = sum(1 for each in equal if each.worse_at is not None) / len(equal)
    passed = sum(1 for each in equal if each.good) / len(equal)
    caught = sum(1 for each in slow if each.worse_at is not None and each.worse_at < STEPS[-1]) / len(slow)
    print(f"\n{canaries} simulated canaries of each sort, {REQUESTS_PER_S:g} requests/s, steps {STEPS}, seed {seed}")
    print(f"  equal, called worse                {stopped:7.1%}   aim: at most {MOST_EQUAL_STOPPED:.0%}")
    print(f"  equal, called good at the end      {passed:7.1%}")
    print(f"  p99 +20 %, caught before {STEPS[-1]} %      {caught:7.1%}   aim: at least {FEWEST_SLOW_CAUGHT:.0%}")
    return stopped <= MOST_EQUAL_STOPPED and caught >= FEWEST_SLOW_CAUGHT


if __name__ == "__main__":
    sys.exit(main())
