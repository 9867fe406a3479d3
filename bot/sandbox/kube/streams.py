"""A streamed answer, line by line, and the faults that may befall it half-way. Used by watches."""

import asyncio

from aiohttp import HttpVersion11, web

from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.status import expired
from bot.sandbox.kube.wire import dumps

POLL_S = 1.0  # how often a silent stream looks whether its reader is still there
FLUSH_LIMIT_S = 5.0


class Ended(Exception):
    """The stream is over, whatever there is still to say."""


class Stream:
    """One stream of lines to one client. `fault` is what is to befall it."""

    def __init__(self, request: web.Request, closing: asyncio.Event, fault: Fault | None) -> None:
        self.response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self._request = request
        self._closing = closing
        self._fault = fault
        self._passed = 0
        self._sent = 0

    @property
    def is_left(self) -> bool:
        """True when nobody reads any more."""
        return has_left(self._request)

    async def open(self) -> None:
        """Send the headers."""
        if self._request.version >= HttpVersion11:
            self.response.enable_chunked_encoding()
        await self.response.prepare(self._request)
        await self._befall()

    async def send(self, lines: list[bytes]) -> None:
        """Send whole lines; Ended when nothing is to follow them, ConnectionError when the reader left."""
        if self._fault is None:
            await self.response.write(b"".join(lines))
            return
        for line in lines:
            await self._send_one(line)

    async def _send_one(self, line: bytes) -> None:
        match self._fault:
            case Fault(kind=FaultKind.HALF_LINE, after=after) if self._passed >= after:
                await self.response.write(line[: len(line) // 2])
                raise Ended
            case Fault(kind=FaultKind.CUT, size=size) if self._sent + len(line) > size:
                await self.response.write(line[: size - self._sent])
                await break_off(self._request)
                raise Ended
        await self.response.write(line)
        self._sent += len(line)
        self._passed += 1
        await self._befall()

    async def _befall(self) -> None:
        """What happens between two lines."""
        fault = self._fault
        if fault is None or self._passed < fault.after:
            return
        match fault.kind:
            case FaultKind.EOF:
                raise Ended
            case FaultKind.SILENT:
                await silence(self._request, self._closing)
                raise Ended
            case FaultKind.EXPIRED:
                await self.response.write(dumps({"type": "ERROR", "object": expired(1, 2).status()}))
                raise Ended
            case FaultKind.SAY:
                self._fault = None
                await self.response.write(fault.body.encode() + b"\n")
            case _:
                pass


def has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def silence(request: web.Request, closing: asyncio.Event) -> None:
    """Say nothing until the other side leaves or the server ends."""
    while not closing.is_set() and not has_left(request):
        try:
            async with asyncio.timeout(POLL_S):
                await closing.wait()
        except TimeoutError:
            continue


async def break_off(request: web.Request) -> None:
    """Break the connection once all that was written is on its way."""
    transport = request.transport
    if transport is None:
        return
    async with asyncio.timeout(FLUSH_LIMIT_S):
        # asyncio tells nobody but its own protocol when all is flushed.
        while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    transport.abort()
