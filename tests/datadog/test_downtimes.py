"""Muting one group of a monitor: found before it is made, with an end, lifted again."""

import asyncio
import json

import pytest
from aiohttp import web

from bot.datadog.downtimes import Downtime
from bot.datadog.scope import scope_of
from bot.errors import NotFound, Refused, TooBusy, Unreachable
from bot.sandbox.datadog.service import HOSTS
from tests.datadog.world import World, told

DOWNTIME = f"{HOSTS['main']}/api/v2/downtime"
KEY = "01K8ALERT"


@pytest.fixture
def monitor_id(world: World) -> int:
    return world.desk.datadog.board.find("stg/latency").id


async def mute(world: World, monitor_id: int, minutes: float = 30, key: str = KEY) -> Downtime:
    return await world.datadog().downtimes.mute(
        monitor_id, "service:web", until=world.later(minutes), alert_key=key, words="Muted by alice: known, @oncall"
    )


async def test_a_mute_quiets_the_group_and_no_other(world: World, monitor_id: int) -> None:
    await mute(world, monitor_id)
    world.desk.datadog.fire("stg/latency", "service:web")
    world.desk.datadog.fire("stg/latency", "service:admin")
    assert [note.group for note in world.desk.datadog.told] == ["service:admin"]


async def test_the_end_is_the_one_that_datadog_answers(world: World, monitor_id: int) -> None:
    made = await mute(world, monitor_id, 30)
    assert made.end == world.later(30)
    assert made.alert_key == KEY
    assert made.monitor_id == monitor_id
    assert made.scope == "service:web"


async def test_words_of_people_notify_nobody_in_datadog(world: World, monitor_id: int) -> None:
    made = await mute(world, monitor_id)
    assert "Muted by alice" in made.message
    assert "@" not in made.message


async def test_a_group_is_muted_by_what_its_monitor_groups_by_whatever_else_a_webhook_told(
    world: World, monitor_id: int
) -> None:
    world.desk.datadog.fire("stg/latency", "service:web")
    world.desk.datadog.fire("stg/latency", "service:web-admin")
    made = await world.datadog().downtimes.mute(
        monitor_id, "env:stg,service:web,team:platform", until=world.later(30), alert_key=KEY, words="Muted"
    )
    assert made.scope == "service:web"


async def test_a_monitor_that_does_not_alert_by_tag_is_muted_whole(world: World) -> None:
    world.desk.datadog.fire("stg/traffic")
    monitor = world.desk.datadog.board.find("stg/traffic")
    made = await world.datadog().downtimes.mute(
        monitor.id, "env:stg", until=world.later(30), alert_key=KEY, words="Muted"
    )
    assert made.scope == "*"


async def test_muting_twice_makes_one_downtime(world: World, monitor_id: int) -> None:
    first, second = await mute(world, monitor_id), await mute(world, monitor_id)
    assert first.id == second.id
    assert len(world.desk.datadog.muted()) == 1


async def test_a_longer_mute_moves_the_end(world: World, monitor_id: int) -> None:
    first, second = await mute(world, monitor_id, 30), await mute(world, monitor_id, 240)
    assert first.id == second.id
    assert second.end == world.later(240)
    (standing,) = world.desk.datadog.muted()
    assert standing.end == world.later(240)


async def test_mutes_of_two_alerts_are_two(world: World, monitor_id: int) -> None:
    await mute(world, monitor_id)
    await mute(world, monitor_id, key="01K8OTHER")
    assert len(world.desk.datadog.muted()) == 2


async def test_an_answer_that_is_lost_makes_no_second_downtime(world: World, monitor_id: int) -> None:
    world.relay.order("POST", DOWNTIME, world.relay.lose_answer)
    made = await mute(world, monitor_id)
    assert world.relay.count("POST", DOWNTIME) == 1
    assert [each.id for each in world.desk.datadog.muted()] == [made.id]
    assert (await mute(world, monitor_id)).id == made.id


async def test_a_mute_that_nobody_can_confirm_is_said_to_be_uncertain(world: World, monitor_id: int) -> None:
    world.relay.order("POST", DOWNTIME, told(503))
    with pytest.raises(Unreachable, match="so setting the mute is uncertain"):
        await mute(world, monitor_id)
    assert world.desk.datadog.muted() == []
    assert (await mute(world, monitor_id)).end == world.later(30)


async def test_what_is_uncertain_is_the_mute_even_when_nobody_can_look(world: World, monitor_id: int) -> None:
    world.relay.order("GET", DOWNTIME, world.relay.forward)
    world.relay.order("POST", DOWNTIME, told(503))
    world.relay.order("GET", DOWNTIME, told(429, None, X_RateLimit_Reset="3600"))
    with pytest.raises(Unreachable, match="so setting the mute is uncertain"):
        await mute(world, monitor_id)


async def test_a_mute_that_was_limited_was_surely_not_set(world: World, monitor_id: int) -> None:
    world.relay.order("POST", DOWNTIME, told(429, {"errors": ["Rate limit"]}, X_RateLimit_Reset="3600"))
    with pytest.raises(TooBusy) as error:
        await mute(world, monitor_id)
    assert error.value.retry_after_s == 3600
    assert world.relay.count("POST", DOWNTIME) == 1


async def test_the_mute_as_a_whole_ends_in_time(world: World, monitor_id: int) -> None:
    datadog = world.datadog()
    datadog.wire.act_s = 0.5
    world.relay.order("GET", DOWNTIME, world.relay.hold)
    with pytest.raises(Unreachable, match=r"no answer within 0\.5 s to setting the mute"):
        await datadog.downtimes.mute(monitor_id, "*", until=world.later(1), alert_key=KEY, words="Muted")


async def test_unmuting_lifts_our_own_downtimes_alone(world: World, monitor_id: int) -> None:
    datadog = world.datadog()
    await mute(world, monitor_id)
    await mute(world, monitor_id, key="01K8OTHER")
    assert await datadog.downtimes.unmute(monitor_id, alert_key=KEY) == 1
    (left,) = await datadog.downtimes.own()
    assert left.alert_key == "01K8OTHER"
    assert await datadog.downtimes.unmute(monitor_id, alert_key=KEY) == 0


async def test_a_downtime_that_somebody_else_lifted_counts_as_lifted(world: World, monitor_id: int) -> None:
    await mute(world, monitor_id)
    world.relay.order("DELETE", DOWNTIME, told(404, {"errors": ["Downtime not found"]}))
    assert await world.datadog().downtimes.unmute(monitor_id, alert_key=KEY) == 1


async def test_own_downtimes_are_found_among_more_than_a_page_of_others(world: World, monitor_id: int) -> None:
    made = await mute(world, monitor_id)
    world.desk.now_s += 1
    datadog = world.datadog()
    await asyncio.gather(*(mute(world, monitor_id, key=f"01K8{number}") for number in range(4)))
    for number in range(120):
        body = {
            "data": {
                "type": "downtime",
                "attributes": {"scope": "env:stg", "monitor_identifier": {"monitor_tags": [f"n:{number}"]}},
            }
        }
        status, _ = await world.desk.ask("POST", "/api/v2/downtime", json=body)
        assert status == 200
    assert (await datadog.downtimes.mute(
        monitor_id, "service:web", until=world.later(30), alert_key=KEY, words="Muted"
    )).id == made.id  # fmt: skip


async def test_downtimes_are_found_where_a_page_is_shorter_than_was_asked(world: World, monitor_id: int) -> None:
    made = [await mute(world, monitor_id, key=f"01K8{number}") for number in range(3)]

    async def short(request: web.Request) -> web.StreamResponse:
        full = await world.relay.forward(request)
        answer = json.loads(full.body)  # type: ignore[arg-type]
        return web.json_response(answer | {"data": answer["data"][:1]})

    for _ in made:
        world.relay.order("GET", DOWNTIME, short)
    assert {each.id for each in await world.datadog().downtimes.own()} == {each.id for each in made}


async def test_a_monitors_downtimes_are_listed_whoever_set_them(world: World, monitor_id: int) -> None:
    world.desk.datadog.fire("stg/latency", "service:web")
    made = await mute(world, monitor_id)
    (found,) = await world.datadog().downtimes.of_monitor(monitor_id)
    assert (found.id, found.end, found.scope) == (made.id, made.end, "service:web")


async def test_a_group_that_no_scope_can_hold_is_not_muted_wider(world: World, monitor_id: int) -> None:
    with pytest.raises(Refused, match="has no scope for the group"):
        await world.datadog().downtimes.mute(
            monitor_id, "just words", until=world.later(1), alert_key=KEY, words="Muted"
        )
    assert world.desk.datadog.muted() == []


async def test_a_mute_of_a_monitor_that_is_gone_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await mute(world, 1)


@pytest.mark.parametrize(
    ("group", "scope"),
    [
        ("*", "*"),
        ("", "*"),
        ("service:web", "service:web"),
        ("env:prd,service:web", "env:prd AND service:web"),
        ("host:ip-10-0-0-1.ec2.internal, zone:eu/1a", "host:ip-10-0-0-1.ec2.internal AND zone:eu/1a"),
        ("version:1.2.3@abc,pod_name:a_b", "version:1.2.3@abc AND pod_name:a_b"),
        ("url:https://x?y=1", 'url:"https://x?y=1"'),
        ('name:a "quoted" one', r'name:"a \"quoted\" one"'),
        ("path:C:\\temp", r'path:"C:\\temp"'),
        ("name:NOT", 'name:"NOT"'),
        ("list:a,b,env:prd", 'list:"a,b" AND env:prd'),
        ("name:a OR env:prd", 'name:"a OR env:prd"'),
        ("name:*", 'name:"*"'),
        ("name:東京", 'name:"東京"'),
        ("no-key", None),
        ("env:", None),
        (":value", None),
    ],
)
def test_a_group_becomes_a_scope(group: str, scope: str | None) -> None:
    assert scope_of(group) == scope


def test_an_answer_without_a_known_end_shows_none() -> None:
    downtime = Downtime("1", "*", "active", None, None, "by hand", None)
    assert downtime.alert_key == ""
