"""The outbox loop: says in Slack what rows ask to be said; once, in order per channel, at Slack's pace.

A post whose fate is unknown (no answer, or the bot was killed while posting) is looked up by its metadata before it is
sent again, since Slack has no idempotency key. Edits may be repeated freely.
"""

import time
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, esc
from bot.cards.mrkdwn import channel as channel_link
from bot.context import Context
from bot.domain.names import ChannelId, UserId
from bot.errors import OutsideError, Refused, TooBusy
from bot.failpoints import reach
from bot.reconcile.loop import Crew, back_off_s, insist
from bot.slack.limits import Limiter
from bot.slack.messages import Body, MessageRef
from bot.store import outbox
from bot.store.outbox import OutboxKind, OutboxRow, OutboxState, Posted

log = structlog.get_logger()
LOOKS = 2
LOOK_PAUSE = timedelta(seconds=3)
"""A message that Slack took can be missing from the history for a moment: look twice before sending again."""
PARKED_FOR = timedelta(minutes=5)
SLOWEST_TURN_S = 5.0
MAX_ATTEMPTS = 8
CHANNEL_CODES = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "user_not_in_channel", "no_permission"}
)
SHAPE_CODES = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_arguments"}
)
GONE_CODES = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


class OutboxLoop:
    """Delivers rows. One delivery at a time per channel; answers to single people have lanes of their own."""

    def __init__(self, ctx: Context, limiter: Limiter) -> None:
        self._ctx = ctx
        self._limiter = limiter
        self.crew = Crew()
        self._told_of: set[str] = set()

    async def recover(self) -> None:
        """Once, before the first turn: what a dead process was sending is of unknown fate."""
        async with self._ctx.database.write() as connection:
            await outbox.recover(connection, before=self._ctx.clock())

    async def turn(self) -> float:
        """Start the deliveries that may go now; seconds until the next may."""
        now = self._ctx.clock()
        async with self._ctx.database.read() as connection:
            rows = await outbox.due(connection, now=now)
            later = await outbox.next_due_at(connection, after=now)
        waits = [SLOWEST_TURN_S]
        if later is not None and later > now:
            waits.append((later - now).total_seconds() + 0.01)
        begun: set[tuple[str, str]] = set()
        for row in rows:
            lane = _lane(row)
            if lane in begun or lane in self.crew:
                continue
            wait_s = self._limiter.delay(_method(row), row.channel, time.monotonic())
            if wait_s > 0 and row.kind is not OutboxKind.RESPOND:
                waits.append(wait_s)
                begun.add(lane)  # order within the channel is kept
                continue
            begun.add(lane)
            self.crew.start(lane, self._deliver(row), then=self._ctx.bells.outbox.ring)
        return min(waits)

    async def _deliver(self, row: OutboxRow) -> None:
        if row.state is OutboxState.AMBIGUOUS:
            await self._look_up(row)
            return
        thread_ts = row.thread_ts
        async with self._ctx.database.read() as connection:
            standing = await outbox.message_of(connection, row.subject) if row.subject else None
            if row.thread_subject is not None:
                parent = await outbox.message_of(connection, row.thread_subject)
                thread_ts = parent.ts if parent else None
        if row.thread_subject is not None and thread_ts is None:
            await self._put_off(row, "its card is not posted yet", timedelta(seconds=1))
            return
        async with self._ctx.database.write() as connection:
            taken = await outbox.begin(connection, row.id, now=self._ctx.clock())
        if taken is None:
            return
        reach("outbox.before_send")
        try:
            posted = await self._send(replace(taken, thread_ts=thread_ts), standing)
        except OutsideError as error:
            failure = error  # bound anew: the name ends with the except clause
            await insist(lambda: self._failed(taken, failure, editing=standing is not None))
            return
        reach("outbox.after_send")
        await insist(lambda: self._sent(taken, posted))
        self._told_of.discard(row.channel)

    async def _sent(self, row: OutboxRow, posted: Posted | None) -> None:
        async with self._ctx.database.write() as connection:
            await outbox.settle_sent(connection, row, posted=posted, now=self._ctx.clock())

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

    async def _failed(self, row: OutboxRow, error: OutsideError, *, editing: bool) -> None:
        """What a failed delivery means for its row."""
        now = self._ctx.clock()
        is_post = row.kind in (OutboxKind.CARD, OutboxKind.NOTE) and not editing
        match error:
            case TooBusy():
                method = "chat.update" if editing else _method(row)
                if row.kind is not OutboxKind.RESPOND:
                    self._limiter.note_limited(method, error.retry_after_s, time.monotonic(), channel=row.channel)
                await self._settle(row, OutboxState.PENDING, error, now + timedelta(seconds=error.retry_after_s))
            case Refused() if row.kind is OutboxKind.RESPOND and row.response_url is not None:
                await self._whisper_instead(row, error)
            case Refused() if error.code in CHANNEL_CODES:
                await self._park(row, error, now)
            case Refused() if error.code in SHAPE_CODES and row.body.get("blocks"):
                log.error("outbox.blocks_refused", row=row.id, code=error.code, error=error.text)
                plain = dict(row.body) | {"blocks": []}
                await self._settle(row, OutboxState.PENDING, error, None, body=plain)
            case Refused() if editing and error.code in GONE_CODES and row.subject:
                async with self._ctx.database.write() as connection:
                    await outbox.forget_message(connection, row.subject)
                    await outbox.settle(connection, row.id, OutboxState.PENDING, error=str(error))
            case Refused():
                log.error("outbox.refused", row=row.id, kind=row.kind, code=error.code, error=error.text)
                await self._settle(row, OutboxState.DEAD, error, None)
            case _ if is_post:
                await self._settle(row, OutboxState.AMBIGUOUS, error, now + timedelta(seconds=1))
            case _ if row.kind in (OutboxKind.WHISPER, OutboxKind.RESPOND) and row.attempts >= MAX_ATTEMPTS:
                await self._settle(row, OutboxState.DEAD, error, None)
            case _:
                pause = timedelta(seconds=back_off_s(row.attempts))
                await self._settle(row, OutboxState.PENDING, error, now + pause)

    async def _look_up(self, row: OutboxRow) -> None:
        """Find a post of unknown fate by its metadata; adopt it, or after two looks send it again."""
        ctx, now = self._ctx, self._ctx.clock()
        if row.kind in (OutboxKind.WHISPER, OutboxKind.RESPOND):
            # nobody can look up an ephemeral message; a second one does no harm, a missing answer does
            await self._settle(row, OutboxState.PENDING, None, None)
            return
        async with ctx.database.read() as connection:
            standing = await outbox.message_of(connection, row.subject) if row.subject else None
            parent = await outbox.message_of(connection, row.thread_subject) if row.thread_subject else None
        if standing is not None:
            await self._settle(row, OutboxState.PENDING, None, None)
            return
        thread_ts = parent.ts if parent else row.thread_ts
        oldest = row.created_at - timedelta(seconds=5)
        try:
            found = await ctx.messages.find(
                ChannelId(row.channel), outbox_id=row.id, oldest=oldest, thread_ts=thread_ts
            )
        except Refused as error:
            await self._park(row, error, now, state=OutboxState.AMBIGUOUS)  # still nobody knows whether it is there
            return
        except OutsideError as error:
            pause = timedelta(seconds=error.retry_after_s) if isinstance(error, TooBusy) else LOOK_PAUSE
            await self._settle(row, OutboxState.AMBIGUOUS, error, now + pause)
            return
        async with ctx.database.write() as connection:
            if found is not None:
                posted = Posted(found.channel, found.ts, row.id)
                await outbox.settle_sent(connection, row, posted=posted, now=now)
                return
            state = OutboxState.PENDING if row.looks + 1 >= LOOKS else OutboxState.AMBIGUOUS
            pause_until = None if state is OutboxState.PENDING else now + LOOK_PAUSE
            await outbox.settle(
                connection, row.id, state, error="not found in the channel", not_before=pause_until, looked=True
            )

    async def _whisper_instead(self, row: OutboxRow, error: Refused) -> None:
        """The response URL has expired or is used up: show it to the person in the channel, or as a direct message."""
        log.info("outbox.response_url_expired", row=row.id, code=error.code)
        draft = outbox.Draft(
            kind=OutboxKind.WHISPER,
            channel=row.channel,
            body=row.body,
            lane=outbox.Lane.REPLY,
            user_id=row.user_id,
            thread_ts=row.thread_ts,
        )
        async with self._ctx.database.write() as connection:
            await outbox.settle(connection, row.id, OutboxState.DEAD, error=str(error))
            await outbox.add(connection, draft, now=self._ctx.clock())

    async def _park(
        self, row: OutboxRow, error: Refused, now: datetime, *, state: OutboxState = OutboxState.PARKED
    ) -> None:
        """The channel does not take it: others go on, the operators hear of it once, it is tried again later."""
        ops = self._ctx.ops_channel
        async with self._ctx.database.write() as connection:
            await outbox.settle(connection, row.id, state, error=str(error), not_before=now + PARKED_FOR)
            if ops is not None and ops != row.channel and row.channel not in self._told_of:
                text = Mrkdwn(
                    f"I can't post in {channel_link(row.channel)}: {esc(error.code)}. What I have to say there waits. "
                    "Invite me to the channel, or mend its name in kajitori.yaml."
                )
                draft = outbox.Draft(
                    kind=OutboxKind.CARD, channel=ops, body=note_card(text).body(), subject=f"parked:{row.channel}"
                )
                await outbox.add(connection, draft, now=now)
        self._told_of.add(row.channel)
        log.warning("outbox.parked", channel=row.channel, code=error.code)

    async def _put_off(self, row: OutboxRow, why: str, pause: timedelta) -> None:
        async with self._ctx.database.write() as connection:
            await outbox.settle(connection, row.id, row.state, error=why, not_before=self._ctx.clock() + pause)

    async def _settle(
        self,
        row: OutboxRow,
        state: OutboxState,
        error: OutsideError | None,
        not_before: datetime | None,
        *,
        body: dict[str, object] | None = None,
    ) -> None:
        async with self._ctx.database.write() as connection:
            await outbox.settle(connection, row.id, state, error=str(error or ""), not_before=not_before, body=body)


def _lane(row: OutboxRow) -> tuple[str, str]:
    """What must go one after the other: posts and edits of a channel; answers to a person."""
    if row.kind in (OutboxKind.WHISPER, OutboxKind.RESPOND):
        return ("person", row.user_id or row.id)
    return ("channel", row.channel)


def _method(row: OutboxRow) -> str:
    if row.stands:
        return "chat.update"
    return "chat.postEphemeral" if row.kind in (OutboxKind.WHISPER, OutboxKind.RESPOND) else "chat.postMessage"


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
