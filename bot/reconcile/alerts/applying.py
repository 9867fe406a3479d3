"""A batch of what was told, applied to the rows of alerts within one transaction. Used by the loop and the poller.

Decides where each new alert is told: by itself, under the release that is under way, or in a storm. Says nothing in
Slack itself: it notes what is to be drawn, and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.cards.alert_story import back_note, over_note
from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn
from bot.context import Context
from bot.domain.alert import Alert, AlertEvent, alert_key
from bot.domain.alert.ordering import Verdict, apply
from bot.domain.alert.payload import read_webhook
from bot.domain.alert.storm import (
    CARD_EVERY,
    NEWS_EVERY,
    QUIET,
    STORM_CARD_EVERY,
    WINDOW,
    Crowd,
    Storm,
    card_pause,
    open_key,
    place,
)
from bot.domain.handling import Handling, look_again
from bot.domain.names import AlertId
from bot.failpoints import reach
from bot.reconcile.alerts.surroundings import Surroundings
from bot.store import alerts, handlings, outbox, storms
from bot.store.db import Connection
from bot.store.ids import new_id
from bot.store.inbox import InboxRow
from bot.usecases.alert_cards import has_card, say_in_thread

log = structlog.get_logger()
NOTICE_EVERY_S = 600
"""One notice about bodies that can't be read, however many come."""
UNREADABLE = Mrkdwn(
    "Datadog sent something that names no monitor: it is kept, but no alert came of it. Compare the payload of the "
    "webhook in Datadog with `kajitori manifest datadog`."
)


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery. `event` None: its body can't be read."""

    row_id: int
    event: AlertEvent | None


def read(row: InboxRow) -> Told:
    """A kept webhook."""
    return Told(row.id, read_webhook(str(row.payload.get("raw", "")), round(row.received_at.timestamp() * 1000)))


class Batch:
    """One transaction's worth of events. `apply`, then `save`."""

    def __init__(self, ctx: Context, connection: Connection, now: datetime) -> None:
        self._ctx = ctx
        self._connection = connection
        self._now = now
        self._heads: dict[str, Alert] = {}
        self._changed: dict[AlertId, Alert] = {}
        self._past: set[AlertId] = set()
        self._new: dict[AlertId, Alert] = {}
        self._former: dict[AlertId, AlertId] = {}
        self._storms: dict[str, Storm] = {}
        self._open_storms: dict[str, Storm] = {}
        self._verdicts: dict[AlertId, set[Verdict]] = {}
        self._unreadable = 0

    @property
    def opened(self) -> bool:
        """Whether cycles began."""
        return bool(self._new)

    async def apply(self, told: Sequence[Told]) -> Mapping[int, str]:
        """Move alerts; what came of each delivery."""
        self._heads = await alerts.heads(self._connection, {key_of(each.event) for each in told if each.event})
        outcomes = {}
        for each in told:
            if each.event is None:
                self._unreadable += 1
                outcomes[each.row_id] = "unreadable"
            else:
                verdict = self.move(each.event)
                outcomes[each.row_id] = f"{verdict}, mended" if each.event.is_repaired else str(verdict)
        return outcomes

    async def repair(self, events: Sequence[AlertEvent]) -> None:
        """Move alerts by what the poller found; what was changed since it looked is left as it is."""
        self._heads = await alerts.heads(self._connection, {key_of(event) for event in events})
        for event in events:
            self.move(event)

    def move(self, event: AlertEvent) -> Verdict:
        """One event. Its group must be locked."""
        key = key_of(event)
        applied = apply(self._heads.get(key), event, new_id=AlertId(new_id(self._now)), now=self._now)
        if applied.past is not None:
            self._past.add(applied.past.id)
            if applied.past is not self._heads.get(key):
                self._note(applied.past, Verdict.CLOSED)
            else:
                self._changed.setdefault(applied.past.id, applied.past)
        if applied.alert is not None and applied.alert is not self._heads.get(key):
            head = self._heads.get(key)
            self._heads[key] = applied.alert
            self._note(applied.alert, applied.verdict)
            if applied.verdict is Verdict.OPENED:
                if head is not None:
                    self._former[applied.alert.id] = head.id
                self._new[applied.alert.id] = applied.alert
        return applied.verdict

    def _note(self, alert: Alert, verdict: Verdict) -> None:
        self._changed[alert.id] = alert
        self._verdicts.setdefault(alert.id, set()).add(verdict)

    async def save(self) -> None:
        """Place what is new, say what is to be drawn when, write it all down."""
        await self._place_new()
        channels = {alert.channel for alert in self._changed.values() if alert.channel}
        if not self._open_storms and channels:
            await self._find_storms(channels)
        stormy = {storm.channel for storm in self._open_storms.values()}
        self._changed = {alert.id: self._due(alert, alert.channel in stormy) for alert in self._changed.values()}
        await self._touch_storms()
        reach("alerts.before_save")
        await alerts.put(self._connection, list(self._changed.values()), past=self._past)
        await storms.put(self._connection, list(self._storms.values()))
        await self._keep_quiet()
        await self._tell_ends()
        if self._unreadable:
            await self._notice()
        reach("alerts.in_save")

    async def _place_new(self) -> None:
        """Channel, release, pods and storm of each alert that began."""
        if not self._new:
            return
        around = Surroundings(self._ctx, self._connection, self._now)
        for alert_id in self._new:
            self._changed[alert_id] = self._new[alert_id] = await around.of(self._changed[alert_id])
        told = [alert for alert in self._new.values() if alert.channel]
        if not told:
            return
        await self._find_storms({alert.channel for alert in told})
        recent = await alerts.recent(self._connection, since=self._now - WINDOW)
        crowd = Crowd.of(told)
        for alert in told:
            crowd = crowd.without(alert)
            placed = place(alert, crowd, recent, self._open_storms)
            storm = placed.storm or (self._begin(alert, placed.opens) if placed.opens is not None else None)
            if storm is not None:
                self._changed[alert.id] = replace(alert, storm_id=storm.id)
                joined = replace(storm, last_at=self._now, members=storm.members + 1)
                self._storms[storm.id] = self._open_storms[storm.open_key] = joined

    async def _find_storms(self, channels: set[str]) -> None:
        """Those that take new alerts; one that nothing joined for a while takes no more."""
        found = await storms.open_storms(self._connection, channels)
        for key, storm in found.items():
            if self._now - storm.last_at < QUIET:
                self._open_storms[key] = storm
            else:
                self._storms[storm.id] = replace(storm, takes_new=False)

    def _begin(self, alert: Alert, monitor_id: str) -> Storm:
        known = self._open_storms.get(open_key(alert.channel, monitor_id))
        if known is not None:
            return known
        log.warning("storm.began", channel=alert.channel, monitor=monitor_id)
        return Storm(
            id=new_id(self._now),
            channel=alert.channel,
            monitor_id=monitor_id,
            title=alert.title,
            opened_at=self._now,
            last_at=self._now,
            card_due=self._now,
        )

    def _due(self, alert: Alert, stormy: bool) -> Alert:
        """With the time at which its own card must be written."""
        verdicts = self._verdicts.get(alert.id, set())
        if not verdicts or not alert.channel or alert.storm_id:
            return alert
        is_news = not verdicts <= {Verdict.REPEATED, Verdict.FILLED}
        pause = STORM_CARD_EVERY if stormy else NEWS_EVERY if is_news else CARD_EVERY
        wanted = self._now if is_news else self._now + pause
        if alert.card_at is not None:
            wanted = max(wanted, alert.card_at + pause)
        return replace(alert, card_due=min(wanted, alert.card_due) if alert.card_due else wanted)

    async def _touch_storms(self) -> None:
        """Storms whose members changed are drawn again, also those that were closed."""
        touched = {
            alert.storm_id for alert in self._changed.values() if alert.storm_id and self._verdicts.get(alert.id)
        }
        for storm_id in touched:
            storm = self._storms.get(storm_id) or await storms.get(self._connection, storm_id)
            if storm is not None:
                redraw = self._now if storm.card_at is None else storm.card_at + card_pause(storm.members)
                redraw = min(redraw, storm.redraw_at) if storm.redraw_at else redraw
                look = min(storm.card_due or self._now, self._now)
                self._storms[storm_id] = replace(storm, card_due=look, redraw_at=redraw, closed_at=None)

    async def _keep_quiet(self) -> None:
        """A mute is of a monitor's group, so it outlives the cycle in which somebody asked for it."""
        former = await handlings.of_all(self._connection, list(self._former.values()))
        for alert_id, before in self._former.items():
            known = former.get(before)
            if known is not None and known.mute is not None and known.mute.is_quiet(self._now):
                kept = Handling(alert_id, mute=known.mute)
                await handlings.save(self._connection, replace(kept, due_at=look_again(kept, self._now)))

    async def _tell_ends(self) -> None:
        """The end of the story, in the threads of alerts that people had to do with; others' cards are enough."""
        ended = {
            alert.id: alert
            for alert in self._changed.values()
            if has_card(alert) and {Verdict.CLOSED, Verdict.REOPENED} & self._verdicts.get(alert.id, set())
        }
        handled = await handlings.of_all(self._connection, list(ended))
        for alert in ended.values():
            known = handled.get(alert.id)
            if alert.taken_by is None and (known is None or not known.people):
                continue
            verdicts = self._verdicts[alert.id]
            if alert.is_over and Verdict.CLOSED in verdicts:
                await say_in_thread(self._ctx, self._connection, alert, over_note(alert, self._now))
            elif not alert.is_over and Verdict.CLOSED not in verdicts:
                await say_in_thread(self._ctx, self._connection, alert, back_note(alert))

    async def _notice(self) -> None:
        """Tell those who run the bot, once in a while; the bodies are in the inbox."""
        log.warning("webhook.unreadable", count=self._unreadable)
        if self._ctx.ops_channel is None:
            return
        slot = int(self._now.timestamp()) // NOTICE_EVERY_S
        subject = f"webhook:unreadable:{slot}"
        if not await outbox.has_subject(self._connection, subject):
            body = note_card(UNREADABLE).body()
            draft = outbox.Draft(outbox.OutboxKind.CARD, self._ctx.ops_channel, body, subject=subject)
            await outbox.add(self._connection, draft, now=self._now)


def key_of(event: AlertEvent) -> str:
    """The group that an event is about."""
    return alert_key(event.monitor_id, event.scope)
