"""A Datadog and the way to it: answers pass, are lost, delayed or replaced, as a test orders.

Datadog is the sandbox's; the relay stands between it and the adapter, so that an answer can be lost after the deed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession, ClientTimeout, web

from bot.datadog.client import Datadog
from bot.sandbox.datadog.service import API_KEY, APP_KEY, HOSTS
from tests.sandbox.datadog_desk import Desk, open_datadog

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Relay:
    """Passes requests on to Datadog; `orders` are what happens to the next ones instead, each once."""

    def __init__(self, target: str, http: ClientSession) -> None:
        self._target = target
        self._http = http
        self.orders: list[tuple[str, str, Answer]] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.busy = 0
        self.most_busy = 0
        self.released = asyncio.Event()

    def order(self, method: str, path: str, answer: Answer) -> None:
        self.orders.append((method, path, answer))

    def count(self, method: str, path: str) -> int:
        return sum(1 for verb, where, _ in self.seen if verb == method and path in where)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path, dict(request.headers)))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            for place, (method, path, answer) in enumerate(self.orders):
                if method == request.method and path in request.path:
                    del self.orders[place]
                    return await answer(request)
            return await self.forward(request)
        finally:
            self.busy -= 1

    async def forward(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "te")}
        body = await request.read()
        async with self._http.request(
            request.method, f"{self._target}{request.path_qs}", headers=headers, data=body or None
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.startswith("X-RateLimit")}
            content = await answer.read()
            return web.Response(status=answer.status, body=content, headers=kept, content_type=answer.content_type)

    # What may happen to a request

    async def lose_answer(self, request: web.Request) -> web.StreamResponse:
        """It is carried out, and the connection is cut before anybody hears of it."""
        await self.forward(request)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def hold(self, request: web.Request) -> web.StreamResponse:
        """No answer until the test is over."""
        await self.released.wait()
        return web.Response(status=504)

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """An answer that never ends, a byte at a time."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.released.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response


def told(status: int, body: object = None, **headers: str) -> Answer:
    """An answer of that status with these headers (`X_RateLimit_Reset` is `X-RateLimit-Reset`)."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, headers=named)
        return web.json_response(body, status=status, headers=named)

    return answer


class World:
    """Datadog, the relay before it, and adapters."""

    def __init__(self, desk: Desk, relay: Relay, url: str) -> None:
        self.desk = desk
        self.relay = relay
        self.url = url
        self._made: list[Datadog] = []

    @property
    def now(self) -> datetime:
        """Datadog's clock."""
        return datetime.fromtimestamp(self.desk.now_s, UTC)

    def later(self, minutes: float) -> datetime:
        return self.now + timedelta(minutes=minutes)

    def datadog(
        self,
        *,
        api_key: str = API_KEY,
        app_key: str | None = APP_KEY,
        site: str = "datadoghq.com",
        oncall_host: str = "on-call",
    ) -> Datadog:
        """An adapter; closed with the world."""
        made = Datadog(
            site=site,
            api_key=api_key,
            app_key=app_key,
            api_url=f"{self.url}{HOSTS['main']}/",
            oncall_url=f"{self.url}{HOSTS[oncall_host]}/",
        )
        self._made.append(made)
        return made

    async def close(self) -> None:
        for each in self._made:
            await each.close()


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    async with open_datadog() as desk, ClientSession(timeout=ClientTimeout(total=60), auto_decompress=True) as http:
        relay = Relay(desk.url, http)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", relay.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        world = World(desk, relay, f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            yield world
        finally:
            relay.released.set()
            await world.close()
            await runner.cleanup()


async def until(true: Callable[[], bool], within_s: float = 60) -> None:
    """Wait for something that stays."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)
