"""The desk: a lean Slack that sends commands and takes the time until each is acknowledged and answered.

Leaner than the sandbox's Slack on purpose: it must be able to do more than any bot that is measured, and `bench.peers`
has a bot that does nothing, which shows how much more. It checks nothing.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import orjson
from aiohttp import WSMsgType, web

TEAM = "T0GROWLIO"
PEOPLE = 256
"""Who send the commands, in turns: answers to one person are sent one after the other."""
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as it is typed, and whether an answer at its response URL is waited for."""

    name: str
    text: str
    is_answered: bool


@dataclass
class Desk:
    """One Slack with one bot connected to it."""

    base: str = ""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    sent_s: dict[str, float] = field(default_factory=dict)
    """Envelope → when it was sent; those that are not acknowledged yet."""
    took_s: list[float] = field(default_factory=list)
    """From command to acknowledgement."""
    refused: int = 0
    """Acknowledgements that said that the bot is too busy."""
    unanswered: set[str] = field(default_factory=set)
    answered: int = 0
    doubled: int = 0
    """Answers to a command that had one already."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, command: Command) -> None:
        """Send one command; returns when it is written."""
        number = f"{next(self._numbers)}"
        frame = orjson.dumps(_envelope(command, number, self.base)).decode()
        if command.is_answered:
            self.unanswered.add(number)
        self.sent_s[number] = time.perf_counter()
        await self.sockets[int(number) % len(self.sockets)].send_str(frame)

    async def send_at(self, command: Command, *, rate: int, seconds: float) -> list[float]:
        """Send `rate` commands a second, evenly; how long each took to be acknowledged, in seconds."""
        self.took_s.clear()
        started_s = time.perf_counter()
        for count in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started_s + count / rate - time.perf_counter()))
            await self.send(command)
        await self._until_below(1, of=self.sent_s)
        return list(self.took_s)

    async def send_flood(self, command: Command, count: int, *, window: int) -> float:
        """Send `count` commands with at most `window` of them not acknowledged; acknowledgements per second."""
        started_s = time.perf_counter()
        for _ in range(count):
            await self._until_below(window, of=self.sent_s)
            await self.send(command)
        await self._until_below(1, of=self.sent_s)
        return count / (time.perf_counter() - started_s)

    async def send_questions(self, command: Command, count: int, *, window: int) -> float:
        """Send `count` commands with at most `window` of them not answered; answers per second."""
        started_s = time.perf_counter()
        for _ in range(count):
            await self._until_below(window, of=self.unanswered)
            await self.send(command)
        await self.quiet()
        return count / (time.perf_counter() - started_s)

    async def quiet(self) -> None:
        """Wait until everything that was sent is acknowledged and answered."""
        await self._until_below(1, of=self.sent_s)
        await self._until_below(1, of=self.unanswered)

    async def connected(self, number: int, within_s: float = 30.0) -> None:
        """Wait until so many sockets are open."""
        async with asyncio.timeout(within_s):
            while len(self.sockets) < number:
                await asyncio.sleep(0.002)

    async def _until_below(self, limit: int, *, of: dict[str, float] | set[str]) -> None:
        if len(of) < limit:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(of) >= limit:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise TimeoutError(f"{len(of)} commands were never acknowledged or answered") from None

    async def api(self, request: web.Request) -> web.Response:
        """Every Web API method that the bots call while they are measured."""
        await request.read()
        user = {"id": request.query.get("user", "U0000"), "name": "somebody", "team_id": TEAM}
        return web.json_response(
            {
                "ok": True,
                "url": f"{self.base.replace('http', 'ws', 1)}/socket",
                "team_id": TEAM,
                "user_id": "U0BOT",
                "bot_id": "B0BOT",
                "user": user,
            }
        )

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """A Socket Mode connection."""
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str('{"type":"hello"}')
        self.sockets.append(ws)
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                arrived_s = time.perf_counter()
                ack = orjson.loads(message.data)
                self.took_s.append(arrived_s - self.sent_s.pop(ack["envelope_id"]))
                self.refused += "too many requests" in message.data
                self._moved.set()
        self.sockets.remove(ws)
        return ws

    async def answer(self, request: web.Request) -> web.Response:
        """A response URL."""
        await request.read()
        number = request.match_info["number"]
        if number in self.unanswered:
            self.unanswered.discard(number)
            self.answered += 1
            self._moved.set()
        else:
            self.doubled += 1
        return web.Response(text="ok")


def _envelope(command: Command, number: str, base: str) -> dict[str, object]:
    return {
        "type": "slash_commands",
        "envelope_id": number,
        "accepts_response_payload": True,
        "payload": {
            "token": "x",
            "team_id": TEAM,
            "team_domain": "growlio",
            "channel_id": "C0STG",
            "channel_name": "deploys-stg",
            "user_id": f"U0{int(number) % PEOPLE:03}",
            "user_name": "somebody",
            "command": command.name,
            "text": command.text,
            "api_app_id": "A0KAJITORI",
            "is_enterprise_install": "false",
            "response_url": f"{base}/answers/{number}",
            "trigger_id": f"{number}.1.abc",
        },
    }


@contextlib.asynccontextmanager
async def open_desk(desk: Desk | None = None) -> AsyncIterator[Desk]:
    """A desk, or the one that is given, on a free port of the loopback."""
    desk = desk or Desk()
    app = web.Application()
    app.router.add_post("/api/{method}", desk.api)
    app.router.add_get("/api/{method}", desk.api)
    app.router.add_get("/socket", desk.socket)
    app.router.add_post("/answers/{number}", desk.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield desk
    finally:
        await runner.cleanup()
