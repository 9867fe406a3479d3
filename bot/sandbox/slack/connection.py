"""One WebSocket of the app, and what can be done to it: send, break off in mid-frame, freeze.

Made and listed by `bot.sandbox.slack.sockets`.
"""

import asyncio
import contextlib
import json

from aiohttp import web

from bot.sandbox.slack.people import Json
from bot.sandbox.slack.web_api import cut

SEND_TIMEOUT_S = 1.0


class Connection:
    """One WebSocket of the app. `drains` means that it gets no new envelopes and will close soon."""

    def __init__(self, number: int, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.number = number
        self.request = request
        self.ws = ws
        self.drains = False
        self.is_frozen = False
        self.swallows = False
        self.cuts_next = False
        self.sent = 0
        self.acked = 0
        self.closed = asyncio.Event()

    @property
    def takes_envelopes(self) -> bool:
        if self.ws.closed or self.closed.is_set() or self.drains:
            return False
        return not self.is_frozen or self.swallows

    async def send(self, frame: Json) -> None:
        """Write a frame; a frozen socket loses it, a socket on which `cut` is due breaks off in the middle."""
        if self.is_frozen:
            return
        text = json.dumps(frame)
        if self.cuts_next:
            self.break_off(text.encode())
            return
        # A peer that does not read any more (a stopped process) must not hold up the sender; the ack decides anyway.
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.ws.send_str(text)

    def break_off(self, payload: bytes) -> None:
        """Half a WebSocket text frame, then a reset (RFC 6455 section 5.2: opcode 1, 16- or 64-bit length)."""
        transport = self.request.transport
        if transport is not None:
            size = len(payload)
            header = b"\x81\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x81\x7f" + size.to_bytes(8, "big")
            transport.write(header + payload[: size // 2])
            cut(transport)
        self.closed.set()

    def freeze(self, swallows: bool) -> None:
        """Neither read nor write from now on, with TCP open: a half-dead peer."""
        self.is_frozen, self.swallows = True, swallows
        if self.request.transport is not None:
            self.request.transport.pause_reading()

    def as_json(self) -> Json:
        """For tests and the curious."""
        return {
            "number": self.number,
            "drains": self.drains,
            "frozen": self.is_frozen,
            "sent": self.sent,
            "acked": self.acked,
        }
