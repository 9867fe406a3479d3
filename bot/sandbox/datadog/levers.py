"""What people and tests do to the sandbox's Datadog over HTTP, and what they see of it: `/sandbox/datadog/…`.

Mounted by `bot.sandbox.server`; spoken by the chat page, a monitor's page, benches and tests.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.datadog.api_monitors import WORST_FIRST, worst
from bot.sandbox.datadog.downtimes import Downtime
from bot.sandbox.datadog.monitors import Group, Monitor
from bot.sandbox.datadog.on_call import ROTA
from bot.sandbox.datadog.service import Datadog
from bot.sandbox.datadog.storm import plan

Json = dict[str, Any]
MOST_GROUPS, MOST_EVENTS, MOST_PAGES = 8, 12, 8
LARGEST_STORM = 50_000


class Levers:
    """Views and orders."""

    def __init__(self, datadog: Datadog) -> None:
        self._datadog = datadog
        self._storms: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[web.RouteDef]:
        orders: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "fire": self._fire,
            "resolve": self._resolve,
            "renotify": self._renotify,
            "storm": self._storm,
            "page": self._page,
            "on-call": self._on_call,
            "faults": self._faults,
        }
        base = "/sandbox/datadog"
        return [
            web.get(base, self._show),
            web.get(f"{base}/monitors/{{monitor_id}}", self._show_monitor),
            web.get(f"{base}/requests", self._show_requests),
            web.get(f"{base}/webhooks", self._show_webhooks),
            web.get(f"{base}/faults", self._show_faults),
            web.delete(f"{base}/faults", self._clear_faults),
            *(web.post(f"{base}/{name}", _answering(order)) for name, order in orders.items()),
        ]

    async def stop(self) -> None:
        """End storms that blow."""
        for storm in self._storms:
            storm.cancel()
        await asyncio.gather(*self._storms, return_exceptions=True)

    def view(self) -> Json:
        """Monitors, downtimes, pages and events as plain rows; the newest of what there is much of."""
        datadog = self._datadog
        over = ("canceled", "ended")
        now = datadog.downtimes.now()
        current = [each for each in datadog.downtimes.found.values() if each.status(now) not in over]
        return {
            "monitors": [self._row(monitor) for monitor in datadog.board.monitors.values()],
            "downtimes": [self._downtime(each) for each in current],
            "pages": [
                {"id": p.id, "title": p.title, "state": p.state, "urgency": p.urgency, "level": p.level}
                for p in reversed(datadog.pages[-MOST_PAGES:])
            ],
            "events": [
                {"id": e.id, "title": e.title, "text": e.text, "tags": list(e.tags), "at": e.at_s, "kind": e.kind}
                for e in reversed(datadog.received[-MOST_EVENTS:])
            ],
            "on_call": list(datadog.on_call.rota),
            "faults": [rule["do"] for rule in datadog.faults.shown() if rule["left"] != 0],
        }

    def _row(self, monitor: Monitor) -> Json:
        groups = self._datadog.board.groups[monitor.id].values()
        order = sorted(groups, key=lambda group: (WORST_FIRST.index(group.state), group.name))
        return {
            "id": monitor.id,
            "key": monitor.key,
            "name": monitor.name,
            "env": monitor.env,
            "priority": monitor.priority,
            "unit": monitor.unit,
            "multi": monitor.is_multi,
            "state": worst(groups).value if groups else "OK",
            "groups": [self._group(monitor, group) for group in order[:MOST_GROUPS]],
            "more_groups": max(0, len(order) - MOST_GROUPS),
        }

    def _group(self, monitor: Monitor, group: Group) -> Json:
        tags = self._datadog.board.tags_of(monitor, group.name)
        muting = self._datadog.downtimes.muting(monitor, tags, self._datadog.clock())
        return {
            "name": group.name,
            "state": group.state.value,
            "value": None if group.value is None else round(group.value, 3),
            "since": group.since_s,
            "muted": bool(muting),
            "by_hand": group.forced is not None,
        }

    def _downtime(self, downtime: Downtime) -> Json:
        now = self._datadog.downtimes.now()
        ends = downtime.span(now)[1]
        monitor = self._datadog.board.monitors.get(downtime.monitor_id or 0)
        return {
            "id": downtime.id,
            "scope": downtime.scope,
            "monitor": monitor.name if monitor else ", ".join(downtime.monitor_tags),
            "status": downtime.status(now),
            "end": ends.timestamp() if ends else None,
            "message": downtime.message,
        }

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, **self.view()})

    async def _show_monitor(self, request: web.Request) -> web.Response:
        """One monitor with the points of its graphs."""
        try:
            monitor = self._datadog.board.find(request.match_info["monitor_id"])
        except LookupError as err:
            return web.json_response({"ok": False, "error": str(err)}, status=404)
        groups = self._datadog.board.groups[monitor.id].values()
        points = {group.name: [[at_s, round(value, 4)] for at_s, value in group.points] for group in groups}
        told = [each for each in self._datadog.told if each.monitor.id == monitor.id]
        history = [
            {"at": each.at_s, "group": each.group, "transition": each.transition.value, "state": each.state.value}
            for each in reversed(told[-20:])
        ]
        more = {
            "query": monitor.query, "message": monitor.message, "tags": list(monitor.tags), "above": monitor.above,
            "critical": monitor.critical, "warning": monitor.warning, "points": points, "history": history,
            "now": self._datadog.clock(),
        }  # fmt: skip
        return web.json_response({"ok": True, **self._row(monitor), **more})

    async def _show_requests(self, request: web.Request) -> web.Response:
        found = self._datadog.requests(request.query.get("path", ""), request.query.get("method", "*"))
        rows = [
            {
                "host": each.host, "method": each.method, "path": each.path, "query": dict(each.query),
                "body": each.body, "status": each.status,
            }
            for each in found
        ]  # fmt: skip
        return web.json_response({"ok": True, "requests": rows})

    async def _show_webhooks(self, request: web.Request) -> web.Response:
        rows = [
            {"body": each.body, "attempts": each.attempts, "took_s": each.took_s, "done": each.is_done}
            for each in self._datadog.webhooks.deliveries
        ]
        return web.json_response({"ok": True, "webhooks": rows})

    async def _show_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "rules": self._datadog.faults.shown()})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._datadog.faults.clear()
        self._datadog.changed()
        return web.json_response({"ok": True})

    # Orders

    async def _fire(self, given: Json) -> Json:
        cycle = self._datadog.fire(
            given["monitor"], given.get("group"), given.get("value"), state=given.get("state", "Alert")
        )
        return {"cycle": cycle}

    async def _resolve(self, given: Json) -> Json:
        self._datadog.resolve(given["monitor"], given.get("group"))
        return {}

    async def _renotify(self, given: Json) -> Json:
        self._datadog.renotify(given["monitor"], given.get("group"))
        return {}

    async def _storm(self, given: Json) -> Json:
        """Starts; it blows on in the background."""
        count, seconds = int(given.get("count", 1000)), float(given.get("seconds", 60))
        if not 0 < count <= LARGEST_STORM or not 0 <= seconds <= 600:
            raise ValueError(f"a storm has 1 to {LARGEST_STORM} messages in 0 to 600 s")
        storm = plan(count, int(given.get("seed", 1)), self._datadog.clock(), max(1.0, seconds))
        task = asyncio.create_task(self._datadog.send_storm(storm, seconds))
        self._storms.add(task)
        task.add_done_callback(self._storms.discard)
        return {"messages": len(storm.messages), "groups": len(storm.finals())}

    async def _page(self, given: Json) -> Json:
        """Make a page as Datadog would (`title`), or act on one as somebody in Datadog would (`id`, `act`)."""
        on_call = self._datadog.on_call
        if "title" in given:
            return {"id": on_call.page_by_hand(str(given["title"]), str(given.get("urgency", "high"))).id}
        act = str(given["act"])
        if act not in ("acknowledge", "escalate", "resolve"):
            raise ValueError(f"a page can not {act}")
        on_call.act(on_call.pages[str(given["id"])], act)
        return {}

    async def _on_call(self, given: Json) -> Json:
        people = [str(name) for name in given["people"]]
        unknown = set(people) - {*ROTA, "dave", "ops"}
        if unknown:
            raise ValueError(f"nobody here is called {', '.join(sorted(unknown))}")
        self._datadog.on_call.hand_over(people)
        return {"on_call": people}

    async def _faults(self, given: Json) -> Json:
        """More rules; with `instead` they take the place of all that are in force."""
        if given.get("instead"):
            self._datadog.faults.clear()
        for rule in given["rules"]:
            self._datadog.faults.add(**rule)
        self._datadog.changed()
        return {"rules": self._datadog.faults.shown()}


def _answering(order: Callable[[Json], Awaitable[Json]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            fields = await order(dict(await request.json()))
        except json.JSONDecodeError:
            return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
        except KeyError as err:
            return web.json_response({"ok": False, "error": f"missing or unknown: {err}"}, status=400)
        except (LookupError, TypeError, ValueError) as err:
            return web.json_response({"ok": False, "error": str(err)}, status=400)
        return web.json_response({"ok": True, **fields})

    return handle
