"""Queries: how a service's numbers are asked of Datadog, by version. Pure; the answers are judged in `judgement`.

Templates have the fields `{environment}` and `{service}`; what stands in them comes from the catalogue.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.catalog import Target

FIELDS = ("{environment}", "{service}")


@dataclass(frozen=True, slots=True)
class NumberQueries:
    """Queries without a `by`: it is added, since every number is wanted by version."""

    requests: str = "sum:trace.http.request.hits{env:{environment},service:{service}}"
    """Requests, a count. The default names are those of Datadog APM's HTTP integrations."""
    errors: str = "sum:trace.http.request.errors{env:{environment},service:{service}}"
    """Failed ones among them, a count."""
    latency: str = "{quantile}:trace.http.request{env:{environment},service:{service}}"
    """Time taken, a distribution in seconds; `{quantile}` is p50, p95 and p99 in turn."""
    saturation: str = ""
    """How full it is, in per cent, lower is better; empty: not asked."""
    lag: timedelta = timedelta(seconds=60)
    """The newest part of the data that is not looked at: it is still coming in, and differs between versions."""


def filled(template: str, target: Target, quantile: str = "") -> str:
    """A template with its fields, asked by version. Nothing else in it is read: it is no format string."""
    query = template.replace("{environment}", target.environment).replace("{service}", target.service)
    return f"{query.replace('{quantile}', quantile)} by {{version}}"
