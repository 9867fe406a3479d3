"""Socket Mode, tried with the real slack_bolt, unmodified."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from bot.sandbox.slack.emulator import Slack
from tests.sandbox.slack_desk import PATIENT, Desk, Json, open_desk, until
from tests.sandbox.slack_walk import BUTTON, CARD, answering_app, try_everything


async def test_an_unmodified_bolt_app_works_over_socket_mode(desk: Desk) -> None:
    app, seen = answering_app(desk)
    async with desk.bolt(app):
        await try_everything(desk, seen)


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
        quick_desk.waits(ack_s=0.3)
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
        async with desk.http.get("/sandbox/slack/deliveries") as response:
            deliveries = (await response.json())["deliveries"]
        assert [(each["kind"], each["sent"]) for each in deliveries] == [("slash_commands", 1)] * 4
        assert all(each["ack_s"] > 0 for each in deliveries)
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
    async with open_desk(Slack(limits="off", timing=replace(PATIENT, response_url_s=0.0))) as desk:
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
        quick_desk.waits(ack_s=0.5)
        await quick_desk.act("say", channel="C0STG", text="@Kajitori help")
        await until(lambda: quick_desk.counts["events_lost"] == 1)
        await until(lambda: len({attempt for _, attempt, _ in retries}) == 4)
    assert len({envelope_id for envelope_id, _, _ in retries}) == 1
    assert sorted({(attempt, reason) for _, attempt, reason in retries}) == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len(set(seen)) == 1
