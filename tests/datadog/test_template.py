"""The webhook that Datadog is told to send: what it sends is what the bot reads."""

import json

import pytest

from bot.datadog.template import PAYLOAD, SECRET_HEADER, SECRET_VARIABLE, datadog_webhook
from bot.domain.alert.payload import NAMES, read_webhook
from bot.sandbox.datadog.payload import variables
from tests.datadog.world import World

RECEIVED_MS = 1_800_000_000_000


def test_every_name_of_the_template_is_one_that_is_read() -> None:
    assert set(PAYLOAD) - set(NAMES) == set()


def test_every_variable_is_sent_as_a_string_of_its_own() -> None:
    assert len(set(PAYLOAD.values())) == len(PAYLOAD)
    assert all(value.startswith("$") and value[1:].replace("_", "").isupper() for value in PAYLOAD.values())


def test_texts_of_people_come_after_what_identifies_an_alert() -> None:
    names = list(PAYLOAD)
    identity = ("id", "cycle", "monitor", "transition", "date", "scope", "tags")
    assert max(map(names.index, identity)) < min(map(names.index, ("title", "event_title", "status", "query", "text")))


async def test_every_variable_is_one_that_datadog_knows(world: World) -> None:
    world.desk.datadog.fire("stg/latency", "service:web", 0.46)
    (told,) = world.desk.datadog.told
    known = set(variables(told, "https://app.example.com")) | {
        "HOSTNAME"
    }  # no value for monitors that are not of hosts
    assert {value.removeprefix("$") for value in PAYLOAD.values()} - known == set()


async def test_what_datadog_sends_by_it_is_read_whole(world: World) -> None:
    world.desk.datadog.use_webhook(f"{world.desk.url}/receiver", datadog_webhook("https://bot.example.com"))
    world.desk.datadog.fire("stg/latency", "service:web", 0.46)
    await world.desk.datadog.delivered()
    event = read_webhook(world.desk.receiver.bodies[-1], RECEIVED_MS)
    assert event is not None
    assert event.monitor_id == str(world.desk.datadog.board.find("stg/latency").id)
    assert (event.told, event.priority, event.environment, event.service) == ("Triggered", 3, "stg", "web")
    assert event.scope == "env:stg,service:web"
    assert event.at_ms == world.desk.now_s * 1000
    assert all((event.cycle_key, event.event_id, event.title, event.text, event.query, event.link, event.snapshot))


@pytest.mark.parametrize("url", [None, "https://bot.example.com", "https://bot.example.com/"])
def test_the_printed_webhook_names_its_secret_and_does_not_hold_it(url: str | None) -> None:
    webhook = datadog_webhook(url)
    assert webhook["url"].endswith("/datadog/webhook")
    assert "//datadog" not in webhook["url"]
    assert webhook["custom_headers"] == {SECRET_HEADER: f"${SECRET_VARIABLE}"}
    assert json.loads(json.dumps(webhook)) == webhook
