"""Datadog On-Call: who is on call, and pages at their own host."""

import uuid
from datetime import timedelta

import pytest

from bot.datadog.client import Datadog
from bot.datadog.oncall import ONCALL_HOSTS, PageTarget, Urgency
from bot.errors import NotFound, Refused, TooBusy, Unreachable
from bot.sandbox.datadog.on_call import SCHEDULE_ID, TEAM_HANDLE, TEAM_ID
from bot.sandbox.datadog.service import API_KEY, APP_KEY, HOSTS
from tests.datadog.world import World, told

PAGES = f"{HOSTS['on-call']}/api/v2/on-call/pages"


async def page(datadog: Datadog) -> str:
    return await datadog.oncall.page(
        PageTarget.TEAM_HANDLE,
        TEAM_HANDLE,
        title="p99 latency is high in prd",
        description="web, since 5 min; @everybody look",
        tags=["env:prd", "service:web"],
    )


async def test_a_teams_line_is_who_answers_and_who_comes_after(world: World) -> None:
    team = await world.datadog().oncall.of_team(TEAM_ID)
    assert [person.name for person in team.responders] == ["Alice"]
    assert [[person.name for person in step] for step in team.escalations] == [["Bob"], ["Carol"]]
    assert [person.email.partition("@")[0] for person in team.line] == ["alice", "bob", "carol"]


async def test_a_team_where_nobody_is_on_call_has_an_empty_line(world: World) -> None:
    world.desk.datadog.on_call.rota = []
    assert (await world.datadog().oncall.of_team(TEAM_ID)).line == ()


async def test_a_team_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.datadog().oncall.of_team(str(uuid.uuid4()))


async def test_a_schedule_tells_whose_shift_it_is_and_whose_next(world: World) -> None:
    told_now = await world.datadog().oncall.of_schedule(SCHEDULE_ID)
    (current,), (following,) = told_now.current, told_now.following
    assert (current.person.name, following.person.name) == ("Alice", "Bob")
    assert current.start is not None
    assert current.end is not None
    assert current.start <= world.now < current.end
    assert following.start == current.end
    assert current.end - current.start == timedelta(hours=12)


async def test_an_odd_answer_about_a_team_has_nobody_in_it(world: World) -> None:
    people = [{"type": "users", "id": "1", "attributes": {"name": None, "email": "A@Example.com"}}, "?", None]
    data = {"relationships": {"responders": {"data": [{"type": "users", "id": "1"}, {"type": "users", "id": "2"}, 3]}}}
    world.relay.order("GET", "/on-call", told(200, {"data": data, "included": people}))
    team = await world.datadog().oncall.of_team(TEAM_ID)
    (person,) = team.line
    assert (person.name, person.email) == ("A@Example.com", "a@example.com")


async def test_a_page_reaches_its_team_at_the_paging_host(world: World) -> None:
    page_id = await page(world.datadog())
    (made,) = world.desk.datadog.pages
    assert (made.id, made.title, made.urgency, made.target) == (
        page_id,
        "p99 latency is high in prd",
        Urgency.HIGH,
        TEAM_HANDLE,
    )
    assert made.tags == ("env:prd", "service:web")
    assert "@" not in made.description
    assert world.relay.count("POST", PAGES) == 1


async def test_a_page_is_acknowledged_escalated_and_resolved_by_its_id(world: World) -> None:
    datadog = world.datadog()
    page_id = await page(datadog)
    await datadog.oncall.acknowledge(page_id)
    await datadog.oncall.escalate(page_id)
    await datadog.oncall.resolve(page_id)
    await datadog.oncall.resolve(page_id)
    (made,) = world.desk.datadog.pages
    assert made.history == ["acknowledge", "escalate", "resolve", "resolve"]


async def test_the_wrong_host_is_named_as_what_to_mend(world: World) -> None:
    with pytest.raises(Refused, match="DD_ONCALL_URL"):
        await page(world.datadog(oncall_host="main"))
    assert world.desk.datadog.pages == []


async def test_a_target_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(Refused, match="does not know team_handle 'nobody'") as error:
        await world.datadog().oncall.page(PageTarget.TEAM_HANDLE, "nobody", title="?")
    assert error.value.code == "NoTarget"


@pytest.mark.parametrize("page_id", ["", "7", "../../x", "96ac00f1-b178-4ee4-b000-fa3f78251f66"])
async def test_a_page_that_is_not_there_is_not_found(world: World, page_id: str) -> None:
    with pytest.raises(NotFound):
        await world.datadog().oncall.acknowledge(page_id)


async def test_a_page_whose_answer_is_lost_is_uncertain_and_not_sent_again(world: World) -> None:
    world.relay.order("POST", PAGES, world.relay.lose_answer)
    with pytest.raises(Unreachable, match="so paging is uncertain"):
        await page(world.datadog())
    assert len(world.desk.datadog.pages) == 1


async def test_a_paging_limit_freezes_paging_alone(world: World) -> None:
    datadog = world.datadog()
    world.desk.datadog.faults.add("ratelimit", host="on-call", seconds=3600)
    with pytest.raises(TooBusy):
        await page(datadog)
    with pytest.raises(TooBusy):
        await page(datadog)
    assert world.relay.count("POST", PAGES) == 1
    assert (await datadog.oncall.of_team(TEAM_ID)).line


@pytest.mark.parametrize("site", [*ONCALL_HOSTS, "us2.ddog-gov.com", "elsewhere.example"])
async def test_every_site_has_a_paging_host(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_SITE", "datadoghq.eu")  # what the client would read by itself, and raise for On-Call
    datadog = Datadog(site=site, api_key=API_KEY, app_key=APP_KEY)
    try:
        sdk = await datadog.wire.sdk()
        paging = sdk.prepare("resolve_on_call_page", page_id=uuid.uuid4()).url
        asking = sdk.prepare("get_team_on_call_users", team_id="x").url
    finally:
        await datadog.close()
    assert ".oncall.datadoghq." in paging
    assert asking.startswith(f"https://api.{site}/api/v2/on-call/teams/x")


def test_the_paging_hosts_are_those_that_datadogs_client_knows() -> None:
    from_client = {
        "lava.oncall.datadoghq.com",
        "saffron.oncall.datadoghq.com",
        "navy.oncall.datadoghq.com",
        "coral.oncall.datadoghq.com",
        "teal.oncall.datadoghq.com",
        "beige.oncall.datadoghq.eu",
        "scarlet.oncall.datadoghq.com",
    }
    assert set(ONCALL_HOSTS.values()) == from_client
