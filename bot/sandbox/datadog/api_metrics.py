"""Calls that ask for metrics: `/api/v1/query`, `/api/v2/query/timeseries` and `/api/v2/query/scalar`.

Mounted by `service` on the main host.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from bot.sandbox.datadog import shape
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, read_json
from bot.sandbox.datadog.meters import LONGEST_S, Meters
from bot.sandbox.datadog.query import BadQuery, Groups, Query, ask, evaluate, read, split

MOST_POINTS = 150
AGGREGATORS: Mapping[str, Callable[[list[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "sum": sum,
    "min": min,
    "max": max,
    "last": lambda values: values[-1],
    "mean": lambda values: sum(values) / len(values),
    "l2norm": lambda values: sum(value * value for value in values) ** 0.5,
    "area": sum,
    "percentile": max,
}
_FORMULA = shape.record({"formula": shape.text(shortest=1)}, is_open=True)


def _request_shape(kind: str, query: shape.Check, **more: shape.Check) -> shape.Check:
    attributes = shape.record(
        {"from": shape.whole, "to": shape.whole, "queries": shape.listing(query, least=1)},
        {"formulas": shape.listing(_FORMULA), **more},
    )
    return shape.record({"data": shape.record({"type": shape.text(choices=(kind,)), "attributes": attributes})})


_SOURCE = {"data_source": shape.text(choices=("metrics",)), "query": shape.text(shortest=1)}
_TIMESERIES = _request_shape(
    "timeseries_request", shape.record(_SOURCE, {"name": shape.text(), "semantic_mode": shape.text()}),
    interval=shape.whole,
)  # fmt: skip
_SCALAR = _request_shape(
    "scalar_request",
    shape.record(
        _SOURCE | {"aggregator": shape.text(choices=tuple(AGGREGATORS))},
        {"name": shape.text(), "semantic_mode": shape.text()},
    ),
)


class MetricsApi:
    """Answers from the clusters' counters."""

    def __init__(self, meters: Meters, clock: Callable[[], float]) -> None:
        self._meters = meters
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/v1/query", "query_metrics", self._query),
            Endpoint("POST", "/api/v2/query/timeseries", "query_timeseries", self._timeseries),
            Endpoint("POST", "/api/v2/query/scalar", "query_scalar", self._scalar),
        ]

    async def _query(self, request: web.Request) -> web.Response:
        moments = []
        for name in ("from", "to"):
            given = request.query.get(name, "")
            if not (given.isascii() and given.isdecimal()):
                raise Refusal(400, f"Invalid value for {name!r}: {given!r}")
            moments.append(float(given))
        if "query" not in request.query:
            raise Refusal(400, "Missing required parameter: query")
        from_s, to_s = moments
        text = request.query["query"]
        edges = self._edges(from_s, to_s, None)
        try:
            formula, queries = split(text)
            groups = self._answer(formula, queries, edges)
        except BadQuery as err:
            raise Refusal(400, f"Error parsing query: {err}") from None
        first = next(iter(queries.values()))
        interval = int(edges[1] - edges[0])
        series = []
        for key, points in groups.items():
            told = [[at_s * 1000, value] for at_s, value in zip(edges, points, strict=False) if value is not None]
            if told:
                series.append(
                    {
                        "metric": first.metric, "display_name": first.metric, "aggr": first.aggregate,
                        "expression": text, "scope": ",".join(key) or first.scope, "tag_set": list(key),
                        "interval": interval, "length": len(told), "start": int(told[0][0] or 0),
                        "end": int(told[-1][0] or 0) + interval * 1000 - 1, "pointlist": told, "unit": None,
                        "query_index": 0, "attributes": {},
                    }
                )  # fmt: skip
        return web.json_response(
            {
                "status": "ok", "res_type": "time_series", "resp_version": 1, "query": text, "message": "",
                "from_date": int(from_s * 1000), "to_date": int(to_s * 1000), "group_by": list(first.by),
                "series": series, "values": [], "times": [],
            }
        )  # fmt: skip

    async def _timeseries(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _TIMESERIES))["data"]["attributes"]
        edges = self._edges(given["from"] / 1000, given["to"] / 1000, given.get("interval"))
        series: list[Json] = []
        values: list[list[float | None]] = []
        for index, (_, groups) in enumerate(self._formulas(given, edges)):
            for key, points in groups.items():
                series.append({"group_tags": list(key), "query_index": index, "unit": [None, None]})
                values.append(points)
        times = [int(at_s * 1000) for at_s in edges[:-1]]
        attributes = {"series": series, "times": times, "values": values}
        return web.json_response({"data": {"id": "0", "type": "timeseries_response", "attributes": attributes}})

    async def _scalar(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _SCALAR))["data"]["attributes"]
        edges = self._edges(given["from"] / 1000, given["to"] / 1000, None)
        named = {_name(query, index): query["aggregator"] for index, query in enumerate(given["queries"])}
        results = self._formulas(given, edges, named)
        keys = sorted({key for _, groups in results for key in groups})
        by = read(given["queries"][0]["query"]).by
        columns: list[Json] = [
            {"type": "group", "name": tag, "values": [[key[place].partition(":")[2]] for key in keys]}
            for place, tag in enumerate(by)
        ]
        for text, groups in results:
            numbers = [groups.get(key, [None])[0] for key in keys]
            columns.append({"type": "number", "name": text, "values": numbers, "meta": {"unit": [None, None]}})
        attributes = {"columns": columns}
        return web.json_response({"data": {"id": "0", "type": "scalar_response", "attributes": attributes}})

    def _formulas(
        self, given: Json, edges: list[float], reduced: Mapping[str, str] | None = None
    ) -> list[tuple[str, Groups]]:
        """Each formula's text and answer; without formulas, each query's. `reduced`: aggregators that make one value
        of each query's points before the formula is reckoned."""
        try:
            queries = {_name(query, index): read(query["query"]) for index, query in enumerate(given["queries"])}
            formulas = [each["formula"] for each in given.get("formulas") or []] or list(queries)
            return [(text, self._answer(text, queries, edges, reduced)) for text in formulas]
        except BadQuery as err:
            raise Refusal(400, f"Error parsing query: {err}") from None

    def _answer(
        self, formula: str, queries: Mapping[str, Query], edges: list[float], reduced: Mapping[str, str] | None = None
    ) -> Groups:
        now_s = self._clock()
        named = {name: ask(self._meters, query, edges, now_s) for name, query in queries.items()}
        if reduced is None:
            return evaluate(formula, named, len(edges) - 1)
        once: dict[str, Groups] = {}
        for name, groups in named.items():
            once[name] = {}
            for key, points in groups.items():
                found = [value for value in points if value is not None]
                once[name][key] = [AGGREGATORS[reduced[name]](found) if found else None]
        return evaluate(formula, once, 1)

    def _edges(self, from_s: float, to_s: float, interval_ms: int | None) -> list[float]:
        """Borders of the points; Refusal 400 for a span that is none."""
        if to_s <= from_s:
            raise Refusal(400, "'to' must be after 'from'")
        from_s = max(from_s, self._clock() - LONGEST_S, to_s - LONGEST_S)
        step_s = max(1.0, interval_ms / 1000 if interval_ms else 0.0, (to_s - from_s) // MOST_POINTS)
        count = max(1, int((to_s - from_s) // step_s))
        return [from_s + index * step_s for index in range(count + 1)]


def _name(query: Json, index: int) -> str:
    return str(query.get("name") or f"query{index}")
