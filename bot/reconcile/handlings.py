"""The handling loop: tells Datadog what people want for alerts (mutes, pages, notes), until it confirms or says no.

Each step is decided from the row alone and may be done again; the two that may not (a page, an escalation) are marked
before they are tried, so that a crash makes them uncertain rather than double. What Datadog says stands on the card.
"""

from dataclasses import replace

import structlog

from bot.cards.mrkdwn import cut
from bot.context import Context
from bot.datadog.client import Datadog, Lane
from bot.datadog.oncall import PageTarget
from bot.domain.alert import Alert
from bot.domain.handling import (
    AcknowledgePage,
    Act,
    EndMute,
    EscalatePage,
    Handling,
    LiftMute,
    Mute,
    PostNote,
    ResolvePage,
    SendPage,
    SetMute,
    Standing,
    look_again,
    next_act,
)
from bot.domain.names import AlertId, ServiceName
from bot.errors import NotFound, OutsideError, Refused, TooBusy, Unreachable
from bot.failpoints import reach
from bot.reconcile import handling_results as results
from bot.reconcile.handling_results import Result
from bot.reconcile.loop import Crew, insist
from bot.store import alerts, audit, handlings
from bot.store.db import Connection
from bot.usecases.alert_cards import put_card
from bot.usecases.alert_changes import target_of

log = structlog.get_logger()
AT_ONCE = 8
SLOWEST_TURN_S = 10.0


class HandlingLoop:
    """Carries wishes out, one alert at a time each."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()

    async def turn(self) -> float:
        """Start what is due; seconds until something is due again."""
        now = self._ctx.clock()
        async with self._ctx.database.read() as connection:
            rows = await handlings.due(connection, now=now, limit=4 * AT_ONCE)
            later = await handlings.next_due_at(connection, after=now)
        for row in rows:
            if row.alert not in self.crew and len(self.crew) < AT_ONCE:
                self.crew.start(row.alert, self._advance(row.alert), then=self._ctx.bells.handlings.ring)
        wait_s = (later - now).total_seconds() if later is not None else SLOWEST_TURN_S
        return max(0.05, min(wait_s, SLOWEST_TURN_S))

    async def _advance(self, alert_id: AlertId) -> None:
        """One step for one alert."""
        async with self._ctx.database.read() as connection:
            handling = await handlings.of(connection, alert_id)
            alert = await alerts.get(connection, alert_id)
        act = next_act(handling, self._ctx.clock())
        if act is None or alert is None:
            await self._save(alert_id, lambda found: found)
            return
        if isinstance(act, EndMute):
            await self._save(alert_id, lambda found: replace(found, mute=None))
            return
        if isinstance(act, SendPage | EscalatePage):
            await self._save(alert_id, results.marked(act), draw=False)
        if handling.tries == 0:
            await self._audit(alert, act, audit.AuditPhase.INTENT, "")
        result, told = await self._do(handling, alert, act)
        reach("handlings.after_act")
        await insist(lambda: self._save(alert_id, result, alert=alert, act=act, told=told))

    async def _do(self, handling: Handling, alert: Alert, act: Act) -> tuple[Result, str]:
        """Carry an act out; what it made, and the audit's words for it (empty: nothing is settled yet)."""
        datadog = self._ctx.datadog
        if datadog is None:
            return results.failed(act, "DD_API_KEY is not set"), "refused: no keys"
        try:
            return await self._ask(datadog, handling, alert, act)
        except TooBusy as error:
            return results.put_off(act, str(error), now=self._ctx.clock(), retry_after_s=error.retry_after_s), ""
        except Unreachable as error:
            log.warning("handling.unconfirmed", alert=alert.id, act=type(act).__name__, error=str(error))
            return results.put_off(act, str(error), now=self._ctx.clock(), retry_after_s=None), ""
        except (Refused, NotFound) as error:
            return results.failed(act, str(error)), f"refused: {error.text}"[:300]
        except OutsideError as error:
            return results.put_off(act, str(error), now=self._ctx.clock(), retry_after_s=None), ""

    async def _ask(self, datadog: Datadog, handling: Handling, alert: Alert, act: Act) -> tuple[Result, str]:
        page = handling.page
        match act:
            case SetMute(until):
                assert handling.mute is not None
                words = f"Muted from Slack by {await self._name(handling.mute)} for: {alert.title}"
                group = "" if alert.scope == "*" else alert.scope
                found = await datadog.downtimes.mute(
                    _monitor(alert), group, until=until, alert_key=alert.key, words=words, lane=Lane.PEOPLE
                )
                return results.muted(until, found.id, found.end or until), f"downtime {found.id}"
            case LiftMute():
                count = await datadog.downtimes.unmute(_monitor(alert), alert_key=alert.key, lane=Lane.PEOPLE)
                return results.unmuted, f"{count} downtimes lifted"
            case SendPage():
                page_id = await datadog.oncall.page(
                    PageTarget.TEAM_ID,
                    self._team(alert),
                    title=alert.title or "An alert",
                    description=alert.text[:2000],
                )
                return results.paged(page_id), f"page {page_id}"
            case AcknowledgePage():
                await datadog.oncall.acknowledge(page.id if page else "")
                return results.with_page(acknowledged=Standing.DONE, problem=""), "acknowledged"
            case ResolvePage():
                await datadog.oncall.resolve(page.id if page else "")
                return results.with_page(resolved=Standing.DONE, problem=""), "resolved"
            case EscalatePage():
                await datadog.oncall.escalate(page.id if page else "")
                return results.escalated, "escalated"
            case PostNote(place):
                note = handling.notes[place]
                title, tags = f"Note on {alert.title}"[:400], _tags(alert)
                await datadog.events.post(title, note.text, tags=tags, aggregation_key=alert.id, at=note.at)
                return results.noted(place, Standing.DONE), ""
            case EndMute():
                return lambda found: found, ""

    async def _name(self, mute: Mute) -> str:
        """Who muted it, for people who read it in Datadog; their id when Slack does not say."""
        try:
            return cut((await self._ctx.directory.person(mute.by, stale_ok=True)).name, 80)
        except OutsideError:
            return mute.by

    def _team(self, alert: Alert) -> str:
        duty = self._ctx.oncall.duty_of(ServiceName(alert.service)) if self._ctx.oncall else None
        if duty is None or not duty.team:
            raise Refused("Datadog On-Call", "has no team to page: kajitori.yaml names none any more", code="NoTarget")
        return duty.team

    async def _save(
        self,
        alert_id: AlertId,
        result: Result,
        *,
        alert: Alert | None = None,
        act: Act | None = None,
        told: str = "",
        draw: bool = True,
    ) -> None:
        """Apply a result to the row as it is now; card and audit row go with it."""
        for _ in range(8):
            async with self._ctx.database.write() as connection:
                now = self._ctx.clock()
                found = await handlings.of(connection, alert_id)
                made = result(found)
                if made.due_at is not None and made.due_at <= now:
                    made = replace(made, due_at=look_again(made, now))
                if await handlings.save(connection, made) is None:
                    continue
                fresh = await alerts.get(connection, alert_id)
                if (
                    draw
                    and fresh is not None
                    and (made.mute, made.page, made.notes) != (found.mute, found.page, found.notes)
                ):
                    await put_card(self._ctx, connection, fresh)
                if alert is not None and act is not None and told:
                    await self._append(connection, alert, act, audit.AuditPhase.RESULT, told)
            self._ctx.bells.outbox.ring()
            return

    async def _audit(self, alert: Alert, act: Act, phase: audit.AuditPhase, reason: str) -> None:
        async with self._ctx.database.write() as connection:
            await self._append(connection, alert, act, phase, reason)

    async def _append(
        self, connection: Connection, alert: Alert, act: Act, phase: audit.AuditPhase, reason: str
    ) -> None:
        entry = audit.Entry(self._ctx.clock(), "kajitori", _ACTIONS[type(act)], target_of(alert), phase, reason)
        await audit.append(connection, entry)


def _monitor(alert: Alert) -> int:
    if not alert.monitor_id.isdecimal():
        raise Refused("Datadog", f"has no monitor {alert.monitor_id!r}", code="NoMonitor")
    return int(alert.monitor_id)


def _tags(alert: Alert) -> list[str]:
    tags = [f"env:{alert.environment}"] if alert.environment else []
    tags += [f"service:{alert.service}"] if alert.service else []
    return [*tags, "source:kajitori"]


_ACTIONS: dict[type[Act], str] = {
    SetMute: "datadog.mute",
    LiftMute: "datadog.unmute",
    EndMute: "datadog.mute_end",
    SendPage: "datadog.page",
    AcknowledgePage: "datadog.page_acknowledge",
    EscalatePage: "datadog.page_escalate",
    ResolvePage: "datadog.page_resolve",
    PostNote: "datadog.note",
}
