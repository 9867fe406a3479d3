"""Metric queries: `sum:trace.http.request.errors{env:stg,service:web} by {version}.as_count() / …`, over the clusters.

Used by `api_metrics`. Metrics are those that the monitors watch; tags are env, service and version. Pure but for the
clusters that it reads.
"""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.sandbox.datadog.meters import Meters
from bot.sandbox.datadog.scene import ERRORS, HITS, REQUESTS
from bot.sandbox.datadog.scope import BadScope, parse

METRICS = (HITS, ERRORS, REQUESTS)
AGGREGATES = ("avg", "sum", "min", "max", "p50", "p95", "p99", "count")
_QUERY = re.compile(
    r"(?P<aggregate>[a-z0-9]+):(?P<metric>[A-Za-z][\w.]*)\{(?P<scope>[^{}]*)\}"
    r"(?:\s*by\s*\{(?P<by>[^{}]*)\})?(?P<functions>(?:\.\w+\([^()]*\))*)"
)
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<sign>[-+*/()]))")

Points = list[float | None]
Groups = dict[tuple[str, ...], Points]


class BadQuery(ValueError):
    """A query that Datadog would refuse."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query, read."""

    text: str
    aggregate: str
    metric: str
    scope: str
    by: tuple[str, ...]
    is_rate: bool


def read(text: str) -> Query:
    """A single query; BadQuery."""
    match = _QUERY.fullmatch(text.strip())
    if match is None:
        raise BadQuery(f"Rule '{text}' is not a valid query")
    if match["aggregate"] not in AGGREGATES:
        raise BadQuery(f"unknown aggregation {match['aggregate']!r}")
    by = tuple(part.strip() for part in (match["by"] or "").split(",") if part.strip())
    scope = match["scope"].strip() or "*"
    try:
        parse(scope)
    except BadScope as err:
        raise BadQuery(str(err)) from None
    return Query(text.strip(), match["aggregate"], match["metric"], scope, by, ".as_rate()" in match["functions"])


def split(text: str) -> tuple[str, dict[str, Query]]:
    """An expression of queries, as a formula of names and what each name asks."""
    found: dict[str, Query] = {}

    def name(match: re.Match[str]) -> str:
        found[f"query{len(found)}"] = read(match[0])
        return f"query{len(found) - 1}"

    formula = _QUERY.sub(name, text)
    if not found:
        raise BadQuery(f"Rule '{text}' is not a valid query")
    return formula, found


def ask(meters: Meters, query: Query, edges: Sequence[float], now_s: float) -> Groups:
    """Points by group between neighbouring edges (Unix seconds); None where nothing was measured."""
    matches = parse(query.scope)
    groups: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}
    for env, app, version in meters.series():
        tags = {f"env:{env}", f"service:{app}", f"version:{version}"}
        if matches(tags):
            by_key = {"env": env, "service": app, "version": version}
            key = tuple(f"{tag}:{by_key.get(tag, 'N/A')}" for tag in query.by)
            groups.setdefault(key, []).append((env, app, version))
    return {
        key: [_measure(meters, query, members, begin_s, end_s, now_s) for begin_s, end_s in pairwise(edges)]
        for key, members in sorted(groups.items())
    }


def _measure(
    meters: Meters, query: Query, members: list[tuple[str, str, str]], begin_s: float, end_s: float, now_s: float
) -> float | None:
    if query.metric not in METRICS:
        return None
    seen = meters.together(members, begin_s, end_s, now_s)
    if not seen.requests:
        return None
    if query.metric == REQUESTS:
        quantile = {"p50": seen.p50_ms, "p95": seen.p95_ms, "p99": seen.p99_ms}.get(query.aggregate, seen.p50_ms)
        return None if quantile is None else quantile / 1000
    count = float(seen.requests if query.metric == HITS else seen.errors)
    return count / (end_s - begin_s) if query.is_rate else count


def evaluate(formula: str, named: Mapping[str, Groups], length: int) -> Groups:
    """A formula over groups of points: group by group, point by point; what is divided by nothing is None."""
    keys = sorted({key for groups in named.values() for key in groups})
    program = _Formula(formula, named.keys()).read()
    nothing: Points = [None] * length
    return {
        key: [
            program({name: groups.get(key, nothing)[index] for name, groups in named.items()})
            for index in range(length)
        ]
        for key in keys
    }


Program = Callable[[Mapping[str, float | None]], float | None]


class _Formula:
    """Recursive descent: `+` and `-` bind least, then `*` and `/`."""

    def __init__(self, text: str, names: Container[str]) -> None:
        self._rest: list[str] = []
        self._names = names
        at, text = 0, text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadQuery(f"unexpected {text[at:]!r} in formula")
            self._rest.append(match[0].strip())
            at = match.end()

    def read(self) -> Program:
        program = self._sum()
        if self._rest:
            raise BadQuery(f"unexpected {self._rest[0]!r} in formula")
        return program

    def _sum(self) -> Program:
        left = self._product()
        while self._rest and self._rest[0] in "+-":
            left = _joined(left, self._rest.pop(0), self._product())
        return left

    def _product(self) -> Program:
        left = self._atom()
        while self._rest and self._rest[0] in "*/":
            left = _joined(left, self._rest.pop(0), self._atom())
        return left

    def _atom(self) -> Program:
        word = self._rest.pop(0) if self._rest else ""
        if word == "(":
            inner = self._sum()
            if not self._rest or self._rest.pop(0) != ")":
                raise BadQuery("unbalanced parentheses in formula")
            return inner
        if word and word[0].isdigit():
            number = float(word)
            return lambda values: number
        if word in self._names:
            return lambda values: values[word]
        raise BadQuery(f"unknown query {word!r} in formula")


def _joined(left: Program, sign: str, right: Program) -> Program:
    def value(values: Mapping[str, float | None]) -> float | None:
        one, other = left(values), right(values)
        if one is None or other is None:
            return None
        match sign:
            case "+":
                return one + other
            case "-":
                return one - other
            case "*":
                return one * other
            case _:
                return None if other == 0 else one / other

    return value
