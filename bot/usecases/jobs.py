"""The batch desk: what runs on a schedule, and asking for runs, suspensions and logs. Called by handlers.jobs.

Each change is one request to a cluster, with an audit row of the intent before it and one of the result after it. A
request that runs again after a crash finds its own work by the Job's name or the CronJob's state, and repeats nothing.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

from bot.cards.jobs import resumed_line, schedule_of, started_line, suspended_line
from bot.context import Context
from bot.domain.batches import BatchDesk, CronJob, Desk, Run, run_name
from bot.domain.catalog import WorkloadKind
from bot.domain.logs import LogTail, telling
from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.release import ReleaseKind
from bot.errors import Conflict, NotFound, OutsideError, TooBusy, Unreachable, UserError
from bot.kube import batches
from bot.kube.clients import Cluster
from bot.kube.logs import log_tail
from bot.store.ids import key_id
from bot.usecases.freezes import refuse_frozen
from bot.usecases.orders import Change, Order

AT_ONCE = 4
TRIES = 3


async def look(ctx: Context, environment: EnvironmentName, service: ServiceName | None) -> BatchDesk:
    """The batch work of the namespaces that the configuration names; of a service only its own, or its namespace's."""
    wanted = [ctx.catalog.services[service]] if service else list(ctx.catalog.services.values())
    namespaces = sorted({each.workload.namespace for each in wanted})
    only = ""
    if service is not None and ctx.catalog.services[service].workload.kind is WorkloadKind.CRONJOB:
        only = ctx.catalog.services[service].workload.name
    gate = asyncio.Semaphore(AT_ONCE)
    cluster = ctx.clusters[environment]
    problems: dict[str, str] = {}

    async def one(namespace: str) -> Desk:
        async with gate:
            try:
                return await batches.desk(cluster, namespace)
            except OutsideError as error:
                problems[namespace] = error.text
                return Desk()

    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(one(namespace)) for namespace in namespaces]
    desks = [each.result() for each in looks]
    cron_jobs = [each for desk in desks for each in desk.cron_jobs if only in ("", each.name)]
    strays = [] if only else [run for desk in desks for run in desk.strays]
    return BatchDesk(environment, tuple(cron_jobs), tuple(strays), problems, asks_first(ctx, environment))


def asks_first(ctx: Context, environment: EnvironmentName) -> bool:
    """False only for a stage before: an environment from which another one takes its versions."""
    return all(each.promotes_from != environment for each in ctx.catalog.environments.values())


async def run_now(ctx: Context, order: Order, *, key: str, by: UserId, asked_at: datetime) -> Run:
    """Start a CronJob's work now, from its template. The Job's name belongs to the button: it makes no second one.

    Raises UserError when a run was started since the button was drawn, when its CronJob wants one at a time and one is
    under way, and while the environment is frozen or the service is being released.
    """
    cluster = ctx.clusters[order.environment]
    cron_job = await _cron_job(cluster, order)
    name = run_name(cron_job, order.step)
    change = Change(ctx, order, "jobs.run", key_id(key), by)
    former = await batches.run_named(cluster, order.namespace, name)
    if former is not None and former.request == change.mark:
        await change.conclude(name, started_line(order.environment, order.name, former, by))
        return former
    _refuse_second(cron_job, order, former)
    await refuse_frozen(ctx, ctx.catalog.environments[order.environment], ReleaseKind.DEPLOY)
    await change.intend(name, asked_at, locked=True)
    run = await change.carried_out(_started(cluster, cron_job, name, change.mark, by))
    if run is None:
        await change.conclude("failed: somebody else started it at that moment", None)
        _refuse_second(cron_job, order, await batches.run_named(cluster, order.namespace, name))
        raise UserError("stale_button", f"`{order.name}` was just started by somebody else.", hint="/jobs")
    await change.conclude(name, started_line(order.environment, order.name, run, by))
    return run


async def run_again(ctx: Context, order: Order, *, key: str, by: UserId, asked_at: datetime) -> Run:
    """Start a CronJob's work where it is known to have failed; refused while a run is under way."""
    found = await _cron_job(ctx.clusters[order.environment], order)
    # Without our own run: a request that comes again after a crash must find the name that it used.
    cron_job = found.before(key_id(key))
    if cron_job.running:
        run = cron_job.running[0]
        who = " {who} started it." if run.by else ""
        raise UserError(
            "job_running",
            f"`{order.name}` runs since {{since}} already.{who}",
            hint=f"/jobs {order.environment} shows how it ends.",
            who=run.by or None,
            since=run.begun,
        )
    return await run_now(ctx, replace(order, step=cron_job.step), key=key, by=by, asked_at=asked_at)


async def set_suspended(
    ctx: Context, order: Order, suspended: bool, *, key: str, by: UserId, asked_at: datetime
) -> BatchDesk:
    """Suspend a CronJob, which always goes, or let it go on, which a freeze and a release hold up."""
    cluster = ctx.clusters[order.environment]
    change = Change(ctx, order, "jobs.suspend" if suspended else "jobs.resume", key_id(key), by)
    cron_job = await _cron_job(cluster, order)
    if not await change.is_begun():
        if cron_job.sight.suspended == suspended:
            state = "suspended" if suspended else "not suspended"
            raise UserError("already_so", f"`{order.name}` in `{order.environment}` is {state} already.", hint="/jobs")
        if not suspended:
            await refuse_frozen(ctx, ctx.catalog.environments[order.environment], ReleaseKind.DEPLOY)
    if cron_job.sight.suspended != suspended:
        await change.intend("", asked_at, locked=not suspended)
    changed = await change.carried_out(_switched(cluster, cron_job, order, suspended))
    if suspended:
        line = suspended_line(order.environment, order.name, by)
    else:
        coming = schedule_of(changed).next_runs(ctx.clock(), 1)
        line = resumed_line(order.environment, order.name, by, coming[0] if coming else None)
    await change.conclude("suspended" if suspended else "resumed", line)
    return BatchDesk(order.environment, (changed,), asks_first=asks_first(ctx, order.environment))


async def logs(ctx: Context, order: Order) -> LogTail:
    """The last lines of the newest run that failed or, when none did lately, of the newest one."""
    cluster = ctx.clusters[order.environment]
    cron_job = await _cron_job(cluster, order)
    run = cron_job.last if cron_job.is_failing and not cron_job.running else next(iter(cron_job.runs), None)
    if run is None:
        return LogTail("", "", why_not="the cluster keeps no run of it")
    pods = await batches.pods_of(cluster, run)
    if not pods:
        return LogTail(run.name, "", why_not="its pods are gone, and their logs with them")
    pod = next((each for each in pods if each.phase == "Failed"), pods[0])
    container = telling(pod)
    return await log_tail(cluster, order.namespace, pod.name, container.name if container else "", previous=False)


async def _cron_job(cluster: Cluster, order: Order) -> CronJob:
    try:
        return await batches.read(cluster, order.namespace, order.name)
    except NotFound as error:
        raise UserError(
            "no_such_job",
            f"`{order.environment}` has no CronJob `{order.name}` in the namespace `{order.namespace}` any more.",
            hint=f"/jobs {order.environment}",
        ) from error


def _refuse_second(cron_job: CronJob, order: Order, former: Run | None) -> None:
    """Raise UserError for a press on a desk that is out of date, and where only one run may be under way."""
    desk = f"/jobs {order.environment}"
    if former is not None or cron_job.step != order.step:
        newest = former or (cron_job.runs[0] if cron_job.runs else None)
        who = newest.by if newest is not None and newest.by else None
        text = f"`{order.name}` has run since this button was drawn"
        text += ": {who} started it at {since}." if who and newest else "."
        raise UserError("stale_button", text, hint=desk, who=who, since=newest.begun if newest else None)
    if cron_job.sight.concurrency != "Allow" and cron_job.running:
        raise UserError(
            "job_running",
            f"`{order.name}` runs since {{since}}, and its concurrencyPolicy wants one run at a time.",
            hint=f"Wait until it is over; {desk} shows when.",
            since=cron_job.running[0].begun,
        )


async def _started(cluster: Cluster, cron_job: CronJob, name: str, mark: str, by: UserId) -> Run | None:
    """The Job, made once: the name is taken by the first try that arrives, and a lost answer is found under it.

    None when another request took the name.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            return await batches.start_run(cluster, cron_job, name, request=mark, by=by)
        except Conflict:
            there = await batches.run_named(cluster, cron_job.namespace, name)
            return there if there is not None and there.request == mark else None
        except (Unreachable, TooBusy) as error:
            await _before_again(error, left)
    raise AssertionError("unreachable: the last try returns or raises")


async def _switched(cluster: Cluster, cron_job: CronJob, order: Order, suspended: bool) -> CronJob:
    """The CronJob as wanted; written on what was just read, and read again after a conflict or a lost answer."""
    for left in range(TRIES - 1, -1, -1):
        if cron_job.sight.suspended == suspended:
            return cron_job
        try:
            return await batches.set_suspended(cluster, cron_job, suspended)
        except (Conflict, Unreachable, TooBusy) as error:
            await _before_again(error, left)
        cron_job = await _cron_job(cluster, order)
    raise AssertionError("unreachable: the last try returns or raises")


async def _before_again(error: OutsideError, left: int) -> None:
    """Wait for the next try; raises the error when none is left."""
    if left == 0:
        raise error
    await asyncio.sleep(min(error.retry_after_s, 2.0) if isinstance(error, TooBusy) else 0.2)
