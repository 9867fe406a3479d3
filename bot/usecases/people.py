"""Who may do what: the one function that authorises, for commands, mentions, buttons and forms alike. Default deny."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bot.context import Context
from bot.domain.catalog import Anywhere, Grant, Place, Role
from bot.domain.names import ChannelId, UserId
from bot.errors import NotFound, OutsideError, UserError
from bot.slack.directory import Person
from bot.store import audit

OUTSIDE = ChannelId("")
"""No channel at all."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The conversation in which something is asked. Both empty: outside of channels."""

    channel: ChannelId = OUTSIDE
    name: str = ""
    """Without `#`, as far as Slack tells it."""


Finder = Callable[[], Awaitable[Place | Anywhere]]
"""Tells where something is asked to happen. Raises UserError when what is named does not exist."""
UNKNOWN = "people_unknown"
"""Code of the refusal when Slack can't be asked."""
NOWHERE = Place()
"""No place that is known: only a role that counts everywhere reaches it."""


FULL_MEMBER = (Grant(),)
"""What every full member holds of the roles that are given to nobody."""


async def authorise(
    ctx: Context,
    actor: UserId,
    role: Role,
    *,
    team: str,
    action: str,
    target: str = "",
    room: Whereabouts,
    place: Place | Finder | Anywhere = NOWHERE,
) -> None:
    """Return if the person holds the role there now; raise UserError, after an audit row, if not or if nobody can tell.

    Guests, bots, deactivated people and people of other workspaces hold no role. In a `room` that people of other
    organisations read, nobody holds more than `anyone`, unless the configuration names it as an environment's channel.
    A `place` that has to be found is asked for only when the answer depends on it.
    """
    entry = audit.Entry(ctx.clock(), actor, action, target, audit.AuditPhase.DENIED)
    try:
        held = await _held(ctx, actor, role, team=team, room=room)
    except UserError as refusal:
        await _record(ctx, entry, refusal)
        raise
    if any(not grant.is_limited for grant in held):
        return
    found = await _found(place, is_needed=bool(held))
    if isinstance(found, Anywhere):
        if held:
            return
        found = NOWHERE
    if any(grant.reaches(found) for grant in held):
        return
    where = spelt(found)
    text = f"You need the role `{role}` for {where or 'that'}."
    denial = UserError("role_missing", text, hint=_who_can_help(ctx, role, found, where))
    await _record(ctx, entry, denial)
    raise denial


async def holds(ctx: Context, person: UserId, role: Role, place: Place) -> bool:
    """Whether somebody who is not asking holds a role there now. Raises UserError when nobody can tell."""
    try:
        held = await _held(ctx, person, role, team=ctx.team, room=None)
    except UserError as refusal:
        if refusal.code == UNKNOWN:
            raise
        return False
    return any(grant.reaches(place) for grant in held)


async def standing(ctx: Context, person: UserId) -> Mapping[Role, tuple[Grant, ...]]:
    """What somebody is given: each role with the grants that name them. Raises UserError for those who hold nothing."""
    return {role: await _held(ctx, person, role, team=ctx.team, room=None) for role in ctx.catalog.roles}


def spelt(place: Place) -> str:
    """`admin` in `stg`; empty for no place."""
    named = f"`{place.service}`" if place.service else ""
    return " in ".join(part for part in (named, f"`{place.environment}`" if place.environment else "") if part)


async def _record(ctx: Context, entry: audit.Entry, refusal: UserError) -> None:
    async with ctx.database.write() as connection:
        await audit.append(connection, replace(entry, reason=refusal.code))
    refusal.is_recorded = True


async def _found(place: Place | Finder | Anywhere, *, is_needed: bool) -> Place | Anywhere:
    if isinstance(place, Place | Anywhere):
        return place
    try:
        return await place()
    except UserError:
        if is_needed:
            raise
        return NOWHERE  # it only adds words to a refusal


async def _held(ctx: Context, actor: UserId, role: Role, *, team: str, room: Whereabouts | None) -> tuple[Grant, ...]:
    """The grants of the role that name the person; none when it is not given to them."""
    if role is Role.APPROVER:
        ctx.directory.forget()  # a yes counts by the groups of this moment, not of a minute ago
    try:
        person = await ctx.directory.person(actor)
        _refuse_outsiders(ctx, person, team)
        if role is Role.ANYONE:
            return FULL_MEMBER
        if room is not None:
            await _refuse_shared(ctx, room)
        if role is Role.MEMBER:
            return FULL_MEMBER
        return tuple([grant for grant in ctx.catalog.roles.get(role, ()) if await _names(ctx, grant, actor)])
    except OutsideError as error:
        raise UserError(
            "people_unknown",
            "Cannot check your groups right now; nothing was started.",
            hint=f"{error.system} did not answer ({error.text}). Try again in a minute.",
        ) from error


async def _refuse_shared(ctx: Context, asked_in: Whereabouts) -> None:
    """Slack Connect: what is asked and answered there leaves the organisation. A channel out of sight may be such."""
    if not asked_in.channel or _is_named(ctx, asked_in):
        return
    try:
        room = await ctx.directory.room(asked_in.channel)
    except NotFound as error:
        raise UserError(
            "channel_unseen",
            "I can't see this channel, so I can't tell who reads it; nothing was started.",
            hint="Invite me to it, or ask in a channel that I am in.",
        ) from error
    if room.is_shared:
        raise UserError(
            "shared_channel",
            "Not available in shared channels.",
            hint="People of other organisations read this one. Ask in a channel of your own.",
        )


def _is_named(ctx: Context, asked_in: Whereabouts) -> bool:
    """Whether it is a channel of the configuration: who wrote that chose who reads it."""
    named = {environment.channel for environment in ctx.catalog.environments.values()}
    return asked_in.channel in named or f"#{asked_in.name}" in named


def _refuse_outsiders(ctx: Context, person: Person, team: str) -> None:
    if person.is_bot or person.deleted:
        raise UserError("not_a_person", "Only people can ask for this.", hint="Ask from your own account.")
    outside = (
        person.is_stranger or bool(team and team != ctx.team) or bool(person.team_id and person.team_id != ctx.team)
    )
    if outside or person.is_restricted or person.is_ultra_restricted:
        raise UserError(
            "not_a_member",
            "Guests and people of other workspaces can't use me.",
            hint="Ask a full member of this workspace to do it.",
        )


async def _names(ctx: Context, grant: Grant, actor: UserId) -> bool:
    """By user id, or by membership of one of its groups, asked of Slack (a minute old at most)."""
    if actor in grant.users:
        return True
    for group in grant.groups:
        if actor in await ctx.directory.members(group):
            return True
    return False


def _who_can_help(ctx: Context, role: Role, place: Place, where: str) -> str:
    """Who holds the role there; anywhere, when the place is not known."""
    grants = [each for each in ctx.catalog.roles.get(role, ()) if not where or each.reaches(place)]
    groups = [group for grant in grants for group in grant.groups]
    people = {user for grant in grants for user in grant.users}
    named = [*dict.fromkeys(groups)]
    if people:
        named.append("1 person by name" if len(people) == 1 else f"{len(people)} people by name")
    if not named:
        there = " there" if where else ""
        return f"Nobody has the role{there} yet: name people or groups under roles.{role} in kajitori.yaml."
    return "It is given to: " + ", ".join(named) + "."
