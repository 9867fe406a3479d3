"""What a button's value means: a release and the step it was drawn for, `01J…:3`."""

from bot.context import Context
from bot.domain.canary.shares import HIGHEST, LOWEST
from bot.domain.names import ReleaseId
from bot.domain.release import Release
from bot.errors import UserError
from bot.store import releases as rows
from bot.usecases import releases


def parse(value: str) -> tuple[ReleaseId, int]:
    """Release and step. Raises UserError for a value that we never wrote."""
    release_id, _, step = value.partition(":")
    if len(release_id) != 26 or not release_id.isalnum() or not step.isdecimal() or len(step) > 9:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return ReleaseId(release_id), int(step)


async def release_of(ctx: Context, value: str) -> Release:
    """The release of a button that is still up to date. Raises UserError."""
    release_id, step = parse(value)
    return await releases.fresh(ctx, release_id, step=step)


async def canary_of(ctx: Context, value: str) -> tuple[Release, int]:
    """The canary of a button, and the step it was drawn for. Raises UserError."""
    release = await any_release(ctx, value)
    if release.canary is None:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return release, parse(value)[1]


async def canary_share_of(ctx: Context, value: str) -> tuple[Release, int, int]:
    """The canary of a button, the step it was drawn for, and the share it asks for. Raises UserError."""
    place, _, percent = value.partition(" ")
    release, step = await canary_of(ctx, place)
    if not (percent.isdecimal() and len(percent) <= 2 and LOWEST <= int(percent) <= HIGHEST):
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return release, step, int(percent)


async def any_release(ctx: Context, value: str) -> Release:
    """The release of a button that only reads, however old the button is."""
    release_id, _step = parse(value)
    async with ctx.database.read() as connection:
        release = await rows.get(connection, release_id)
    if release is None:
        raise UserError("no_such_release", "I don't know this release.", hint="/releases")
    return release
