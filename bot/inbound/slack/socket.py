"""The Socket Mode supervisor: keeps two WebSockets to Slack alive, each replaced before it is given up.

Run by bot.app as one task. It takes slack_sdk's place here because that client asks for a ticket once and then retries
the same, used-up ticket for ever, and closes the old socket before the new one is open.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import structlog

from bot.errors import OutsideError, Refused, TooBusy, Unreachable
from bot.inbound.slack.connection import Connection, Goodbye, wait_at_most
from bot.inbound.slack.dispatch import Dispatch
from bot.inbound.slack.patience import Patience
from bot.slack.client import SYSTEM, SlackClient, proxy_for

_log = structlog.get_logger(__name__)

# aiohttp pings after this long without a frame and gives up half as long after an unanswered ping: 15 s for a frozen
# peer. It measures by the loop's monotonic clock.
PING_EVERY_S = 10.0
HELLO_WITHIN_S = 10.0
LINGER_S = 3.0
"""Slack closes a socket it asked to refresh by itself; until then envelopes may still come by it."""
LAST_ACKS_S = 2.0


def log_alarm(text: str) -> None:
    """The alarm that is used when nobody gives a louder one."""
    _log.error("slack_socket_alarm", text=text)


class SlackSocket:
    """Socket Mode with `connections` sockets. `dispatch` gets each envelope; its answer is the acknowledgement.

    `client` carries the app-level token (xapp-…). `alarm` is told in plain words what only a person can mend, once per
    change of state.
    """

    def __init__(
        self,
        client: SlackClient,
        dispatch: Dispatch,
        *,
        connections: int = 2,
        alarm: Callable[[str], None] = log_alarm,
        ping_every_s: float = PING_EVERY_S,
        linger_s: float = LINGER_S,
        patience: Patience | None = None,
    ) -> None:
        self._client = client
        self._dispatch = dispatch
        self._connections = connections
        self._alarm = alarm
        self._alarmed = ""
        self._ping_every_s = ping_every_s
        self._linger_s = linger_s
        self._patience = patience or Patience(random.random)
        # Held from the ticket to the hello, so that sockets are opened and refreshed one after the other.
        self._opening = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._live: set[Connection] = set()
        self._open: set[Connection] = set()
        self._group: asyncio.TaskGroup | None = None
        self._places: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set while at least one socket is live."""

    @property
    def live(self) -> int:
        """How many sockets have said hello and can take envelopes."""
        return len(self._live)

    async def run(self) -> None:
        """Run until cancelled or drained. A crash in here is raised; Slack's absence is not a crash."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._places = [group.create_task(self._keep_place()) for _ in range(self._connections)]
        finally:
            self.ready.clear()
            await asyncio.gather(*(connection.finish(linger_s=0, ack_s=0) for connection in tuple(self._open)))

    async def drain(self, timeout_s: float) -> None:
        """Take nothing new, answer what was taken (for up to `timeout_s`), close; `run` then returns."""
        for place in self._places:
            place.cancel()
        if self._places:
            await asyncio.wait(self._places)
        # Slack hands what we don't take to another replica, or to this one's successor.
        await asyncio.gather(*(connection.finish(linger_s=0, ack_s=timeout_s) for connection in tuple(self._open)))

    async def _keep_place(self) -> None:
        """Keep one socket: open the next before the last is let go, whenever Slack gives notice."""
        last: Connection | None = None
        while True:
            connection = await self._open_next()
            if last is not None:
                self._spawn(self._retire(last, self._linger_s))
            opened_s = _now_s()
            reason = await asyncio.shield(connection.goodbye)
            _log.info("socket_goodbye", reason=reason, live=self.live)
            if reason in (Goodbye.WARNING, Goodbye.REFRESH_REQUESTED):
                last = connection
                if _now_s() - opened_s < 1:
                    # Asked to leave as soon as it came: don't spin.
                    self._patience.failed(_now_s())
                continue
            last = None
            self._forget(connection)
            self._spawn(self._retire(connection, 0))
            self._patience.ended(_now_s(), _now_s() - opened_s)
            self._judge(reason)

    async def _open_next(self) -> Connection:
        """Open one socket and wait for its hello, however often that takes. One at a time."""
        while True:
            async with self._opening:
                while wait_s := self._patience.wait_s(_now_s()):
                    # The loss of the last live socket may shorten the wait.
                    self._hurry.clear()
                    await wait_at_most(self._hurry, wait_s)
                self._patience.began()
                try:
                    connection = await self._attempt()
                except TooBusy as error:
                    self._patience.limited(_now_s(), error.retry_after_s)
                    _log.warning("socket_ticket_limited", retry_after_s=error.retry_after_s)
                except Refused as error:
                    self._patience.barred(_now_s())
                    self._raise_alarm(f"Slack refuses to open a socket: {error.code}. Check SLACK_APP_TOKEN.")
                except OutsideError as error:
                    self._patience.failed(_now_s())
                    _log.warning("socket_not_opened", reason=str(error), live=self.live)
                else:
                    self._alarmed = ""
                    if not connection.closed.is_set():
                        self._live.add(connection)
                        self.ready.set()
                    _log.info("socket_live", live=self.live)
                    return connection

    async def _attempt(self) -> Connection:
        """One ticket, one upgrade, one hello. A ticket works once, so nothing in here is tried twice."""
        answer = await self._client.call("apps.connections.open")
        url = str(answer.get("url", ""))
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                ws = await self._client.session.ws_connect(
                    url,
                    proxy=proxy_for(url),
                    heartbeat=self._ping_every_s,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(SYSTEM, f"WebSocket: {type(error).__name__}") from error
        connection = Connection(ws, self._dispatch, self._spawn)
        self._open.add(connection)
        self._spawn(self._read(connection))
        done, _pending = await asyncio.wait(
            (connection.hello, connection.goodbye), timeout=HELLO_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        if connection.hello in done:
            return connection
        await connection.finish(linger_s=0, ack_s=0)
        if connection.goodbye in done:
            self._judge(connection.goodbye.result())
        raise Unreachable(SYSTEM, "the socket was closed before its hello")

    async def _read(self, connection: Connection) -> None:
        await connection.read()
        # Not when cancelled: `run` still has to close it then.
        self._open.discard(connection)
        self._forget(connection)

    async def _retire(self, connection: Connection, linger_s: float) -> None:
        self._forget(connection)
        await connection.finish(linger_s=linger_s, ack_s=LAST_ACKS_S)

    def _judge(self, reason: Goodbye) -> None:
        """What Slack's goodbye means for the next attempt."""
        match reason:
            case Goodbye.TOO_MANY_WEBSOCKETS:
                self._patience.crowded(_now_s())
                _log.warning("too_many_websockets", live=self.live)
            case Goodbye.LINK_DISABLED:
                self._patience.barred(_now_s())
                self._raise_alarm(
                    "Slack has switched Socket Mode off for this app (link_disabled). Switch it on again."
                )
            case Goodbye.WARNING | Goodbye.REFRESH_REQUESTED | Goodbye.CLOSED:
                return

    def _raise_alarm(self, text: str) -> None:
        if text != self._alarmed:
            self._alarmed = text
            self._alarm(text)

    def _forget(self, connection: Connection) -> None:
        if connection not in self._live:
            return
        self._live.discard(connection)
        if not self._live:
            self.ready.clear()
            self._patience.deaf()
            self._hurry.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None, "run() starts the group before the first socket"
        self._group.create_task(work)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
