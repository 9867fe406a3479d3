"""Reading monitors: which are in trouble, and one with all its groups."""

import json

import pytest

from bot.datadog.monitors import PAGE_SIZE, read_monitor
from bot.errors import NotFound, Unreachable
from bot.sandbox.datadog.monitors import Monitor
from bot.sandbox.datadog.service import HOSTS
from tests.datadog.world import World, told

LIST = f"{HOSTS['main']}/api/v1/monitor"


def more_monitors(world: World, count: int) -> None:
    for number in range(count):
        world.desk.datadog.add_monitor(
            Monitor(
                id=900_000 + number,
                key=f"more/{number}",
                name=f"More {number}",
                env="stg",
                measure=None,
                metric="system.load.1",
                query="avg(last_1m):avg:system.load.1{env:stg} > 1",
                critical=1.0,
                warning=None,
                message="Look.",
                tags=("env:stg",),
                priority=4,
                window_s=60.0,
                is_multi=False,
            )
        )


async def test_nothing_is_in_trouble_when_all_monitors_are_ok(world: World) -> None:
    assert await world.datadog().monitors.troubled() == ()


async def test_a_group_in_trouble_is_told_with_its_monitor(world: World) -> None:
    world.desk.datadog.fire("stg/latency", "service:web", 0.46)
    (sight,) = await world.datadog().monitors.troubled()
    assert sight.name == "p99 latency is high in stg"
    assert sight.priority == 3
    assert dict(sight.thresholds) == {"critical": 0.3, "warning": 0.2}
    assert "Runbook: https://runbooks.growlio.example/latency" in sight.message
    assert "topic:latency" in sight.tags
    assert "p99:" in sight.query
    (group,) = sight.groups
    assert (group.group, group.status, group.last_triggered) == ("service:web", "Alert", world.now)
    assert group.last_resolved is None


async def test_a_monitor_that_does_not_alert_by_tag_has_the_group_of_all(world: World) -> None:
    world.desk.datadog.fire("stg/traffic", state="No Data")
    (sight,) = await world.datadog().monitors.troubled()
    (group,) = sight.groups
    assert (group.group, group.status, group.last_nodata) == ("*", "No Data", world.now)


async def test_troubles_are_found_on_every_page(world: World) -> None:
    more_monitors(world, PAGE_SIZE)
    world.desk.datadog.fire("more/0")
    world.desk.datadog.fire("stg/traffic")
    found = {sight.name for sight in await world.datadog().monitors.troubled()}
    assert found == {"More 0", "No requests reach stg"}
    assert world.relay.count("GET", LIST) == 2


async def test_half_a_list_is_never_answered(world: World) -> None:
    more_monitors(world, PAGE_SIZE)
    world.desk.datadog.fire("more/0")
    world.relay.order("GET", LIST, world.relay.forward)
    world.relay.order("GET", LIST, told(502))
    with pytest.raises(Unreachable):
        await world.datadog().monitors.troubled()


async def test_one_monitor_is_told_with_all_its_groups_when_they_healed_too(world: World) -> None:
    datadog = world.datadog()
    world.desk.datadog.fire("stg/errors", "service:web")
    world.desk.datadog.fire("stg/errors", "service:admin")
    world.desk.datadog.resolve("stg/errors", "service:web")
    monitor = world.desk.datadog.board.find("stg/errors")
    sight = await datadog.monitors.one(monitor.id)
    groups = {group.group: group for group in sight.groups}
    assert groups["service:web"].status == "OK"
    assert groups["service:web"].last_resolved == world.now
    assert groups["service:admin"].status == "Alert"


async def test_a_monitor_that_was_deleted_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.datadog().monitors.one(1)


async def test_one_odd_monitor_hides_no_other(world: World) -> None:
    odd = [
        {"id": 1, "name": None, "options": "?", "tags": {"a": 1}, "state": {"groups": {"a:b": {"status": "Melted"}}}},
        {"name": "without an id", "state": {"groups": {"a:b": {"status": "Alert"}}}},
        "no monitor at all",
        {"id": 2, "name": "fine", "priority": None, "state": {"groups": {"*": {"status": "Alert", "name": "*"}}}},
    ]
    world.relay.order("GET", LIST, told(200, odd))
    first, second = await world.datadog().monitors.troubled()
    assert (first.monitor_id, first.groups[0].status, first.tags) == (1, "Melted", ())
    assert (second.name, second.priority) == ("fine", None)


@pytest.mark.parametrize("stamp", [10**30, -(10**30), "soon", [], True, 0])
def test_a_moment_that_can_not_be_is_none(stamp: object) -> None:
    sight = read_monitor(json.loads(json.dumps({"id": 1, "state": {"groups": {"*": {"last_triggered_ts": stamp}}}})))
    assert sight is not None
    assert sight.groups[0].last_triggered is None


async def test_the_page_of_a_monitor_is_the_sites(world: World) -> None:
    assert world.datadog().monitor_url(7) == "https://app.datadoghq.com/monitors/7"
    assert world.datadog(site="us3.datadoghq.com").monitor_url(7) == "https://us3.datadoghq.com/monitors/7"
