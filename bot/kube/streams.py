"""Lines of a streamed answer, as they come: what a watch reads.

Opened by bot.kube.clients, read by bot.kube.watches. Never holds more than one line and what the socket had ready: a
line that grows beyond LARGEST_LINE_BYTES is let go and counted.
"""

import asyncio

import aiohttp

from bot.errors import Unreachable

LARGEST_LINE_BYTES = 4 * 2**20
"""etcd takes objects of 1.5 MiB by default; more can't be an object that somebody is meant to read."""


class Garbled(Unreachable):
    """What came is no answer to what was asked: half a line, something that is not JSON. Start again from a list."""


class Troubled(Unreachable):
    """The server answers, and with an error of its own (5xx): it may be the position that it can't serve."""


class Lines:
    """The lines of one open answer. For one reader."""

    def __init__(self, system: str, content: aiohttp.StreamReader, *, quiet_s: float, largest_bytes: int) -> None:
        self.oversized = 0
        """Lines let go for their size."""
        self._system = system
        self._content = content
        self._quiet_s = quiet_s
        self._largest_bytes = largest_bytes
        self._rest = bytearray()
        self._is_skipping = False

    async def some(self) -> list[bytes]:
        """The next lines that came together, at least one, without their ends; none at the proper end of the stream.

        Raises Unreachable when the connection breaks or nothing comes for `quiet_s`, Garbled when it ends amid a line.
        """
        while True:
            chunk = await self._chunk()
            if not chunk:
                if self._rest or self._is_skipping:
                    raise Garbled(self._system, "ended a stream in the middle of a line")
                return []
            lines = self._cut(chunk)
            if lines:
                return lines

    async def _chunk(self) -> bytes:
        try:
            async with asyncio.timeout(self._quiet_s):
                return await self._content.readany()
        except TimeoutError as error:
            raise Unreachable(self._system, f"not a word on a watch for {self._quiet_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(self._system, f"a watch broke off: {str(error) or type(error).__name__}") from error

    def _cut(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk; what is left waits for the next one."""
        *ended, open_end = chunk.split(b"\n")
        lines: list[bytes] = []
        for part in ended:
            self._keep(part)
            if self._rest.strip():
                lines.append(bytes(self._rest))
            self._rest.clear()
            self._is_skipping = False
        self._keep(open_end)
        return lines

    def _keep(self, part: bytes) -> None:
        if self._is_skipping:
            return
        if len(self._rest) + len(part) > self._largest_bytes:
            self._rest.clear()
            self._is_skipping = True
            self.oversized += 1
            return
        self._rest += part
