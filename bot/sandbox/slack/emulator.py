"""The sandbox's Slack as one thing to mount: Web API, Socket Mode, response_url, people, faults and records.

`bot.sandbox.server` mounts `Slack.routes()` beside the clusters; tests mount it alone.
"""

import dataclasses
import json

from aiohttp import web

from bot.sandbox.slack.answers import handle_response_url
from bot.sandbox.slack.client import Client
from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.faults import SOCKET_FAULTS, Rule
from bot.sandbox.slack.happenings import Happenings
from bot.sandbox.slack.pace import Timing
from bot.sandbox.slack.people import BOT_USER_ID, Json
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.webhooks import Webhooks
from bot.sandbox.slack.world import Limits, World


class Slack:
    """One workspace with one app.

    `limits` "off" lets tests and benches call as fast as they can; `timing` shortens Slack's waits. `base_url` must be
    set (`listening_at`) before the app calls, for it stands in response_urls and Socket Mode addresses.
    """

    def __init__(self, limits: Limits = "real", timing: Timing | None = None) -> None:
        self.world = World(limits, timing)
        self.sockets = Sockets(self.world)
        self.delivery = Delivery(self.world, self.sockets, Webhooks(self.world))
        self._happenings = Happenings(self.world, self.delivery)
        self.world.workspace.on_message = self._happenings.on_message
        self._client = Client(self.world, self.delivery, self.sockets, self._happenings)
        self._web_api = WebApi(self.world, self.sockets.open_url)

    def listening_at(self, base_url: str) -> None:
        """Tell where this Slack can be reached, such as http://127.0.0.1:8080."""
        self.world.base_url = base_url.rstrip("/")

    @property
    def api_url(self) -> str:
        """The value of SLACK_API_URL."""
        return f"{self.world.base_url}/api/"

    def routes(self) -> list[web.RouteDef]:
        """Everything to mount at the root of an aiohttp application."""
        return [
            web.get("/api/{method}", self._web_api.handle),
            web.post("/api/{method}", self._web_api.handle),
            web.get("/socket", self.sockets.handle),
            web.post("/response/{name:.+}", self._response),
            *self._client.routes(),
            web.get("/sandbox/slack/requests", self._requests),
            web.get("/sandbox/slack/deliveries", self._deliveries),
            web.post("/sandbox/slack/channel", self._set_channel),
            web.get("/sandbox/slack/faults", self._show_faults),
            web.post("/sandbox/slack/faults", self._add_faults),
            web.delete("/sandbox/slack/faults", self._clear_faults),
        ]

    async def stop(self) -> None:
        """Cut every connection to the app."""
        await self.delivery.stop()

    def read_manifest(self, manifest: Json) -> None:
        """Install the app as its manifest says, and tell people's command completion."""
        self.world.app.read_manifest(manifest)
        self.world.workspace.tell({"type": "commands", "commands": self.world.app.commands})

    def order_fault(self, **order: object) -> Rule:
        """Put a fault in force (see `faults`); one on sockets happens at once. ValueError when it is unknown."""
        rule = self.world.faults.add(order)
        if rule.do in SOCKET_FAULTS:
            self.sockets.order(rule)
        return rule

    async def _response(self, request: web.Request) -> web.Response:
        return await handle_response_url(self.world, request)

    async def _requests(self, request: web.Request) -> web.Response:
        try:
            since = int(request.query.get("since", "0"))
        except ValueError:
            return web.json_response({"ok": False, "error": "since must be a number"}, status=400)
        found = self.world.records.find(request.query.get("method"), since)
        return web.json_response(
            {"requests": found, "last": self.world.records.count, "problems": list(self.world.records.problems)}
        )

    async def _deliveries(self, request: web.Request) -> web.Response:
        """What the app has acknowledged, and how soon."""
        return web.json_response({"deliveries": list(self.world.records.deliveries)})

    async def _set_channel(self, request: web.Request) -> web.Response:
        """Archive a channel, or take the bot out of it: what an administrator might do at any time."""
        given = await request.json()
        channel = self.world.workspace.find_channel(str(given.get("channel", "")))
        if channel is None:
            return web.json_response({"ok": False, "error": "channel_not_found"}, status=400)
        channel.is_archived = bool(given.get("archived", channel.is_archived))
        if given.get("bot_is_member", BOT_USER_ID in channel.members):
            channel.members.add(BOT_USER_ID)
        else:
            channel.members.discard(BOT_USER_ID)
        return web.json_response({"ok": True, "channel": channel.as_client_json()})

    async def _show_faults(self, request: web.Request) -> web.Response:
        sockets = [connection.as_json() for connection in self.sockets.live]
        timing = dataclasses.asdict(self.world.timing)
        return web.json_response({**self.world.faults.as_json(), "sockets": sockets, "timing": timing})

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            orders = (await request.json())["rules"]
            rules = [self.order_fault(**order) for order in orders]
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as err:
            return web.json_response({"ok": False, "error": str(err)}, status=400)
        return web.json_response({"ok": True, "rules": [rule.as_json() for rule in rules]})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.world.faults.clear()
        return web.json_response({"ok": True})
