"""Faults on order: what shall go wrong with requests to Datadog, how often, and how often it did.

Rules come from tests, in process (`Faults.add`), or over `POST /sandbox/datadog/faults`; every door asks for its own.

| do | what happens | fields |
|---|---|---|
| ratelimit | 429, told to wait | seconds (default an hour) |
| error | this HTTP status | status (default 500) |
| wrong_key | 403 Forbidden, whatever the keys | |
| hang | no answer for a while, then 504 | seconds (default 120) |
| slow | the answer comes later | seconds (default 2) |
| reset | the connection is cut before anything is accepted | |
| accept_then_close | handled, then the connection is cut without an answer | |
| accept_then_500 | handled, then 500 | |
| accept_then_hang | handled, then no answer for a while | seconds (default 120) |

Every rule may have `times` (default 1, null for ever), `host` (`main`, `on-call`, `intake`; default all), `method` and
`path` (a part of it).
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Json = dict[str, Any]
DEFAULT_SECONDS = {"ratelimit": 3600.0, "hang": 120.0, "slow": 2.0, "accept_then_hang": 120.0}
BEFORE = ("ratelimit", "error", "wrong_key", "hang", "slow", "reset")
AFTER = ("accept_then_close", "accept_then_500", "accept_then_hang")
KINDS = (*BEFORE, *AFTER)


@dataclass(slots=True)
class Fault:
    """One rule. `left` is how often it will still happen, None for ever."""

    do: str
    host: str = "*"
    method: str = "*"
    path: str = ""
    left: int | None = 1
    seconds: float = 0.0
    status: int = 500
    fired: int = 0

    def as_json(self) -> Json:
        return {"do": self.do, "host": self.host, "path": self.path, "left": self.left, "fired": self.fired}


class Faults:
    """The rules in force, first come first served."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lifted = asyncio.Event()

    def add(
        self,
        do: str,
        *,
        times: int | None = 1,
        host: str = "*",
        method: str = "*",
        path: str = "",
        seconds: float | None = None,
        status: int = 500,
    ) -> Fault:
        """Order a fault; ValueError for one that nobody knows."""
        if do not in KINDS:
            raise ValueError(f"unknown fault {do!r}; known: {', '.join(KINDS)}")
        waits = DEFAULT_SECONDS.get(do, 0.0) if seconds is None else float(seconds)
        rule = Fault(do, host, method, path, times, waits, int(status))
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules; what hangs is let go."""
        self._rules.clear()
        self._lifted.set()
        self._lifted = asyncio.Event()

    def shown(self) -> list[Json]:
        return [rule.as_json() for rule in self._rules]

    def take(self, host: str, method: str, path: str) -> Fault | None:
        """The first rule that concerns a request, counted as fired."""
        for rule in self._rules:
            is_meant = rule.host in ("*", host) and rule.method in ("*", method) and rule.path in path
            if is_meant and rule.left != 0:
                rule.fired += 1
                rule.left = None if rule.left is None else rule.left - 1
                return rule
        return None

    async def wait(self, seconds: float) -> None:
        """Let time pass, at most until the rules are cleared."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lifted.wait()


async def befall(fault: Fault, faults: Faults, request: web.Request) -> None:
    """The part of a fault that takes time, or the connection."""
    match fault.do:
        case "slow" | "hang" | "accept_then_hang":
            await faults.wait(fault.seconds)
        case "reset" | "accept_then_close":
            if request.transport is not None:
                request.transport.abort()
