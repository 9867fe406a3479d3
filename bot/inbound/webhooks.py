"""Datadog's door: POST /datadog/webhook. What is answered 2xx is in the database; nothing else happens here.

Mounted by bot.app on its server from the first moment. Datadog repeats what is answered 5xx, never what is answered 4xx
(docs.datadoghq.com/integrations/webhooks): what can't be kept now is answered 503. No body is ever logged. The rows are
worked off by bot.reconcile.alerts.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from aiohttp import web

from bot.context import Bell
from bot.datadog.template import SECRET_HEADER
from bot.domain.alert.payload import delivery_key, is_too_deep, read_webhook
from bot.errors import StoreUnavailable
from bot.failpoints import reach
from bot.inbound.bodies import closing, read_body
from bot.store import inbox
from bot.store.db import Database

log = structlog.get_logger()
MAX_BODY_BYTES = 1024 * 1024
BODY_WITHIN_S = 5.0
KEPT_WITHIN_S = 10.0
"""Datadog waits 15 s for an answer."""
MOST_WAITING = 2000
"""Deliveries that wait for their commit; more are sent back, before memory goes to them."""
GROUP = 200
"""Deliveries in one transaction: some milliseconds, in which Slack's requests wait."""


@dataclass(slots=True)
class _Waiting:
    """A delivery that waits for its commit."""

    arrival: inbox.Arrival
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class DatadogWebhook:
    """Takes deliveries in; one per process. `secrets`: one, or two while rotating."""

    def __init__(
        self,
        database: Database,
        secrets: Sequence[str],
        *,
        clock: Callable[[], datetime],
        bell: Bell,
        body_within_s: float = BODY_WITHIN_S,
    ) -> None:
        if not secrets or not all(secret.strip() for secret in secrets):
            raise ValueError("DATADOG_WEBHOOK_SECRET is missing or blank")  # an empty one would let everybody in
        self._database = database
        self._secrets = [secret.strip().encode() for secret in secrets]
        self._clock = clock
        self._bell = bell
        self._body_within_s = body_within_s
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None
        self.forged = 0
        """Requests answered 401."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one: 200 kept, 400 too deep, 401 not Datadog, 408 slow, 413 big, 415 packed, 503 come again."""
        if not self._is_authentic(request):
            self.forged += 1
            log.warning("webhook.refused", remote=request.remote)
            return closing(401)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return closing(415)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return closing(413)
        if len(self._waiting) >= MOST_WAITING:
            return closing(503)
        try:
            async with asyncio.timeout(self._body_within_s):
                body = await read_body(request, MAX_BODY_BYTES)
        except TimeoutError:
            return closing(408)
        if body is None:
            return closing(413)
        if is_too_deep(body):
            return closing(400)
        try:
            await self._keep(body.decode("utf-8", "replace"))
        except StoreUnavailable as error:
            log.warning("webhook.not_kept", error=str(error))
            return web.Response(status=503)
        return web.Response()

    async def close(self) -> None:
        """After the last request: wait for the commit that is under way."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher], timeout=KEPT_WITHIN_S)

    def _is_authentic(self, request: web.Request) -> bool:
        """Every secret is compared, whichever fits: the time that it takes tells nothing."""
        given = request.headers.getall(SECRET_HEADER, [])
        if len(given) != 1:
            return False
        found = given[0].strip().encode("utf-8", "surrogateescape")
        fits = [hmac.compare_digest(found, secret) for secret in self._secrets]
        return True in fits

    async def _keep(self, raw: str) -> None:
        """Returns when the delivery is in the database, now or from before. Raises StoreUnavailable."""
        now = self._clock()
        event = read_webhook(raw, round(now.timestamp() * 1000))
        arrival = inbox.Arrival(
            source=inbox.DATADOG,
            key=delivery_key(raw, event),
            payload={"raw": raw},
            received_at=now,
            state=inbox.TOLD,
        )
        waiting = _Waiting(arrival)
        self._waiting.append(waiting)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        try:
            async with asyncio.timeout(KEPT_WITHIN_S):
                await asyncio.shield(waiting.done)
        except TimeoutError:
            with suppress(ValueError):
                self._waiting.remove(waiting)
            # If its commit happens all the same, Datadog's next delivery of it is known by its key.
            raise StoreUnavailable("no commit in time") from None

    async def _flush(self) -> None:
        """Commit what waits, again and again until nothing does."""
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                reach("webhook.before_commit")
                async with self._database.write(urgent=True) as connection:
                    await inbox.add(connection, [each.arrival for each in group])
                reach("webhook.after_commit")
            except BaseException as error:
                failure = StoreUnavailable(str(error) or type(error).__name__)
                for each in group:
                    if not each.done.done():
                        each.done.set_exception(failure)
                        each.done.exception()  # read it here: the waiter may be gone
                if not isinstance(error, Exception):
                    raise
                if not isinstance(error, StoreUnavailable):  # a bug: Datadog comes again, and the log has it
                    log.exception("webhook.flush_failed")
                continue
            for each in group:
                if not each.done.done():
                    each.done.set_result(None)
            self._bell.ring()
