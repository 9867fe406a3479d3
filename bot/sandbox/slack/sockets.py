"""Socket Mode: the app's WebSockets and the envelopes sent over them.

Tickets are handed out by apps.connections.open through `open_url`; `handle` is mounted at /socket; `delivery` sends.
An envelope goes to one socket, in turn; what is not acknowledged when its socket closes, or after a while, goes to
another one under the same envelope_id.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack.connection import Connection
from bot.sandbox.slack.envelopes import Envelope, NotDelivered
from bot.sandbox.slack.faults import Rule
from bot.sandbox.slack.people import APP_ID, Json
from bot.sandbox.slack.world import World

COPY_PAUSE_S = 0.05
DISCONNECT_REASONS = {"refresh": "refresh_requested", "too_many": "too_many_websockets"}


class Sockets:
    """All WebSockets of the app, and the envelopes that wait for an acknowledgement."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tickets: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._turn = 0
        self._connections: list[Connection] = []
        self._waiting: dict[str, Envelope] = {}
        self._arrived = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> list[Connection]:
        """The sockets that are open, oldest first."""
        return [connection for connection in self._connections if not connection.closed.is_set()]

    @property
    def waiting(self) -> int:
        """How many envelopes are on their way: not acknowledged, and sent again until they are too old."""
        return len(self._waiting)

    def open_url(self) -> str:
        """An address that opens one WebSocket, once, soon."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = time.monotonic() + self._world.timing.ticket_s
        self._world.faults.counts["urls_opened"] += 1
        base = self._world.base_url.replace("http", "ws", 1)
        return f"{base}/socket?ticket={ticket}&app_id={APP_ID}"

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the request that asked for it, and keep hold of it until it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Close every socket and end what runs beside them."""
        for connection in self.live:
            if connection.request.transport is not None:
                connection.request.transport.abort()
            connection.closed.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The app's side

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket, from upgrade to close."""
        counts, timing = self._world.faults.counts, self._world.timing
        expires = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if self._world.faults.take("refuse_upgrade") is not None:
            return web.Response(status=503, text="upstream connect error")
        if time.monotonic() > expires:
            counts["bad_tickets"] += 1
            return web.Response(status=403, text="invalid or used ticket")
        ws = web.WebSocketResponse(compress=False, max_msg_size=2**20)
        await ws.prepare(request)
        connection = Connection(next(self._numbers), request, ws)
        if sum(not each.is_frozen for each in self.live) >= timing.most_sockets:
            counts["over_the_limit"] += 1
            await connection.send({"type": "disconnect", "reason": "too_many_websockets", "debug_info": self._debug()})
            await ws.close()
            return ws
        counts["sockets_opened"] += 1
        self._connections.append(connection)
        await connection.send(self._hello())
        self._tell_people()
        async with self._arrived:
            self._arrived.notify_all()
        pinger = asyncio.create_task(self._ping(connection))
        try:
            await self._read(connection)
        finally:
            pinger.cancel()
            connection.closed.set()
            self._connections.remove(connection)
            self._tell_people()
        return ws

    async def _read(self, connection: Connection) -> None:
        async for frame in connection.ws:
            if frame.type != WSMsgType.TEXT:
                continue
            try:
                heard = json.loads(frame.data)
                self._acknowledge(connection, str(heard["envelope_id"]), heard.get("payload"))
            except (ValueError, KeyError, TypeError):
                self._world.records.problems.append(f"not an acknowledgement: {str(frame.data)[:200]}")

    def _acknowledge(self, connection: Connection, envelope_id: str, payload: Json | None) -> None:
        connection.acked += 1
        self._world.faults.counts["acks"] += 1
        envelope = self._waiting.get(envelope_id)
        if envelope is None:
            self._world.faults.counts["acks_too_late"] += 1
        elif not envelope.acked.done():
            envelope.acked.set_result(payload or None)

    async def _ping(self, connection: Connection) -> None:
        while not connection.closed.is_set():
            await asyncio.sleep(self._world.timing.ping_s)
            if not connection.is_frozen:
                with contextlib.suppress(ConnectionError):
                    await connection.ws.ping(b"Ping from applink-sandbox")

    def _debug(self) -> Json:
        return {"host": "applink-sandbox", "build_number": 1, "approximate_connection_time": 18060}

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.live),
            "debug_info": self._debug(),
            "connection_info": {"app_id": APP_ID},
        }

    def _tell_people(self) -> None:
        self._world.workspace.tell({"type": "bot", "connected": len(self.live)})

    # Slack's side

    def _next(self) -> Connection | None:
        takers = [connection for connection in self._connections if connection.takes_envelopes]
        if not takers:
            return None
        self._turn += 1
        return takers[self._turn % len(takers)]

    async def deliver(self, envelope: Envelope, life_s: float, waits: bool) -> None:
        """Send until it is acknowledged or older than `life_s`.

        NotDelivered `dispatch_failed` when there is no socket and it does not wait for one.
        """
        self._waiting[envelope.id] = envelope
        try:
            if not waits and not any(connection.takes_envelopes for connection in self._connections):
                raise NotDelivered("dispatch_failed")
            duplicate = self._world.faults.take("duplicate", envelope.kind)
            if duplicate is not None:
                await self._send_copies(envelope, duplicate)
            while not envelope.acked.done() and envelope.age_s < life_s:
                connection = await self._wait_for_socket(life_s - envelope.age_s)
                if connection is not None:
                    await self._send_once(connection, envelope)
                    await self._await_ack(connection, envelope, life_s)
        finally:
            del self._waiting[envelope.id]

    async def _send_once(self, connection: Connection, envelope: Envelope) -> None:
        counts = self._world.faults.counts
        counts["envelopes" if envelope.deliveries == 0 else "resends"] += 1
        envelope.deliveries += 1
        connection.sent += 1
        await connection.send(envelope.as_socket_json())

    async def _await_ack(self, connection: Connection, envelope: Envelope, life_s: float) -> None:
        """Until the ack, the end of the socket, or the moment to send it again."""
        closed: asyncio.Future[Any] = asyncio.ensure_future(connection.closed.wait())
        timeout_s = max(0.0, min(self._world.timing.resend_s, life_s - envelope.age_s))
        awaited: set[asyncio.Future[Any]] = {closed, envelope.acked}
        await asyncio.wait(awaited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()

    async def _wait_for_socket(self, seconds: float) -> Connection | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)), self._arrived:
                while (connection := self._next()) is None:
                    await self._arrived.wait()
                return connection
        return None

    async def _send_copies(self, envelope: Envelope, rule: Rule) -> None:
        """The copies that a `duplicate` rule orders: some at once, the others later, acknowledged or not."""
        copies, at_once = int(rule.fields.get("copies", 2)), int(rule.fields.get("concurrent", 1))
        connection = None
        for number in range(copies):
            if number >= at_once:
                await asyncio.sleep(COPY_PAUSE_S)
            connection = self._next()
            if connection is not None:
                self._world.faults.counts["duplicates"] += number > 0
                envelope.deliveries += 1
                connection.sent += 1
                await connection.send(envelope.as_socket_json())
        if connection is not None:
            await self._await_ack(connection, envelope, self._world.timing.ack_s)

    # Faults on sockets

    def order(self, rule: Rule) -> None:
        """Carry out a socket fault now, on one socket (`socket`: its place, 0 the oldest) or on all."""
        live = self.live
        place = rule.fields.get("socket")
        chosen = live if place is None else live[int(place) : int(place) + 1]
        for connection in chosen:
            rule.fired += 1
            self._world.faults.counts[rule.do] += 1
            match rule.do:
                case "freeze":
                    connection.freeze(bool(rule.fields.get("swallow", False)))
                case "cut":
                    connection.cuts_next = True
                case _:
                    self.spawn(self._disconnect(connection, rule))
        rule.left = 0

    async def _disconnect(self, connection: Connection, rule: Rule) -> None:
        reason = DISCONNECT_REASONS.get(rule.do, rule.do)
        await connection.send({"type": "disconnect", "reason": reason, "debug_info": self._debug()})
        if rule.do == "warning":
            return
        connection.drains = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rule.seconds("grace", 0.5)):
                await connection.closed.wait()
        if not connection.closed.is_set():
            await connection.ws.close()
