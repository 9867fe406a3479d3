"""A canned server for the chat page's tests: the page itself, and scripted answers to /client and /sandbox.

It records what was sent. Used by test_page*.py only, where the real sandbox could not show every block or fail on
demand. The shapes are the sandbox's own.
"""

import asyncio
import html
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.page_files import page_routes

Json = dict[str, Any]

USERS = [
    {"id": "U0ALICE", "name": "alice", "real_name": "Alice Arnaud", "role": "engineer", "is_bot": False},
    {"id": "U0BOB", "name": "bob", "real_name": "Bob Brandt", "role": "lead", "is_bot": False},
    {"id": "U0CAROL", "name": "carol", "real_name": "Carol Chen", "role": "lead", "is_bot": False},
    {"id": "U0DAVE", "name": "dave", "real_name": "Dave Duarte", "role": "member", "is_bot": False},
    {"id": "U0KAJITORI", "name": "kajitori", "real_name": "Kajitori", "role": "", "is_bot": True},
]
CHANNELS: list[Json] = [
    {"id": "C0STG", "name": "deploys-stg", "is_im": False, "bot_is_member": True},
    {"id": "C0PRD", "name": "deploys", "is_im": False, "bot_is_member": True},
    {"id": "C0GENERAL", "name": "general", "is_im": False, "bot_is_member": False},
    {"id": "D0ALICE", "name": "Kajitori", "is_im": True, "bot_is_member": True},
]
COMMANDS = [
    {"command": "/deploy", "usage_hint": "ENV SERVICE [VERSION]", "description": "Release a service to an environment"},
    {"command": "/rollback", "usage_hint": "ENV SERVICE [VERSION]", "description": "Go back to the version before"},
    {"command": "/releases", "usage_hint": "[ENV] [SERVICE]", "description": "What was released, newest first"},
    {"command": "/status", "usage_hint": "[ENV] [SERVICE]", "description": "What runs where"},
]
USERGROUPS = [{"id": "S0LEADS", "handle": "leads", "name": "Leads"}]


class CannedChat:
    """The script's state. `messages` by channel; `requests` are (path, body) as they came.

    `answers` replace a path's answer, `gates` hold it back until set, `forms` open a view for a command.
    """

    def __init__(self) -> None:
        self.messages: dict[str, list[Json]] = {channel["id"]: [] for channel in CHANNELS}
        self.requests: list[tuple[str, Json]] = []
        self.answers: dict[str, Json] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.clusters: list[Json] = []
        self.images: dict[str, list[str]] = {"growlio/admin": ["1.4.0", "1.4.1", "1.4.2"]}
        self.forms: dict[str, Json] = {}
        self.bot_state = "running"
        self.address = ""
        self._chat_sockets: dict[web.WebSocketResponse, str] = {}
        self._cluster_sockets: set[web.WebSocketResponse] = set()
        self._clock = time.time() - 600
        self._news = asyncio.Condition()

    def say(self, channel: str, /, **fields: Any) -> Json:
        """Put a message of the bot's into a channel before the page asks; returns it."""
        self._clock += 1
        message = {"ts": f"{self._clock:.6f}", "user": "U0KAJITORI", "bot_id": "B0KAJITORI", "text": "", **fields}
        self.messages[channel].append(message)
        return message

    async def tell(self, frame: Json) -> None:
        """Send one frame to every chat stream."""
        for socket in list(self._chat_sockets):
            await socket.send_json(frame)

    async def tell_clusters(self, clusters: list[Json]) -> None:
        self.clusters = clusters
        for socket in list(self._cluster_sockets):
            await socket.send_json({"clusters": clusters})

    async def drop_streams(self) -> None:
        """Cut every WebSocket, as a restart of the sandbox would."""
        for socket in [*self._chat_sockets, *self._cluster_sockets]:
            await socket.close()

    async def request_to(self, path: str, timeout_s: float = 60) -> Json:
        """The body of the first request to `path`, waiting for it."""
        async with asyncio.timeout(timeout_s), self._news:
            while True:
                for seen, body in self.requests:
                    if seen == path:
                        return body
                await self._news.wait()

    def routes(self) -> list[web.RouteDef]:
        gets = {
            "/client/state": self._state,
            "/client/history": self._history,
            "/client/replies": self._replies,
            "/client/stream": self._stream,
            "/sandbox/bot": self._bot,
            "/sandbox/clusters": self._clusters_now,
            "/sandbox/images": self._images,
            "/sandbox/clusters/stream": self._cluster_stream,
        }
        posts = [web.post("/client/{rest:.*}", self._record), web.post("/sandbox/{rest:.*}", self._record)]
        return [*page_routes(), *(web.get(path, handler) for path, handler in gets.items()), *posts]

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "team": {"id": "T0SANDBOX", "name": "Growlio"},
                "me": request.query["user"],
                "bot": {"user_id": "U0KAJITORI", "name": "Kajitori"},
                "users": USERS,
                "usergroups": USERGROUPS,
                "channels": CHANNELS,
                "commands": COMMANDS,
            }
        )

    async def _history(self, request: web.Request) -> web.Response:
        found = [m for m in self.messages[request.query["channel"]] if m.get("thread_ts", m["ts"]) == m["ts"]]
        if request.path in self.gates:
            await asyncio.wait_for(self.gates[request.path].wait(), 60)
        return web.json_response({"messages": found})

    async def _replies(self, request: web.Request) -> web.Response:
        ts = request.query["ts"]
        found = [m for m in self.messages[request.query["channel"]] if ts in (m["ts"], m.get("thread_ts"))]
        return web.json_response({"messages": found})

    async def _record(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self._news:
            self.requests.append((request.path, body))
            self._news.notify_all()
        if request.path in self.gates:
            await asyncio.wait_for(self.gates[request.path].wait(), 60)
        if request.path == "/client/say":
            self._clock = max(self._clock + 1, time.time())
            message = {"ts": f"{self._clock:.6f}", "user": body["user"], "text": escaped(body["text"])}
            if "thread_ts" in body:
                message["thread_ts"] = body["thread_ts"]
            self.messages[body["channel"]].append(message)
            await self.tell({"type": "message", "channel": body["channel"], "message": message})
        if request.path == "/client/command" and body["command"] in self.forms:
            await self.tell({"type": "view_opened", "view": self.forms[body["command"]]})
        return web.json_response(self.answers.get(request.path, {"ok": True}))

    async def _bot(self, request: web.Request) -> web.Response:
        return web.json_response({"state": self.bot_state, "pid": 1, "restarts": 0})

    async def _clusters_now(self, request: web.Request) -> web.Response:
        return web.json_response({"clusters": self.clusters})

    async def _images(self, request: web.Request) -> web.Response:
        return web.json_response({"repositories": self.images})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._chat_sockets[socket] = request.query["user"]
        try:
            await socket.send_json({"type": "bot", "connected": 2})
            await _until_closed(socket)
        finally:
            del self._chat_sockets[socket]
        return socket

    async def _cluster_stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._cluster_sockets.add(socket)
        try:
            await _until_closed(socket)
        finally:
            self._cluster_sockets.discard(socket)
        return socket


def escaped(typed: str) -> str:
    """Slack's three escapes, sparing mentions, as the sandbox does."""
    parts = re.split(r"(<@[A-Z0-9]+>)", typed)
    return "".join(part if part.startswith("<@") else html.escape(part, quote=False) for part in parts)


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for frame in socket:
        if frame.type in (WSMsgType.CLOSE, WSMsgType.ERROR):
            return


@asynccontextmanager
async def serve(chat: CannedChat) -> AsyncIterator[CannedChat]:
    """The canned server on a free port of 127.0.0.1; `chat.address` is where."""
    app = web.Application()
    app.add_routes(chat.routes())
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    chat.address = f"http://127.0.0.1:{port}"
    try:
        yield chat
    finally:
        await chat.drop_streams()
        await runner.cleanup()


def text(words: str) -> Json:
    return {"type": "mrkdwn", "text": words}


def plain(words: str) -> Json:
    return {"type": "plain_text", "text": words}


def button(words: str, action_id: str, **fields: Any) -> Json:
    return {"type": "button", "text": plain(words), "action_id": action_id, **fields}


def option(words: str, value: str, **fields: Any) -> Json:
    return {"text": plain(words), "value": value, **fields}


def pod(workload: str, name: str, version: str, **fields: Any) -> Json:
    """One pod as /sandbox/clusters tells it, ready unless `fields` say otherwise."""
    standing = {"phase": "Running", "ready": True, "restarts": 0, "reason": "", "deleting": False}
    return (
        {
            "namespace": "growlio",
            "name": name,
            "node": "stg-node-1",
            "workload": workload,
            "version": version,
            "created": "2026-11-23T14:00:00Z",
        }
        | standing
        | fields
    )
