"""Socket Mode and HTTP mode, tried with the real slack_bolt, unmodified."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.sandbox.slack.emulator import Slack
from bot.sandbox.slack.pace import Timing
from bot.sandbox.slack.webhooks import signed_headers
from tests.sandbox.slack_desk import Desk, Json, open_desk, until

QUICK = Timing(ack_s=0.5, resend_s=0.2, command_life_s=2.0, event_retries_s=(0.0, 0.1, 0.2))
SECTION = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "Ready"}}
BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "r1:3"}
CARD = [SECTION, {"type": "actions", "block_id": "a", "elements": [BUTTON]}]


@pytest.fixture
async def quick_desk() -> AsyncIterator[Desk]:
    """A Slack that waits half a second where the real one waits three."""
    async with open_desk(Slack(limits="off", timing=QUICK)) as desk:
        yield desk


@asynccontextmanager
async def over_http(desk: Desk, app: AsyncApp) -> AsyncIterator[str]:
    """Serve a bolt app at /slack/events and switch the sandbox to HTTP mode."""

    async def handle(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

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


def answering_app(desk: Desk) -> tuple[AsyncApp, list[Json]]:
    """A bolt app that answers everything and keeps what it was sent."""
    app, seen = desk.bolt_app(), []

    @app.command("/deploy")
    async def deploy(ack: Any, body: Json, respond: Any) -> None:
        seen.append(body)
        await ack(text=f"Accepted: {body['text']}", blocks=CARD)
        await respond(text="for all", response_type="in_channel", blocks=CARD)

    @app.action("go")
    async def go(ack: Any, body: Json, client: Any) -> None:
        seen.append(body)
        await ack()
        label = {"type": "plain_text", "text": "Version"}
        element = {"type": "plain_text_input", "action_id": "v", "initial_value": "1.4.2"}
        modal = {
            "type": "modal",
            "callback_id": "form",
            "title": {"type": "plain_text", "text": "Deploy"},
            "submit": {"type": "plain_text", "text": "Deploy"},
            "notify_on_close": True,
            "blocks": [{"type": "input", "block_id": "version", "label": label, "element": element}],
        }
        await client.views_open(trigger_id=body["trigger_id"], view=modal)

    @app.view("form")
    async def submitted(ack: Any, body: Json) -> None:
        seen.append(body)
        if body["view"]["state"]["values"]["version"]["v"]["value"] == "bad":
            await ack(response_action="errors", errors={"version": "No such version"})
        else:
            await ack()

    @app.view_closed("form")
    async def closed(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack()

    @app.event("app_mention")
    async def mentioned(body: Json, say: Any) -> None:
        seen.append(body)
        await say(text="heard", thread_ts=body["event"]["ts"])

    @app.event("app_home_opened")
    async def home(body: Json, client: Any) -> None:
        seen.append(body)
        await client.views_publish(user_id=body["event"]["user"], view={"type": "home", "blocks": [SECTION]})

    return app, seen


async def try_everything(desk: Desk, seen: list[Json]) -> None:
    """A command, a click, a form with an error and without, a closed form, a mention and the Home."""
    answer = await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
    assert answer["response"]["text"] == "Accepted: stg admin"
    await until(lambda: len(desk.slack.world.workspace.channels["C0STG"].messages) == 1)
    whisper, public = sorted(await desk.history(), key=lambda message: "ephemeral" not in message)
    assert (whisper["text"], public["text"]) == ("Accepted: stg admin", "for all")
    command = seen[0]
    assert command["response_url"].startswith(desk.slack.world.base_url)
    assert (command["channel_name"], command["user_name"], command["api_app_id"]) == (
        "deploys-stg",
        "alice",
        "A0KAJITORI",
    )

    clicked = await desk.act("click", channel="C0STG", ts=public["ts"], block_id="a", action_id="go")
    assert clicked == {"ok": True}
    action = seen[1]
    assert action["actions"][0] | {"action_ts": ""} == {
        "type": "button",
        "action_id": "go",
        "block_id": "a",
        "text": {"type": "plain_text", "text": "Go"},
        "value": "r1:3",
        "action_ts": "",
    }
    assert action["container"] == {
        "type": "message",
        "message_ts": public["ts"],
        "channel_id": "C0STG",
        "is_ephemeral": False,
    }
    assert (action["message"]["ts"], action["state"], action["user"]["id"]) == (public["ts"], {"values": {}}, "U0ALICE")
    await until(lambda: desk.slack.world.forms._stacks.get("U0ALICE"))
    (view_id,) = desk.slack.world.forms._stacks["U0ALICE"]

    empty = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": ""}}})
    assert empty["errors"] == {"version": "Please complete this required field."}
    wrong = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": "bad"}}})
    assert (wrong["response_action"], wrong["errors"]) == ("errors", {"version": "No such version"})
    right = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": "1.4.3"}}})
    assert right == {"ok": True, "response_action": None}
    assert seen[-1]["view"]["state"]["values"] == {"version": {"v": {"type": "plain_text_input", "value": "1.4.3"}}}

    said = await desk.act("say", channel="C0STG", text="@Kajitori status")
    await until(lambda: seen[-1]["type"] == "event_callback")
    event = seen[-1]["event"]
    assert (event["type"], event["text"], event["ts"]) == ("app_mention", "<@U0KAJITORI> status", said["ts"])
    channel = desk.slack.world.workspace.channels["C0STG"]
    await until(lambda: channel.messages[said["ts"]].get("reply_count") == 1)

    await desk.act("home")
    await until(lambda: desk.slack.world.forms.home("U0ALICE"))
    assert (await desk.act("home"))["view"]["blocks"][0]["text"]["text"] == "Ready"


async def test_an_unmodified_bolt_app_works_over_socket_mode(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with desk.bolt(app):
        await try_everything(desk, seen)


async def test_an_unmodified_bolt_app_works_over_signed_http(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with over_http(desk, app):
        await try_everything(desk, seen)
    assert desk.counts["envelopes"] == 0


async def test_a_closed_form_is_told_to_those_who_asked(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with desk.bolt(app):
        posted = await desk.bot.chat_postMessage(channel="C0STG", text="t", blocks=CARD)
        await desk.act("click", channel="C0STG", ts=posted["ts"], block_id="a", action_id="go")
        await until(lambda: desk.slack.world.forms._stacks.get("U0ALICE"))
        (view_id,) = desk.slack.world.forms._stacks["U0ALICE"]
        assert await desk.act("close", view_id=view_id) == {"ok": True}
        assert (seen[-1]["type"], seen[-1]["is_cleared"]) == ("view_closed", False)
        assert (await desk.act("submit", view_id=view_id, values={}))["error"] == "view_not_found"


async def test_a_person_sees_a_timeout_when_nobody_acknowledges(quick_desk: Desk) -> None:
    app = quick_desk.bolt_app()

    @app.command("/deploy")
    async def silent(body: Json) -> None:
        """Never acknowledges."""

    async with quick_desk.bolt(app):
        answer = await quick_desk.act("command", channel="C0STG", command="/deploy", text="")
    assert answer == {"ok": False, "error": "operation_timeout"}


async def test_a_person_sees_dispatch_failed_when_nobody_is_there(desk: Desk) -> None:
    asked = {"channel": "C0STG", "command": "/deploy", "text": ""}
    assert await desk.act("command", **asked) == {"ok": False, "error": "dispatch_failed"}
    assert (await desk.act("command", **asked | {"command": "/dance"}))["error"] == "unknown_command"


async def test_an_answer_that_slack_would_not_take_is_told_to_the_person_and_kept_as_a_problem(desk: Desk) -> None:
    app = desk.bolt_app()

    @app.command("/deploy")
    async def broken(ack: Any) -> None:
        await ack(text="t", blocks=[{"type": "sektion"}])

    async with desk.bolt(app):
        answer = await desk.act("command", channel="C0STG", command="/deploy", text="")
    assert answer["error"] == "invalid_command_response"
    assert "invalid_blocks" in desk.slack.world.records.problems[-1]


async def test_each_envelope_goes_to_one_socket_in_turn(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with desk.bolt(app, sockets=2):
        for n in range(4):
            await desk.act("command", channel="C0STG", command="/deploy", text=str(n))
        assert [connection.sent for connection in desk.slack.sockets.live] == [2, 2]
    assert len(seen) == 4


async def test_a_response_url_wears_out_after_five_uses(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with desk.bolt(app):
        await desk.act("command", channel="C0STG", command="/deploy", text="")
        await until(lambda: desk.slack.world.records.find("response_url"))
    url = seen[0]["response_url"]
    outcomes = []
    async with ClientSession() as session:
        for n in range(5):
            async with session.post(url, json={"text": f"use {n}"}) as response:
                outcomes.append((response.status, await response.text()))
    assert outcomes == [(200, "ok")] * 4 + [(404, "used_url")]


async def test_a_response_url_dies_of_age() -> None:
    async with open_desk(Slack(limits="off", timing=Timing(response_url_s=0.0))) as desk:
        app, seen = answering_app(desk)
        async with desk.bolt(app):
            await desk.act("command", channel="C0STG", command="/deploy", text="")
            await until(lambda: desk.slack.world.records.find("response_url"))
        assert desk.slack.world.records.find("response_url")[0]["response"]["error"] == "expired_url"
        assert len(seen) == 1


async def test_a_clicked_message_is_replaced_or_deleted_through_its_response_url(desk: Desk) -> None:
    app = desk.bolt_app()

    @app.action("go")
    async def go(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        if body["message"]["text"] == "first":
            await respond(text="second", blocks=CARD, replace_original=True)
        else:
            await respond(delete_original=True)

    async with desk.bolt(app):
        await desk.bot.chat_postEphemeral(channel="C0STG", user="U0ALICE", text="first", blocks=CARD)
        (whisper,) = await desk.history()
        for count in (1, 2):
            await desk.act("click", channel="C0STG", ts=whisper["ts"], block_id="a", action_id="go")
            await until(lambda: len(desk.slack.world.records.find("response_url")) == count)  # noqa: B023
            if count == 1:
                assert [message["text"] for message in await desk.history()] == ["second"]
    assert await desk.history() == []


async def test_a_ticket_opens_one_socket(desk: Desk) -> None:
    url = desk.slack.sockets.open_url()
    async with ClientSession() as session:
        async with session.ws_connect(url) as ws:
            hello = await ws.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            assert hello["debug_info"]["host"]
        with pytest.raises(WSServerHandshakeError, match="403"):
            await session.ws_connect(url)


async def test_the_eleventh_socket_is_one_too_many(desk: Desk) -> None:
    async with ClientSession() as session:
        sockets = [await session.ws_connect(desk.slack.sockets.open_url()) for _ in range(10)]
        extra = await session.ws_connect(desk.slack.sockets.open_url())
        assert (await extra.receive_json())["reason"] == "too_many_websockets"
        assert desk.counts["over_the_limit"] == 1
        for ws in [*sockets, extra]:
            await ws.close()


async def test_a_selection_travels_with_the_next_click(desk: Desk) -> None:
    app, seen = desk.bolt_app(), []

    @app.action({"block_id": "a"})
    async def any_action(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack()

    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("stg", "prd")]
    pick = {"type": "static_select", "action_id": "env", "options": options}
    async with desk.bolt(app):
        blocks = [{"type": "actions", "block_id": "a", "elements": [pick, BUTTON]}]
        posted = await desk.bot.chat_postMessage(channel="C0STG", text="t", blocks=blocks)
        where = {"channel": "C0STG", "ts": posted["ts"], "block_id": "a"}
        assert (await desk.act("click", **where, action_id="env", selected_option={"value": "mars"}))["ok"] is False
        await desk.act("click", **where, action_id="env", selected_option={"value": "prd"})
        await desk.act("click", **where, action_id="go")
        assert (await desk.act("click", **where, action_id="nothing"))["error"] == "element_not_found"
    assert seen[0]["actions"][0]["selected_option"] == options[1]
    assert seen[1]["state"]["values"]["a"]["env"]["selected_option"] == options[1]


async def test_an_event_that_is_not_acknowledged_comes_up_to_three_times_more(quick_desk: Desk) -> None:
    app, seen = quick_desk.bolt_app(), []

    @app.middleware
    async def refuse(body: Json, next: Any) -> None:
        seen.append(body["event_id"])
        raise RuntimeError("no ack")

    async with quick_desk.bolt(app) as (client,):
        retries: list[tuple[str, int, str]] = []

        async def note(socket: Any, message: Json, raw: str | None) -> None:
            if message.get("type") == "events_api":
                retries.append((message["envelope_id"], message["retry_attempt"], message["retry_reason"]))

        client.message_listeners.append(note)
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: quick_desk.counts["events_lost"] == 1)
    assert len({envelope_id for envelope_id, _, _ in retries}) == 1
    assert sorted({(attempt, reason) for _, attempt, reason in retries}) == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len(set(seen)) == 1


async def test_http_events_are_retried_with_number_and_reason_until_taken(quick_desk: Desk) -> None:
    seen: list[tuple[str | None, str | None]] = []
    challenge = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        if body["type"] == "url_verification":
            challenge.set()
            return web.json_response({"challenge": body["challenge"]})
        seen.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=200 if len(seen) == 3 else 500)

    server = web.Application()
    server.add_routes([web.post("/slack/events", handle)])
    runner = web.AppRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        await quick_desk.slack.delivery.use_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: len(seen) == 3)
    finally:
        await runner.cleanup()
    assert challenge.is_set()
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error")]


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
