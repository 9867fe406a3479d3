"""Judgement: is the new version worse than the old one, as good, or is it too early to tell? Pure.

Called by the canary loop at each look with what Datadog answered; drawn on the canary's card. "Cannot tell" is never a
pass. The looks of a canary and the numbers of each look all could cry wolf, so they share one chance of it (`Rules.
alpha`, Bonferroni's rule): of equal versions at most that share is ever called worse. docs/reference says it to users.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.canary.statistics import rate_p_value, signed_rank_p_value

GREY = 0.2
"""A p-value below this, yet not low enough for "worse", is a suspicion: more data must lift it before it is a pass."""
MOST_DRAWN = 20
"""Slices in a graph: Slack draws no more."""
PLAINLY_WORSE = "worse"
"""What a finding says whose two numbers say the rest."""


class Verdict(StrEnum):
    """What the numbers say of the new version."""

    GOOD = "good"
    """Better or equal, with enough data to say so."""
    WORSE = "worse"
    UNCLEAR = "unclear"
    """Cannot tell yet."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Events among requests since the canary began, of both versions: errors, timeouts."""

    name: str
    new_events: int
    new_total: int
    old_events: int
    old_total: int

    @property
    def new(self) -> float | None:
        """Per cent of the new version's requests; None without requests."""
        return 100.0 * self.new_events / self.new_total if self.new_total else None

    @property
    def old(self) -> float | None:
        """Per cent of the old version's requests; None without requests."""
        return 100.0 * self.old_events / self.old_total if self.old_total else None


@dataclass(frozen=True, slots=True)
class Level:
    """A number that is better when lower, in equal slices of time, of both versions: a latency, a saturation."""

    name: str
    unit: str
    """`ms`, `%` or empty."""
    points: tuple[tuple[float | None, float | None], ...]
    """(new, old) of each slice; None where Datadog had nothing."""
    times: tuple[datetime, ...] = ()
    """When each slice began, for who draws it; empty where nobody does."""
    budget: float | None = None
    """The most the service allows, in `unit`; None: only the comparison counts."""

    @property
    def valid(self) -> tuple[tuple[float, float], ...]:
        """Slices in which both versions were measured."""
        return tuple(
            (new, old)
            for new, old in self.points
            if new is not None and old is not None and math.isfinite(new) and math.isfinite(old)
        )

    @property
    def new(self) -> float | None:
        """Median over the slices."""
        return _median([new for new, _ in self.valid])

    @property
    def old(self) -> float | None:
        """Median over the slices."""
        return _median([old for _, old in self.valid])


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict the judgement is."""

    looks: int
    """How often the whole canary is looked at, at most."""
    alpha: float = 0.05
    """Share of equal versions that may be called worse, over all looks and numbers of a canary."""
    minimum_requests: int = 100
    """Of each version; fewer can't tell."""
    minimum_points: int = 5
    """Slices in which both versions were measured; fewer can't tell."""
    tolerated_ratio: float = 1.05
    """A level that is 5 % higher is not worth stopping a release for."""
    tolerated_points: float = 0.1
    """Nor is a rate that is a tenth of a per cent point higher."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one number."""

    name: str
    verdict: Verdict
    new: float | None
    old: float | None
    unit: str
    text: str
    """Why, in a few plain words: "equal", "worse", "too few requests (34 of 100)"."""


@dataclass(frozen=True, slots=True)
class GraphPoint:
    """A slice of time: when it began, and the number of both versions; None where nothing was measured."""

    at: datetime
    new: float | None
    old: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a canary at one look. Worst first: one worse number is enough, one unclear number holds it up."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    graph: tuple[GraphPoint, ...] = ()
    graph_of: str = ""


def judge(readings: Sequence[Rate | Level], rules: Rules, signs: Sequence[Finding] = ()) -> Judgement:
    """Compare new with old. `signs` are what is not measured but seen: crashes of the canary, firing monitors.

    Without any reading there is nothing to tell by: unclear.
    """
    bound = rules.alpha / max(1, rules.looks * len(readings))
    findings = [_of_rate(r, rules, bound) if isinstance(r, Rate) else _of_level(r, rules, bound) for r in readings]
    verdicts = {finding.verdict for finding in (*findings, *signs)}
    if Verdict.WORSE in verdicts:
        verdict = Verdict.WORSE
    elif Verdict.UNCLEAR in verdicts or not readings:
        verdict = Verdict.UNCLEAR
    else:
        verdict = Verdict.GOOD
    drawn = next((reading for reading in reversed(readings) if isinstance(reading, Level) and reading.times), None)
    return Judgement(verdict, (*signs, *findings), _graph(drawn), f"{drawn.name}, {drawn.unit}" if drawn else "")


def _graph(level: Level | None) -> tuple[GraphPoint, ...]:
    if level is None:
        return ()
    points = (GraphPoint(at, new, old) for at, (new, old) in zip(level.times, level.points, strict=False))
    return tuple(points)[-MOST_DRAWN:]


def points_needed(rules: Rules, readings: int) -> int:
    """Slices without which no level can be called worse, however much higher it is."""
    return max(rules.minimum_points, math.ceil(-math.log2(rules.alpha / max(1, rules.looks * readings))))


def _of_rate(rate: Rate, rules: Rules, bound: float) -> Finding:
    def say(verdict: Verdict, text: str) -> Finding:
        return Finding(rate.name, verdict, rate.new, rate.old, "%", text)

    fewest = min(rate.new_total, rate.old_total)
    p_value = rate_p_value(rate.new_events, rate.new_total, rate.old_events, rate.old_total)
    higher = (rate.new or 0.0) - (rate.old or 0.0) > rules.tolerated_points
    if higher and fewest > 0 and p_value <= bound:
        return say(Verdict.WORSE, PLAINLY_WORSE)
    if fewest < rules.minimum_requests:
        return say(Verdict.UNCLEAR, f"too few requests ({fewest} of {rules.minimum_requests})")
    if higher and p_value <= GREY:
        return say(Verdict.UNCLEAR, "perhaps worse")
    return say(Verdict.GOOD, _good_words(rate.new, rate.old))


def _of_level(level: Level, rules: Rules, bound: float) -> Finding:
    def say(verdict: Verdict, text: str) -> Finding:
        return Finding(level.name, verdict, level.new, level.old, level.unit, text)

    pairs = level.valid
    over = _over_budget(level)
    if over is not None and over <= bound:
        return say(Verdict.WORSE, f"over its budget of {level.budget:g} {level.unit}".rstrip())
    p_value = _higher(pairs, rules.tolerated_ratio)
    if p_value <= bound:
        return say(Verdict.WORSE, PLAINLY_WORSE)
    if len(pairs) < rules.minimum_points:
        return say(Verdict.UNCLEAR, f"too few measurements ({len(pairs)} of {rules.minimum_points})")
    if min(p_value, 1.0 if over is None else over) <= GREY:
        return say(Verdict.UNCLEAR, "perhaps worse")
    return say(Verdict.GOOD, _good_words(level.new, level.old))


def _higher(pairs: Sequence[tuple[float, float]], tolerated_ratio: float) -> float:
    """p-value of new being more than `tolerated_ratio` times old, slice by slice; logarithms make ratios symmetric."""
    shift = math.log(tolerated_ratio)
    return signed_rank_p_value([math.log(new / old) - shift for new, old in pairs if new > 0 and old > 0])


def _over_budget(level: Level) -> float | None:
    """p-value of the new version breaking a budget that the old one keeps; None when that is not the question."""
    new, old, budget = level.new, level.old, level.budget
    if budget is None or new is None or old is None or old > budget or new <= budget:
        return None
    return signed_rank_p_value([value - budget for value, _ in level.valid])


def _good_words(new: float | None, old: float | None) -> str:
    return "better" if new is not None and old is not None and new < 0.9 * old else "equal"


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
