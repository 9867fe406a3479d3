"""Health over HTTP: /healthz says that the event loop turns, /readyz that every part works, and which does not.

Served by bot.app from the first moment of a start, so that a bot which waits for Slack is not taken for dead. Tells
nothing that is secret; changes nothing.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

STALE_S = 60.0
"""A loop without a good turn for so long is not working; the slowest one turns every 15 s."""


class Gate:
    """A route that is closed (503: come again) until a handler stands behind it, and again when it is taken away."""

    def __init__(self) -> None:
        self.handler: Callable[[web.Request], Awaitable[web.Response]] | None = None

    async def handle(self, request: web.Request) -> web.Response:
        """Hand the request on."""
        if self.handler is None:
            return web.Response(status=503)
        return await self.handler(request)


@dataclass(slots=True)
class Health:
    """What /readyz looks at. Parts report by themselves; a part that has not reported yet is not ready."""

    checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    """Part → why it is not ready, empty when it is."""
    remarks: list[Callable[[], Mapping[str, str]]] = field(default_factory=list)
    """Who tells of parts that are not well and yet keep nobody from using the rest: a cluster that is away."""
    turned_at_s: dict[str, float] = field(default_factory=dict)

    def watch_loop(self, name: str, *, stale_s: float = STALE_S) -> Callable[[], None]:
        """The callback of a loop's good turns; without one for `stale_s` it is not ready."""
        self.checks[name] = lambda: self._stale(name, stale_s)

        def turned() -> None:
            self.turned_at_s[name] = time.monotonic()

        return turned

    def _stale(self, name: str, stale_s: float) -> str:
        last = self.turned_at_s.get(name)
        if last is None:
            return "has not turned yet"
        quiet_s = time.monotonic() - last
        return "" if quiet_s < stale_s else f"no good turn for {round(quiet_s)} s"

    def faults(self) -> Mapping[str, str]:
        """Parts that are not ready, and why."""
        found = {name: check() for name, check in self.checks.items()}
        return {name: why for name, why in found.items() if why}

    def routes(self) -> list[web.RouteDef]:
        """/healthz and /readyz."""
        return [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        faults = self.faults()
        parts = {name: faults.get(name, "ok") for name in self.checks}
        for remark in self.remarks:
            parts |= remark()
        body = {"ready": not faults, "parts": parts}
        return web.json_response(body, status=503 if faults else 200)
