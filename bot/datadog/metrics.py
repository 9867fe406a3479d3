"""Metrics, asked as numbers and as series. Read by what judges a release or a canary; changes nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.datadog import reading
from bot.datadog.limits import Lane
from bot.datadog.wire import Wire


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a graph: times and values of one group, without the points that have no value."""

    group: tuple[str, ...]
    """Its tags: `service:web`."""
    points: tuple[tuple[datetime, float], ...]


class Metrics:
    """Asks queries in Datadog's own language: `sum:trace.http.request.errors{env:prd} by {service}.as_count()`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def scalar(
        self, query: str, *, start: datetime, end: datetime, aggregator: str = "avg", lane: Lane = Lane.LOOPS
    ) -> dict[tuple[str, ...], float]:
        """One number per group over a span, by the group's tags (`()` for a query without groups).

        Groups without a value are left out: no value is not zero. Raises OutsideError.
        """
        attributes = _attributes(query, start, end, {"aggregator": aggregator})
        body = {"data": {"type": "scalar_request", "attributes": attributes}}
        answer = await self._wire.ask("query_scalar_data", lane=lane, body=body)
        columns = [
            reading.mapping(each) for each in reading.items(reading.part(answer, "data", "attributes").get("columns"))
        ]
        groups = [each for each in columns if each.get("type") == "group"]
        values = next((reading.items(each.get("values")) for each in columns if each.get("type") == "number"), [])
        found: dict[tuple[str, ...], float] = {}
        for row, value in enumerate(values):
            told = _finite(value)
            if told is not None:
                found[tuple(_tag(column, row) for column in groups)] = told
        return found

    async def timeseries(
        self, query: str, *, start: datetime, end: datetime, lane: Lane = Lane.LOOPS
    ) -> tuple[Series, ...]:
        """The lines of a graph over a span, with the interval that Datadog chooses. Raises OutsideError."""
        body = {"data": {"type": "timeseries_request", "attributes": _attributes(query, start, end, {})}}
        told = reading.part(await self._wire.ask("query_timeseries_data", lane=lane, body=body), "data", "attributes")
        times = [
            datetime.fromtimestamp(stamp_ms / 1000, UTC)
            for stamp_ms in reading.items(told.get("times"))
            if isinstance(stamp_ms, int | float)
        ]
        lines = zip(reading.items(told.get("series")), reading.items(told.get("values")), strict=False)
        return tuple(
            Series(
                reading.texts(reading.mapping(line).get("group_tags")),
                tuple(
                    (at, value)
                    for at, raw in zip(times, reading.items(values), strict=False)
                    if (value := _finite(raw)) is not None
                ),
            )
            for line, values in lines
        )


def _attributes(query: str, start: datetime, end: datetime, more: dict[str, str]) -> dict[str, Any]:
    return {
        "_from": int(start.timestamp() * 1000),  # the client's spelling of `from`
        "to": int(end.timestamp() * 1000),
        "queries": [{"name": "asked", "data_source": "metrics", "query": query, **more}],
        "formulas": [{"formula": "asked"}],
    }


def _tag(column: Mapping[str, Any], row: int) -> str:
    """`service:web` of a column named `service`, whose values are lists of tags' values, or of whole tags."""
    values = reading.items(column.get("values"))
    told = reading.items(values[row]) if row < len(values) else []
    name, value = reading.text(column.get("name")), reading.text(told[0]) if told else ""
    return value if value.startswith(f"{name}:") else f"{name}:{value}"


def _finite(value: Any) -> float | None:
    told = reading.number(value)
    return told if told is not None and math.isfinite(told) else None
