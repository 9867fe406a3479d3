"""The sandbox's own routes under /sandbox: what the clusters and the bot are doing, and the row of mischief.

Mounted by `bot.sandbox.server`; spoken by the chat page and by tests.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.cluster_faults import ClusterFaults
from bot.sandbox.cluster_stage import ClusterStage
from bot.sandbox.registry import Registry
from bot.sandbox.slack.emulator import Slack
from bot.sandbox.supervisor import Supervisor

Json = dict[str, Any]
LONGEST_429_S = 600.0
# A rollout changes something many times a second; people see ten frames a second as smooth.
FRAME_S = 0.1


class BadOrder(Exception):
    """Mischief that can't be done: unknown cluster, pod, node or image."""


class Control:
    """Views and mischief. Call `changed` when clusters, Datadog or the bot have changed."""

    def __init__(
        self,
        slack: Slack,
        registry: Registry,
        stages: Mapping[str, ClusterStage],
        datadog_view: Callable[[], Json] = dict,
    ) -> None:
        self._slack = slack
        self._registry = registry
        self._stages = stages
        self._datadog_view = datadog_view
        self._faults = ClusterFaults(stages, self.changed)
        self._watchers: set[asyncio.Event] = set()
        self.supervisor: Supervisor | None = None

    def routes(self) -> list[web.RouteDef]:
        """What is mounted at /sandbox, beside what Slack mounts there."""
        orders: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "kill-bot": self._kill_bot,
            "crash-pod": self._crash_pod,
            "publish-image": self._publish_image,
            "pause-node": self._pause_node,
            "slack-429": self._slack_429,
        }
        return [
            web.get("/sandbox/bot", self._bot),
            web.get("/sandbox/clusters", self._clusters_now),
            web.get("/sandbox/clusters/stream", self._stream),
            web.get("/sandbox/images", self._images),
            *self._faults.routes(),
            *(web.post(f"/sandbox/mischief/{name}", _answering(order)) for name, order in orders.items()),
        ]

    def changed(self) -> None:
        """Something is to be seen; watchers get it with the next frame."""
        for watcher in self._watchers:
            watcher.set()

    def bot_status(self) -> Json:
        """The bot's process; `connected` counts its Socket Mode connections."""
        nobody: Json = {
            "state": "stopped",
            "pid": None,
            "restarts": 0,
            "started_at": None,
            "reason": "not run from here",
        }
        status = self.supervisor.status() if self.supervisor is not None else nobody
        return status | {"connected": len(self._slack.sockets.live)}

    def clusters_view(self) -> Json:
        """Nodes, workloads and pods of every cluster."""
        return {"clusters": [stage.view() for stage in self._stages.values()]}

    async def _bot(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, **self.bot_status()})

    async def _clusters_now(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, **self.clusters_view()})

    async def _images(self, request: web.Request) -> web.Response:
        tags = {name: list(self._registry.tags(name)) for name in self._registry.repositories()}
        return web.json_response({"ok": True, "repositories": tags})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(heartbeat=30)
        await ws.prepare(request)
        with self._watching() as watcher:
            sender = asyncio.create_task(self._send_frames(ws, watcher))
            try:
                # Nothing comes from the page; reading is how its leaving is noticed.
                async for frame in ws:
                    if frame.type == WSMsgType.ERROR:
                        break
            finally:
                sender.cancel()
        return ws

    @contextlib.contextmanager
    def _watching(self) -> Iterator[asyncio.Event]:
        watcher = asyncio.Event()
        watcher.set()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def _send_frames(self, ws: web.WebSocketResponse, watcher: asyncio.Event) -> None:
        last_bot: Json = {}
        last_datadog: Json = {}
        while True:
            await watcher.wait()
            watcher.clear()
            bot = self.bot_status()
            if bot != last_bot:
                await ws.send_json({"type": "bot", **bot})
                last_bot = bot
            frame, datadog = self.clusters_view(), self._datadog_view()
            if datadog != last_datadog:
                frame["datadog"] = last_datadog = datadog
            await ws.send_json(frame)
            await asyncio.sleep(FRAME_S)

    # Mischief

    def _stage(self, given: Json) -> ClusterStage:
        stage = self._stages.get(str(given["cluster"]))
        if stage is None:
            raise BadOrder(f"no cluster {given['cluster']!r}; there are {', '.join(self._stages)}")
        return stage

    async def _kill_bot(self, given: Json) -> Json:
        """SIGKILL; a bot that has stopped for good is started again instead."""
        if self.supervisor is None:
            raise BadOrder("the bot does not run from here")
        killed = self.supervisor.kill()
        if not killed:
            await self.supervisor.start()
        return {"killed": killed}

    async def _crash_pod(self, given: Json) -> Json:
        stage = self._stage(given)
        reason = str(given.get("reason", "Error"))
        pod = stage.crash_pod(str(given["namespace"]), given.get("pod"), given.get("workload"), reason)
        self.changed()
        return {"pod": pod, "reason": reason}

    async def _publish_image(self, given: Json) -> Json:
        repository, tag = str(given["repository"]), str(given["tag"])
        if not repository or not tag or ":" in repository + tag:
            raise BadOrder("give a repository such as growlio/admin and a tag such as 1.4.3-broken")
        # Another build of a tag that is there moves it: who planned the first one must not get the second.
        return {"digest": self._registry.publish(repository, tag, build=int(given.get("build", 1)))}

    async def _pause_node(self, given: Json) -> Json:
        self._stage(given).pause_node(str(given["node"]), bool(given["paused"]))
        self.changed()
        return {}

    async def _slack_429(self, given: Json) -> Json:
        """All of Slack's Web API answers 429 for a while."""
        seconds = min(LONGEST_429_S, max(0.0, float(given.get("seconds", 30))))
        self._slack.world.pace.close_for(seconds)
        return {"seconds": seconds}


def _answering(order: Callable[[Json], Awaitable[Json]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """An HTTP handler round an order: JSON in, `ok` and fields out."""

    async def handle(request: web.Request) -> web.Response:
        try:
            given = await request.json() if request.can_read_body else {}
            fields = await order(dict(given))
        except json.JSONDecodeError:
            return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
        except KeyError as err:
            return web.json_response({"ok": False, "error": f"missing or unknown: {err}"}, status=400)
        except (BadOrder, LookupError, TypeError, ValueError) as err:
            return web.json_response({"ok": False, "error": str(err)}, status=400)
        return web.json_response({"ok": True, **fields})

    return handle
