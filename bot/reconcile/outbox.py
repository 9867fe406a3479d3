"""The outbox loop: says in Slack what rows ask to be said; once, in order per channel, at Slack's pace.

A post whose fate is unknown (no answer, or the bot was killed while posting) is looked up by its metadata before it is
sent again, since Slack has no idempotency key. Edits may be repeated freely.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.context import Context
from bot.domain.names import ChannelId, UserId
from bot.errors import OutsideError, StoreUnavailable
from bot.failpoints import reach
from bot.reconcile.loop import Crew, insist
from bot.reconcile.undelivered import Undelivered, posting_method
from bot.slack.limits import Limiter
from bot.slack.messages import Body, MessageRef
from bot.store import messages as standing_messages
from bot.store import outbox
from bot.store.messages import Posted
from bot.store.outbox import Delivered, OutboxKind, OutboxRow, OutboxState, Waiting

log = structlog.get_logger()
SLOWEST_TURN_S = 5.0
AT_ONCE = 128
"""Deliveries under way."""
Lane = tuple[str, str]
"""What must go one after the other: posts and edits of a channel; answers to a person."""


class OutboxLoop:
    """Delivers rows. One delivery at a time per channel; answers to single people have lanes of their own.

    A turn settles what was sent since the last one and begins what may go now, in one transaction: a crowd of answers
    shares its cost, and no row is begun that is not sent at once.
    """

    def __init__(self, ctx: Context, limiter: Limiter) -> None:
        self._ctx = ctx
        self._limiter = limiter
        self._undelivered = Undelivered(ctx, limiter)
        self.crew = Crew()
        self._sent: dict[Lane, Delivered] = {}
        """Waiting for the next turn, which settles them; their lanes stay taken until then."""

    async def recover(self) -> None:
        """Once, before the first turn: what a dead process was sending is of unknown fate."""
        async with self._ctx.database.write() as connection:
            await outbox.recover(connection, before=self._ctx.clock())

    async def turn(self) -> float:
        """Settle what is out, start the deliveries that may go now; seconds until the next may."""
        sent, self._sent = self._sent, {}
        waits = [SLOWEST_TURN_S]
        now = self._ctx.clock()
        try:
            async with self._ctx.database.write() as connection:
                await outbox.settle_sent(connection, list(sent.values()), now=now)
                chosen = self._choose(await outbox.due(connection, now=now), waits) if self.room() else []
                begun = await outbox.begin(connection, [row.id for row in chosen if not _is_unsure(row)], now=now)
                unsure = await outbox.rows(connection, [row.id for row in chosen if _is_unsure(row)])
                subjects = {subject for row in begun for subject in (row.subject, row.thread_subject) if subject}
                standing = await standing_messages.of_all(connection, subjects)
                # what is begun rings the bell when it is over, and the next turn looks then
                later = await outbox.next_due_at(connection, after=now) if not begun else None
        except BaseException:
            self._sent = sent | self._sent
            raise
        if later is not None:
            waits.append((later - now).total_seconds() + 0.01)
        for row in begun:
            self.crew.start(_lane(row), self._deliver(row, standing), then=self._ctx.bells.outbox.ring)
        for row in unsure:
            self.crew.start(_lane(row), self._undelivered.look_up(row), then=self._ctx.bells.outbox.ring)
        return min(waits)

    async def settle(self, timeout_s: float) -> None:
        """After the last turn: let deliveries come to their end, at most so long, and settle them."""
        await self.crew.settle(timeout_s)
        try:
            async with self._ctx.database.write() as connection:
                await outbox.settle_sent(connection, list(self._sent.values()), now=self._ctx.clock())
        except StoreUnavailable as error:  # they are still `sending`, and looked up at the next start
            log.warning("outbox.not_settled", rows=len(self._sent), error=str(error))

    def room(self) -> int:
        """How many more deliveries may be under way."""
        return max(0, AT_ONCE - len(self.crew))

    def take(self, rows: Sequence[OutboxRow]) -> None:
        """Deliver answers that were begun by whoever kept them, without a turn in between."""
        for row in rows:
            self.crew.start(_lane(row), self._deliver(row, {}), then=self._ctx.bells.outbox.ring)

    def _choose(self, rows: Sequence[Waiting], waits: list[float]) -> Sequence[Waiting]:
        """Of the rows that may go, those whose lane is free and whose pace allows it; how long others wait."""
        chosen: list[Waiting] = []
        seen: set[Lane] = set()
        for row in rows:
            lane = _lane(row)
            if row.waits_for_card or lane in seen or lane in self.crew or lane in self._sent:
                continue
            seen.add(lane)  # also when it has to wait: order within the channel is kept
            wait_s = self._limiter.delay(_method(row), row.channel, time.monotonic())
            if wait_s > 0 and row.kind is not OutboxKind.RESPOND:
                waits.append(wait_s)
            elif len(chosen) + len(self.crew) < AT_ONCE:
                chosen.append(row)
        return chosen

    async def _deliver(self, row: OutboxRow, standing: Mapping[str, Posted]) -> None:
        message = standing.get(row.subject) if row.subject else None
        if row.thread_subject is not None:
            parent = standing.get(row.thread_subject)
            if parent is None:  # gone between two statements, which only PostgreSQL allows
                await self._undelivered.put_off(row, "its card is not posted yet", timedelta(seconds=1))
                return
            row = replace(row, thread_ts=parent.ts)
        reach("outbox.before_send")
        try:
            posted = await self._send(row, message)
        except OutsideError as error:
            failure = error  # bound anew: the name ends with the except clause
            await insist(lambda: self._undelivered.failed(row, failure, editing=message is not None))
            return
        reach("outbox.after_send")
        self._sent[_lane(row)] = Delivered(row, posted)
        self._undelivered.delivered(row)

    async def _send(self, row: OutboxRow, standing: Posted | None) -> Posted | None:
        channel, messages = ChannelId(row.channel), self._ctx.messages
        match row.kind:
            case OutboxKind.CARD if standing is not None:
                self._limiter.note_sent("chat.update", row.channel, time.monotonic())
                body = _body(row, outbox_id=standing.outbox_id)
                await messages.edit(MessageRef(ChannelId(standing.channel), standing.ts), body)
                return standing
            case OutboxKind.CARD | OutboxKind.NOTE:
                self._limiter.note_sent("chat.postMessage", row.channel, time.monotonic())
                ref = await messages.post(channel, _body(row, outbox_id=row.id), thread_ts=row.thread_ts)
                return Posted(ref.channel, ref.ts, row.id)
            case OutboxKind.RESPOND if row.response_url is not None:
                await messages.respond(row.response_url, _body(row))
                return None
            case OutboxKind.WHISPER | OutboxKind.RESPOND:
                self._limiter.note_sent("chat.postEphemeral", row.channel, time.monotonic())
                user = UserId(row.user_id or "")
                await messages.whisper(channel, user, _body(row), thread_ts=row.thread_ts)
                return None


def _is_unsure(row: Waiting) -> bool:
    return row.state is OutboxState.AMBIGUOUS


def _lane(row: Waiting | OutboxRow) -> Lane:
    if row.kind is OutboxKind.RESPOND:
        return ("answer", row.id)  # Slack paces no response URL, and none waits for another
    if row.kind is OutboxKind.WHISPER:
        return ("person", row.user_id or row.id)
    return ("channel", row.channel)


def _method(row: Waiting) -> str:
    return "chat.update" if row.stands else posting_method(row.kind)


def _body(row: OutboxRow, *, outbox_id: str | None = None) -> Body:
    metadata = row.body.get("metadata")
    if outbox_id is not None:
        given = metadata or {"event_type": "kajitori", "event_payload": {}}
        metadata = {
            "event_type": given["event_type"],
            "event_payload": dict(given["event_payload"]) | {"outbox_id": outbox_id},
        }
    return Body(
        text=str(row.body["text"]),
        blocks=tuple(row.body.get("blocks") or ()),
        metadata=metadata,
        colour=row.body.get("colour"),
    )
