"""The sandbox's own routes for Datadog: what is seen there, what can be done by hand, and what can't."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout

from bot.sandbox.datadog.service import HOSTS
from bot.sandbox.server import Sandbox
from tests.sandbox.datadog_desk import KEYS

Json = dict[str, Any]


class Hand:
    """A sandbox without the bot, and a client of its own routes."""

    def __init__(self, sandbox: Sandbox, http: ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def ask(self, method: str, path: str = "", **body: Any) -> Json:
        async with self.http.request(method, f"/sandbox/datadog{path}", json=body or None) as response:
            return dict(await response.json())


@pytest.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    sandbox = Sandbox(tmp_path, run_bot=False, evaluate_monitors=False)
    await sandbox.start()
    sandbox.datadog.webhooks.url = None
    try:
        async with ClientSession(sandbox.url, timeout=ClientTimeout(total=60)) as http:
            yield Hand(sandbox, http)
    finally:
        await sandbox.stop()


async def test_a_monitor_is_fired_told_again_and_resolved(hand: Hand) -> None:
    fired = await hand.ask("POST", "/fire", monitor="stg/latency", group="service:web", value=0.46)
    assert fired["ok"], fired
    await hand.ask("POST", "/renotify", monitor="stg/latency", group="service:web")
    shown = await hand.ask("GET", "/monitors/41000102")
    assert [(group["name"], group["state"], group["value"]) for group in shown["groups"]] == [
        ("service:web", "Alert", 0.46)
    ]
    await hand.ask("POST", "/resolve", monitor=41000102, group="service:web")
    (monitor,) = [row for row in (await hand.ask("GET"))["monitors"] if row["key"] == "stg/latency"]
    assert monitor["state"] == "OK"
    sent = (await hand.ask("GET", "/webhooks"))["webhooks"]
    assert [fired["cycle"] in each["body"] for each in sent] == [True] * 3


async def test_what_can_not_be_done_is_refused_in_words(hand: Hand) -> None:
    cases: list[tuple[str, Json, str]] = [
        ("/fire", {"monitor": "stg/nothing"}, "no monitor 'stg/nothing'"),
        ("/fire", {"monitor": "stg/traffic", "group": "service:web"}, "alerts for all"),
        ("/fire", {"monitor": "stg/latency", "group": "service:web", "state": "Bad"}, "'Bad' is not a valid State"),
        ("/fire", {"monitor": "stg/latency"}, "name one"),
        ("/fire", {"group": "service:web"}, "missing or unknown: 'monitor'"),
        ("/renotify", {"monitor": "stg/latency", "group": "service:web"}, "is OK"),
        ("/storm", {"count": 0}, "1 to 50000 messages"),
        ("/page", {"id": "nobody", "act": "acknowledge"}, "missing or unknown: 'nobody'"),
        ("/page", {"id": "nobody", "act": "ignore"}, "can not ignore"),
        ("/on-call", {"people": ["mallory"]}, "nobody here is called mallory"),
        ("/faults", {"rules": [{"do": "melt"}]}, "unknown fault 'melt'"),
        ("/faults", {"rules": [{"do": "reset", "colour": "red"}]}, "colour"),
    ]
    for path, body, told in cases:
        answer = await hand.ask("POST", path, **body)
        assert (answer["ok"], told in answer["error"]) == (False, True), answer
    assert (await hand.ask("GET", "/monitors/1"))["ok"] is False


async def test_faults_requests_and_the_rota_are_ordered_and_shown(hand: Hand) -> None:
    await hand.ask("POST", "/faults", rules=[{"do": "error", "status": 502, "times": None}])
    async with hand.http.get(f"{HOSTS['main']}/api/v1/monitor", headers=KEYS) as response:
        assert response.status == 502
    assert [(rule["do"], rule["fired"]) for rule in (await hand.ask("GET", "/faults"))["rules"]] == [("error", 1)]
    await hand.ask("DELETE", "/faults")
    async with hand.http.get(f"{HOSTS['main']}/api/v1/monitor", headers=KEYS) as response:
        assert response.status == 200
    requests = (await hand.ask("GET", "/requests?path=/monitor"))["requests"]
    assert [each["status"] for each in requests] == [502, 200]
    assert await hand.ask("POST", "/on-call", people=["bob", "carol"]) == {"ok": True, "on_call": ["bob", "carol"]}
    assert (await hand.ask("GET"))["on_call"] == ["bob", "carol"]


async def test_a_storm_blows_in_the_background(hand: Hand) -> None:
    answer = await hand.ask("POST", "/storm", count=50, seconds=0, seed=4)
    assert answer == {"ok": True, "messages": 50, "groups": 2}
    async with asyncio.timeout(60):
        while len(hand.sandbox.datadog.webhooks.deliveries) < 50:
            await hand.ask("GET")
    assert [row["key"] for row in (await hand.ask("GET"))["monitors"]][-1] == "storm/00"
    told = hand.sandbox.datadog.told[-1]
    app_url = hand.sandbox.datadog.app_url
    for link in (f"/event/jump_to?event_id={told.event_id}", f"/snapshot/{told.monitor.id}/{told.event_id}.png"):
        async with hand.http.get(app_url + link) as response:
            assert response.status == 200


async def test_the_bot_is_told_where_datadog_is_and_with_which_keys(hand: Hand) -> None:
    environment = hand.sandbox.environment()
    assert environment["DD_API_URL"].endswith("/datadog/api-host")
    assert environment["DD_ONCALL_URL"].endswith("/datadog/on-call-host")
    assert hand.sandbox.datadog.webhooks.headers == {"X-Kajitori-Secret": environment["DATADOG_WEBHOOK_SECRET"]}
    shown = {"DD-API-KEY": environment["DD_API_KEY"], "DD-APPLICATION-KEY": environment["DD_APP_KEY"]}
    async with hand.http.get(f"{environment['DD_API_URL']}/api/v1/validate", headers=shown) as response:
        assert await response.json() == {"valid": True}
