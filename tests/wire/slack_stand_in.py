"""A Slack that misbehaves on order: Web API answers by script, and WebSockets that can be refused, frozen and cut.

For the wire tests of the bot's Slack clients. It keeps Slack's rules that matter here: a ticket opens one socket, an
envelope goes to any one socket, and what was not acknowledged is sent again by another one.
"""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

DEADLINE_S = 60.0
"""Only a test that fails waits this long: a busy machine may stand still for seconds."""
Answer = Callable[[web.Request, dict[str, Any]], Any]


class StandIn:
    """Runs on an ephemeral port of 127.0.0.1. `scripts[method]` holds what the next calls of a method get, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.call_times: dict[str, list[float]] = {}
        self.scripts: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {}
        self.sockets: list[web.WebSocketResponse] = []
        self.most_sockets = 10
        self.upgrades_to_refuse = 0
        self.upgrades_may_pass = asyncio.Event()
        self.upgrades_may_pass.set()
        self.upgrades_refused = 0
        self.hello_then: str | None = None
        self.acks: dict[str, dict[str, Any]] = {}
        self.ack_sockets: dict[str, web.WebSocketResponse] = {}
        self.unacked: dict[str, dict[str, Any]] = {}
        self.deliveries: Counter[str] = Counter()
        self.base = ""
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._holders: dict[str, web.WebSocketResponse] = {}
        self._requests: dict[web.WebSocketResponse, web.Request] = {}

    @property
    def api_url(self) -> str:
        return f"{self.base}/api/"

    def count(self, method: str) -> int:
        return sum(1 for name, _ in self.calls if name == method)

    async def reached(self, method: str, times: int = 1) -> None:
        """Until a method was called so often."""
        async with asyncio.timeout(DEADLINE_S):
            while self.count(method) < times:
                await asyncio.sleep(0.005)

    def script(self, method: str, *answers: Answer) -> None:
        self.scripts.setdefault(method, []).extend(answers)

    async def send(self, envelope: dict[str, Any], socket: web.WebSocketResponse | None = None) -> str:
        """Deliver by `socket` or by the newest one; returns the envelope's id."""
        envelope_id = envelope.setdefault("envelope_id", f"env-{next(self._numbers)}")
        chosen = socket or self.sockets[-1]
        self.unacked[envelope_id] = envelope
        self._holders[envelope_id] = chosen
        self.deliveries[envelope_id] += 1
        await chosen.send_str(orjson.dumps(envelope).decode())
        return envelope_id

    async def disconnect(self, socket: web.WebSocketResponse, reason: str, *, close_after: bool = False) -> None:
        await socket.send_str(orjson.dumps({"type": "disconnect", "reason": reason}).decode())
        if close_after:
            await socket.close()

    def freeze(self, socket: web.WebSocketResponse) -> None:
        """Read nothing from this socket any more, so that not even a ping is answered."""
        transport = self._requests[socket].transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    def cut(self, socket: web.WebSocketResponse) -> None:
        """End the TCP connection without a word."""
        transport = self._requests[socket].transport
        assert transport is not None
        transport.abort()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        raw = await request.read()
        body = orjson.loads(raw) if raw else dict(request.query)
        self.calls.append((method, body))
        self.call_times.setdefault(method, []).append(time.monotonic())
        script = self.scripts.get(method) or []
        answer = script.pop(0) if script else self.always.get(method, self._default(method))
        found = answer(request, body)
        if asyncio.iscoroutine(found):
            found = await found
        if isinstance(found, web.StreamResponse):
            return found
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    def _default(self, method: str) -> Answer:
        match method:
            case "apps.connections.open":
                return lambda _request, _body: {"ok": True, "url": self._ticket_url()}
            case "chat.postMessage":
                return lambda _request, body: {"ok": True, "channel": body["channel"], "ts": f"{next(self._numbers)}.0"}
            case _:
                return lambda _request, _body: {"ok": True}

    def _ticket_url(self) -> str:
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"{self.base.replace('http', 'ws', 1)}/socket?ticket={ticket}"

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.upgrades_refused += 1
            return web.Response(status=403)
        self._tickets.discard(ticket)
        if self.upgrades_to_refuse:
            self.upgrades_to_refuse -= 1
            self.upgrades_refused += 1
            return web.Response(status=503)
        await self.upgrades_may_pass.wait()
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        if len(self.sockets) >= self.most_sockets:
            await self.disconnect(ws, "too_many_websockets", close_after=True)
            return ws
        if self.hello_then == "link_disabled":
            await self.disconnect(ws, "link_disabled", close_after=True)
            return ws
        await ws.send_str('{"type":"hello","num_connections":1}')
        self.sockets.append(ws)
        self._requests[ws] = request
        try:
            while True:
                message = await ws.receive()
                if message.type is not WSMsgType.TEXT:
                    break
                ack = orjson.loads(message.data)
                self.acks[ack["envelope_id"]] = ack
                self.ack_sockets[ack["envelope_id"]] = ws
                self.unacked.pop(ack["envelope_id"], None)
        finally:
            self.sockets.remove(ws)
            await self._hand_over(ws)
        return ws

    async def _hand_over(self, gone: web.WebSocketResponse) -> None:
        for envelope_id, envelope in list(self.unacked.items()):
            if self._holders[envelope_id] is gone and self.sockets:
                with contextlib.suppress(ConnectionError):
                    await self.send(envelope)


@contextlib.asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """A running StandIn."""
    slack = StandIn()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack._api)
    app.router.add_get("/socket", slack._socket)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield slack
    finally:
        await runner.cleanup()


def slash(number: int, *, command: str = "/deploy", text: str = "stg admin") -> dict[str, Any]:
    """A slash command's envelope as Slack sends it."""
    return {
        "type": "slash_commands",
        "accepts_response_payload": True,
        "payload": {
            "token": "x",
            "team_id": "T1",
            "team_domain": "growlio",
            "channel_id": "C1",
            "channel_name": "deploys",
            "user_id": "U1",
            "user_name": "alice",
            "command": command,
            "text": text,
            "api_app_id": "A1",
            "response_url": "https://hooks.slack.com/commands/1/2/3",
            "trigger_id": f"trigger-{number}",
        },
    }
