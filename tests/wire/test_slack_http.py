"""Slack's HTTP door on a real server: what is genuine is taken once, what is not gets 401, and nothing gives a 500."""

import asyncio
import gzip
import hashlib
import hmac
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from bot.inbound.inbound import Ack, Inbound, InboundKind
from bot.inbound.slack.dispatch import BoltDispatch
from bot.inbound.slack.http import SERVER_OPTIONS, SlackHttp
from tests.wire.slack_stand_in import DEADLINE_S

SECRET, OLD_SECRET = "8f742231b10e8888abcd99yyyzzz85a5", "the one before"
SLASH = {"team_id": "T1", "trigger_id": "1.2.3", "command": "/deploy", "text": "stg admin", "user_id": "U1"}
EVENT = {
    "type": "event_callback",
    "event_id": "Ev1",
    "event_time": int(time.time()),
    "team_id": "T1",
    "event": {"type": "app_mention", "user": "U1", "text": "hi"},
}


@dataclass
class Door:
    """A running server with the door in it, and what came through."""

    url: str
    host: str
    port: int
    http: SlackHttp
    session: aiohttp.ClientSession
    taken: list[Inbound] = field(default_factory=list)
    answer: Callable[[Inbound], Ack] = lambda _inbound: Ack()

    async def receive(self, inbound: Inbound) -> Ack:
        self.taken.append(inbound)
        return self.answer(inbound)

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        async with (
            asyncio.timeout(DEADLINE_S),
            self.session.post(self.url, data=body, headers=headers) as response,
        ):
            return response.status, await response.text()

    async def signed(self, body: bytes, content_type: str, **headers: str) -> tuple[int, str]:
        return await self.post(body, signature(body) | {"Content-Type": content_type} | headers)

    async def form(self, **fields: str) -> tuple[int, str]:
        return await self.signed(urlencode(fields).encode(), "application/x-www-form-urlencoded")

    async def event(self, event: dict, **headers: str) -> tuple[int, str]:
        return await self.signed(json.dumps(event).encode(), "application/json", **headers)


def signature(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door(within_s=DEADLINE_S) as opened:
        yield opened


@pytest.fixture
async def quick_door() -> AsyncIterator[Door]:
    """Gives up soon what drips."""
    async with open_door(within_s=0.5) as opened:
        yield opened


@asynccontextmanager
async def open_door(within_s: float) -> AsyncIterator[Door]:
    taken: list[Door] = []

    async def receive(inbound: Inbound) -> Ack:
        return await taken[0].receive(inbound)

    http = SlackHttp([SECRET, OLD_SECRET], BoltDispatch(receive, token="xoxb-1"), body_within_s=within_s)
    app = web.Application()
    app.add_routes(http.routes())
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=0.2, **{**SERVER_OPTIONS, "keepalive_timeout": within_s}
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        taken.append(Door(f"http://{host}:{port}/slack/events", host, port, http, session))
        yield taken[0]
    await runner.cleanup()


async def test_a_signed_command_is_answered_with_the_text_of_the_intake(door: Door) -> None:
    door.answer = lambda _inbound: Ack({"text": "On its way.", "response_type": "ephemeral"})
    status, text = await door.form(**SLASH)
    assert (status, json.loads(text)) == (200, {"text": "On its way.", "response_type": "ephemeral"})
    [inbound] = door.taken
    assert (inbound.kind, inbound.key, inbound.payload["text"]) == (InboundKind.SLASH, "slash:T1:1.2.3", "stg admin")
    assert inbound.happened_at is not None
    assert abs((datetime.now(UTC) - inbound.happened_at).total_seconds()) < 120


async def test_a_click_and_a_form_come_in_a_payload_field(door: Door) -> None:
    click = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.2"},
        "actions": [{"action_id": "a", "action_ts": "1700000000.5"}],
    }
    view = {"type": "view_submission", "view": {"id": "V1", "hash": "h"}, "user": {"id": "U1"}}
    assert (await door.form(payload=json.dumps(click)))[0] == 200
    door.answer = lambda _inbound: Ack({"response_action": "errors", "errors": {"version": "unknown"}})
    status, text = await door.form(payload=json.dumps(view))
    assert (status, json.loads(text)["response_action"]) == (200, "errors")
    assert [inbound.key for inbound in door.taken] == ["act:T1:C1:1.2:a:1700000000.5:U1", "view:V1:h"]


async def test_retries_of_an_event_have_one_key_and_are_all_answered(door: Door) -> None:
    answers = await asyncio.gather(
        *(door.event(EVENT, **{"X-Slack-Retry-Num": str(n), "X-Slack-Retry-Reason": "http_timeout"}) for n in range(4))
    )
    assert [status for status, _ in answers] == [200] * 4
    assert {inbound.key for inbound in door.taken} == {"evt:Ev1"}


async def test_the_same_bytes_three_times_have_one_key(door: Door) -> None:
    body = urlencode(SLASH).encode()
    headers = signature(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert [(await door.post(body, headers))[0] for _ in range(3)] == [200] * 3
    assert {inbound.key for inbound in door.taken} == {"slash:T1:1.2.3"}


async def test_an_event_that_is_not_accepted_is_asked_for_again(door: Door) -> None:
    door.answer = lambda _inbound: Ack(accepted=False)
    async with door.session.post(
        door.url,
        data=(body := json.dumps(EVENT).encode()),
        headers=signature(body) | {"Content-Type": "application/json"},
    ) as response:
        assert response.status == 503
        assert "X-Slack-No-Retry" not in response.headers


async def test_a_command_that_is_not_accepted_gets_words(door: Door) -> None:
    door.answer = lambda _inbound: Ack(accepted=False)
    status, text = await door.form(**SLASH)
    assert status == 200
    assert "Nothing was started" in json.loads(text)["text"]


async def test_a_command_whose_intake_crashes_gets_words_and_not_a_500(door: Door) -> None:
    def crash(_inbound: Inbound) -> Ack:
        raise RuntimeError("secret detail")

    door.answer = crash
    status, text = await door.form(**SLASH)
    assert status == 200
    assert "stumbled" in json.loads(text)["text"]
    assert "secret" not in text


async def test_slacks_own_checks_of_the_address_are_answered(door: Door) -> None:
    assert await door.event({"type": "url_verification", "challenge": "abc", "token": "x"}) == (200, "abc")
    assert await door.form(ssl_check="1", token="x") == (200, "")
    assert door.taken == []


async def test_the_secret_of_before_is_still_accepted(door: Door) -> None:
    body = urlencode(SLASH).encode()
    headers = signature(body, secret=OLD_SECRET) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await door.post(body, headers))[0] == 200


GOOD = urlencode(SLASH).encode()


def forgeries() -> dict[str, dict[str, str]]:
    """Headers that must not open the door, signed at this moment: collected tests may run minutes later."""
    return {
        "unsigned": {},
        "no signature": {"X-Slack-Request-Timestamp": str(int(time.time()))},
        "no timestamp": {"X-Slack-Signature": "v0=abc"},
        "wrong secret": signature(GOOD, secret="guess"),
        "other body": signature(b"other"),
        "six minutes old": signature(GOOD, at=time.time() - 360),
        "six minutes ahead": signature(GOOD, at=time.time() + 360),
        "timestamp in words": signature(GOOD) | {"X-Slack-Request-Timestamp": "abc"},
        "timestamp of 5000 digits": signature(GOOD) | {"X-Slack-Request-Timestamp": "1" * 5000},
        "signature not ASCII": signature(GOOD) | {"X-Slack-Signature": "v0=é漢"},
        "version 1": {
            name: value.replace("v0=", "v1=") for name, value in signature(GOOD).items()
        },
    }  # fmt: skip


@pytest.mark.parametrize("forgery", list(forgeries()))
async def test_a_forged_request_gets_401_and_nothing_else(door: Door, forgery: str, capsys) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | forgeries()[forgery]
    assert await door.post(GOOD, headers) == (401, "")
    assert door.taken == []
    assert "stg admin" not in capsys.readouterr().out.replace("+", " ")


async def test_a_forged_body_that_is_not_utf8_gets_401(door: Door) -> None:
    assert await door.post(b"\xff\xfe" * 100, signature(b"other")) == (401, "")


async def raw(door: Door, request: bytes, within_s: float = DEADLINE_S) -> bytes:
    """The first line of what the server says to these bytes; empty when it just closes."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    try:
        async with asyncio.timeout(within_s):
            writer.write(request)
            await writer.drain()
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_two_thousand_malformed_requests_get_no_2xx_and_no_5xx(door: Door) -> None:
    chance = random.Random(7)

    def noise(most: int) -> bytes:
        return bytes(chance.choice(b"\x01\x7f\x80\xff09azAZ =,;:%v") for _ in range(chance.randrange(most)))

    async def one() -> bytes:
        body = noise(60)
        names = [b"X-Slack-Signature", b"X-Slack-Request-Timestamp", b"Content-Type", b"X-Slack-Retry-Num"]
        lines = [name + b": " + noise(40).replace(b"\x01", b"") for name in names if chance.random() < 0.8]
        head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
        return await raw(door, head + b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n" + body)

    said = set()
    for _ in range(40):
        said |= {line.split(b" ")[1] for line in await asyncio.gather(*(one() for _ in range(50))) if line}
    assert said <= {b"400", b"401"}
    assert b"401" in said
    assert door.taken == []


async def test_signed_nonsense_is_a_400(door: Door) -> None:
    for body in (b"\xff\xfe", b"{", b"[]", b'"text"', b"null", b"{}", b"[" * 10_000 + b"]" * 10_000):
        assert (await door.signed(body, "application/json"))[0] == 400
    deep = b'{"event_id":"E1","event":' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}"
    assert (await door.signed(deep, "application/json"))[0] == 400
    assert (await door.form(payload="no json"))[0] == 400
    assert (await door.form(text="no trigger"))[0] == 400
    assert door.taken == []


async def test_a_body_beyond_a_mebibyte_is_refused_unread(door: Door) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n"
    assert b" 413 " in await raw(door, head)
    chunked = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in await raw(
        door, chunked + b"80000\r\n" + b"x" * 0x80000 + b"\r\n" + b"90000\r\n" + b"x" * 0x90000
    )


async def test_a_compressed_body_is_not_unpacked(door: Door) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert (await door.signed(bomb, "application/json", **{"Content-Encoding": "gzip"}))[0] == 415


async def test_a_body_that_drips_is_given_up(quick_door: Door) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
    assert b" 408 " in await raw(quick_door, head)


async def test_a_head_that_drips_is_cut_off(quick_door: Door) -> None:
    reader, writer = await asyncio.open_connection(quick_door.host, quick_door.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-")
    async with asyncio.timeout(DEADLINE_S):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("secrets", [[], [""], ["good", "  "]])
def test_without_a_secret_the_door_does_not_open(secrets: list[str]) -> None:
    async def receive(_inbound: Inbound) -> Ack:
        return Ack()

    with pytest.raises(ValueError, match="SLACK_SIGNING_SECRET"):
        SlackHttp(secrets, BoltDispatch(receive, token="xoxb-1"))
