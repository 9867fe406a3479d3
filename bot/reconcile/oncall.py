"""The on-call loop: mentions who is on call for an alert, reminds, calls the next, asks who took it, hands it back.

Decided by bot.domain.oncall from rows alone. What is said and that it was said are one transaction, so a restart
mentions nobody twice and forgets nobody. Handovers and the channel's topic are in bot.reconcile.handovers.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from bot.cards.alert import subject_of
from bot.cards.card import Card
from bot.cards.oncall import call_note, exhausted_note, handed_back_note, still_working_card
from bot.context import Context
from bot.domain.alert import Alert, AlertState
from bot.domain.handling import Handling, Page, Standing
from bot.domain.names import AlertId, ServiceName
from bot.domain.oncall import (
    AskOwner,
    Call,
    Duty,
    End,
    Exhausted,
    HandBack,
    Line,
    OnCallPlan,
    Situation,
    Step,
    Wait,
    Watch,
    after,
    decide,
)
from bot.errors import OutsideError
from bot.failpoints import reach
from bot.reconcile.handovers import Handovers
from bot.reconcile.loop import Crew
from bot.reconcile.storm_calls import look_at_storms
from bot.store import alerts, audit, handlings, outbox, storms, watches
from bot.store.db import Connection
from bot.usecases.alert_cards import has_card, put_card, say_in_thread, thread_of
from bot.usecases.alert_changes import target_of
from bot.usecases.escalation import question_subject
from bot.usecases.oncall import line_of

log = structlog.get_logger()
LOOK_S = 2.0
SOONEST_S = 0.1
MOST_WATCHED = 500
_NOBODY = Line((), "")


class OnCallLoop:
    """Watches over open alerts."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()
        self._handovers = Handovers(ctx)
        self._lines: dict[Duty, Line | None] = {}
        """Of this turn."""

    async def turn(self) -> float:
        """Take every step that is due; seconds until it looks again."""
        plan = self._ctx.oncall
        if plan is None or not plan.duties:
            return 300.0
        async with self._ctx.database.read() as connection:
            found = await alerts.open_alerts(connection, limit=MOST_WATCHED)
            watched = await watches.all_of(connection)
            known = await handlings.of_all(connection, [alert.id for alert in found])
        self._lines.clear()
        waits = [LOOK_S]
        for alert in found:
            duty = plan.duty_of(ServiceName(alert.service))
            if duty is None or not has_card(alert):
                continue
            line = await self._line(duty) if alert.taken_by is None else _NOBODY
            if line is None:
                continue  # who is next can't be asked: better late than the wrong one, or "nobody is left"
            watch = watched.get(subject_of(alert), Watch(subject_of(alert)))
            due_at = await self._look(plan, alert, watch, known.get(alert.id), line)
            waits += [(due_at - self._ctx.clock()).total_seconds()] if due_at is not None else []
        stormy = await look_at_storms(self._ctx, plan, found, watched, self._line)
        await self._end(watched, stormy | {subject_of(alert) for alert in found})
        await self._handovers.look(plan)
        return max(SOONEST_S, min(waits))

    async def _line(self, duty: Duty) -> Line | None:
        """Who is called for a duty, asked once a turn; None: Datadog can't say."""
        if duty not in self._lines:
            try:
                self._lines[duty] = await line_of(self._ctx, duty)
            except OutsideError as error:
                log.warning("oncall.unknown", error=str(error))
                self._lines[duty] = None
        return self._lines[duty]

    async def _look(
        self, plan: OnCallPlan, alert: Alert, watch: Watch, handling: Handling | None, line: Line
    ) -> datetime | None:
        """Take the step for one alert that is due now; when the next is, None: when something happens."""
        now = self._ctx.clock()
        step = decide(watch, _situation(alert, handling, now), line.people, plan, now)
        if isinstance(step, Wait):
            return step.until
        async with self._ctx.database.write() as connection:
            fresh = await alerts.get(connection, alert.id)
            watch = await watches.of(connection, watch.subject)
            if fresh is None:
                return None
            handled = await handlings.of(connection, alert.id)
            step = decide(watch, _situation(fresh, handled, now), line.people, plan, now)
            if isinstance(step, Wait) or await watches.save(connection, after(watch, step, now)) is None:
                return now
            await self._take(connection, fresh, handled, step, plan, now)
        reach("oncall.after_step")
        self._ctx.bells.outbox.ring()
        self._ctx.bells.handlings.ring()
        return now  # another one may follow

    async def _take(
        self, connection: Connection, alert: Alert, handling: Handling, step: Step, plan: OnCallPlan, now: datetime
    ) -> None:
        """Say what a step says, in its transaction. `now`: as the watch has it."""
        ctx = self._ctx
        match step:
            case Call(who, reminder, instead_of):
                note = call_note(who, alert.title, reminder=reminder, instead_of=instead_of)
                await say_in_thread(ctx, connection, alert, note)
                duty = plan.duty_of(ServiceName(alert.service))
                if duty is not None and duty.page and handling.page is None and ctx.datadog is not None:
                    await handlings.save(connection, handling.wished(now, page=Page(at=now)))
                await self._audit(connection, alert, "oncall.call", who.key)
            case Exhausted():
                watch = await watches.of(connection, subject_of(alert))
                await say_in_thread(ctx, connection, alert, exhausted_note(watch.called))
            case AskOwner(who):
                card = still_working_card(who, f"{alert.id}:{alert.step}")
                await self._ask(connection, alert, card, now)
            case HandBack(who):
                freed = await alerts.save(connection, alert.moved(taken_by=None, taken_at=None))
                alert = freed or alert
                await say_in_thread(ctx, connection, alert, handed_back_note(who))
                await self._audit(connection, alert, "oncall.hand_back", who)
            case End():
                await self._over(connection, alert.id)
            case Wait():
                pass
        await put_card(ctx, connection, alert)

    async def _ask(self, connection: Connection, alert: Alert, card: Card, now: datetime) -> None:
        draft = outbox.Draft(
            kind=outbox.OutboxKind.CARD,
            channel=alert.channel,
            body=card.body(),
            lane=outbox.Lane.ALERT,
            subject=question_subject(alert.id, now),
            thread_subject=thread_of(alert),
        )
        await outbox.add(connection, draft, now=now)

    async def _end(self, watched: Mapping[str, Watch], still_open: set[str]) -> None:
        """Drop the watches of alerts and storms that are over."""
        gone = [subject for subject in watched if subject not in still_open]
        if not gone:
            return
        async with self._ctx.database.write() as connection:
            ids = [AlertId(subject.removeprefix("alert:")) for subject in gone]
            rows = await alerts.get_all(connection, ids)
            for subject, alert_id in zip(gone, ids, strict=True):
                alert = rows.get(alert_id)
                if not subject.startswith("alert:"):
                    await self._storm_over(connection, subject)
                elif alert is None or alert.is_over:
                    await self._over(connection, alert_id)
        self._ctx.bells.handlings.ring()

    async def _storm_over(self, connection: Connection, subject: str) -> None:
        """A storm of whose members none was read: over, or one of so many that they were not all read."""
        storm = await storms.get(connection, subject.removeprefix("storm:"))
        if storm is None or storm.closed_at is not None:
            await watches.drop(connection, subject)

    async def _over(self, connection: Connection, alert_id: AlertId) -> None:
        """Nobody is called any more, and the page that we made ends."""
        await watches.drop(connection, f"alert:{alert_id}")
        handling = await handlings.of(connection, alert_id)
        page = handling.page
        if page is not None and page.resolved is None:
            wished = handling.wished(self._ctx.clock(), page=replace(page, resolved=Standing.WANTED))
            await handlings.save(connection, wished)

    async def _audit(self, connection: Connection, alert: Alert, action: str, reason: str) -> None:
        entry = audit.Entry(self._ctx.clock(), "kajitori", action, target_of(alert), audit.AuditPhase.RESULT, reason)
        await audit.append(connection, entry)


def _situation(alert: Alert, handling: Handling | None, now: datetime) -> Situation:
    mute = handling.mute if handling is not None else None
    return Situation(
        is_open=not alert.is_over,
        wants_people=alert.state in (AlertState.ALERT, AlertState.NO_DATA),
        quiet=mute is not None and mute.is_quiet(now),
        taken_by=alert.taken_by,
        taken_at=alert.taken_at,
    )
