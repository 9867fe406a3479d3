"""Slack's Web API: who calls, with which scopes, how often, and which method answers.

Mounted by `bot.sandbox.slack.emulator` at /api/METHOD. The methods themselves are in `web_chat` and
`web_conversations`; faults on order are injected here, round the call.
"""

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from bot.sandbox.slack import web_chat, web_conversations
from bot.sandbox.slack.arguments import Arguments, read_arguments
from bot.sandbox.slack.faults import Rule
from bot.sandbox.slack.people import APP_ID, BOT_ID, BOT_NAME, BOT_USER_ID, TEAM_ID, TEAM_NAME, Json
from bot.sandbox.slack.tickets import SlackRefusal
from bot.sandbox.slack.world import World


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method. Any one of `scopes` is enough; none are needed when it is empty."""

    answer: Callable[[World, Arguments], Json]
    scopes: tuple[str, ...] = ()


def api_test(world: World, args: Arguments) -> Json:
    """api.test: the arguments come back; `error` makes it fail."""
    if args.has("error"):
        raise SlackRefusal(args.text("error"), args=args.given)
    return {"args": {name: entry for name, entry in args.given.items() if name != "token"}}


def auth_test(world: World, args: Arguments) -> Json:
    """auth.test"""
    return {
        "url": f"{world.base_url}/",
        "team": TEAM_NAME,
        "user": BOT_NAME.lower(),
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


READ_CHANNELS = ("channels:read", "groups:read", "im:read", "mpim:read")
READ_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
METHODS: Mapping[str, Method] = {
    "auth.test": Method(auth_test),
    "blocks.validate": Method(web_chat.validate_blocks),
    "bots.info": Method(web_conversations.bot_info, ("users:read",)),
    "chat.delete": Method(web_chat.delete, ("chat:write",)),
    "chat.getPermalink": Method(web_chat.get_permalink),
    "chat.postEphemeral": Method(web_chat.post_ephemeral, ("chat:write",)),
    "chat.postMessage": Method(web_chat.post_message, ("chat:write",)),
    "chat.update": Method(web_chat.update, ("chat:write",)),
    "conversations.history": Method(web_conversations.history, READ_HISTORY),
    "conversations.info": Method(web_conversations.info, READ_CHANNELS),
    "conversations.join": Method(web_conversations.join, ("channels:join",)),
    "conversations.list": Method(web_conversations.list_conversations, READ_CHANNELS),
    "conversations.members": Method(web_conversations.members, READ_CHANNELS),
    "conversations.open": Method(web_conversations.open_conversation, ("im:write", "mpim:write")),
    "conversations.replies": Method(web_conversations.replies, READ_HISTORY),
    "conversations.setTopic": Method(web_conversations.set_topic, ("channels:manage", "channels:write.topic")),
    "reactions.add": Method(web_chat.add_reaction, ("reactions:write",)),
    "reactions.remove": Method(web_chat.remove_reaction, ("reactions:write",)),
    "usergroups.list": Method(web_conversations.list_usergroups, ("usergroups:read",)),
    "usergroups.users.list": Method(web_conversations.usergroup_users, ("usergroups:read",)),
    "users.conversations": Method(web_conversations.users_conversations, READ_CHANNELS),
    "users.info": Method(web_conversations.user_info, ("users:read",)),
    "users.list": Method(web_conversations.list_users, ("users:read",)),
    "users.lookupByEmail": Method(web_conversations.user_by_email, ("users:read.email",)),
    "views.open": Method(web_chat.open_view),
    "views.publish": Method(web_chat.publish_view),
    "views.push": Method(web_chat.push_view),
    "views.update": Method(web_chat.update_view),
}
CHANNEL_SCOPES = {"C": "channels", "G": "groups", "D": "im"}
CONNECTIONS_OPEN = "apps.connections.open"


class RateLimited(Exception):
    """The app has called too often; `retry_after_s` is what the answer says."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class WebApi:
    """The HTTP handler of every method. `open_socket` gives a Socket Mode address."""

    def __init__(self, world: World, open_socket: Callable[[], str]) -> None:
        self._world = world
        self._open_socket = open_socket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, with the fault that is due for it."""
        world, method = self._world, request.match_info["method"]
        try:
            given = await read_arguments(request)
        except SlackRefusal as refusal:
            return self._reply(method, {}, 200, {"ok": False, "error": refusal.code})
        args = Arguments(given)
        rule = world.faults.take_call(method, self._channel_id(args))
        if rule is not None and not rule.do.startswith("accept_then_"):
            refused = await self._spoil(request, method, given, rule)
            if refused is not None:
                return refused
        status, answer, headers = self._answer(request, method, args)
        if rule is not None and rule.do.startswith("accept_then_"):
            return await self._spoil_after(request, method, given, rule, answer)
        return self._reply(method, given, status, answer, headers)

    def _channel_id(self, args: Arguments) -> str | None:
        channel = self._world.workspace.find_channel(args.text("channel"))
        return channel.id if channel is not None else None

    def _answer(self, request: web.Request, method: str, args: Arguments) -> tuple[int, Json, dict[str, str]]:
        try:
            fields = self._call(request, method, args)
        except SlackRefusal as refusal:
            return 200, {"ok": False, "error": refusal.code, **refusal.fields}, {}
        except RateLimited as limit:
            return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(limit.retry_after_s)}
        return 200, {"ok": True, **fields}, {}

    def _call(self, request: web.Request, method: str, args: Arguments) -> Json:
        world = self._world
        if method == "api.test":
            return api_test(world, args)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip() or args.text("token")
        self._check_token(method, token)
        if method != CONNECTIONS_OPEN:
            if method not in METHODS:
                raise SlackRefusal("unknown_method", req_method=method)
            self._check_scopes(method, args)
        retry_after_s = world.pace.retry_after_s(method, self._channel_id(args))
        if retry_after_s:
            raise RateLimited(retry_after_s)
        if method == CONNECTIONS_OPEN:
            return {"url": self._open_socket()}
        return METHODS[method].answer(world, args)

    def _check_token(self, method: str, token: str) -> None:
        app = self._world.app
        wanted = app.app_token if method == CONNECTIONS_OPEN else app.bot_token
        if not token:
            raise SlackRefusal("not_authed")
        if secrets.compare_digest(token.encode(), wanted.encode()):
            return
        if token in (app.app_token, app.bot_token):
            raise SlackRefusal("not_allowed_token_type")
        raise SlackRefusal("invalid_auth")

    def _check_scopes(self, method: str, args: Arguments) -> None:
        provided, scopes = self._world.app.scopes, METHODS[method].scopes
        if provided is None or not scopes:
            return
        needed = scopes
        kind = CHANNEL_SCOPES.get(args.text("channel")[:1]) if method.startswith("conversations.") else None
        if kind is not None and scopes in (READ_CHANNELS, READ_HISTORY):
            needed = tuple(scope for scope in scopes if scope.startswith(f"{kind}:"))
        if provided.isdisjoint(needed):
            raise SlackRefusal("missing_scope", needed=",".join(needed), provided=",".join(sorted(provided)))

    def _reply(
        self, method: str, given: Json, status: int, answer: Json, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        self._world.records.add(method, given, status, answer)
        every = {
            "x-slack-req-id": secrets.token_hex(16),
            "x-oauth-scopes": ",".join(sorted(self._world.app.scopes or ())),
        }
        return web.json_response(answer, status=status, headers=every | dict(headers or {}))

    async def _spoil(self, request: web.Request, method: str, given: Json, rule: Rule) -> web.Response | None:
        """The answer of a fault that accepts nothing; None when the call may go on after a wait."""
        match rule.do:
            case "ratelimit":
                headers = {"Retry-After": str(rule.fields.get("retry_after", 1))}
                return self._reply(method, given, 429, {"ok": False, "error": "ratelimited"}, headers)
            case "error":
                return self._reply(
                    method, given, 200, {"ok": False, "error": rule.fields.get("error", "internal_error")}
                )
            case "http":
                status = int(rule.fields.get("status", 503))
                self._world.records.add(method, given, status, None)
                return web.Response(status=status, text="upstream connect error or disconnect/reset before headers")
            case "hang":
                await asyncio.sleep(rule.seconds("seconds", 30))
                if request.transport is None or request.transport.is_closing():
                    self._world.records.add(method, given, 0, None)
                    reset(request)
                return None
            case _:
                self._world.records.add(method, given, 0, None)
                reset(request)

    async def _spoil_after(
        self, request: web.Request, method: str, given: Json, rule: Rule, answer: Json
    ) -> web.Response:
        """What a caller gets whose call was accepted: anything but the answer."""
        match rule.do:
            case "accept_then_500":
                self._world.records.add(method, given, 500, answer)
                return web.Response(status=500, text="internal error")
            case "accept_then_hang":
                self._world.records.add(method, given, 0, answer)
                await asyncio.sleep(rule.seconds("seconds", 30))
                return web.json_response(answer)
            case _:
                self._world.records.add(method, given, 0, answer)
                reset(request)


def reset(request: web.Request) -> NoReturn:
    """Cut the connection with a TCP reset, so that the caller sees no orderly end."""
    transport = request.transport
    if transport is not None:
        cut(transport)
    raise asyncio.CancelledError


def cut(transport: Any) -> None:
    """Abort a transport at once; SO_LINGER 0 turns the FIN into a RST."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
