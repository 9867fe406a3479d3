"""Rows that could not be delivered: what each failure means, and the search for a post of unknown fate.

Called by the outbox loop, one row at a time; it decides what becomes of the row and never sends.
"""

import time
from datetime import datetime, timedelta

import structlog

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, esc
from bot.cards.mrkdwn import channel as channel_link
from bot.context import Context
from bot.domain.names import ChannelId
from bot.errors import OutsideError, Refused, TooBusy
from bot.reconcile.loop import back_off_s
from bot.slack.limits import Limiter
from bot.store import messages, outbox
from bot.store.messages import Posted
from bot.store.outbox import Delivered, OutboxKind, OutboxRow, OutboxState

log = structlog.get_logger()
LOOKS = 2
LOOK_PAUSE = timedelta(seconds=3)
"""A message that Slack took can be missing from the history for a moment: look twice before sending again."""
PARKED_FOR = timedelta(minutes=5)
MAX_ATTEMPTS = 8
CHANNEL_CODES = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "user_not_in_channel", "no_permission"}
)
SHAPE_CODES = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_arguments"}
)
GONE_CODES = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


class Undelivered:
    """Settles rows whose delivery failed or may have failed."""

    def __init__(self, ctx: Context, limiter: Limiter) -> None:
        self._ctx = ctx
        self._limiter = limiter
        self._told_of: set[str] = set()
        """Channels whose refusal the operators have heard of."""

    def delivered(self, row: OutboxRow) -> None:
        """The channel takes messages (again)."""
        self._told_of.discard(row.channel)

    async def failed(self, row: OutboxRow, error: OutsideError, *, editing: bool) -> None:
        """What a failed delivery means for its row."""
        now = self._ctx.clock()
        is_post = row.kind in (OutboxKind.CARD, OutboxKind.NOTE) and not editing
        match error:
            case TooBusy():
                method = "chat.update" if editing else posting_method(row.kind)
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
                    await messages.forget(connection, row.subject)
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

    async def look_up(self, row: OutboxRow) -> None:
        """Find a post of unknown fate by its metadata; adopt it, or after two looks send it again."""
        ctx, now = self._ctx, self._ctx.clock()
        if row.kind in (OutboxKind.WHISPER, OutboxKind.RESPOND):
            # nobody can look up an ephemeral message; a second one does no harm, a missing answer does
            await self._settle(row, OutboxState.PENDING, None, None)
            return
        async with ctx.database.read() as connection:
            standing = await messages.of(connection, row.subject) if row.subject else None
            parent = await messages.of(connection, row.thread_subject) if row.thread_subject else None
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
                await outbox.settle_sent(connection, [Delivered(row, posted)], now=now)
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

    async def put_off(self, row: OutboxRow, why: str, pause: timedelta) -> None:
        """Give a begun row back, not to be tried for `pause`."""
        until = self._ctx.clock() + pause
        async with self._ctx.database.write() as connection:
            await outbox.settle(connection, row.id, OutboxState.PENDING, error=why, not_before=until)

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


def posting_method(kind: OutboxKind) -> str:
    """The Web API method by which a row of this kind is posted."""
    return "chat.postEphemeral" if kind in (OutboxKind.WHISPER, OutboxKind.RESPOND) else "chat.postMessage"
