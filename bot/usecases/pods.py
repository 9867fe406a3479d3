"""The desk of `/pods`: which pods are up, read from the clusters at that moment; and the log of one.

Called by handlers.pods and bot.usecases.stories.
"""

import asyncio
from collections.abc import Sequence

from bot.context import Context
from bot.domain.catalog import Service, Target, WorkloadKind
from bot.domain.logs import LogTail, had_former_run, telling
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.pods import PodSight, Subject
from bot.domain.pods.desk import ServicePods, in_order
from bot.errors import NotFound, OutsideError, UserError
from bot.kube import batches, pods, workloads
from bot.kube.logs import log_tail

AT_ONCE = 8


async def look(ctx: Context, environment: EnvironmentName | None, service: ServiceName | None) -> Sequence[ServicePods]:
    """The pods of all targets, or of those named, in the order of the configuration."""
    gate = asyncio.Semaphore(AT_ONCE)
    services = [each for each in ctx.catalog.services.values() if service in (None, each.name)]
    environments = [each for each in ctx.catalog.environments if environment in (None, each)]
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(_environment(ctx, each, services, gate)) for each in environments]
    return [each for look in looks for each in look.result()]


async def tail(ctx: Context, value: str) -> LogTail:
    """The last lines of the pod that a button of the desk names, of the container that tells most."""
    return await tail_of(ctx, *read_button(ctx, value))


def read_button(ctx: Context, value: str) -> tuple[EnvironmentName, str, str]:
    """Environment, namespace and pod of a button of the desk. Raises UserError for what the configuration has not."""
    environment, _, rest = value.partition(":")
    namespace, _, name = rest.partition(":")
    known = {service.workload.namespace for service in ctx.catalog.services.values()}
    if environment not in ctx.catalog.environments or namespace not in known or not name:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return EnvironmentName(environment), namespace, name


async def tail_of(ctx: Context, environment: EnvironmentName, namespace: str, pod: str, container: str = "") -> LogTail:
    """The last lines of a pod: of `container`, else of the one that tells most; of the run that ended where one did."""
    cluster = ctx.clusters[environment]
    try:
        seen = await pods.pod_named(cluster, namespace, pod)
    except NotFound:
        return LogTail(pod, container, why_not="the pod is gone, and its log with it")
    chosen = next((each for each in seen.containers if each.name == container), None) or telling(seen)
    if chosen is None:
        return LogTail(pod, container, why_not="none of its containers has started")
    return await log_tail(cluster, namespace, pod, chosen.name, previous=had_former_run(chosen))


async def _environment(
    ctx: Context, environment: EnvironmentName, services: Sequence[Service], gate: asyncio.Semaphore
) -> Sequence[ServicePods]:
    """One list of pods per namespace, and one read of each workload for what it wants."""
    namespaces = sorted({service.workload.namespace for service in services})
    async with asyncio.TaskGroup() as group:
        lists = {each: group.create_task(_namespace(ctx, environment, each, gate)) for each in namespaces}
        wants = {each.name: group.create_task(_wanted(ctx, environment, each, gate)) for each in services}
        owners = {
            each.name: group.create_task(_jobs_of(ctx, environment, each, gate))
            for each in services
            if each.workload.kind is WorkloadKind.CRONJOB
        }
    found = []
    for service in services:
        listed, problem = lists[service.workload.namespace].result()
        desired, trouble = wants[service.name].result()
        jobs = owners[service.name].result() if service.name in owners else frozenset()
        mine = [pod for pod in listed if _is_of(pod, service, jobs)]
        target = Target(environment, service.name)
        found.append(ServicePods(target, service.container, desired, in_order(mine), problem or trouble))
    return found


def _is_of(pod: PodSight, service: Service, jobs: frozenset[str]) -> bool:
    return pod.job in jobs if pod.job else pod.workload == Subject.of(service.workload)


async def _namespace(
    ctx: Context, environment: EnvironmentName, namespace: str, gate: asyncio.Semaphore
) -> tuple[Sequence[PodSight], str]:
    try:
        async with gate:
            return await pods.pods_in(ctx.clusters[environment], namespace), ""
    except OutsideError as error:
        return (), str(error)


async def _wanted(
    ctx: Context, environment: EnvironmentName, service: Service, gate: asyncio.Semaphore
) -> tuple[int | None, str]:
    """How many pods its workload should have, and why that is not known."""
    if service.workload.kind is WorkloadKind.CRONJOB:
        return None, ""
    try:
        async with gate:
            return (await workloads.read(ctx.clusters[environment], service.workload)).desired, ""
    except OutsideError as error:
        return None, str(error)


async def _jobs_of(
    ctx: Context, environment: EnvironmentName, service: Service, gate: asyncio.Semaphore
) -> frozenset[str]:
    """Names of the Jobs of a CronJob that matter now: the newest, and those under way.

    None when they can't be asked for, which `/jobs` says better. A run that failed long ago keeps its pods for months.
    """
    ref = service.workload
    try:
        async with gate:
            cron_job = await batches.read(ctx.clusters[environment], ref.namespace, ref.name)
    except OutsideError:
        return frozenset()
    return frozenset(run.name for run in (*cron_job.runs[:1], *cron_job.running))
