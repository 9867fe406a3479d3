"""What runs where: asked of the clusters at that moment, with what our rows know of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.emergency import Emergency
from bot.domain.holds import Hold
from bot.domain.images import version_of
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.queue import Ticket
from bot.domain.release import Release, ReleasePhase
from bot.domain.rollout import RolloutStatus, image_of, rollout_status
from bot.errors import KajitoriError, OutsideError
from bot.kube import workloads
from bot.store import emergencies, holds, queue, releases

AT_ONCE = 8
HISTORY = 10


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One service in one environment."""

    target: Target
    version: str = ""
    status: RolloutStatus | None = None
    paused: bool = False
    problem: str = ""
    """Why the cluster could not be asked; empty when it could."""
    moving: Release | None = None
    last: Release | None = None
    holds: tuple[Hold, ...] = ()
    """People's locks and rollbacks' that cover it."""
    waiting: tuple[Ticket, ...] = ()
    """Who stands in line."""
    emergency: Emergency | None = None
    """Of its environment."""
    """The last success; it tells since when and by whom, if it is what runs."""

    @property
    def since(self) -> datetime | None:
        """When the running version was released by us; None when it came another way."""
        return self.last.finished_at if self.last and self.last.plan.to_version == self.version else None


async def look(
    ctx: Context, environment: EnvironmentName | None, service: ServiceName | None
) -> Sequence[TargetStatus]:
    """Status of all targets, or of those named; in the order of the configuration. A cluster that is silent is told."""
    targets = [
        Target(env, svc)
        for env in ctx.catalog.environments
        for svc in ctx.catalog.services
        if environment in (None, env) and service in (None, svc)
    ]
    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(_look(ctx, target, gate)) for target in targets]
    return [look.result() for look in looks]


async def _look(ctx: Context, target: Target, gate: asyncio.Semaphore) -> TargetStatus:
    now = ctx.clock()
    async with ctx.database.read() as connection:
        held = tuple(hold for hold in await holds.over(connection, target) if hold.is_open(now))
        waiting = tuple(await queue.line(connection, target))
        emergency = await emergencies.open_in(connection, target.environment)
    seen = await _look_there(ctx, target, gate)
    return replace(seen, holds=held, waiting=waiting, emergency=emergency)


async def _look_there(ctx: Context, target: Target, gate: asyncio.Semaphore) -> TargetStatus:
    service = ctx.catalog.services[target.service]
    async with ctx.database.read() as connection:
        recent = await releases.history(
            connection, environment=target.environment, service=target.service, limit=HISTORY
        )
    moving = next((release for release in recent if not release.phase.is_over), None)
    last = next((release for release in recent if release.phase is ReleasePhase.SUCCEEDED), None)
    try:
        async with gate:
            workload = await workloads.read(ctx.clusters[target.environment], service.workload)
        image = image_of(workload, service.container)
    except OutsideError as error:
        return TargetStatus(target, problem=str(error), moving=moving, last=last)
    except KajitoriError as error:
        return TargetStatus(target, problem=str(error), moving=moving, last=last)
    status = rollout_status(workload, generation=workload.generation)
    return TargetStatus(target, version_of(image), status, workload.paused, "", moving, last)


async def recent(ctx: Context, environment: EnvironmentName | None, service: ServiceName | None) -> Sequence[Release]:
    """The last releases, newest first."""
    async with ctx.database.read() as connection:
        return await releases.history(connection, environment=environment, service=service, limit=HISTORY)
