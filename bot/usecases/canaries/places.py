"""Places: which canary, or which target, a `/canary` means; and the canaries that run."""

from dataclasses import replace

from bot.context import Context
from bot.domain.canary.asking import Asked
from bot.domain.catalog import Target
from bot.domain.names import ChannelId, EnvironmentName, ServiceName, Version
from bot.domain.release import Release, ReleaseKind
from bot.errors import UserError
from bot.store import releases


def with_place(
    asked: Asked, environment: EnvironmentName | None, service: ServiceName | None, version: Version | None
) -> Asked:
    """What was asked, with the words that were bound to fields of their own."""
    return replace(
        asked,
        environment=environment or asked.environment,
        service=service or asked.service,
        version=version or asked.version,
    )


async def place(
    ctx: Context, asked: Asked, *, channel: ChannelId, channel_name: str, context: Target | None
) -> Target | None:
    """The target that is meant: named, of the thread, of the only canary, or of the channel's last release.

    None when that is not one thing.
    """
    environment = asked.environment or (context.environment if context else None)
    service = asked.service or (context.service if context else None)
    if environment is not None and service is not None:
        return Target(environment, service)
    running = [
        release.target
        for release in await live(ctx)
        if environment in (None, release.target.environment) and service in (None, release.target.service)
    ]
    if len(running) == 1:
        return running[0]
    if running:
        return None
    environment = environment or of_channel(ctx, channel, channel_name)
    if environment is None:
        return None
    if service is None:
        async with ctx.database.read() as connection:
            recent = await releases.history(connection, environment=environment, limit=1)
        service = recent[0].target.service if recent else None
    return Target(environment, service) if service is not None and service in ctx.catalog.services else None


def of_channel(ctx: Context, channel: ChannelId, name: str) -> EnvironmentName | None:
    """The environment that a channel is of; None when it is of none, or of several."""
    here = [each.name for each in ctx.catalog.environments.values() if each.channel in (channel, f"#{name}")]
    return here[0] if len(here) == 1 else None


async def live(ctx: Context) -> list[Release]:
    """All canaries that are not over, oldest first."""
    async with ctx.database.read() as connection:
        return [each for each in await releases.live(connection) if each.plan.kind is ReleaseKind.CANARY]


async def at(ctx: Context, target: Target) -> Release | None:
    """The canary at a target, if there is one."""
    return next((release for release in await live(ctx) if release.target == target), None)


async def needed(ctx: Context, target: Target) -> Release:
    """The canary at a target. Raises UserError when there is none."""
    found = await at(ctx, target)
    if found is None:
        raise UserError(
            "no_canary_runs",
            f"`{target}` has no canary.",
            hint=f"/canary {target.environment} {target.service} 10% begins one.",
        )
    return found
