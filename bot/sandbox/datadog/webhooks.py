"""The webhook integration: posts payloads to the receiver, and tries again as Datadog does.

15 s for an answer; again on 5xx and on connections that fail or time out, five times; never on anything else. Each
payload travels on its own, so nothing keeps them in order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

TIMEOUT_S = 15.0
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
MOST_AT_ONCE = 32
REMEMBERED = 20_000


@dataclass(slots=True)
class Delivery:
    """One payload on its way. `attempts` has a status, or a word for what went wrong, for each try."""

    body: str
    headers: Mapping[str, str]
    attempts: list[int | str] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    is_done: bool = False

    @property
    def arrived(self) -> bool:
        last = self.attempts[-1] if self.attempts else None
        return isinstance(last, int) and 200 <= last < 300


class Webhooks:
    """Deliveries to one address. Set `url` and `headers` at any time; without `url` nothing is sent."""

    def __init__(self, pauses_s: tuple[float, ...] = PAUSES_S, timeout_s: float = TIMEOUT_S) -> None:
        self.url: str | None = None
        self.headers: dict[str, str] = {}
        self.pauses_s = pauses_s
        self.timeout_s = timeout_s
        self.deliveries: deque[Delivery] = deque(maxlen=REMEMBERED)
        self._running: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    def send(self, body: str) -> Delivery:
        """Send a payload on its way, in the background."""
        delivery = Delivery(body, dict(self.headers))
        self.deliveries.append(delivery)
        if self.url is None:
            delivery.is_done = True
            return delivery
        task = asyncio.get_running_loop().create_task(self._deliver(delivery, self.url))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return delivery

    async def idle(self) -> None:
        """Wait until nothing is on its way any more, retries included."""
        while self._running:
            await asyncio.wait(list(self._running))

    async def stop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, delivery: Delivery, url: str) -> None:
        for pause_s in (*self.pauses_s, None):
            async with self._at_once:
                begun = time.monotonic()
                outcome = await self._post(delivery, url)
                delivery.took_s.append(time.monotonic() - begun)
                delivery.attempts.append(outcome)
            if pause_s is None or (isinstance(outcome, int) and outcome < 500):
                break
            await asyncio.sleep(pause_s)
        delivery.is_done = True

    async def _post(self, delivery: Delivery, url: str) -> int | str:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=MOST_AT_ONCE))
        headers = {"Content-Type": "application/json", "User-Agent": "Datadog-Webhooks", **delivery.headers}
        timeout = ClientTimeout(total=self.timeout_s)
        try:
            async with self._session.post(
                url, data=delivery.body.encode(), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status
        except TimeoutError:
            return "timeout"
        except (ClientError, OSError):
            return "connection"
