"""Which alert is meant, and which are open."""

from collections.abc import Sequence

from bot.cards.alert_words import short
from bot.context import Context
from bot.domain.alert import WEIGHT, Alert
from bot.domain.catalog import Place
from bot.domain.handling import Handling
from bot.domain.names import AlertId, EnvironmentName, ServiceName
from bot.errors import UserError
from bot.store import alerts, handlings
from bot.usecases.alert_changes import known

MOST_OFFERED = 5
MOST_LISTED = 30


def parse_button(value: str) -> tuple[AlertId, int, str]:
    """Alert (or storm), step and, of a menu, the word chosen: `01J…:3:30m`. Raises UserError for all else."""
    alert_id, _, rest = value.partition(":")
    step, _, word = rest.partition(":")
    if len(alert_id) != 26 or not alert_id.isalnum() or not step.isdecimal() or len(step) > 9:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return AlertId(alert_id), int(step), word


async def find(ctx: Context, alert_id: AlertId) -> Alert:
    """The alert of that id. Raises UserError."""
    async with ctx.database.read() as connection:
        return await known(connection, alert_id)


def place_of(ctx: Context, alert: Alert) -> Place:
    """Where it is; its tags may name what the configuration does not know, which then is no place."""
    environment = EnvironmentName(alert.environment) if alert.environment in ctx.catalog.environments else None
    service = ServiceName(alert.service) if alert.service in ctx.catalog.services else None
    return Place(environment, service)


async def named(ctx: Context, ref: str, *, about: str) -> AlertId:
    """The alert that a person means: by the end of its id, by service or environment, by the thread, or the only one.

    Raises UserError with those that it could be.
    """
    async with ctx.database.read() as connection:
        if not ref:
            if about.startswith("alert:"):
                return AlertId(about.removeprefix("alert:"))
            found = list(await alerts.open_alerts(connection, limit=MOST_OFFERED + 1))
        elif ref in ctx.catalog.services:
            found = list(await alerts.open_alerts(connection, service=ref, limit=MOST_OFFERED + 1))
        elif ref in ctx.catalog.environments:
            found = list(await alerts.open_alerts(connection, environment=ref, limit=MOST_OFFERED + 1))
        else:
            found = list(await alerts.by_ref(connection, ref, limit=MOST_OFFERED + 1)) if len(ref) >= 4 else []
    still_open = [alert for alert in found if not alert.is_over]
    if len(still_open) == 1:
        return still_open[0].id
    if not still_open and len(found) == 1:
        return found[0].id
    if not still_open:
        told = f"I know no open alert `{ref}`." if ref else "Nothing is open."
        raise UserError("no_such_alert", told, hint="/alerts")
    listed = ", ".join(f"`{short(each.id)}` ({each.title[:60]})" for each in still_open[:MOST_OFFERED])
    raise UserError("which_alert", f"Which one? {listed}", hint=f"For example: /ack {short(still_open[0].id)}")


async def open_ones(
    ctx: Context, environment: EnvironmentName | None, service: ServiceName | None
) -> tuple[Sequence[tuple[Alert, Handling | None]], int]:
    """Open alerts, worst first, with their handlings; and how many are left out."""
    async with ctx.database.read() as connection:
        found = await alerts.open_alerts(connection, environment=environment, service=service, limit=1000)
        ordered = sorted(found, key=lambda each: (-WEIGHT[each.state], each.priority or 9, each.opened_at))
        shown = ordered[:MOST_LISTED]
        known = await handlings.of_all(connection, [alert.id for alert in shown])
    return [(alert, known.get(alert.id)) for alert in shown], len(ordered) - len(shown)
