"""The numbers of a canary: requests, errors and latencies of both versions since it began, from Datadog.

Called by the canary's part of the release loop at each look. What can't be asked is absent, and absent is never a pass.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import structlog

from bot.context import Context
from bot.datadog.metrics import Series
from bot.domain.canary.judgement import Level, Rate
from bot.domain.canary.queries import filled
from bot.domain.release import Release
from bot.errors import OutsideError

log = structlog.get_logger()
TIMEOUT_S = 20.0
QUANTILES = ("p50", "p95", "p99")
MS_PER_S = 1000.0


async def numbers(ctx: Context, release: Release, now: datetime) -> tuple[Rate | Level, ...]:
    """Old and new side by side; empty without Datadog, or when it does not answer in time."""
    if ctx.datadog is None or not ctx.datadog.has_app_key or release.started_at is None:
        return ()
    start, end = release.started_at, now - ctx.numbers.lag
    if end <= start:
        return ()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _asked(ctx, release, start, end)
    except (OutsideError, TimeoutError) as error:
        log.warning("canary.numbers", release=release.id, error=str(error) or type(error).__name__)
        return ()


async def _asked(ctx: Context, release: Release, start: datetime, end: datetime) -> tuple[Rate | Level, ...]:
    assert ctx.datadog is not None
    plan, queries, metrics = release.plan, ctx.numbers, ctx.datadog.metrics
    new, old = f"version:{plan.to_version}", f"version:{plan.from_version}"
    counted = []
    for template in (queries.requests, queries.errors):
        query = filled(template, plan.target) + ".as_count()"
        counted.append(await metrics.scalar(query, start=start, end=end, aggregator="sum"))
    hits, errors = counted
    found: list[Rate | Level] = [
        Rate("errors", *(round(_of(each, tag)) for tag in (new, old) for each in (errors, hits)))
    ]
    canary = ctx.catalog.services[plan.target.service].canary
    budget_ms = canary.p99_budget_ms if canary is not None else None
    for quantile in QUANTILES:
        series = await metrics.timeseries(filled(queries.latency, plan.target, quantile), start=start, end=end)
        limit = budget_ms if quantile == "p99" else None
        found.append(_level(quantile, "ms", series, new, old, MS_PER_S, limit))
    if queries.saturation:
        series = await metrics.timeseries(filled(queries.saturation, plan.target), start=start, end=end)
        found.append(_level("saturation", "%", series, new, old, 1.0, None))
    for name, template in canary.queries if canary is not None else ():
        series = await metrics.timeseries(filled(template, plan.target), start=start, end=end)
        found.append(_level(name, "", series, new, old, 1.0, None))
    return tuple(found)


def _of(groups: Mapping[tuple[str, ...], float], tag: str) -> float:
    """The number of one version; 0 where it has none: nothing was counted."""
    return sum(value for group, value in groups.items() if tag in group)


def _level(
    name: str, unit: str, series: tuple[Series, ...], new: str, old: str, factor: float, budget: float | None
) -> Level:
    """Both versions in the slices of time that Datadog chose, paired by when they begin."""
    lines = {tag: dict(line.points) for line in series for tag in line.group}
    times = sorted({at for tag in (new, old) for at in lines.get(tag, {})})
    points = tuple(
        (_scaled(lines.get(new, {}).get(at), factor), _scaled(lines.get(old, {}).get(at), factor)) for at in times
    )
    return Level(name, unit, points, tuple(times), budget)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
