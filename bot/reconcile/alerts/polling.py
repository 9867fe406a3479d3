"""The poller: compares what Datadog shows now with the rows, and repairs both ways by the rules that webhooks go by.

For those without an inbound path, and for what a webhook missed. What had to be repaired long after it happened means
that the webhook does not work, and is said once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn
from bot.context import Bell, Context
from bot.datadog.client import Lane
from bot.datadog.monitors import GroupSight, MonitorSight
from bot.domain.alert import Alert, AlertEvent, SeenBy
from bot.domain.alert.sight import Sight, find_group, gone, seen
from bot.errors import NotFound, OutsideError
from bot.reconcile.alerts.applying import Batch
from bot.reconcile.loop import Crew
from bot.store import alerts, outbox

log = structlog.get_logger()
GRACE = timedelta(seconds=20)
"""For a webhook that is on its way: what is younger is left to it."""
MOST_PER_TRANSACTION = 100
LOOK_S = 5.0
"""Between two looks at a comparison that takes long."""

MOST_ASKED = 20
"""Monitors asked for one by one in a poll; the others in the next."""
UNKNOWN = "unknown"
WELL = ("OK", "Ignored", "Skipped")


@dataclass(frozen=True, slots=True)
class _Repair:
    """An event that the comparison found, and how long ago it happened."""

    event: AlertEvent
    late: timedelta


class Poller:
    """Asks every `every`; repairs what differs."""

    def __init__(self, ctx: Context, *, every: timedelta, has_webhook: bool, grace: timedelta | None = None) -> None:
        self._ctx = ctx
        self._grace = grace if grace is not None else GRACE if has_webhook else timedelta(0)
        self._every = every
        self._has_webhook = has_webhook
        self._signalled = False
        self._due_at: datetime | None = None
        self.crew = Crew()
        self.bell = Bell()
        self.problem = ""
        """Why the last poll failed; empty when it did not."""

    def remarks(self) -> Mapping[str, str]:
        """What people who look at the bot's health should know: without Datadog everything else works."""
        return {"alerts poller": self.problem} if self.problem else {}

    async def turn(self) -> float:
        """Begin a comparison when it is due; seconds until the next look.

        Never waits for Datadog: neither the start of the bot nor its stop may.
        """
        now = self._ctx.clock()
        if "poll" in self.crew:
            return LOOK_S
        if self._due_at is None or now >= self._due_at:
            self._due_at = now + self._every
            self.crew.start("poll", self._poll(now), then=self.bell.ring)
        return max(0.1, (self._due_at - self._ctx.clock()).total_seconds())

    async def _poll(self, now: datetime) -> None:
        assert self._ctx.datadog is not None
        try:
            monitors = await self._ctx.datadog.monitors.troubled()
        except OutsideError as error:
            self.problem = str(error)
            log.warning("alerts.poll_failed", error=str(error))
            return
        self.problem = ""
        repairs = await self._compare(monitors, now)
        for start in range(0, len(repairs), MOST_PER_TRANSACTION):
            await self._repair(repairs[start : start + MOST_PER_TRANSACTION])
        late = [repair for repair in repairs if repair.late > 2 * self._every]
        if late and self._has_webhook and not self._signalled:
            await self._signal(len(late))

    async def _compare(self, monitors: Sequence[MonitorSight], now: datetime) -> list[_Repair]:
        """What rows and Datadog disagree about."""
        async with self._ctx.database.read() as connection:
            open_rows = await alerts.open_alerts(connection, limit=20_000)
            known = await alerts.heads_of_monitors(connection, [str(each.monitor_id) for each in monitors])
        by_monitor: dict[str, list[Alert]] = {}
        for alert in known:
            by_monitor.setdefault(alert.monitor_id, []).append(alert)
        repairs, still = [], set()
        for monitor in monitors:
            for group in monitor.groups:
                sight = _sight(monitor, group)
                head = find_group(sight, by_monitor.get(sight.monitor_id, ()))
                if head is not None:
                    still.add(head.key)
                event = seen(sight, head, now=now, grace=self._grace)
                if event is not None:
                    began = sight.since or now
                    repairs.append(_Repair(event, now - began))
        missing = [alert for alert in open_rows if alert.key not in still]
        return repairs + await self._recovered(missing, {str(each.monitor_id) for each in monitors}, now)

    async def _recovered(self, missing: Sequence[Alert], listed: Collection[str], now: datetime) -> list[_Repair]:
        """Recoveries of alerts that Datadog shows no more.

        A monitor that has no troubled group left is asked for: that it is not listed could also mean that these keys
        don't see it, and its alert is as bad as before.
        """
        repairs = []
        others = list(dict.fromkeys(alert.monitor_id for alert in missing if alert.monitor_id not in listed))
        asked = {monitor_id: await self._ask(monitor_id) for monitor_id in others[:MOST_ASKED]}
        for alert in missing:
            resolved = None
            if alert.monitor_id not in listed:
                monitor = asked.get(alert.monitor_id, UNKNOWN)
                if monitor is UNKNOWN or (monitor is None and SeenBy.POLL not in alert.seen_by):
                    continue
                group = _group_of(monitor, alert) if isinstance(monitor, MonitorSight) else None
                if group is not None and group.status not in WELL:
                    continue
                resolved = group.last_resolved if group is not None else None
            event = gone(alert, resolved, now=now, grace=self._grace)
            if event is not None:
                repairs.append(_Repair(event, now - resolved if resolved is not None else timedelta(0)))
        return repairs

    async def _ask(self, monitor_id: str) -> MonitorSight | str | None:
        """A monitor with all its groups; None when it was deleted, UNKNOWN when nobody can tell."""
        assert self._ctx.datadog is not None
        if not monitor_id.isdecimal():
            return UNKNOWN
        try:
            return await self._ctx.datadog.monitors.one(int(monitor_id), lane=Lane.LOOPS)
        except NotFound:
            return None
        except OutsideError:
            return UNKNOWN

    async def _repair(self, repairs: Sequence[_Repair]) -> None:
        ctx = self._ctx
        async with ctx.database.write() as connection:
            batch = Batch(ctx, connection, ctx.clock())
            await batch.repair([repair.event for repair in repairs])
            await batch.save()
        log.info("alerts.repaired", count=len(repairs))
        ctx.bells.alerts.ring()
        ctx.bells.outbox.ring()
        if batch.opened:
            ctx.bells.oncall.ring()

    async def _signal(self, count: int) -> None:
        """Once per day and per start: those who run the bot must look at the webhook."""
        self._signalled = True
        log.warning("webhook.seems_broken", missed=count)
        ctx, now = self._ctx, self._ctx.clock()
        if ctx.ops_channel is None:
            return
        told = Mrkdwn(
            f"The webhook seems broken: {count} change{'s' if count > 1 else ''} of alerts came by asking Datadog, "
            "long after they happened. Alerts still come, up to a minute late. Look at the webhook in Datadog's "
            "integrations, and at `DATADOG_WEBHOOK_SECRET`."
        )
        subject = f"webhook:broken:{now:%Y-%m-%d}"
        async with ctx.database.write() as connection:
            if not await outbox.has_subject(connection, subject):
                kind = outbox.OutboxKind.CARD
                draft = outbox.Draft(kind, ctx.ops_channel, note_card(told).body(), subject=subject)
                await outbox.add(connection, draft, now=now)
        ctx.bells.outbox.ring()


def _group_of(monitor: MonitorSight, alert: Alert) -> GroupSight | None:
    for group in monitor.groups:
        if find_group(_sight(monitor, group), [alert]) is not None:
            return group
    return None


def _sight(monitor: MonitorSight, group: GroupSight) -> Sight:
    thresholds: Mapping[str, float] = monitor.thresholds
    level = thresholds.get("warning" if group.status == "Warn" else "critical", thresholds.get("critical"))
    since = {"No Data": group.last_nodata}.get(group.status) or group.last_triggered
    return Sight(
        monitor_id=str(monitor.monitor_id),
        group=group.group,
        status=group.status,
        since=since,
        title=monitor.name,
        message=monitor.message,
        query=monitor.query,
        tags=monitor.tags,
        priority=monitor.priority,
        threshold="" if level is None else f"{level:g}",
    )
