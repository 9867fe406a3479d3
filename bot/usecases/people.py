"""Who may do what: the one function that authorises, for commands, mentions, buttons and forms alike. Default deny."""

from dataclasses import dataclass

from bot.context import Context
from bot.domain.catalog import Role
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


async def authorise(
    ctx: Context,
    actor: UserId,
    role: Role,
    *,
    team: str,
    action: str,
    target: str = "",
    room: Whereabouts,
) -> None:
    """Return if the person holds the role now; raise UserError, after an audit row, if not or if nobody can tell.

    Guests, bots, deactivated people and people of other workspaces hold no role. In a `room` that people of other
    organisations read, nobody holds more than `anyone`, unless the configuration names it as an environment's channel.
    """
    try:
        await _judge(ctx, actor, role, team, room)
    except UserError as refusal:
        async with ctx.database.write() as connection:
            entry = audit.Entry(ctx.clock(), actor, action, target, audit.AuditPhase.DENIED, refusal.code)
            await audit.append(connection, entry)
        raise


async def _judge(ctx: Context, actor: UserId, role: Role, team: str, room: Whereabouts) -> None:
    if role is Role.APPROVER:
        ctx.directory.forget()  # a yes counts by the groups of this moment, not of a minute ago
    try:
        person = await ctx.directory.person(actor)
        _refuse_outsiders(ctx, person, team)
        if role is Role.ANYONE:
            return
        await _refuse_shared(ctx, room)
        if role is Role.MEMBER or await _holds(ctx, actor, role):
            return
    except OutsideError as error:
        raise UserError(
            "people_unknown",
            "Cannot check your groups right now; nothing was started.",
            hint=f"{error.system} did not answer ({error.text}). Try again in a minute.",
        ) from error
    raise UserError("role_missing", f"You need the role `{role}` for that.", hint=_who_can_help(ctx, role))


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


async def _holds(ctx: Context, actor: UserId, role: Role) -> bool:
    """By user id, or by membership of one of the role's groups, asked of Slack (a minute old at most)."""
    members = ctx.catalog.roles.get(role)
    if members is None:
        return False
    if actor in members.users:
        return True
    for group in members.groups:
        if actor in await ctx.directory.members(group):
            return True
    return False


def _who_can_help(ctx: Context, role: Role) -> str:
    members = ctx.catalog.roles.get(role)
    if members is None or not (members.groups or members.users):
        return f"Nobody has the role yet: name people or groups under roles.{role} in kajitori.yaml."
    named = [*members.groups, *(f"{len(members.users)} people by name" for _ in members.users[:1])]
    return "It is given to: " + ", ".join(named) + "."
