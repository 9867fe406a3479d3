"""Counters of one version behind one Kubernetes Service: requests, errors, and how long answers took. Pure.

Latencies are log-normal around a median, so a slot keeps a few numbers instead of a list of requests.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

SPREAD = 0.35  # of the logarithm of a latency: p95 is 1.8 and p99 2.3 times the median
REMEMBERED_S = 900
_STEP = 0.02  # medians nearer than this (in logarithms) count as one
_WIDTH = SPREAD * math.sqrt(2)


@dataclass(slots=True)
class Slot:
    """One second."""

    second: int
    requests: int = 0
    errors: int = 0
    medians: Counter[int] = field(default_factory=Counter)  # requests by logarithm of their median, in steps


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in the last seconds; latencies are in milliseconds, None when nothing was asked."""

    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(slots=True)
class Counts:
    """Since the start of the cluster, and second by second for a while."""

    requests: int = 0
    errors: int = 0
    slots: deque[Slot] = field(default_factory=lambda: deque(maxlen=REMEMBERED_S))
    _owed: float = 0.0  # parts of a request that were too small to count
    _owed_errors: float = 0.0

    def add(self, now_s: float, expected: float, error_share: float, median_ms: float) -> None:
        """Count the requests of a moment; fractions are kept for the next."""
        self._owed += expected
        asked = int(self._owed)
        if not asked:
            return
        self._owed -= asked
        self._owed_errors += asked * error_share
        failed = min(asked, int(self._owed_errors + 1e-9))
        self._owed_errors = max(0.0, self._owed_errors - failed)
        second = int(now_s)
        if not self.slots or self.slots[-1].second != second:
            self.slots.append(Slot(second))
        slot = self.slots[-1]
        slot.requests += asked
        slot.errors += failed
        slot.medians[round(math.log(median_ms) / _STEP)] += asked
        self.requests += asked
        self.errors += failed

    def window(self, now_s: float, length_s: float) -> Window:
        """The last `length_s` seconds."""
        return together([self], now_s - length_s, now_s)


def together(counts: Iterable[Counts], from_s: float, to_s: float) -> Window:
    """What several counters saw between two moments of the steady clock, as one."""
    chosen = [slot for each in counts for slot in each.slots if from_s <= slot.second <= to_s]
    requests = sum(slot.requests for slot in chosen)
    if not requests:
        return Window(0, 0, None, None, None)
    weights: Counter[int] = Counter()
    for slot in chosen:
        weights.update(slot.medians)
    p50, p95, p99 = (_quantile(weights, requests, share) for share in (0.5, 0.95, 0.99))
    return Window(requests, sum(slot.errors for slot in chosen), p50, p95, p99)


def _quantile(weights: Counter[int], total: int, share: float) -> float:
    """The latency below which `share` of a mixture lies, by halving."""
    low, high = min(weights) * _STEP - 5 * SPREAD, max(weights) * _STEP + 5 * SPREAD
    for _ in range(30):
        middle = (low + high) / 2
        below = sum(n * (1 + math.erf((middle - mu * _STEP) / _WIDTH)) / 2 for mu, n in weights.items())
        if below < share * total:
            low = middle
        else:
            high = middle
    return round(math.exp((low + high) / 2), 2)
