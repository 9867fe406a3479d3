"""The sandbox's Datadog: monitors on the simulated clusters, the hosts of its API, and the webhooks that it sends.

Composed by `bot.sandbox.server`, which mounts `app()`s and calls `start`; tests pull the levers.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.datadog.api_downtimes import DowntimesApi
from bot.sandbox.datadog.api_metrics import MetricsApi
from bot.sandbox.datadog.api_monitors import MonitorsApi
from bot.sandbox.datadog.api_searches import SearchesApi
from bot.sandbox.datadog.board import Board, Notification
from bot.sandbox.datadog.door import Call, Door, Endpoint
from bot.sandbox.datadog.dora import Dora
from bot.sandbox.datadog.downtimes import Downtime, Downtimes
from bot.sandbox.datadog.events import Event, Events
from bot.sandbox.datadog.faults import Faults
from bot.sandbox.datadog.meters import Meters
from bot.sandbox.datadog.monitors import Monitor, State, Transition
from bot.sandbox.datadog.on_call import OnCall, Page
from bot.sandbox.datadog.payload import DEFAULT_TEMPLATE, render, tags_of, variables
from bot.sandbox.datadog.scene import monitors_of
from bot.sandbox.datadog.storm import Storm
from bot.sandbox.datadog.webhooks import Delivery, Webhooks
from bot.sandbox.kube import Cluster

Json = dict[str, Any]
TICK_S = 1.0
PREFIX = "/datadog"
HOSTS = {"main": f"{PREFIX}/api-host", "on-call": f"{PREFIX}/on-call-host", "intake": f"{PREFIX}/intake-host"}
"""Each of Datadog's hosts is a path of the sandbox's one port; no host knows the calls of another."""
API_KEY, APP_KEY = "5a11d0c5" * 4, "0ddba11c" * 5
SECRET_HEADER = "X-Kajitori-Secret"
SNAPSHOT_POINTS, MOST_SNAPSHOTS = 180, 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a graph showed when a notification was made."""

    monitor: Monitor
    points: tuple[tuple[float, float], ...]


class Datadog:
    """Everything. Moments come from `clock`, in Unix seconds. `evaluates` False: monitors are only fired by hand."""

    def __init__(
        self,
        clusters: Mapping[str, Cluster],
        *,
        secret: str = "",
        evaluates: bool = True,
        clock: Callable[[], float] = time.time,
        webhooks: Webhooks | None = None,
    ) -> None:
        self.clock = clock
        self.evaluates = evaluates
        self.secret = secret
        self.url = ""
        self.faults = Faults()
        self.calls: deque[Call] = deque(maxlen=20_000)
        self.downtimes = Downtimes(clock)
        monitors = [each for number, env in enumerate(clusters) for each in monitors_of(env, number)]
        self.meters = Meters(clusters)
        self.board = Board(monitors, self.meters, self.downtimes, clock)
        self.on_call = OnCall(clock)
        self.events = Events(clock)
        self.dora = Dora()
        self.webhooks = webhooks or Webhooks()
        self.template = DEFAULT_TEMPLATE
        self.escapes = True
        """Whether values are put into the template as JSON strings need them; False: newlines and quotes and all."""
        self.told: deque[Notification] = deque(maxlen=20_000)
        """Every notification so far."""
        self.snapshots: dict[str, Snapshot] = {}
        self._watchers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._doors = self._open_doors()
        self.board.listen(self._notify)
        self.on_call.listen(self.changed)
        self.events.listen(self.changed)
        if secret:
            self.webhooks.headers = {SECRET_HEADER: secret}

    def _open_doors(self) -> dict[str, Door]:
        downtimes = DowntimesApi(self.board, self.downtimes, self._ended)
        main = [
            Endpoint("GET", "/api/v1/validate", "validate", _valid, needs_app_key=False),
            *SearchesApi(self.board, self.downtimes).endpoints(),
            *MonitorsApi(self.board, self.downtimes).endpoints(),
            *downtimes.endpoints(),
            *self.on_call.endpoints(),
            *self.events.endpoints(),
            *self.dora.endpoints(),
            *MetricsApi(self.meters, self.clock).endpoints(),
        ]
        hosts = {"main": main, "on-call": self.on_call.paging_endpoints(), "intake": self.events.intake_endpoints()}
        return {
            name: Door(name, endpoints, (API_KEY, APP_KEY), self.faults, self.calls, self.clock)
            for name, endpoints in hosts.items()
        }

    def apps(self) -> dict[str, web.Application]:
        """The hosts' applications, by the path that each is mounted at."""
        return {HOSTS[name]: door.app() for name, door in self._doors.items()}

    def door(self, host: str = "main") -> Door:
        """A host's door, to set its limits."""
        return self._doors[host]

    def listening_at(self, url: str) -> None:
        """Where the sandbox is, once it listens."""
        self.url = url
        self.events.app_url = self.app_url

    @property
    def app_url(self) -> str:
        """Where people look at monitors: Datadog's own page."""
        return f"{self.url}{PREFIX}/app"

    def environment(self) -> dict[str, str]:
        """What ties a bot to this Datadog."""
        return {
            "DD_API_URL": f"{self.url}{HOSTS['main']}",
            "DD_ONCALL_URL": f"{self.url}{HOSTS['on-call']}",
            "DD_APP_URL": self.app_url,
            "DD_API_KEY": API_KEY,
            "DD_APP_KEY": APP_KEY,
            "DATADOG_WEBHOOK_SECRET": self.secret,
        }

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever there is something new to see."""
        self._watchers.append(changed)

    def changed(self) -> None:
        for watcher in self._watchers:
            watcher()

    async def start(self) -> None:
        """Evaluate from now on, once a second."""
        if self._task is None:
            self._task = asyncio.create_task(self._live(), name="datadog")

    async def stop(self) -> None:
        self.faults.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.webhooks.stop()

    async def _live(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """What happens each second: downtimes end, monitors are evaluated."""
        for downtime in self.downtimes.ended_since():
            self._ended(downtime, "expired")
        if self.evaluates:
            self.board.evaluate()
            self.changed()

    def _ended(self, downtime: Downtime, how: str) -> None:
        if how in downtime.end_types:
            for monitor in self.board.monitors.values():
                if downtime.concerns(monitor):
                    self.board.unmuted(monitor, downtime.end_states, self.clock())
        self.changed()

    def _notify(self, told: Notification) -> None:
        self.told.append(told)
        points = [point for point in self.board.groups[told.monitor.id][told.group].points if point[0] <= told.at_s]
        self.snapshots[str(told.event_id)] = Snapshot(told.monitor, tuple(points[-SNAPSHOT_POINTS:]))
        while len(self.snapshots) > MOST_SNAPSHOTS:
            del self.snapshots[next(iter(self.snapshots))]
        self.webhooks.send(self.body_of(told))
        self.changed()

    def body_of(self, told: Notification) -> str:
        """The webhook's body for a notification."""
        return render(self.template, variables(told, self.app_url), tags_of(told), escapes=self.escapes)

    def use_webhook(self, url: str, given: Mapping[str, Any] | None = None) -> None:
        """Send notifications to `url`, as the bot's own description says: `headers` and `payload`."""
        self.webhooks.url = url
        if given is None:
            return
        payload, headers = given.get("payload"), given.get("headers") or given.get("custom_headers") or {}
        if payload is not None:
            self.template = payload if isinstance(payload, str) else json.dumps(payload)
        headers = json.loads(headers) if isinstance(headers, str) else headers
        values = {"DATADOG_WEBHOOK_SECRET": self.secret, "KAJITORI_SECRET": self.secret}
        self.webhooks.headers = {
            str(name): render(str(value), values, escapes=False) for name, value in dict(headers).items()
        }

    # Levers

    def fire(
        self,
        monitor: int | str,
        group: str | None = None,
        value: float | None = None,
        *,
        state: State | str = State.ALERT,
    ) -> str:
        """Bring a group of a monitor (`fire("stg/latency", "service:web", 0.46)`) into a bad state that holds until
        `resolve`; the cycle's key. `value` None: the threshold. LookupError, ValueError."""
        key = self.board.fire(monitor, group, value, State(state))
        self.changed()
        return key

    def resolve(self, monitor: int | str, group: str | None = None, value: float | None = None) -> None:
        """Bring a group back to OK. LookupError."""
        self.board.resolve(monitor, group, value)
        self.changed()

    def renotify(
        self, monitor: int | str, group: str | None = None, transition: Transition | str = Transition.RENOTIFY
    ) -> None:
        """Tell of a bad state once more. LookupError, ValueError."""
        found = self.board.find(monitor)
        self.board.renotify(found, self.board.group(found, group), Transition(transition), self.clock())

    def add_monitor(self, monitor: Monitor) -> Monitor:
        """One more monitor."""
        return self.board.add(monitor)

    async def send_storm(self, storm: Storm, within_s: float = 60.0) -> list[Delivery]:
        """Send a storm's messages evenly over `within_s`, and let the monitors follow it; the deliveries, on their
        way (`delivered` waits for them)."""
        for monitor in storm.monitors:
            self.board.add(monitor)
        loop, sent = asyncio.get_running_loop(), list[Delivery]()
        begun, happened = loop.time(), 0
        for index, told in enumerate(storm.messages, 1):
            while happened < index * len(storm.story) // len(storm.messages):
                self.board.adopt(storm.story[happened])
                self.told.append(storm.story[happened])
                happened += 1
            sent.append(self.webhooks.send(self.body_of(told)))
            await asyncio.sleep(max(0.0, begun + index * within_s / len(storm.messages) - loop.time()))
        self.changed()
        return sent

    async def delivered(self) -> list[Delivery]:
        """Wait until every webhook has arrived or was given up; all so far."""
        await self.webhooks.idle()
        return list(self.webhooks.deliveries)

    @property
    def pages(self) -> list[Page]:
        """On-Call pages, oldest first."""
        return list(self.on_call.pages.values())

    @property
    def received(self) -> list[Event]:
        """Events that Datadog was told of, oldest first."""
        return list(self.events.found)

    def told_of(self, event_id: str) -> Notification | None:
        """The notification of an event; None when it is too long ago."""
        return next((each for each in reversed(self.told) if str(each.event_id) == event_id), None)

    def muted(self) -> list[Downtime]:
        """Downtimes that mute something now."""
        now = self.downtimes.now()
        return [each for each in self.downtimes.found.values() if each.status(now) == "active"]

    def requests(self, path: str = "", method: str = "*") -> list[Call]:
        """Recorded requests whose path contains `path`, oldest first."""
        return [each for each in self.calls if path in each.path and method in ("*", each.method)]


async def _valid(request: web.Request) -> web.Response:
    return web.json_response({"valid": True})
