"""What the sandbox's Datadog refuses, as Datadog does: keys, hosts, bodies, limits; and what goes wrong on order."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.sandbox.datadog.on_call import TEAM_ID
from bot.sandbox.datadog.scope import BadScope, parse
from bot.sandbox.datadog.service import HOSTS
from tests.sandbox.datadog_desk import BEGIN_S, KEYS, Desk, open_datadog

Json = dict[str, Any]
MONITORS = f"{HOSTS['main']}/api/v1/monitor"
NOBODY = "00000000-0000-1234-0000-000000000000"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_datadog() as desk:
        yield desk


def at(seconds: float) -> str:
    return (datetime.fromtimestamp(BEGIN_S, UTC) + timedelta(seconds=seconds)).isoformat()


def downtime(**attributes: Any) -> Json:
    given = {"scope": "service:web", "monitor_identifier": {"monitor_tags": ["*"]}} | attributes
    return {"data": {"type": "downtime", "attributes": {k: v for k, v in given.items() if v != "absent"}}}


def event(**attributes: Any) -> Json:
    change = {"changed_resource": {"name": "web", "type": "configuration"}}
    given = {"category": "change", "title": "web 2.4.0", "attributes": change} | attributes
    return {"data": {"type": "event", "attributes": {k: v for k, v in given.items() if v != "absent"}}}


def page(**attributes: Any) -> Json:
    target = {"identifier": TEAM_ID, "type": "team_id"}
    given = {"target": target, "title": "web is slow", "urgency": "high"} | attributes
    return {"data": {"type": "pages", "attributes": {k: v for k, v in given.items() if v != "absent"}}}


def deployment(**attributes: Any) -> Json:
    given = {"service": "web", "started_at": 1, "finished_at": 2} | attributes
    return {"data": {"attributes": {k: v for k, v in given.items() if v != "absent"}}}


def recurring(**more: Any) -> Json:
    return {"timezone": "UTC", "recurrences": [{"duration": "1h", "rrule": "FREQ=DAILY"} | more]}


TOO_MANY = [f"tag:{number}" for number in range(101)]
V1, DOWNTIME, EVENTS, PAGES = "/api/v1/events", "/api/v2/downtime", "/api/v2/events", "/api/v2/on-call/pages"
DORA = "/api/v2/dora/deployment"
FAILURE = "/api/v2/dora/failure"
REFUSED: list[tuple[str, str, Any, str]] = [
    ("main", V1, {"text": "no title"}, "'title' is a required property"),
    ("main", V1, {"title": "no text"}, "'text' is a required property"),
    ("main", V1, {"title": "t", "text": "x" * 4001}, "body.text: is too long"),
    ("main", V1, {"title": "t", "text": "x", "alert_type": "bad"}, "body.alert_type"),
    ("main", V1, {"title": "t", "text": "x", "tags": "env:stg"}, "body.tags"),
    ("main", V1, {"title": "t", "text": "x", "surprise": 1}, "'surprise' was unexpected"),
    ("main", V1, {"title": "t", "text": "x", "date_happened": 1}, "Event too far in the past"),
    ("main", DOWNTIME, downtime(scope="absent"), "'scope' is a required property"),
    ("main", DOWNTIME, downtime(monitor_identifier="absent"), "'monitor_identifier' is a required property"),
    ("main", DOWNTIME, downtime(monitor_identifier={}), "'monitor_tags' is a required property"),
    ("main", DOWNTIME, downtime(scope="BAD_SCOPE_MISSING_KEY_VALUE_FORMAT"), "All values must have a key"),
    ("main", DOWNTIME, downtime(scope="env:stg AND (service:web"), "Unbalanced parentheses"),
    ("main", DOWNTIME, downtime(schedule={"end": at(-1)}), "schedule.end"),
    ("main", DOWNTIME, downtime(schedule={"start": at(60), "end": at(30)}), "schedule.end"),
    ("main", DOWNTIME, downtime(schedule={"end": "tomorrow"}), "not a valid ISO-8601 datetime"),
    ("main", DOWNTIME, downtime(schedule={"end": "2030-01-01T00:00:00"}), "no UTC offset"),
    ("main", DOWNTIME, downtime(schedule=recurring(duration="soon")), "recurrence duration"),
    ("main", DOWNTIME, downtime(schedule=recurring(rrule="FREQ=NEVER")), "recurrence rrule"),
    ("main", DOWNTIME, downtime(schedule=recurring(start="2030-01-01T00:00:00Z")), "no UTC offset"),
    ("main", DOWNTIME, downtime(schedule={**recurring(), "timezone": "Mars/Base"}), "Invalid timezone"),
    ("main", DOWNTIME, downtime(notify_end_types=["bored"]), "notify_end_types"),
    ("main", DOWNTIME, downtime(invalid_field=1), "('invalid_field' was unexpected)"),
    ("main", DOWNTIME, {"data": {"type": "nap", "attributes": {}}}, "body.data.type"),
    ("main", DOWNTIME, [], "is not of type 'object'"),
    ("intake", EVENTS, event(category="deployment"), "body.data.attributes.category"),
    ("intake", EVENTS, event(title="absent"), "'title' is a required property"),
    ("intake", EVENTS, event(attributes={}), "'changed_resource' is a required property"),
    ("intake", EVENTS, event(attributes={"changed_resource": {"name": "web", "type": "deployment"}}), "type"),
    ("intake", EVENTS, event(category="alert", attributes={}), "'status' is a required property"),
    ("intake", EVENTS, event(tags=TOO_MANY), "tags: is too long"),
    ("intake", EVENTS, event(aggregation_key="x" * 101), "aggregation_key"),
    ("intake", EVENTS, event(timestamp=at(-19 * 3600)), "timestamp"),
    ("on-call", PAGES, page(target="absent"), "'target' is a required property"),
    ("on-call", PAGES, page(title="absent"), "'title' is a required property"),
    ("on-call", PAGES, page(urgency="now"), "urgency"),
    ("on-call", PAGES, page(target={"type": "team_id"}), "'identifier' is a required property"),
    ("main", DORA, deployment(service="absent"), "'service' is a required property"),
    ("main", DORA, deployment(finished_at="now"), "finished_at"),
    ("main", DORA, deployment(started_at=10), "finished_at"),
    ("main", DORA, deployment(id="short"), "id: is too short"),
    ("main", DORA, deployment(git={"commit_sha": "abc", "repository_url": "u"}), "commit_sha"),
    ("main", FAILURE, {"data": {"attributes": {"started_at": 1}}}, "services"),
]


@pytest.mark.parametrize(("host", "path", "body", "told"), REFUSED)
async def test_a_body_that_is_not_right_is_refused_by_name(
    desk: Desk, host: str, path: str, body: Any, told: str
) -> None:
    status, answer = await desk.ask("POST", path, host=host, json=body)
    (error,) = answer["errors"]
    assert (status, told in (error if isinstance(error, str) else error["detail"])) == (400, True), answer
    assert (desk.datadog.received, desk.datadog.pages, desk.datadog.muted()) == ([], [], [])


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/api/v1/monitor/12345", 404, "Monitor not found"),
        ("GET", "/api/v1/monitor/abc", 400, "The value provided for parameter 'monitor_id' is invalid: 'abc'"),
        ("GET", "/api/v1/monitor?group_states=notagroupstate", 400, "Invalid group_state filters."),
        ("GET", "/api/v1/monitor?page_size=1001", 400, "Invalid value for 'page_size': at most 1000"),
        ("GET", "/api/v1/monitor?page=-1", 400, "Invalid value for 'page': '-1'"),
        ("GET", "/api/v1/monitor?with_downtimes=maybe", 400, "Invalid value for 'with_downtimes': 'maybe'"),
        ("GET", "/api/v1/monitor/search?query=(status:alert", 400, "Invalid query: Unbalanced parentheses in scope"),
        ("GET", f"/api/v2/downtime/{NOBODY}", 404, "Downtime not found"),
        ("DELETE", f"/api/v2/downtime/{NOBODY}", 404, "Downtime not found"),
        ("GET", "/api/v2/downtime/NO_UUID", 400, "Invalid URL param: downtime_id must be an uuid"),
        ("GET", "/api/v2/monitor/0/downtime_matches", 404, "Monitor with id 0 not found"),
        ("GET", "/api/v1/query?from=1&to=2", 400, "Missing required parameter: query"),
        ("GET", "/api/v1/nowhere", 404, "Not found"),
    ],
)
async def test_what_is_not_there_or_not_understood_is_told_in_datadog_s_words(
    desk: Desk, method: str, path: str, status: int, error: str
) -> None:
    assert await desk.ask(method, path) == (status, {"errors": [error]})


async def test_each_host_knows_its_own_calls_only(desk: Desk) -> None:
    assert (await desk.ask("POST", PAGES, json=page()))[0] == 404
    assert (await desk.ask("POST", EVENTS, json=event()))[0] == 404
    assert (await desk.ask("GET", "/api/v1/monitor", host="on-call"))[0] == 404
    assert (await desk.ask("POST", V1, host="intake", json={"title": "t", "text": "x"}))[0] == 404
    assert desk.datadog.pages == []


async def test_an_act_on_a_page_has_no_body_that_is_not_json(desk: Desk) -> None:
    _, made = await desk.ask("POST", PAGES, host="on-call", json=page())
    act = f"{PAGES}/{made['data']['id']}/acknowledge"
    assert (await desk.ask("POST", act, host="on-call", data="null", headers={"Content-Type": "text/plain"}))[0] == 415
    assert desk.datadog.pages[0].state == "triggered"
    assert await desk.ask("POST", act, host="on-call") == (202, None)
    assert (await desk.ask("POST", f"{PAGES}/{NOBODY}/resolve", host="on-call"))[0] == 404
    assert (await desk.ask("POST", f"{PAGES}/NO_UUID/resolve", host="on-call"))[0] == 400


async def test_without_the_right_keys_everything_is_forbidden(desk: Desk) -> None:
    for keys in ({"DD-API-KEY": "wrong"}, {"DD-APPLICATION-KEY": "wrong"}, {"DD-APPLICATION-KEY": ""}):
        assert await desk.ask("GET", "/api/v1/monitor", headers=keys) == (403, {"errors": ["Forbidden"]})
    # Some calls need the API key alone.
    told = {"title": "t", "text": "x"}
    assert (await desk.ask("POST", V1, json=told, headers={"DD-APPLICATION-KEY": ""}))[0] == 202
    assert (await desk.ask("POST", DORA, json=deployment(), headers={"DD-APPLICATION-KEY": ""}))[0] == 200


async def test_a_body_that_is_not_json_is_refused(desk: Desk) -> None:
    assert (await desk.ask("POST", V1, data="{", headers={"Content-Type": "application/json"}))[0] == 400
    assert (await desk.ask("POST", V1, data="title=t", headers={"Content-Type": "text/plain"}))[0] == 415


async def test_limits_are_told_with_every_answer_and_enforced_until_the_period_ends(desk: Desk) -> None:
    desk.datadog.door().limits["monitors_list"] = 2
    statuses, remaining = [], []
    for _ in range(3):
        async with desk.http.get(MONITORS, headers=KEYS) as response:
            statuses.append(response.status)
            remaining.append(response.headers["X-RateLimit-Remaining"])
            told = {name: response.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Period", "Reset", "Name")}
            body = await response.json()
    assert (statuses, remaining) == ([200, 200, 429], ["1", "0", "0"])
    assert told == {"Limit": "2", "Period": "60", "Reset": "60", "Name": "monitors_list"}
    assert body == {"errors": ["Rate limit of 2 requests in 60 seconds reached. Please try again later."]}
    assert (await desk.ask("GET", "/api/v1/monitor/search"))[0] == 200
    desk.now_s += 60
    assert (await desk.ask("GET", "/api/v1/monitor"))[0] == 200


async def test_faults_come_on_order_as_often_as_ordered(desk: Desk) -> None:
    faults = desk.datadog.faults
    limited = faults.add("ratelimit")
    faults.add("error", status=503)
    faults.add("wrong_key", path="/downtime")
    faults.add("slow", seconds=0.01)
    assert (await desk.ask("GET", "/api/v1/monitor"))[0] == 429
    assert [(await desk.ask("GET", "/api/v1/monitor"))[0] for _ in range(3)] == [503, 200, 200]
    assert (await desk.ask("GET", DOWNTIME))[0] == 403
    assert (await desk.ask("GET", DOWNTIME))[0] == 200
    assert (limited.fired, limited.left) == (1, 0)


async def test_a_limit_on_order_lasts_an_hour(desk: Desk) -> None:
    desk.datadog.faults.add("ratelimit")
    async with desk.http.get(MONITORS) as response:
        assert (response.status, response.headers["X-RateLimit-Reset"]) == (429, "3600")


async def test_a_connection_is_cut_on_order(desk: Desk) -> None:
    desk.datadog.faults.add("reset")
    with pytest.raises(aiohttp.ClientError):
        await desk.ask("POST", V1, json={"title": "t", "text": "x"})
    assert desk.datadog.received == []


async def test_an_answer_is_lost_on_order_after_the_deed_is_done(desk: Desk) -> None:
    desk.datadog.faults.add("accept_then_close", path=DOWNTIME)
    desk.datadog.faults.add("accept_then_500", path=V1)
    with pytest.raises(aiohttp.ClientError):
        await desk.ask("POST", DOWNTIME, json=downtime())
    assert [each.scope for each in desk.datadog.muted()] == ["service:web"]
    assert (await desk.ask("POST", V1, json={"title": "t", "text": "x"}))[0] == 500
    assert [event.title for event in desk.datadog.received] == ["t"]


async def test_what_hangs_is_let_go_when_faults_are_cleared(desk: Desk) -> None:
    desk.datadog.faults.add("hang", times=None)
    waiting = asyncio.create_task(desk.ask("GET", "/api/v1/monitor"))
    while not desk.datadog.faults.shown()[0]["fired"]:
        await asyncio.sleep(0.01)
    desk.datadog.faults.clear()
    assert (await asyncio.wait_for(waiting, 10))[0] == 504
    assert (await desk.ask("GET", "/api/v1/monitor"))[0] == 200


async def test_requests_are_recorded_without_keys(desk: Desk) -> None:
    await desk.ask("GET", "/api/v1/monitor?group_states=all")
    await desk.ask("POST", V1, json={"title": "t", "text": "x"})
    listed, posted = desk.datadog.requests()
    assert (listed.host, listed.query, listed.status) == ("main", {"group_states": "all"}, 200)
    assert (json.loads(posted.body)["title"], posted.status) == ("t", 202)
    assert "5a11d0c5" not in repr(listed) + repr(posted)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("*", True),
        ("env:stg", True),
        ("env:prd", False),
        ("env:stg AND service:web", True),
        ("env:stg,service:admin", False),
        ("env:prd OR service:web", True),
        ("service:(admin OR web)", True),
        ("service IN (admin, web)", True),
        ("NOT service:web", False),
        ("-service:admin env:stg", True),
        ("service:w*", True),
        ("(env:prd OR env:stg) AND NOT service:admin", True),
        ('service:"web"', True),
    ],
)
def test_a_scope_says_which_tags_it_means(query: str, matches: bool) -> None:
    assert parse(query)({"env:stg", "service:web"}) is matches


@pytest.mark.parametrize("query", ["", "web", "env:stg AND", "env:stg )", "service IN", "service:(web", "AND env:stg"])
def test_a_scope_that_nobody_understands_is_refused(query: str) -> None:
    with pytest.raises(BadScope):
        parse(query)
