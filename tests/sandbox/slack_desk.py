"""A desk for the Slack tests: the sandbox's Slack on a port of its own, a person at it, and the real SDK beside it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.emulator import Slack
from bot.sandbox.slack.pace import Timing

Json = dict[str, Any]
DEADLINE_S = 60
"""Only a test that fails waits this long: a busy machine may stand still for seconds."""
PATIENT = Timing(ack_s=30.0, trigger_s=30.0, resend_s=30.0, command_life_s=60.0)


@dataclass
class Desk:
    """What a test has at hand. `bot` is the real Web API client with the app's token."""

    slack: Slack
    http: ClientSession
    bot: AsyncWebClient

    async def act(self, name: str, user: str = "U0ALICE", **fields: Any) -> Json:
        """Do as a person's Slack does: POST /client/NAME."""
        async with self.http.post(f"/client/{name}", json={"user": user, **fields}) as response:
            return dict(await response.json())

    async def history(self, channel: str = "C0STG", user: str = "U0ALICE") -> list[Json]:
        """What the person sees in a channel, oldest first."""
        async with self.http.get("/client/history", params={"user": user, "channel": channel}) as response:
            return list((await response.json())["messages"])

    def faults(self, *rules: Json) -> None:
        """Order faults in process."""
        for rule in rules:
            self.slack.order_fault(**rule)

    def waits(self, **seconds: Any) -> None:
        """Let Slack lose patience sooner from now on: fields of Timing."""
        self.slack.world.timing = replace(self.slack.world.timing, **seconds)

    @property
    def counts(self) -> Any:
        """How often each thing happened."""
        return self.slack.world.faults.counts

    def calls(self, method: str) -> list[Json]:
        """The recorded requests of one method."""
        return self.slack.world.records.find(method)

    async def refusal(self, call: Awaitable[Any]) -> Any:
        """The answer that the SDK raised for."""
        try:
            await call
        except SlackApiError as err:
            return err.response
        raise AssertionError("Slack accepted it")

    @asynccontextmanager
    async def bolt(self, app: AsyncApp, sockets: int = 1) -> AsyncIterator[list[Any]]:
        """Run a bolt app over Socket Mode until the block ends; gives its Socket Mode clients."""
        handlers = [AsyncSocketModeHandler(app, self.slack.world.app.app_token) for _ in range(sockets)]
        try:
            for handler in handlers:
                await handler.connect_async()
            await until(lambda: len(self.slack.sockets.live) >= sockets)
            yield [handler.client for handler in handlers]
        finally:
            for handler in handlers:
                await handler.close_async()

    def bolt_app(self) -> AsyncApp:
        """An unmodified bolt app that believes that this is Slack."""
        return AsyncApp(client=self.bot, signing_secret=self.slack.world.app.signing_secret)


async def until(is_so: Callable[[], Any], seconds: float = DEADLINE_S) -> None:
    """Wait until something is so; TimeoutError when it is not in time."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_desk(slack: Slack) -> AsyncIterator[Desk]:
    """Serve this Slack on a free port."""
    app = web.Application(client_max_size=2**22)
    app.add_routes(slack.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    slack.listening_at(url)
    slack.world.app.commands = [{"command": "/deploy", "usage_hint": "ENV SERVICE", "description": "Release"}]
    bot = AsyncWebClient(token=slack.world.app.bot_token, base_url=slack.api_url, timeout=DEADLINE_S)
    try:
        async with ClientSession(url, timeout=ClientTimeout(total=DEADLINE_S)) as http:
            yield Desk(slack, http, bot)
    finally:
        await slack.stop()
        await runner.cleanup()
