"""A change of an alert and its handling: one transaction with its card and audit row, done again when overtaken.

Called by bot.usecases.alerts and bot.usecases.escalation. Whatever an act says in the thread or asks of Datadog is a
row of the same transaction.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.context import Context
from bot.domain.alert import Alert
from bot.domain.handling import Handling
from bot.domain.names import AlertId, UserId
from bot.errors import UserError
from bot.store import alerts, audit, handlings, storms
from bot.store.db import Connection
from bot.usecases.alert_cards import put_card

TRIES = 8
"""A row that loops and people change at once is read again so often; each try is one transaction."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an act makes of an alert and its handling. None: as it was."""

    alert: Alert | None = None
    handling: Handling | None = None


Act = Callable[[Connection, Alert, Handling], Awaitable[Change]]


class _Overtaken(Exception):
    """Somebody saved the row since it was read: what was done in this transaction is undone, and done again."""


async def change(ctx: Context, alert_id: AlertId, act: Act, *, by: UserId, action: str, reason: str = "") -> Alert:
    """Carry an act out on the row as it is now, however many change it at once; card and audit go with it."""
    for _ in range(TRIES):
        try:
            async with ctx.database.write() as connection:
                alert = await known(connection, alert_id)
                made = await act(connection, alert, await handlings.of(connection, alert_id))
                if made == Change():
                    return alert  # it is so already
                alert = await _saved(ctx, connection, alert, made)
                entry = audit.Entry(ctx.clock(), by, action, target_of(alert), audit.AuditPhase.REQUEST, reason)
                await audit.append(connection, entry)
        except _Overtaken:
            continue
        for bell in (ctx.bells.outbox, ctx.bells.handlings, ctx.bells.oncall, ctx.bells.alerts):
            bell.ring()
        return alert
    raise UserError("alert_busy", "It changes too fast at this moment.", hint="Press again.")


async def _saved(ctx: Context, connection: Connection, alert: Alert, made: Change) -> Alert:
    """The alert as saved, and drawn. Raises _Overtaken."""
    if made.alert is not None:
        saved = await alerts.save(connection, made.alert)
        if saved is None:
            raise _Overtaken
        alert = saved
    if made.handling is not None and await handlings.save(connection, made.handling) is None:
        raise _Overtaken
    await put_card(ctx, connection, alert)
    if alert.storm_id:
        await storms.redraw(connection, alert.storm_id, now=ctx.clock())
    return alert


def target_of(alert: Alert) -> str:
    """An alert in the audit trail."""
    where = "/".join(part for part in (alert.environment, alert.service) if part)
    return f"alert {alert.id} {where} monitor {alert.monitor_id}".replace("  ", " ")


async def known(connection: Connection, alert_id: AlertId) -> Alert:
    alert = await alerts.get(connection, alert_id)
    if alert is None:
        raise UserError("no_such_alert", "I don't know this alert.", hint="/alerts")
    return alert


def refuse_over(alert: Alert) -> None:
    if alert.is_over:
        raise UserError(
            "alert_over", "It is over since {since}.", hint="/alerts", since=alert.closed_at or alert.opened_at
        )
