"""Metrics, asked as numbers and as series."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.datadog.metrics import Series
from bot.errors import Refused
from bot.sandbox.datadog.service import HOSTS
from tests.datadog.world import World, told

QUERY = "sum:trace.http.request.errors{env:stg} by {service}.as_count()"
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SCALAR = f"{HOSTS['main']}/api/v2/query/scalar"
TIMESERIES = f"{HOSTS['main']}/api/v2/query/timeseries"


def scalar(*columns: dict[str, object]) -> dict[str, object]:
    return {"data": {"type": "scalar_response", "attributes": {"columns": list(columns)}}}


async def test_a_number_is_told_for_each_group(world: World) -> None:
    answer = scalar(
        {"name": "service", "type": "group", "values": [["web"], ["admin"], ["idle"]]},
        {"name": "asked", "type": "number", "values": [0.5, 12, None], "meta": {"unit": None}},
    )
    world.relay.order("POST", SCALAR, told(200, answer))
    got = await world.datadog().metrics.scalar(QUERY, start=START, end=START + timedelta(minutes=5))
    assert got == {("service:web",): 0.5, ("service:admin",): 12.0}


async def test_a_query_without_groups_has_one_number(world: World) -> None:
    world.relay.order("POST", SCALAR, told(200, scalar({"name": "asked", "type": "number", "values": [3]})))
    got = await world.datadog().metrics.scalar(QUERY, start=START, end=START + timedelta(minutes=5))
    assert got == {(): 3.0}


async def test_no_value_is_not_zero(world: World) -> None:
    world.relay.order("POST", SCALAR, told(200, scalar()))
    assert await world.datadog().metrics.scalar(QUERY, start=START, end=START + timedelta(minutes=5)) == {}


async def test_a_series_leaves_out_the_points_without_a_value(world: World) -> None:
    stamps = [START + timedelta(seconds=20 * number) for number in range(3)]
    attributes = {
        "series": [{"group_tags": ["service:web"], "query_index": 0}],
        "times": [int(each.timestamp() * 1000) for each in stamps],
        "values": [[1.0, None, 3]],
    }
    world.relay.order("POST", TIMESERIES, told(200, {"data": {"attributes": attributes}}))
    got = await world.datadog().metrics.timeseries(QUERY, start=START, end=stamps[-1])
    assert got == (Series(("service:web",), ((stamps[0], 1.0), (stamps[2], 3.0))),)


async def test_the_sandbox_answers_what_is_asked(world: World) -> None:
    metrics = world.datadog().metrics
    assert await metrics.scalar(QUERY, start=world.later(-5), end=world.now) == {}
    assert await metrics.timeseries(QUERY, start=world.later(-5), end=world.now) == ()


async def test_a_query_that_datadog_can_not_read_is_refused_in_its_words(world: World) -> None:
    with pytest.raises(Refused, match=r"refuses reading metrics \(400\)"):
        await world.datadog().metrics.scalar("((", start=world.later(-5), end=world.now)
