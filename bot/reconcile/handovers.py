"""Handovers of the default duty: told once in its channel, with what is open; and the topic that names who is on call.

Called by bot.reconcile.oncall in its turns. A topic that Slack does not let us set is said in the ops channel, once.
"""

import time

import structlog

from bot.cards.alert_list import list_line
from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, channel, code, esc
from bot.cards.oncall import handover_card, topic_of
from bot.context import Context
from bot.domain.alert import WEIGHT
from bot.domain.names import ChannelId
from bot.domain.oncall import Line, OnCallPlan, Responder
from bot.errors import OutsideError, Refused
from bot.store import alerts, handlings, outbox, watches
from bot.store.watches import Handover
from bot.usecases.oncall import line_of

log = structlog.get_logger()
EVERY_S = 20.0
MOST_TOLD = 10
TOPIC = "#topic"
"""The duty under which the last topic is kept: no service is called so."""
LONGEST_KEPT = 120


class Handovers:
    """Looks who is on call every EVERY_S seconds, and tells when that has changed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._next_s = 0.0

    async def look(self, plan: OnCallPlan) -> None:
        """Tell a handover that was not told; set a topic that is not set. Datadog's silence leaves all as it is."""
        now_s = time.monotonic()
        if plan.channel is None or plan.default is None or now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        try:
            line = await line_of(self._ctx, plan.default)
        except OutsideError as error:
            log.warning("oncall.unknown", error=str(error))
            return
        if line.people:
            await self._tell(plan.channel, line)
            await self._write_topic(plan.channel, line)

    async def _tell(self, to: ChannelId, line: Line) -> None:
        ctx, person = self._ctx, line.people[0].key[:LONGEST_KEPT]
        async with ctx.database.read() as connection:
            last = (await watches.handovers(connection)).get("")
        if last is not None and last.person == person:
            return
        async with ctx.database.write() as connection:
            now = ctx.clock()
            known_person = last.person if last else None
            if not await watches.hand_over(connection, Handover("", person, now), known_person=known_person):
                return
            if last is None:
                return  # the first look: nobody handed over
            found = sorted(await alerts.open_alerts(connection, limit=200), key=lambda each: -WEIGHT[each.state])
            shown = found[:MOST_TOLD]
            known = await handlings.of_all(connection, [alert.id for alert in shown])
            lines = [list_line(alert, known.get(alert.id), now) for alert in shown]
            if len(found) > MOST_TOLD:
                lines.append(Mrkdwn(f"and {len(found) - MOST_TOLD} more: `/alerts`"))
            card = handover_card(last.person, line, lines)
            draft = outbox.Draft(kind=outbox.OutboxKind.NOTE, channel=to, body=card.body(), lane=outbox.Lane.ALERT)
            await outbox.add(connection, draft, now=now)
        ctx.bells.outbox.ring()

    async def _write_topic(self, to: ChannelId, line: Line) -> None:
        ctx = self._ctx
        if ctx.topics is None:
            return
        topic = topic_of(line, [await self._name(each) for each in line.people[:2]])
        async with ctx.database.read() as connection:
            last = (await watches.handovers(connection)).get(TOPIC)
        if last is not None and last.person == topic[:LONGEST_KEPT]:
            return
        refusal = ""
        try:
            await ctx.topics.write(await ctx.messages.channel_id(to), topic)
        except Refused as error:
            refusal = error.text
        except OutsideError as error:
            log.warning("oncall.topic", error=str(error))
            return
        await self._keep_topic(to, topic, last, refusal)

    async def _keep_topic(self, to: ChannelId, topic: str, last: Handover | None, refusal: str) -> None:
        """The topic stands, or Slack will not have it: either way it is not tried again before it changes."""
        ctx, now = self._ctx, self._ctx.clock()
        async with ctx.database.write() as connection:
            kept = Handover(TOPIC, topic[:LONGEST_KEPT], now)
            is_new = await watches.hand_over(connection, kept, known_person=last.person if last else None)
            if refusal and is_new and ctx.ops_channel is not None:
                told = Mrkdwn(
                    f"I can't set the topic of {channel(to)} to {esc(topic)}: {esc(refusal)}. "
                    f"Add the scope {code('channels:write.topic')}, install the app again, and invite me there."
                )
                body = note_card(told).body()
                draft = outbox.Draft(kind=outbox.OutboxKind.NOTE, channel=ctx.ops_channel, body=body)
                await outbox.add(connection, draft, now=now)
        if refusal:
            log.warning("oncall.topic_refused", error=refusal)
        ctx.bells.outbox.ring()

    async def _name(self, responder: Responder) -> str:
        """A name as text: a topic mentions nobody."""
        if responder.slack is None:
            return responder.name
        try:
            return (await self._ctx.directory.person(responder.slack, stale_ok=True)).name
        except OutsideError:
            return responder.name
