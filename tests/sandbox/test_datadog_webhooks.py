"""Webhooks of the sandbox's Datadog: what stands in them, when they come again, what mutes them; and storms."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.datadog.template import datadog_webhook
from bot.sandbox.datadog.payload import render
from bot.sandbox.datadog.service import SECRET_HEADER
from bot.sandbox.datadog.storm import Storm, plan
from tests.sandbox.datadog_desk import BEGIN_S, Desk, open_datadog

Json = dict[str, Any]
LATENCY, WEB = "stg/latency", "service:web"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_datadog() as desk:
        yield desk


async def bodies(desk: Desk) -> list[Json]:
    """What arrived, in the order of happening, retries and duplicates left out."""
    await desk.datadog.delivered()
    found = {body["id"]: body for body in map(json.loads, desk.receiver.bodies)}
    return [found[key] for key in sorted(found)]


async def transitions(desk: Desk) -> list[str]:
    return [body["transition"] for body in await bodies(desk)]


async def mute(desk: Desk, **attributes: Any) -> str:
    identifier = {"monitor_id": desk.datadog.board.find(LATENCY).id}
    given = {"scope": WEB, "monitor_identifier": identifier} | attributes
    status, made = await desk.ask("POST", "/api/v2/downtime", json={"data": {"type": "downtime", "attributes": given}})
    assert status == 200, made
    return str(made["data"]["id"])


async def test_an_alert_is_told_from_its_trigger_to_its_recovery_under_one_key(desk: Desk) -> None:
    key = desk.datadog.fire(LATENCY, WEB, 0.46)
    desk.now_s += 30
    desk.datadog.renotify(LATENCY, WEB)
    desk.now_s += 30
    desk.datadog.resolve(LATENCY, WEB, 0.09)
    fired, again, over = await bodies(desk)
    assert [each["cycle"] for each in (fired, again, over)] == [key] * 3
    assert [(each["transition"], each["type"]) for each in (fired, again, over)] == [
        ("Triggered", "error"),
        ("Renotify", "error"),
        ("Recovered", "success"),
    ]
    assert (fired["date"], over["date"]) == (str(int(BEGIN_S) * 1000), str(int(BEGIN_S + 60) * 1000))
    assert (fired["priority"], fired["scope"]) == ("P3", "env:stg, service:web")
    assert fired["tags"] == "env:stg, monitor, service:web, team:platform, topic:latency"
    assert fired["title"] == "[Triggered on {service:web}] p99 latency is high in stg"
    assert "was > 0.3 during the last 20s. Value: 0.46s" in fired["status"]
    assert again["text"].startswith("Pages are still slow.")
    assert desk.datadog.fire(LATENCY, WEB, 0.5) != key, "a new cycle has a new key"


async def test_each_group_has_a_cycle_of_its_own(desk: Desk) -> None:
    keys = {desk.datadog.fire(LATENCY, f"service:{name}", 0.46) for name in ("web", "admin")}
    keys.add(desk.datadog.fire("stg/errors", WEB, 9.0))
    assert len(keys) == 3
    assert len({body["aggreg"] for body in await bodies(desk)}) == 2


async def test_a_variable_without_a_value_stays_as_it_is_written(desk: Desk) -> None:
    desk.datadog.fire(LATENCY, WEB)
    assert (await bodies(desk))[0]["hostname"] == "$HOSTNAME"
    values = {"ALERT_ID": "7", "TEXT_ONLY_MSG": 'say "hi"\nand go'}
    template = '{"a":"$ALERT_ID$UNKNOWN","t":"$TEXT_ONLY_MSG","s":"$TAGS[service]","n":"$TAGS[nobody]"}'
    told = json.loads(render(template, values, ["env:stg", "service:web"]))
    assert told == {"a": "7$UNKNOWN", "t": 'say "hi"\nand go', "s": "web", "n": ""}
    with pytest.raises(ValueError, match=r"Expecting|Invalid"):
        json.loads(render(template, values, escapes=False))


async def test_the_webhook_is_entered_as_the_bot_describes_it(desk: Desk) -> None:
    desk.datadog.use_webhook(f"{desk.url}/receiver", datadog_webhook("https://kajitori.example.com"))
    desk.datadog.fire(LATENCY, WEB, 0.46)
    (body,) = await bodies(desk)
    assert desk.receiver.headers[0][SECRET_HEADER] == "between us"
    assert (body["monitor"], body["query"]) == ("41000102", desk.datadog.board.find(LATENCY).query)


async def test_it_is_sent_again_after_5xx_and_lost_connections(desk: Desk) -> None:
    desk.receiver.answers = [503, None, 500, 202]
    desk.datadog.fire(LATENCY, WEB)
    (delivery,) = await desk.datadog.delivered()
    assert (delivery.attempts, delivery.arrived) == ([503, "connection", 500, 202], True)
    assert len(set(desk.receiver.bodies)) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 429])
async def test_it_is_never_sent_again_after_other_refusals(desk: Desk, status: int) -> None:
    desk.receiver.answers = [status]
    desk.datadog.fire(LATENCY, WEB)
    (delivery,) = await desk.datadog.delivered()
    assert (delivery.attempts, delivery.arrived) == ([status], False)


async def test_after_five_more_tries_it_is_given_up(desk: Desk) -> None:
    desk.receiver.answers = [503] * 9
    desk.datadog.fire(LATENCY, WEB)
    (delivery,) = await desk.datadog.delivered()
    assert (delivery.attempts, delivery.arrived) == ([503] * 6, False)


async def test_a_downtime_mutes_the_groups_of_its_scope_and_no_others(desk: Desk) -> None:
    await mute(desk, schedule={"end": None})
    desk.datadog.fire(LATENCY, WEB, 0.46)
    desk.datadog.fire(LATENCY, "service:admin", 0.46)
    desk.datadog.fire("stg/errors", WEB, 9.0)
    told = [(body["monitor"], body["scope"]) for body in await bodies(desk)]
    assert told == [("41000102", "env:stg, service:admin"), ("41000101", "env:stg, service:web")]
    _, monitor = await desk.ask("GET", "/api/v1/monitor/41000102?group_states=all&with_downtimes=true")
    assert monitor["state"]["groups"][WEB]["status"] == "Alert"
    assert [each["scope"] for each in monitor["matching_downtimes"]] == [[WEB]]


async def test_what_still_alerts_when_a_downtime_runs_out_is_told_then(desk: Desk) -> None:
    end = {"schedule": {"end": "2027-01-15T08:30:00+00:00"}}
    await mute(desk, **end, notify_end_states=["alert"])
    desk.datadog.tick()
    key = desk.datadog.fire(LATENCY, WEB, 0.46)
    assert await bodies(desk) == []
    desk.now_s += 3600 * 24
    desk.datadog.tick()
    (told,) = await bodies(desk)
    assert (told["transition"], told["cycle"]) == ("Triggered", key)


async def test_a_cancelled_downtime_tells_only_if_it_was_asked_to(desk: Desk) -> None:
    quiet, loud = await mute(desk), await mute(desk, notify_end_types=["canceled"])
    desk.datadog.fire(LATENCY, WEB, 0.46)
    await desk.ask("DELETE", f"/api/v2/downtime/{quiet}")
    assert await bodies(desk) == []
    await desk.ask("DELETE", f"/api/v2/downtime/{loud}")
    assert await transitions(desk) == ["Triggered"]


async def test_the_first_recovery_of_what_was_told_before_a_downtime_is_told(desk: Desk) -> None:
    desk.datadog.fire(LATENCY, WEB, 0.46)
    await mute(desk)
    desk.datadog.resolve(LATENCY, WEB)
    desk.datadog.fire(LATENCY, WEB, 0.46)
    desk.datadog.resolve(LATENCY, WEB)
    assert await transitions(desk) == ["Triggered", "Recovered"]


async def test_a_downtime_can_forbid_even_the_first_recovery(desk: Desk) -> None:
    desk.datadog.fire(LATENCY, WEB, 0.46)
    await mute(desk, mute_first_recovery_notification=True)
    desk.datadog.resolve(LATENCY, WEB)
    assert await transitions(desk) == ["Triggered"]


async def test_what_goes_on_is_told_again_as_often_as_the_monitor_says(desk: Desk) -> None:
    desk.datadog.fire("stg/traffic", value=0.0)
    for _ in range(60):
        desk.evaluate(after_s=10)
    told = await bodies(desk)
    assert [body["transition"] for body in told] == ["Triggered", *["Re-Triggered"] * 3]
    assert [int(body["date"]) // 1000 - int(BEGIN_S) for body in told] == [0, 120, 240, 360]
    assert told[1]["text"].startswith("Still nobody reaches us.")


def shares(storm: Storm) -> dict[str, float]:
    newest: dict[Any, int] = {}
    sent: Counter[int] = Counter()
    late = 0
    for told in storm.messages:
        group = (told.monitor.id, told.group)
        late += not sent[told.event_id] and newest.get(group, 0) > told.event_id
        newest[group] = max(newest.get(group, 0), told.event_id)
        sent[told.event_id] += 1
    again = sum(told.transition.value.startswith("Re") and told.state != "OK" for told in storm.story)
    count = len(storm.messages)
    return {
        "duplicates": (count - len(sent)) / count,
        "out of order": late / count,
        "renotifications": again / count,
    }


def test_a_storm_is_the_same_for_the_same_seed_and_has_the_mix_that_was_ordered() -> None:
    storm = plan(2_000, seed=7, begin_s=BEGIN_S)
    assert plan(2_000, seed=7, begin_s=BEGIN_S) == storm
    assert plan(2_000, seed=8, begin_s=BEGIN_S) != storm
    assert len(storm.messages) == 2_000
    found = shares(storm)
    assert (found["duplicates"], found["renotifications"]) == (0.2, 0.3)
    assert 0.08 <= found["out of order"] <= 0.12


def test_a_storm_s_story_is_one_that_datadog_could_tell() -> None:
    storm = plan(1_000, seed=3, begin_s=BEGIN_S)
    last: dict[Any, Any] = {}
    for told in storm.story:
        before = last.get((told.monitor.id, told.group))
        if before is None or before.state == "OK":
            assert told.state != "OK"
            assert before is None or told.cycle != before.cycle
        else:
            assert told.cycle == before.cycle
            assert told.at_s >= before.at_s + 1
        last[(told.monitor.id, told.group)] = told
    assert last == storm.finals()


async def test_a_storm_arrives_whole_and_the_monitors_end_where_it_ends(desk: Desk) -> None:
    storm = plan(300, seed=1, begin_s=desk.now_s)
    await desk.datadog.send_storm(storm, within_s=0.1)
    await desk.datadog.delivered()
    expected = Counter(str(told.event_id) for told in storm.messages)
    assert Counter(json.loads(body)["id"] for body in desk.receiver.bodies) == expected
    for (monitor_id, group), told in storm.finals().items():
        _, monitor = await desk.ask("GET", f"/api/v1/monitor/{monitor_id}?group_states=all")
        assert monitor["state"]["groups"][group]["status"] == told.state.value
