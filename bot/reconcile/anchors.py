"""The loop of anchors: once a day the audit trail's last hash goes where the database's owner can't change it.

To the operators' channel and to the log. Who may write every table could make a whole new chain; a hash kept elsewhere
tells that (`kajitori audit verify --anchor`).
"""

from datetime import UTC, datetime, time

import structlog

from bot.cards.trail import anchor_card
from bot.context import Context
from bot.reconcile.loop import Crew
from bot.store import audit, outbox

log = structlog.get_logger()
EVERY_S = 600.0
"""Between two looks at the day. Late is no harm: an anchor tells of all that was before it."""


class AnchorLoop:
    """Once a local day, for a trail that is older than that day."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()
        self._logged = ""
        """The day whose anchor is in the log of this process."""

    async def turn(self) -> float:
        """Drop the day's anchor if nobody has; seconds until the next look."""
        ctx, now = self._ctx, self._ctx.clock()
        day = now.astimezone(ctx.timezone).date()
        midnight = datetime.combine(day, time(), ctx.timezone).astimezone(UTC)
        subject = f"audit-anchor:{day}"
        async with ctx.database.read() as connection:
            began_at = await audit.began_at(connection)
            if began_at is None or began_at >= midnight:
                return EVERY_S
            is_told = ctx.ops_channel is None or await outbox.has_subject(connection, subject)
            seq, last_hash = await audit.head(connection)
        if self._logged != subject:
            log.info("audit.anchor", day=str(day), rows=seq, last=last_hash)
            self._logged = subject
        if not is_told and ctx.ops_channel is not None:
            card = anchor_card(seq, last_hash, str(day))
            async with ctx.database.write() as connection:
                if not await outbox.has_subject(connection, subject):
                    kind = outbox.OutboxKind.CARD
                    draft = outbox.Draft(kind, ctx.ops_channel, card.body(), outbox.Lane.POD, subject)
                    await outbox.add(connection, draft, now=now)
            ctx.bells.outbox.ring()
        return EVERY_S
