"""Datadog's own client against the sandbox's Datadog: every call that is used, and its models read every answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from datadog_api_client.exceptions import ForbiddenException, NotFoundException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.events_api import EventsApi as EventsV1
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v1.model.event_create_request import EventCreateRequest as EventV1
from datadog_api_client.v2.api.dora_metrics_api import DORAMetricsApi
from datadog_api_client.v2.api.downtimes_api import DowntimesApi
from datadog_api_client.v2.api.events_api import EventsApi
from datadog_api_client.v2.api.on_call_api import OnCallApi
from datadog_api_client.v2.api.on_call_paging_api import OnCallPagingApi
from datadog_api_client.v2.model.create_page_request import CreatePageRequest
from datadog_api_client.v2.model.dora_deployment_patch_request import DORADeploymentPatchRequest
from datadog_api_client.v2.model.dora_deployment_request import DORADeploymentRequest
from datadog_api_client.v2.model.dora_failure_request import DORAFailureRequest
from datadog_api_client.v2.model.downtime_create_request import DowntimeCreateRequest
from datadog_api_client.v2.model.downtime_update_request import DowntimeUpdateRequest
from datadog_api_client.v2.model.event_create_request_payload import EventCreateRequestPayload

from bot.sandbox.datadog.on_call import SCHEDULE_ID, TEAM_HANDLE, TEAM_ID, email
from tests.sandbox.datadog_desk import BEGIN_S, Desk, body_of, open_datadog


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_datadog() as desk:
        yield desk


def after(seconds: float) -> str:
    return (datetime.fromtimestamp(BEGIN_S, UTC) + timedelta(seconds=seconds)).isoformat()


def downtime(**attributes: object) -> dict[str, object]:
    given = {"scope": "service:web", "monitor_identifier": {"monitor_tags": ["*"]}} | attributes
    return {"data": {"type": "downtime", "attributes": given}}


async def test_right_keys_are_valid_and_wrong_ones_forbidden(desk: Desk) -> None:
    assert (await desk.call(AuthenticationApi(desk.client()).validate)).valid is True
    stranger = desk.client(api_key={"apiKeyAuth": "someone else's", "appKeyAuth": "someone else's"})
    with pytest.raises(ForbiddenException) as refused:
        await desk.call(MonitorsApi(stranger).list_monitors)
    assert refused.value.body == {"errors": ["Forbidden"]}


async def test_monitors_are_listed_with_the_groups_of_the_states_that_were_asked_for(desk: Desk) -> None:
    desk.datadog.fire("stg/latency", "service:web", 0.46)
    desk.datadog.fire("stg/latency", "service:admin", 0.25, state="Warn")
    api = MonitorsApi(desk.client())
    found = await desk.call(api.list_monitors, group_states="alert", monitor_tags="topic:latency", with_downtimes=True)
    assert [monitor.name for monitor in found] == ["p99 latency is high in stg"]
    assert str(found[0].overall_state) == "Alert"
    assert list(found[0].state.groups) == ["service:web"]
    one = await desk.call(api.get_monitor, found[0].id, group_states="all")
    web = one.state.groups["service:web"]
    assert (str(web.status), web.last_triggered_ts) == ("Alert", int(BEGIN_S))
    assert str(one.state.groups["service:admin"].status) == "Warn"
    assert one.options.thresholds.critical == 0.3
    plain = await desk.call(api.get_monitor, found[0].id)
    assert "state" not in plain


async def test_monitors_come_in_pages(desk: Desk) -> None:
    api = MonitorsApi(desk.client())
    every = await desk.call(api.list_monitors)
    assert len(every) == 4
    pages = [await desk.call(api.list_monitors, page=number, page_size=3) for number in (0, 1, 2)]
    assert [[each.id for each in page] for page in pages] == [[m.id for m in every[:3]], [every[3].id], []]
    later = await desk.call(api.list_monitors, id_offset=every[1].id)
    assert [each.id for each in later] == [each.id for each in every[2:]]


async def test_searches_find_monitors_and_groups_by_state_and_tag(desk: Desk) -> None:
    desk.datadog.fire("stg/errors", "service:web", 7.0)
    api = MonitorsApi(desk.client())
    found = await desk.call(api.search_monitors, query="status:alert env:stg")
    assert [(each.name, str(each.status)) for each in found.monitors] == [("Many requests fail in stg", "Alert")]
    groups = await desk.call(api.search_monitor_groups, query='status:alert AND group:"service:web"')
    assert [(each.group, each.monitor_name) for each in groups.groups] == [("service:web", "Many requests fail in stg")]
    assert groups.metadata.total_count == 1


async def test_a_downtime_is_made_found_changed_and_cancelled(desk: Desk) -> None:
    desk.datadog.fire("stg/latency", "service:web", 0.46)
    monitor = desk.datadog.board.find("stg/latency")
    api = DowntimesApi(desk.client())
    given = downtime(
        monitor_identifier={"monitor_id": monitor.id},
        scope="env:stg AND service:web",
        schedule={"start": None, "end": after(1800)},
        message="kajitori alert 7",
    )
    made = (await desk.call(api.create_downtime, body_of(DowntimeCreateRequest, **given))).data
    assert (str(made.attributes.status), made.attributes.schedule.end) == (
        "active", datetime.fromtimestamp(BEGIN_S + 1800, UTC),
    )  # fmt: skip
    listed = await desk.call(api.list_downtimes, current_only=True)
    assert [(each.id, each.attributes.message) for each in listed.data] == [(made.id, "kajitori alert 7")]
    matches = await desk.call(api.list_monitor_downtimes, monitor.id)
    assert [(each.id, each.attributes.groups) for each in matches.data] == [(made.id, ["service:web"])]
    shown = await desk.call(MonitorsApi(desk.client()).get_monitor, monitor.id, with_downtimes=True)
    assert [each.end for each in shown.matching_downtimes] == [int(BEGIN_S) + 1800]
    change = {"data": {"type": "downtime", "id": made.id, "attributes": {"schedule": {"end": after(3600)}}}}
    changed = (await desk.call(api.update_downtime, made.id, body_of(DowntimeUpdateRequest, **change))).data
    assert changed.attributes.schedule.end == datetime.fromtimestamp(BEGIN_S + 3600, UTC)
    await desk.call(api.cancel_downtime, made.id)
    assert str((await desk.call(api.get_downtime, made.id)).data.attributes.status) == "canceled"
    assert (await desk.call(api.list_downtimes, current_only=True)).data == []


async def test_a_downtime_can_recur(desk: Desk) -> None:
    rule = {"duration": "1h", "rrule": "FREQ=DAILY;INTERVAL=1", "start": "2027-01-15T17:30:00"}
    schedule = {"timezone": "Asia/Tokyo", "recurrences": [rule]}
    api = DowntimesApi(desk.client())
    made = (await desk.call(api.create_downtime, body_of(DowntimeCreateRequest, **downtime(schedule=schedule)))).data
    now = made.attributes.schedule.current_downtime
    assert (str(made.attributes.status), now.end - now.start) == ("scheduled", timedelta(hours=1))
    desk.now_s = now.start.timestamp() + 1
    assert str((await desk.call(api.get_downtime, made.id)).data.attributes.status) == "active"


async def test_events_are_taken_by_v1_and_by_the_intake_of_v2(desk: Desk) -> None:
    given = {"title": "Released web 2.4.0", "text": "in stg", "tags": ["env:stg", "service:web"]}
    taken = await desk.call(EventsV1(desk.client()).create_event, body_of(EventV1, **given, alert_type="info"))
    assert (taken.status, taken.event.title) == ("ok", "Released web 2.4.0")
    change = {"changed_resource": {"name": "web", "type": "configuration"}, "new_value": {"tag": "2.4.0"}}
    payload = {"category": "change", "title": "web 2.4.0", "attributes": change, "tags": ["env:stg"]}
    body = body_of(EventCreateRequestPayload, data={"type": "event", "attributes": payload})
    await desk.call(EventsApi(desk.client("intake")).create_event, body)
    assert [(event.api, event.title) for event in desk.datadog.received] == [
        ("v1", "Released web 2.4.0"),
        ("v2", "web 2.4.0"),
    ]


async def test_pages_live_on_a_host_of_their_own(desk: Desk) -> None:
    attributes = {
        "target": {"identifier": TEAM_HANDLE, "type": "team_handle"},
        "title": "web is slow",
        "urgency": "high",
        "tags": ["service:web"],
    }
    body = body_of(CreatePageRequest, data={"type": "pages", "attributes": attributes})
    with pytest.raises(NotFoundException):
        await desk.call(OnCallPagingApi(desk.client()).create_on_call_page, body)
    api = OnCallPagingApi(desk.client("on-call"))
    page_id = (await desk.call(api.create_on_call_page, body)).data.id
    (page,) = desk.datadog.pages
    assert (page.id, page.title, page.state) == (page_id, "web is slow", "triggered")
    for act, state in (("acknowledge", "acknowledged"), ("escalate", "triggered"), ("resolve", "resolved")):
        await desk.call(getattr(api, f"{act}_on_call_page"), UUID(page.id))
        assert page.state == state
    assert page.level == 1


async def test_who_is_on_call_is_told_by_team_and_by_schedule(desk: Desk) -> None:
    api = OnCallApi(desk.client())
    team = await desk.call(api.get_team_on_call_users, TEAM_ID, include="responders,escalations.responders")
    people = {each.id: each.attributes.email for each in team.included if str(each.type) == "users"}
    assert [people[each.id] for each in team.data.relationships.responders.data] == [email("alice")]
    steps = {each.id: each for each in team.included if str(each.type) == "escalation_policy_steps"}
    order = [steps[each.id].relationships.responders.data[0].id for each in team.data.relationships.escalations.data]
    assert [people[each] for each in order] == [email("bob"), email("carol")]
    desk.datadog.on_call.hand_over(["dave"])
    shift = await desk.call(api.get_schedule_on_call_responders, SCHEDULE_ID, include="responders.shifts.user")
    assert [each.attributes.email for each in shift.included if str(each.type) == "users"] == [email("dave")]
    with pytest.deprecated_call():
        older = await desk.call(api.get_schedule_on_call_user, SCHEDULE_ID, include="user")
    assert older.included[0].attributes.email == email("dave")


async def test_deployments_and_failures_are_told_and_marked(desk: Desk) -> None:
    api = DORAMetricsApi(desk.client(api_key={"apiKeyAuth": desk.client().configuration.api_key["apiKeyAuth"]}))
    begun = int(BEGIN_S * 10**9)
    given = {
        "service": "web",
        "started_at": begun,
        "finished_at": begun + 10**9,
        "id": "kajitori-release-7",
        "env": "stg",
    }
    body = body_of(DORADeploymentRequest, data={"attributes": given})
    assert (await desk.call(api.create_dora_deployment, body)).data.id == "kajitori-release-7"
    failure = body_of(DORAFailureRequest, data={"attributes": {"started_at": begun, "services": ["web"]}})
    assert (await desk.call(api.create_dora_failure, failure)).data.id in desk.datadog.dora.failures
    mark = {"change_failure": True, "remediation": {"version": "2.3.0", "type": "rollback"}}
    patch = {"id": "kajitori-release-7", "type": "dora_deployment_patch_request", "attributes": mark}
    with pytest.raises(ForbiddenException):
        await desk.call(
            api.patch_dora_deployment, "kajitori-release-7", body_of(DORADeploymentPatchRequest, data=patch)
        )
    api = DORAMetricsApi(desk.client())
    await desk.call(api.patch_dora_deployment, "kajitori-release-7", body_of(DORADeploymentPatchRequest, data=patch))
    assert desk.datadog.dora.deployments["kajitori-release-7"]["change_failure"] is True
