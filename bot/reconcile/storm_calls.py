"""Calls for storms: one watch over a whole storm, in its thread, since its members have no cards of their own.

Called by bot.reconcile.oncall in its turns, with the open alerts that it has read. Nobody is asked whether they still
work on a storm: its members can be passed on one by one.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from bot.cards.oncall import call_note, exhausted_note
from bot.context import Context
from bot.domain.alert import Alert, AlertState
from bot.domain.alert.storm import Storm, storm_subject
from bot.domain.names import ServiceName
from bot.domain.oncall import Call, Duty, Exhausted, Line, OnCallPlan, Situation, Step, Watch, after, decide
from bot.store import audit, outbox, storms, watches
from bot.store.db import Connection

LineOf = Callable[[Duty], Awaitable[Line | None]]


async def look_at_storms(
    ctx: Context, plan: OnCallPlan, found: Sequence[Alert], watched: Mapping[str, Watch], line_of: LineOf
) -> set[str]:
    """Take the step that is due for each storm with open members; the subjects of all of them."""
    members: dict[str, list[Alert]] = {}
    for alert in found:
        if alert.storm_id:
            members.setdefault(alert.storm_id, []).append(alert)
    for storm_id, alerts in members.items():
        duty = _duty(plan, alerts)
        line = await line_of(duty) if duty is not None else None
        if line is not None:
            watch = watched.get(storm_subject(storm_id), Watch(storm_subject(storm_id)))
            await _look(ctx, plan, storm_id, _situation(alerts), watch, line)
    return {storm_subject(storm_id) for storm_id in members}


def _duty(plan: OnCallPlan, alerts: Sequence[Alert]) -> Duty | None:
    """Whose storm it is: that of the service that most of its open members name."""
    ((service, _),) = Counter(alert.service for alert in alerts).most_common(1)
    return plan.duty_of(ServiceName(service))


def _situation(alerts: Sequence[Alert]) -> Situation:
    free = [alert for alert in alerts if alert.taken_by is None]
    is_bad = any(alert.state in (AlertState.ALERT, AlertState.NO_DATA) for alert in free)
    return Situation(is_open=True, wants_people=is_bad, quiet=False, taken_by=None, taken_at=None)


async def _look(ctx: Context, plan: OnCallPlan, storm_id: str, situation: Situation, watch: Watch, line: Line) -> None:
    now = ctx.clock()
    step = decide(watch, situation, line.people, plan, now)
    if not isinstance(step, Call | Exhausted):
        return
    async with ctx.database.write() as connection:
        storm = await storms.get(connection, storm_id)
        watch = await watches.of(connection, watch.subject)
        step = decide(watch, situation, line.people, plan, now)
        if storm is None or not isinstance(step, Call | Exhausted):
            return
        if await watches.save(connection, after(watch, step, now)) is not None:
            await _say(ctx, connection, storm, step, watch, now)
    ctx.bells.outbox.ring()


async def _say(ctx: Context, connection: Connection, storm: Storm, step: Step, watch: Watch, now: datetime) -> None:
    match step:
        case Call(who, reminder, instead_of):
            title = f"A storm: {storm.title}" if storm.title else "A storm of alerts"
            card = call_note(who, title, reminder=reminder, instead_of=instead_of)
            reason = who.key
        case _:
            card, reason = exhausted_note(watch.called), "nobody answered"
    draft = outbox.Draft(
        kind=outbox.OutboxKind.NOTE,
        channel=storm.channel,
        body=card.body(),
        lane=outbox.Lane.ALERT,
        thread_subject=storm_subject(storm.id),
    )
    await outbox.add(connection, draft, now=now)
    entry = audit.Entry(now, "kajitori", "oncall.call", f"storm {storm.id}", audit.AuditPhase.RESULT, reason)
    await audit.append(connection, entry)
