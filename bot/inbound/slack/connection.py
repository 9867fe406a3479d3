"""One Socket Mode WebSocket: hello, envelopes, acknowledgements, goodbye.

Opened and retired by the socket supervisor. Reading never waits for handling, and an answer goes out on the socket
its envelope came by, or not at all: Slack sends unacknowledged envelopes again, and their keys make that harmless.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import aiohttp
import orjson
import structlog

from bot.inbound.slack.dispatch import Dispatch
from bot.inbound.slack.payload import Malformed, from_envelope

_log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Starts a task, keeps hold of it, and lets its crash be seen."""


class Goodbye(StrEnum):
    """Why a socket ends; Slack's own words, and `closed` for an end without words."""

    WARNING = "warning"
    REFRESH_REQUESTED = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    TOO_MANY_WEBSOCKETS = "too_many_websockets"
    CLOSED = "closed"


class Connection:
    """A WebSocket that is open. `hello` and `goodbye` settle at most once; `goodbye` always does in the end."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[bool], dispatch: Dispatch, spawn: Spawn) -> None:
        self._ws = ws
        self._dispatch = dispatch
        self._spawn = spawn
        self._taking = True
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[None] = loop.create_future()
        self.goodbye: asyncio.Future[Goodbye] = loop.create_future()
        self.closed = asyncio.Event()
        """Nothing can be read or written any more."""

    async def read(self) -> None:
        """Read until the socket ends. Run exactly once, as a task."""
        try:
            while True:
                message = await self._ws.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    # Anything else that gets through is an end: closed, closing, or the missing pong as an error.
                    return
                self._take(message.data)
        finally:
            self.closed.set()
            self._say_goodbye(Goodbye.CLOSED)

    async def finish(self, *, linger_s: float, ack_s: float) -> None:
        """Close: read on for up to `linger_s` or until Slack closes, then wait up to `ack_s` for the last answers."""
        if linger_s > 0:
            await wait_at_most(self.closed, linger_s)
        self._taking = False
        if ack_s > 0 and not self.closed.is_set():
            await wait_at_most(self._idle, ack_s)
        await self._ws.close()

    def _take(self, frame: bytes) -> None:
        try:
            envelope = orjson.loads(frame)
        except orjson.JSONDecodeError:
            _log.warning("socket_frame_unreadable", size=len(frame))
            return
        match envelope.get("type") if isinstance(envelope, dict) else None:
            case "hello":
                if not self.hello.done():
                    self.hello.set_result(None)
            case "disconnect":
                self._say_goodbye(_reason(envelope))
            case _ if self._taking:
                self._in_flight += 1
                self._idle.clear()
                self._spawn(self._handle(envelope))

    async def _handle(self, envelope: Any) -> None:
        try:
            inbound = from_envelope(envelope, received_at=datetime.now(UTC))
            answer = await self._dispatch(inbound)
            if answer.accepted:
                await self._ws.send_frame(_ack(inbound.envelope_id, answer.body), aiohttp.WSMsgType.TEXT)
        except Malformed as error:
            _log.warning("envelope_not_understood", reason=str(error))
        except (aiohttp.ClientError, ConnectionError) as error:
            _log.info("ack_not_sent", reason=repr(error))
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    def _say_goodbye(self, reason: Goodbye) -> None:
        if not self.goodbye.done():
            self.goodbye.set_result(reason)


def _ack(envelope_id: str | None, body: bytes) -> bytes:
    head = b'{"envelope_id":' + orjson.dumps(envelope_id)
    return head + b',"payload":' + body + b"}" if body else head + b"}"


def _reason(envelope: dict[str, Any]) -> Goodbye:
    try:
        return Goodbye(envelope.get("reason", ""))
    except ValueError:
        # A word we don't know: leave like after a refresh, without a gap.
        return Goodbye.REFRESH_REQUESTED


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait until `event` is set, or `seconds` have passed; the caller looks which."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
