"""The keys of canaries: a service's steps and rules, and how its numbers are asked of Datadog.

Called by bot.settings.sections and bot.settings.load.
"""

import re
from datetime import timedelta

from bot.domain.canary.queries import NumberQueries
from bot.domain.canary.scheme import Driver
from bot.domain.catalog import CanaryPlan
from bot.settings import forms
from bot.settings.forms import BadForm
from bot.settings.section import Section

EXAMPLE = "avg:jvm.heap_memory{env:{environment},service:{service}}"
_QUERY = re.compile(r"\S.{2,999}\}")
_NAME_LENGTH = 40
LONGEST_LAG = timedelta(minutes=15)


def read_canary(section: Section) -> CanaryPlan | None:
    """`services.NAME.canary`; None when it is absent."""
    steps = section.numbers("steps", 1, 99)
    interval = section.optional("interval", forms.duration, timedelta(minutes=10))
    if section.present and not section.has("steps"):
        section.faults.add(section.line, section.key("steps"), "is missing", "write percents: steps: [10, 25, 50]")
    plan = CanaryPlan(
        steps,
        interval,
        driver=section.choice("driver", [each.value for each in Driver], ""),
        aborts_when_worse=section.choice("when_worse", ["ask", "abort"], "ask") == "abort",
        minimum_requests=section.number("minimum_requests", 1, 1_000_000, default=100),
        p99_budget_ms=float(section.number("p99_budget_ms", 1, 600_000, default=0)) or None,
        queries=_queries(section),
    )
    section.close()
    return plan if section.present else None


def _queries(section: Section) -> tuple[tuple[str, str], ...]:
    found = []
    for each in section.children("queries"):
        name = each.required("name", _name, "", "write how it is called on the card: name: heap")
        query = each.required("query", metric_query, "", f'write a metric query: query: "{EXAMPLE}"')
        each.close()
        found.append((name, query))
    return tuple(found)


def read_numbers(section: Section) -> NumberQueries:
    """`datadog.numbers`; what is left out keeps the names of Datadog APM."""
    plain = NumberQueries()
    numbers = NumberQueries(
        requests=section.optional("requests", metric_query, plain.requests),
        errors=section.optional("errors", metric_query, plain.errors),
        latency=section.optional("latency", _latency, plain.latency),
        saturation=section.optional("saturation", metric_query, plain.saturation),
        lag=section.optional("lag", _lag, plain.lag),
    )
    section.close()
    return numbers


def metric_query(text: str) -> str:
    """A metric query that ends with its scope; `by {version}` and functions are added to it."""
    if not _QUERY.fullmatch(text.strip()) or " by " in text:
        raise BadForm(f'write a metric query that ends with its scope, without `by`: "{EXAMPLE}"')
    return text.strip()


def _latency(text: str) -> str:
    if "{quantile}" not in text:
        raise BadForm('write {quantile} where p50, p95 and p99 go: "{quantile}:trace.http.request{env:{environment}}"')
    return metric_query(text)


def _lag(text: str) -> timedelta:
    if text.strip() == "0s":
        return timedelta(0)
    lag = forms.duration(text)
    if lag > LONGEST_LAG:
        raise BadForm("write how long Datadog's newest data is not looked at, 15m at most: `60s`")
    return lag


def _name(text: str) -> str:
    if not text.strip() or len(text) > _NAME_LENGTH or not text.isprintable():
        raise BadForm(f"write one line of at most {_NAME_LENGTH} characters")
    return text.strip()
