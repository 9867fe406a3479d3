"""Delivery: how a payload reaches the app, by whichever way it is connected, and what comes back.

`ask` is for what a person waits for (commands, clicks, forms), `tell` for events, which are retried by the schedule
of the Events API. Used by the person's side and by `happenings`.
"""

import asyncio
import contextlib

from bot.sandbox.slack.envelopes import Envelope, NotDelivered
from bot.sandbox.slack.faults import Rule
from bot.sandbox.slack.people import Json
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.webhooks import Webhooks
from bot.sandbox.slack.world import World

RETRY_REASONS = {"operation_timeout": "http_timeout", "dispatch_failed": "connection_failed"}


class Delivery:
    """The way to the app."""

    def __init__(self, world: World, sockets: Sockets, webhooks: Webhooks) -> None:
        self._world = world
        self._sockets = sockets
        self._webhooks = webhooks

    async def ask(self, kind: str, payload: Json) -> Json | None:
        """Send a command or an interaction; the payload of the acknowledgement.

        NotDelivered `dispatch_failed` when nobody is there, `operation_timeout` when nobody acknowledged in time.
        """
        envelope = self._envelope(kind, payload)
        self._sockets.spawn(self._carry(envelope))
        try:
            async with asyncio.timeout(self._world.timing.ack_s):
                return await asyncio.shield(envelope.acked)
        except TimeoutError as err:
            self._world.faults.counts["timeouts"] += 1
            raise NotDelivered("operation_timeout") from err

    def _envelope(self, kind: str, payload: Json) -> Envelope:
        """A new envelope whose acknowledgement will be on record."""
        envelope = Envelope(kind, payload)

        def note(acked: asyncio.Future[Json | None]) -> None:
            # An error that comes after the person has stopped waiting is nobody's to collect, so it is looked at here.
            if not acked.cancelled() and acked.exception() is None:
                entry = {"kind": kind, "envelope_id": envelope.id, "sent": envelope.deliveries, "ack_s": envelope.age_s}
                self._world.records.deliveries.append(entry)

        envelope.acked.add_done_callback(note)
        return envelope

    async def _carry(self, envelope: Envelope) -> None:
        """Bring one envelope to its end; the person's wait may be over long before."""
        try:
            if self._world.app.events_url is None:
                await self._sockets.deliver(envelope, self._world.timing.command_life_s, waits=False)
            else:
                await self._post_copies(envelope)
        except NotDelivered as failure:
            if not envelope.acked.done():
                code = failure.code if failure.code == "operation_timeout" else "dispatch_failed"
                envelope.acked.set_exception(NotDelivered(code))

    async def _post_copies(self, envelope: Envelope) -> None:
        """One request, or as many as a `duplicate` rule orders; copies of an event are numbered like retries."""
        copies, at_once = _copies(self._world.faults.take("duplicate", envelope.kind))
        self._world.faults.counts["duplicates"] += copies - 1
        posts = [self._webhooks.post(envelope, envelope.attempt + number) for number in range(copies)]
        outcomes = await asyncio.gather(*posts[:at_once], return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if not failures and not envelope.acked.done():
            envelope.acked.set_result(next((outcome for outcome in outcomes if isinstance(outcome, dict)), None))
        for post in posts[at_once:]:
            await post
        if failures:
            raise failures[0]

    def tell(self, payload: Json) -> Envelope:
        """Send an event, with its retries, beside whatever the caller does next."""
        envelope = self._envelope("events_api", payload)
        way = self._retry_posts if self._world.app.events_url is not None else self._retry_sends
        self._sockets.spawn(way(envelope))
        return envelope

    async def _retry_sends(self, envelope: Envelope) -> None:
        """Socket Mode: each attempt lasts as long as an ack may take; between attempts the retry schedule waits."""
        timing = self._world.timing
        for attempt, pause_s in enumerate((0.0, *timing.event_retries_s)):
            if attempt:
                envelope.attempt, envelope.retry_reason = attempt, "timeout"
                await asyncio.sleep(pause_s)
            life_s = min(timing.event_life_s, envelope.age_s + timing.ack_s)
            await self._sockets.deliver(envelope, life_s, waits=True)
            if envelope.acked.done():
                return
        self._world.faults.counts["events_lost"] += 1

    async def _retry_posts(self, envelope: Envelope) -> None:
        """HTTP mode: the original and up to three retries, unless the app says X-Slack-No-Retry."""
        for attempt, pause_s in enumerate((0.0, *self._world.timing.event_retries_s)):
            if attempt:
                self._world.faults.counts["retries"] += 1
                await asyncio.sleep(pause_s)
            envelope.attempt = attempt
            try:
                await self._post_copies(envelope)
            except NotDelivered as failure:
                if failure.code == "no_retry":
                    break
                envelope.retry_reason = RETRY_REASONS.get(failure.code, "http_error")
            else:
                return
        self._world.faults.counts["events_lost"] += 1

    async def use_http(self, events_url: str) -> None:
        """Switch to HTTP mode, after the handshake; NotDelivered when the app fails it."""
        await self._webhooks.verify(events_url)
        self._world.app.events_url = events_url

    async def stop(self) -> None:
        """End what is on its way."""
        await self._sockets.stop()
        with contextlib.suppress(NotDelivered):
            await self._webhooks.stop()


def _copies(rule: Rule | None) -> tuple[int, int]:
    """How many copies go out, and how many of them at once."""
    if rule is None:
        return 1, 1
    copies = int(rule.fields.get("copies", 2))
    return copies, min(copies, int(rule.fields.get("concurrent", 1)))
