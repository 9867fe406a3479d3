"""HTTP mode: signed posts to the app, their retries and copies; tried with the real slack_bolt, unmodified."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from bot.sandbox.slack.envelopes import NotDelivered
from bot.sandbox.slack.webhooks import signed_headers
from tests.sandbox.slack_desk import Desk, until
from tests.sandbox.slack_walk import answering_app, try_everything


@asynccontextmanager
async def served(desk: Desk, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Serve an app's /slack/events and switch the sandbox to HTTP mode."""
    server = web.Application()
    server.add_routes([web.post("/slack/events", handle)])
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        await desk.slack.delivery.use_http(url)
        yield url
    finally:
        await runner.cleanup()


class Receiver:
    """An app that answers events with the given statuses, in turn, and keeps the retry headers."""

    def __init__(self, *statuses: int, no_retry: bool = False) -> None:
        self.statuses = list(statuses)
        self.no_retry = no_retry
        self.retries: list[tuple[str | None, str | None]] = []
        self.event_ids: set[str] = set()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["type"] == "url_verification":
            return web.json_response({"challenge": body["challenge"]})
        self.retries.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        self.event_ids.add(body["event_id"])
        headers = {"X-Slack-No-Retry": "1"} if self.no_retry else {}
        return web.Response(status=self.statuses.pop(0), headers=headers)


async def test_an_unmodified_bolt_app_works_over_signed_http(desk: Desk) -> None:
    app, seen = answering_app(desk)

    async def handle(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async with served(desk, handle):
        await try_everything(desk, seen)
    assert desk.counts["envelopes"] == 0


async def test_events_are_retried_with_number_and_reason_until_taken(quick_desk: Desk) -> None:
    receiver = Receiver(500, 500, 200)
    async with served(quick_desk, receiver.handle):
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: not receiver.statuses)
    assert receiver.retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len(receiver.event_ids) == 1


async def test_an_app_can_ask_for_no_retry(quick_desk: Desk) -> None:
    receiver = Receiver(500, no_retry=True)
    async with served(quick_desk, receiver.handle):
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: quick_desk.counts["events_lost"] == 1)
    assert receiver.retries == [(None, None)]


async def test_copies_of_an_event_overlap_and_are_numbered_like_retries(quick_desk: Desk) -> None:
    receiver = Receiver(200, 200, 200, 200)
    quick_desk.faults({"do": "duplicate", "type": "events_api", "copies": 4, "concurrent": 4})
    async with served(quick_desk, receiver.handle):
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: not receiver.statuses)
    assert sorted(number or "0" for number, _ in receiver.retries) == ["0", "1", "2", "3"]
    assert len(receiver.event_ids) == 1


async def test_a_person_sees_the_failure_of_an_app_that_is_down_or_slow(quick_desk: Desk) -> None:
    slept_enough = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            return web.json_response(await request.json())
        if "broken" in await request.text():
            return web.Response(status=503)
        await slept_enough.wait()
        return web.Response()

    asked = {"channel": "C0STG", "command": "/deploy"}
    async with served(quick_desk, slow):
        assert (await quick_desk.act("command", **asked, text="broken"))["error"] == "dispatch_failed"
        quick_desk.waits(ack_s=0.3)
        assert (await quick_desk.act("command", **asked, text="slow"))["error"] == "operation_timeout"
        slept_enough.set()
        quick_desk.waits(ack_s=30.0)
    assert (await quick_desk.act("command", **asked, text="gone"))["error"] == "dispatch_failed"


async def test_an_events_url_must_return_the_challenge(desk: Desk) -> None:
    async def deaf(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    with pytest.raises(NotDelivered, match="url_verification_failed"):
        async with served(desk, deaf):
            pass
    assert desk.slack.world.app.events_url is None


async def test_signatures_are_those_of_slacks_own_example() -> None:
    # The worked example of docs.slack.dev/authentication/verifying-requests-from-slack.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = signed_headers("8f742231b10e8888abcd99yyyzzz85a5", body, timestamp=1531420618)
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert headers["X-Slack-Signature"] == expected
