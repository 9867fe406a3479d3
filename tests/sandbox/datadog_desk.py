"""A Datadog on a port of its own, with a clock that stands still, and Datadog's own client beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientTimeout, web
from datadog_api_client import ApiClient, Configuration

from bot.sandbox.datadog import Datadog
from bot.sandbox.datadog.scene import monitors_of
from bot.sandbox.datadog.service import API_KEY, APP_KEY, HOSTS
from bot.sandbox.datadog.webhooks import Webhooks
from bot.sandbox.kube import Cluster

Json = dict[str, Any]
T = TypeVar("T")
BEGIN_S = 1_800_000_000.0
KEYS = {"DD-API-KEY": API_KEY, "DD-APPLICATION-KEY": APP_KEY}


def body_of(model: Any, **fields: Any) -> Any:
    """A body of the client's, from plain JSON: its models take that, and their annotations do not say so."""
    return model(**fields)


class Receiver:
    """Where webhooks go. `answers` are the statuses of the next posts, then 202; None cuts the connection."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: list[int | None] = []

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if self.answers else 202
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=answer or 500)


class Desk:
    """`now_s` is the clock's time; nothing moves it but tests."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        self.now_s = BEGIN_S
        webhooks = Webhooks(pauses_s=(0.0,) * 5, timeout_s=60)
        self.datadog = Datadog(clusters, secret="between us", clock=lambda: self.now_s, webhooks=webhooks)
        if not clusters:
            for monitor in monitors_of("stg", 0):
                self.datadog.add_monitor(monitor)
        self.receiver = Receiver()
        self.url = ""
        self.http: ClientSession

    def client(self, host: str = "main", **more: Any) -> ApiClient:
        """Datadog's own client, at one of the hosts."""
        keys = {"apiKeyAuth": API_KEY, "appKeyAuth": APP_KEY}
        return ApiClient(Configuration(**({"host": self.url + HOSTS[host], "api_key": keys} | more)))

    async def call(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the client, which blocks, beside the loop."""
        return await asyncio.wait_for(asyncio.to_thread(method, *args, **kwargs), 60)

    async def ask(self, method: str, path: str, *, host: str = "main", **options: Any) -> tuple[int, Any]:
        """A request with both keys; status and JSON (None for an empty body)."""
        headers = KEYS | options.pop("headers", {})
        async with self.http.request(method, HOSTS[host] + path, headers=headers, **options) as response:
            text = await response.text()
            return response.status, await response.json(content_type=None) if text else None

    def evaluate(self, after_s: float = 1.0) -> None:
        """Let time pass, then look once."""
        self.now_s += after_s
        self.datadog.tick()


@asynccontextmanager
async def open_datadog(clusters: Mapping[str, Cluster] | None = None) -> AsyncIterator[Desk]:
    """A Datadog with the monitors of stg (or of the clusters), and a receiver of its webhooks."""
    desk = Desk(clusters or {})
    app = web.Application()
    app.router.add_post("/receiver", desk.receiver.take)
    for path, host in desk.datadog.apps().items():
        app.add_subapp(path, host)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    desk.datadog.listening_at(desk.url)
    desk.datadog.use_webhook(f"{desk.url}/receiver")
    desk.http = ClientSession(desk.url, timeout=ClientTimeout(total=60))
    try:
        yield desk
    finally:
        await desk.http.close()
        await desk.datadog.stop()
        await runner.cleanup()
