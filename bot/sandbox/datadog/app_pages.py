"""What links in alerts open: a monitor's page with its graph, the snapshot of a moment, the way from an event to them.

Mounted by `bot.sandbox.server` below Datadog's own page (`Datadog.app_url`).
"""

from aiohttp import web

from bot.sandbox.datadog.picture import graph
from bot.sandbox.datadog.service import PREFIX, Datadog
from bot.sandbox.page_files import page_file

PAGE = f"{PREFIX}/app"


class AppPages:
    """Datadog's own page, as far as alerts lead there."""

    def __init__(self, datadog: Datadog) -> None:
        self._datadog = datadog

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PAGE}/monitors/{{monitor_id}}", self._monitor),
            web.get(f"{PAGE}/event/jump_to", self._jump),
            web.get(f"{PAGE}/event/event", self._event),
            web.get(f"{PAGE}/snapshot/{{monitor_id}}/{{event_id}}.png", self._snapshot),
        ]

    async def _monitor(self, request: web.Request) -> web.StreamResponse:
        given = request.match_info["monitor_id"]
        if not given.isdecimal() or int(given) not in self._datadog.board.monitors:
            return web.Response(status=404, text="There is no such monitor.")
        return page_file("monitor.html")

    async def _jump(self, request: web.Request) -> web.Response:
        """From an alert's event to the monitor, at the group that alerted."""
        told = self._datadog.told_of(request.query.get("event_id", ""))
        if told is None:
            return web.Response(status=404, text="There is no such event, or it is too long ago.")
        raise web.HTTPFound(f"{PAGE}/monitors/{told.monitor.id}#{told.group}")

    async def _event(self, request: web.Request) -> web.Response:
        wanted = request.query.get("id") or request.query.get("uid")
        for event in self._datadog.received:
            if event.id == wanted:
                return web.Response(text="\n\n".join((event.title, event.text, " ".join(event.tags))))
        return web.Response(status=404, text="There is no such event.")

    async def _snapshot(self, request: web.Request) -> web.Response:
        event_id = request.match_info["event_id"]
        seen, told = self._datadog.snapshots.get(event_id), self._datadog.told_of(event_id)
        monitor = seen.monitor if seen is not None else told.monitor if told is not None else None
        if monitor is None or str(monitor.id) != request.match_info["monitor_id"]:
            return web.Response(status=404, text="There is no such picture.")
        points = () if seen is None else seen.points
        picture = graph(points, monitor.critical, monitor.warning, above=monitor.above, unit=monitor.unit)
        return web.Response(body=picture, content_type="image/png", headers={"Cache-Control": "max-age=86400"})
