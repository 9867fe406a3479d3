"""Freezes: windows of the configuration in which nothing new is released. Rollbacks always go."""

from bot.context import Context
from bot.domain.catalog import Environment
from bot.domain.cron import parse_cron
from bot.domain.release import ReleaseKind
from bot.errors import UserError


def refuse_frozen(ctx: Context, environment: Environment, kind: ReleaseKind) -> None:
    """Raise UserError while the environment is frozen; a rollback mends something and is never held up."""
    if kind is ReleaseKind.ROLLBACK:
        return
    now = ctx.clock()
    for freeze in environment.freezes:
        start = parse_cron(freeze.cron).last_start(now, ctx.timezone, freeze.duration)
        if start is not None:
            end = (start + freeze.duration).astimezone(ctx.timezone)
            raise UserError(
                "frozen",
                f"`{environment.name}` is frozen: {freeze.reason}. It opens again on {end:%A %d %B at %H:%M %Z}.",
                hint="Rollbacks still work. Ask again after that.",
            )
