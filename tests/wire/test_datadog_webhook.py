"""Datadog's door on a real server: what it answers 2xx is in the database, and nobody else gets anything in."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.context import Bell
from bot.datadog.template import PATH, SECRET_HEADER
from bot.inbound.slack.http import SERVER_OPTIONS
from bot.inbound.webhooks import MAX_BODY_BYTES, DatadogWebhook
from bot.store import inbox
from bot.store.db import Database
from bot.store.migrate import migrate

SECRET, OLD_SECRET = "the new secret", "the one before"
BODY = {"id": "1", "monitor": "42", "transition": "Triggered", "scope": "env:prd", "title": "p99"}


@dataclass
class Door:
    """A running server with the door in it, and the database behind it."""

    url: str
    host: str
    port: int
    database: Database
    session: aiohttp.ClientSession
    webhook: DatadogWebhook

    async def post(self, body: bytes | dict[str, str], **headers: str) -> int:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {SECRET_HEADER: SECRET, "Content-Type": "application/json"} | headers
        async with asyncio.timeout(60), self.session.post(self.url, data=sent, headers=given) as response:
            assert await response.read() == b""
            return response.status

    async def kept(self) -> list[inbox.InboxRow]:
        async with self.database.read() as connection:
            return list(await inbox.told(connection, limit=1000))

    async def raw(self, *parts: bytes) -> bytes:
        """Send bytes as they are; the first line of the answer."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            async with asyncio.timeout(60):
                return await reader.readline()
        finally:
            writer.close()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path, body_within_s=60) as opened:
        yield opened


@asynccontextmanager
async def open_door(folder: Path, *, body_within_s: float) -> AsyncIterator[Door]:
    database = Database(f"sqlite:///{folder}/door.db", patience_s=9)
    await migrate(database)
    webhook = DatadogWebhook(
        database, [SECRET, OLD_SECRET], clock=lambda: datetime.now(UTC), bell=Bell(), body_within_s=body_within_s
    )
    app = web.Application()
    app.add_routes([web.post(PATH, webhook.handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, **SERVER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        yield Door(f"http://{host}:{port}{PATH}", host, port, database, session, webhook)
    await runner.cleanup()
    await webhook.close()
    await database.close()


async def test_what_is_answered_200_is_in_the_database(door: Door) -> None:
    assert await door.post(BODY) == 200
    (row,) = await door.kept()
    assert json.loads(row.payload["raw"]) == BODY


async def test_both_secrets_are_good_while_they_are_rotated(door: Door) -> None:
    assert await door.post(BODY | {"id": "1"}) == 200
    assert await door.post(BODY | {"id": "2"}, **{SECRET_HEADER: OLD_SECRET}) == 200
    assert len(await door.kept()) == 2


FORGERIES = {
    "no header": None,
    "an empty secret": "",
    "another secret": "the next secret",
    "the beginning of the secret": SECRET[:-1],
    "the secret and more": SECRET + "x",
    "both secrets": f"{SECRET},{OLD_SECRET}",
    "the secret in capitals": SECRET.upper(),
    "bytes that are no text": "\udcff\udcfe",
}


@pytest.mark.parametrize("secret", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forgery_gets_401_and_writes_nothing(door: Door, secret: str | None) -> None:
    body = json.dumps(BODY).encode()
    header = b"" if secret is None else f"{SECRET_HEADER}: {secret}\r\n".encode("utf-8", "surrogateescape")
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    assert b" 401 " in await door.raw(head + header + b"\r\n" + body)
    assert await door.kept() == []
    assert door.webhook.forged == 1


async def test_a_secret_that_is_given_twice_is_a_forgery(door: Door) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n".encode()
    twice = f"{SECRET_HEADER}: {SECRET}\r\n".encode() * 2
    assert b" 401 " in await door.raw(head + twice + b"\r\n{}")
    assert await door.kept() == []


async def test_the_same_delivery_five_times_three_at_once_is_one_row(door: Door) -> None:
    assert await asyncio.gather(*(door.post(BODY) for _ in range(3))) == [200] * 3
    assert [await door.post(BODY) for _ in range(2)] == [200] * 2
    assert len(await door.kept()) == 1


async def test_a_body_that_nobody_can_read_is_kept_as_it_came(door: Door) -> None:
    assert await door.post(b"\xff\xfe this is no JSON") == 200
    (row,) = await door.kept()
    assert row.payload["raw"].endswith("this is no JSON")


async def test_a_body_beyond_a_mebibyte_is_refused(door: Door) -> None:
    announced = f"Content-Length: {MAX_BODY_BYTES + 1}\r\n"
    start = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\n{announced}\r\n"
    assert b" 413 " in await door.raw(start.encode())
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in await door.raw(head.encode(), *[chunk] * 17)
    assert await door.kept() == []


async def test_a_body_that_nests_too_deep_is_refused(door: Door) -> None:
    assert await door.post(b"[" * 10_000 + b"]" * 10_000) == 400
    assert await door.kept() == []


async def test_brackets_in_a_text_are_no_nesting(door: Door) -> None:
    assert await door.post(BODY | {"text": "{[" * 500}) == 200


async def test_a_packed_body_is_refused_unread(door: Door) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert await door.post(bomb, **{"Content-Encoding": "gzip"}) == 415
    assert await door.kept() == []


async def test_a_sender_that_is_too_slow_gets_408(tmp_path: Path) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\nContent-Length: 100\r\n\r\n"
    async with open_door(tmp_path, body_within_s=0.5) as door:
        assert b" 408 " in await door.raw(head.encode() + b"{")


async def test_without_a_database_datadog_is_asked_to_come_again(door: Door) -> None:
    async with door.database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE inbox RENAME TO away")
    assert await door.post(BODY) == 503
    async with door.database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO inbox")
    assert await door.post(BODY) == 200
    assert len(await door.kept()) == 1


async def test_a_door_without_a_secret_is_not_built(door: Door) -> None:
    with pytest.raises(ValueError, match="blank"):
        DatadogWebhook(door.database, [" "], clock=lambda: datetime.now(UTC), bell=Bell())
