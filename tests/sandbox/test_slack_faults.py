"""Each fault that can be ordered from the sandbox's Slack, and that it happens as often as it was ordered."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import (
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
)
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.slack_desk import DEADLINE_S, Desk, Json, until


def once(desk: Desk, seconds: float = DEADLINE_S) -> AsyncWebClient:
    """A client that never retries by itself."""
    token = desk.slack.world.app.bot_token
    return AsyncWebClient(token=token, base_url=desk.slack.api_url, timeout=cast(int, seconds), retry_handlers=[])


async def leaves_when(desk: Desk, is_so: Callable[[], Any], text: str) -> None:
    """Post, and hang up as soon as something is so."""
    post = asyncio.create_task(once(desk).chat_postMessage(channel="C0STG", text=text))
    await until(is_so)
    assert not post.done()
    post.cancel()
    await asyncio.wait([post])


def posted(desk: Desk) -> list[str]:
    """The texts that really stand in #deploys-stg."""
    return [message["text"] for message in desk.slack.world.workspace.channels["C0STG"].messages.values()]


async def test_a_rate_limit_is_answered_as_often_as_ordered_and_nothing_is_posted(desk: Desk) -> None:
    desk.faults({"method": "chat.postMessage", "times": 2, "do": "ratelimit", "retry_after": 30})
    for _ in range(2):
        answer = await desk.refusal(once(desk).chat_postMessage(channel="C0STG", text="t"))
        assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "30")
    await once(desk).chat_postMessage(channel="C0STG", text="third")
    assert posted(desk) == ["third"]
    assert desk.counts["ratelimit"] == 2


async def test_an_error_is_answered_on_the_channel_it_was_ordered_for(desk: Desk) -> None:
    desk.faults({"method": "*", "channel": "C0STG", "times": None, "do": "error", "error": "token_revoked"})
    for _ in range(3):
        refused = await desk.refusal(once(desk).chat_postMessage(channel="#deploys-stg", text="t"))
        assert refused["error"] == "token_revoked"
    assert (await once(desk).chat_postMessage(channel="C0PRD", text="t"))["ok"]


async def test_a_bad_gateway_answers_without_json(desk: Desk) -> None:
    desk.faults({"method": "auth.test", "do": "http", "status": 502})
    answer = await desk.refusal(once(desk).auth_test())
    assert answer.status_code == 502
    assert (await once(desk).auth_test())["ok"]


async def test_a_call_that_hangs_longer_than_its_caller_posts_nothing(desk: Desk) -> None:
    rule = desk.slack.order_fault(method="chat.postMessage", do="hang", seconds=2.0)
    await leaves_when(desk, lambda: rule.fired, "t")
    await until(lambda: desk.calls("chat.postMessage"))
    assert posted(desk) == []
    desk.faults({"method": "chat.postMessage", "do": "hang", "seconds": 0.1})
    await once(desk).chat_postMessage(channel="C0STG", text="patient")
    assert posted(desk) == ["patient"]


async def test_a_reset_accepts_nothing(desk: Desk) -> None:
    desk.faults({"method": "chat.postMessage", "do": "reset"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await once(desk).chat_postMessage(channel="C0STG", text="t")
    assert posted(desk) == []
    assert desk.calls("chat.postMessage")[0]["status"] == 0


async def test_a_message_can_be_accepted_and_the_answer_lost(desk: Desk) -> None:
    desk.faults({"method": "chat.postMessage", "do": "accept_then_close"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await once(desk).chat_postMessage(channel="C0STG", text="closed")
    desk.faults({"method": "chat.postMessage", "do": "accept_then_500"})
    assert (await desk.refusal(once(desk).chat_postMessage(channel="C0STG", text="500"))).status_code == 500
    rule = desk.slack.order_fault(method="chat.postMessage", do="accept_then_hang", seconds=30)
    await leaves_when(desk, lambda: rule.fired, "hung")
    assert posted(desk) == ["closed", "500", "hung"]


async def test_the_sdks_own_retry_posts_twice_when_the_answer_is_lost(desk: Desk) -> None:
    desk.faults({"method": "chat.postMessage", "do": "accept_then_close"})
    await desk.bot.chat_postMessage(channel="C0STG", text="t")
    assert posted(desk) == ["t", "t"]


async def test_a_fault_can_let_the_first_calls_pass(desk: Desk) -> None:
    desk.faults({"method": "chat.postMessage", "do": "error", "error": "fatal_error", "skip": 2})
    for text in ("first", "second"):
        await once(desk).chat_postMessage(channel="C0STG", text=text)
    assert (await desk.refusal(once(desk).chat_postMessage(channel="C0STG", text="third")))["error"] == "fatal_error"
    assert posted(desk) == ["first", "second"]


async def test_faults_are_ordered_and_counted_over_http_too(desk: Desk) -> None:
    rules = [{"method": "auth.test", "times": 1, "do": "error", "error": "fatal_error"}]
    async with desk.http.post("/sandbox/slack/faults", json={"rules": rules}) as response:
        assert (await response.json())["ok"]
    assert (await desk.refusal(once(desk).auth_test()))["error"] == "fatal_error"
    async with desk.http.get("/sandbox/slack/faults") as response:
        shown = await response.json()
    assert shown["rules"][0] | {"channel": None} == {
        "do": "error",
        "method": "auth.test",
        "channel": None,
        "left": 0,
        "fired": 1,
    }
    async with desk.http.post("/sandbox/slack/faults", json={"rules": [{"do": "earthquake"}]}) as response:
        assert (response.status, (await response.json())["ok"]) == (400, False)
    async with desk.http.delete("/sandbox/slack/faults"):
        pass
    async with desk.http.get("/sandbox/slack/faults") as response:
        assert (await response.json())["rules"] == []


def counting_app(desk: Desk) -> tuple[AsyncApp, list[Json]]:
    """A bolt app that accepts /deploy and keeps each delivery."""
    app, seen = desk.bolt_app(), []

    @app.command("/deploy")
    async def deploy(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack("Accepted")

    return app, seen


async def deploy(desk: Desk, text: str = "stg admin") -> Json:
    return await desk.act("command", channel="C0STG", command="/deploy", text=text)


async def test_a_refresh_closes_the_socket_after_its_grace_and_the_app_comes_back(quick_desk: Desk) -> None:
    app, seen = counting_app(quick_desk)
    async with quick_desk.bolt(app):
        quick_desk.faults({"do": "refresh", "grace": 0.2})
        await until(lambda: quick_desk.counts["sockets_opened"] == 2)
        await until(lambda: any(each.takes_envelopes for each in quick_desk.slack.sockets.live))
        assert (await deploy(quick_desk))["ok"]
    assert len(seen) == 1


async def test_a_draining_socket_gets_nothing_new_while_the_other_serves(quick_desk: Desk) -> None:
    app, _ = counting_app(quick_desk)
    async with quick_desk.bolt(app, sockets=2):
        first, second = quick_desk.slack.sockets.live
        quick_desk.faults({"do": "refresh", "socket": 0, "grace": 5})
        await until(lambda: first.drains or first.closed.is_set())
        for _ in range(3):
            assert (await deploy(quick_desk))["ok"]
        assert first.sent == 0
        assert second.sent >= 1


@pytest.mark.parametrize(
    ("do", "reason"), [("link_disabled", "link_disabled"), ("too_many", "too_many_websockets"), ("warning", "warning")]
)
async def test_a_disconnect_gives_its_reason(desk: Desk, do: str, reason: str) -> None:
    async with ClientSession() as session, session.ws_connect(desk.slack.sockets.open_url()) as ws:
        await ws.receive_json()
        desk.faults({"do": do, "grace": 0})
        frame = await ws.receive_json(timeout=DEADLINE_S)
        assert (frame["type"], frame["reason"]) == ("disconnect", reason)
        if do == "warning":
            assert desk.slack.sockets.live[0].takes_envelopes
        else:
            assert (await ws.receive(timeout=DEADLINE_S)).type is WSMsgType.CLOSE


async def test_a_refused_upgrade_spends_its_ticket(desk: Desk) -> None:
    desk.faults({"do": "refuse_upgrade", "times": 1})
    url = desk.slack.sockets.open_url()
    async with ClientSession() as session:
        with pytest.raises(WSServerHandshakeError, match="503"):
            await session.ws_connect(url)
        with pytest.raises(WSServerHandshakeError, match="403"):
            await session.ws_connect(url)
    assert (desk.counts["refuse_upgrade"], desk.counts["bad_tickets"], desk.counts["sockets_opened"]) == (1, 1, 0)


async def next_frame(ws: ClientWebSocketResponse, seconds: float) -> WSMessage | None:
    """The next frame, or None when none comes in time."""
    try:
        return await ws.receive(timeout=seconds)
    except TimeoutError:
        return None


async def test_a_frozen_socket_is_silent_with_its_tcp_open_and_the_other_serves(quick_desk: Desk) -> None:
    app, seen = counting_app(quick_desk)
    async with quick_desk.bolt(app, sockets=2), ClientSession() as session:
        ws = await session.ws_connect(quick_desk.slack.sockets.open_url(), autoping=False)
        await ws.receive_json()
        assert (await ws.receive(timeout=DEADLINE_S)).type is WSMsgType.PING
        quick_desk.faults({"do": "freeze", "socket": 2})
        await ws.ping(b"anybody?")
        while (frame := await next_frame(ws, seconds=0.3)) is not None:
            assert frame.type is WSMsgType.PING, "sent before it froze; anything else would be an answer to our ping"
        assert not ws.closed
        for _ in range(3):
            assert (await deploy(quick_desk))["ok"]
        assert len(seen) == 3
        await ws.close()


async def test_what_a_half_dead_socket_swallows_comes_again_over_another(quick_desk: Desk) -> None:
    app, seen = counting_app(quick_desk)
    async with quick_desk.bolt(app, sockets=2):
        quick_desk.faults({"do": "freeze", "socket": 0, "swallow": True})
        quick_desk.waits(resend_s=0.3)
        for _ in range(2):
            assert (await deploy(quick_desk))["ok"]
        assert len({body["trigger_id"] for body in seen}) == 2
        assert quick_desk.counts["resends"] >= 1
        # The SDK would wait ten seconds for the frozen peer's close frame.
        await quick_desk.slack.sockets.stop()


async def test_an_envelope_cut_in_mid_frame_comes_again_under_the_same_name(quick_desk: Desk) -> None:
    async with ClientSession() as session:
        cut = await session.ws_connect(quick_desk.slack.sockets.open_url())
        await cut.receive_json()
        quick_desk.faults({"do": "cut"})
        asked = asyncio.create_task(deploy(quick_desk))
        gone = await cut.receive(timeout=DEADLINE_S)
        assert gone.type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
        again = await session.ws_connect(quick_desk.slack.sockets.open_url())
        await again.receive_json()
        envelope = await again.receive_json(timeout=DEADLINE_S)
        assert envelope["type"] == "slash_commands"
        await again.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "Accepted"}})
        assert (await asked)["response"] == {"text": "Accepted"}
        await again.close()
    assert (quick_desk.counts["envelopes"], quick_desk.counts["resends"]) == (1, 1)


async def test_an_unacknowledged_envelope_comes_again_after_a_while_with_the_same_name(quick_desk: Desk) -> None:
    async with ClientSession() as session, session.ws_connect(quick_desk.slack.sockets.open_url()) as ws:
        await ws.receive_json()
        quick_desk.waits(resend_s=0.3)
        asked = asyncio.create_task(deploy(quick_desk))
        first, second = await ws.receive_json(timeout=DEADLINE_S), await ws.receive_json(timeout=DEADLINE_S)
        assert first == second
        await ws.send_json({"envelope_id": first["envelope_id"]})
        assert await asked == {"ok": True, "response": None}
        await ws.send_json({"envelope_id": first["envelope_id"]})
        await until(lambda: quick_desk.counts["acks_too_late"] >= 1)


async def test_duplicates_come_as_ordered_over_several_sockets(quick_desk: Desk) -> None:
    app, seen = counting_app(quick_desk)
    async with quick_desk.bolt(app, sockets=2):
        quick_desk.faults({"do": "duplicate", "copies": 5, "concurrent": 3, "type": "slash_commands"})
        assert (await deploy(quick_desk))["ok"]
        await until(lambda: len(seen) == 5)
        assert len({body["trigger_id"] for body in seen}) == 1
        assert min(connection.sent for connection in quick_desk.slack.sockets.live) >= 2
        assert (await deploy(quick_desk))["ok"]
        await until(lambda: len(seen) == 6)


async def test_mischief_closes_slack_to_every_call_for_a_while(desk: Desk) -> None:
    desk.slack.world.pace.close_for(60)
    answer = await desk.refusal(once(desk).auth_test())
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60


async def test_a_person_is_not_kept_waiting_by_a_client_that_left(desk: Desk) -> None:
    async with ClientSession(timeout=ClientTimeout(total=DEADLINE_S)) as session:
        ws = await session.ws_connect(desk.slack.sockets.open_url())
        await ws.receive_json()
        await ws.close()
        await until(lambda: not desk.slack.sockets.live)
    assert (await deploy(desk))["error"] == "dispatch_failed"
