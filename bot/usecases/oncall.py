"""Who is on call: asked of the rota in the configuration, or of Datadog On-Call; and what `/oncall` shows.

Called by handlers and by bot.reconcile.oncall. What Datadog can't answer is said, never guessed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.context import Context
from bot.datadog.client import Lane
from bot.datadog.oncall import OnCallPerson
from bot.domain.names import ServiceName
from bot.domain.oncall import Duty, Line, OnCallPlan, Responder
from bot.errors import OutsideError, Refused, UserError


@dataclass(frozen=True, slots=True)
class DutyStatus:
    """One duty as it is now. `line` None: nobody could be asked, `problem` says why."""

    name: str
    """A service's; empty for the default."""
    line: Line | None
    problem: str = ""


def plan_of(ctx: Context) -> OnCallPlan:
    """The configured plan. Raises UserError when there is none."""
    if ctx.oncall is None or not ctx.oncall.duties:
        raise UserError(
            "no_oncall",
            "Nobody is on call: the configuration names no rota and no schedule.",
            hint="The people who run me can add a section `oncall` to kajitori.yaml.",
        )
    return ctx.oncall


async def look(ctx: Context, service: ServiceName | None) -> Sequence[DutyStatus]:
    """Who is on call: for one service, or for every duty there is. Raises UserError without any."""
    plan = plan_of(ctx)
    if service is not None:
        duty = plan.duty_of(service)
        if duty is None:
            raise UserError("no_oncall", f"Nobody is on call for `{service}`.", hint="/oncall")
        wanted = {str(service): duty}
    else:
        wanted = dict(plan.duties)
    return await asyncio.gather(*(_status(ctx, name, duty) for name, duty in wanted.items()))


async def _status(ctx: Context, name: str, duty: Duty) -> DutyStatus:
    try:
        return DutyStatus(name, await line_of(ctx, duty, lane=Lane.PEOPLE))
    except OutsideError as error:
        return DutyStatus(name, None, str(error))


async def line_of(ctx: Context, duty: Duty, *, lane: Lane = Lane.LOOPS) -> Line:
    """Who is called for a duty, in order. Raises OutsideError when Datadog can't say."""
    now = ctx.clock()
    if duty.rota is not None:
        shift = duty.rota.at(now)
        people = tuple(Responder(user, user) for user in duty.rota.line(now))
        successor = duty.rota.after(shift).person
        return Line(people, "the rota", shift.end, Responder(successor, successor))
    if ctx.datadog is None:
        raise Refused("Datadog On-Call", "can't be asked without a section `datadog` and DD_API_KEY", code="NoDatadog")
    if duty.team:
        team = await ctx.datadog.oncall.of_team(duty.team, lane=lane)
        return Line(tuple(_responder(ctx, person) for person in team.line), "Datadog On-Call")
    schedule = await ctx.datadog.oncall.of_schedule(duty.schedule, lane=lane)
    current = [_responder(ctx, turn.person) for turn in schedule.current]
    following = [_responder(ctx, turn.person) for turn in schedule.following]
    ends = [turn.end for turn in schedule.current if turn.end is not None]
    everybody = {each.key: each for each in (*current, *following)}
    return Line(
        people=tuple(everybody.values()),
        source="Datadog On-Call",
        until=min(ends, default=None),
        following=following[0] if following else None,
    )


def _responder(ctx: Context, person: OnCallPerson) -> Responder:
    known = ctx.oncall.people if ctx.oncall is not None else {}
    return Responder(person.name or person.email, known.get(person.email))
