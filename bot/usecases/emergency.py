"""Emergency mode of an environment: started with a reason, looked at, and ended when all is ready again.

While it is on, nothing new is released there; rollbacks and aborts go on. The watch is in bot.reconcile.emergencies.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.cards.emergency import calm_note, emergency_card
from bot.context import Context
from bot.domain.catalog import Place, Role, Service, Target, WorkloadKind
from bot.domain.emergency import Emergency, Node, Scene, Standing, missing, risks
from bot.domain.names import ChannelId, EnvironmentName, ServiceName, UserId
from bot.domain.pods import PodSight, Subject
from bot.domain.release import ReleaseKind
from bot.domain.rollout import Workload
from bot.errors import KajitoriError, OutsideError, Refused, UserError
from bot.kube import pods, workloads
from bot.kube.clients import Cluster
from bot.kube.nodes import Budget, budgets_in, nodes_of
from bot.kube.workloads.parsing import at, strings
from bot.store import audit, emergencies, outbox
from bot.store.db import Connection
from bot.store.ids import new_id
from bot.usecases.holds import short
from bot.usecases.people import Whereabouts, authorise

MENDS = (ReleaseKind.ROLLBACK,)
"""What goes on in an emergency; an abort is no release."""
ANYWAY = "anyway"
LOOKING_S = 20.0
"""For one look at an environment, all reads together."""
MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Declarer:
    """Who declares an end, where: to end it anyway takes the role operator."""

    user: UserId
    team: str
    room: Whereabouts


async def start(
    ctx: Context, environment: EnvironmentName, reason: str, *, by: UserId, asked_in: ChannelId
) -> Emergency:
    """Stop releases there at once, then look. Raises UserError without a reason, or when it is on already."""
    why, now = short(reason), ctx.clock()
    if not why:
        raise UserError("reason_needed", "Say why releases stop.", hint=f"/emergency {environment} start REASON")
    async with ctx.database.read() as connection:
        known = await emergencies.open_in(connection, environment)
    if known is not None:
        return _same_or_refused(known, by, why)
    fresh = Emergency(id=new_id(now), environment=environment, by=by, reason=why, since=now, asked_in=asked_in)
    async with ctx.database.write() as connection:
        if not await emergencies.add(connection, fresh):
            other = await emergencies.open_in(connection, environment)
            if other is not None:
                return _same_or_refused(other, by, why)
        await _keep(ctx, connection, fresh, by, "emergency.start", why)
    _ring(ctx)
    return await observe(ctx, fresh)


async def observe(ctx: Context, known: Emergency) -> Emergency:
    """Look, and keep what has changed with its card; as it is now. The first look names what a drain would break.

    Says once when all is ready again, and once more when something broke in between.
    """
    scene = await look(ctx, known.environment)
    is_calm = not missing(scene)
    if scene == known.scene and is_calm == known.calm_told:
        return known
    async with ctx.database.write() as connection:
        fresh = await emergencies.get(connection, known.id)
        if fresh is None or fresh.ended_at is not None:
            return fresh or known
        seen = replace(fresh.seen(scene), calm_told=is_calm)
        if fresh.scene is None:
            seen = replace(seen, risks=risks(scene))
        saved = await emergencies.save(connection, seen)
        if saved is None:
            return fresh  # the next look decides again
        await put_emergency(ctx, connection, saved)
        was_rough = fresh.scene is not None and bool(missing(fresh.scene))
        if is_calm and was_rough and not fresh.calm_told:
            draft = outbox.Draft(
                kind=outbox.OutboxKind.CARD,
                channel=channel_of(ctx, saved),
                body=calm_note(saved).body(),
                subject=f"calm:{saved.id}:{saved.row_version}",
                thread_subject=subject_of(saved),
            )
            await outbox.add(connection, draft, now=ctx.clock())
    ctx.bells.outbox.ring()
    return saved


async def status(ctx: Context, environment: EnvironmentName) -> tuple[Emergency | None, Scene]:
    """The emergency that is on, if one is, and what is there now."""
    async with ctx.database.read() as connection:
        known = await emergencies.open_in(connection, environment)
    return known, await look(ctx, environment)


async def end(ctx: Context, environment: EnvironmentName, words: str, *, declarer: Declarer) -> Emergency:
    """Declare the end when all is ready again. With `anyway REASON`, operators end it although something is missing.

    Raises UserError that names what is missing.
    """
    async with ctx.database.read() as connection:
        known = await emergencies.open_in(connection, environment)
    if known is None:
        raise UserError(
            "no_emergency", f"There is no emergency in `{environment}`.", hint=f"/emergency {environment} start REASON"
        )
    first, _, rest = words.strip().partition(" ")
    is_forced = first.lower() == ANYWAY
    why = short(rest) if is_forced else ""
    if is_forced:
        await _may_force(ctx, environment, declarer)
        if not why:
            raise UserError(
                "reason_needed",
                "Say why it ends although not all is ready.",
                hint=f"/emergency {environment} end anyway REASON",
            )
    scene = await look(ctx, environment)
    left = missing(scene)
    if left and not is_forced:
        more = f" And {len(left) - MOST_NAMED} more." if len(left) > MOST_NAMED else ""
        raise UserError(
            "not_ready_yet",
            f"`{environment}` is not ready yet, so the emergency goes on. {_quoted(' '.join(left[:MOST_NAMED]))}{more}",
            hint=f"Ask again when that is mended. Operators: `/emergency {environment} end anyway REASON`.",
        )
    async with ctx.database.write() as connection:
        fresh = await emergencies.get(connection, known.id)
        if fresh is None or fresh.ended_at is not None:
            raise UserError("no_emergency", "Somebody ended it at that very moment.", hint="/status")
        over = replace(fresh.seen(scene), ended_at=ctx.clock(), ended_by=declarer.user, ended_why=why)
        saved = await _save(connection, over)
        await _keep(ctx, connection, saved, declarer.user, "emergency.end", why or "all is ready")
    _ring(ctx)
    return saved


async def refuse_in_emergency(ctx: Context, connection: Connection, target: Target, kind: ReleaseKind) -> None:
    """Raise UserError while an emergency keeps new releases out."""
    if kind in MENDS:
        return
    known = await emergencies.open_in(connection, target.environment)
    if known is not None:
        raise UserError(
            "emergency",
            f"Releases to `{target.environment}` are stopped by {{who}} since {{since}}: {_quoted(known.reason)}.",
            hint=f"Rollbacks and aborts still work. `/emergency {target.environment} status` tells how far it is.",
            who=known.by,
            since=known.since,
        )


async def standing(ctx: Context) -> Sequence[Emergency]:
    """Those that are on."""
    async with ctx.database.read() as connection:
        return await emergencies.open_ones(connection)


async def look(ctx: Context, environment: EnvironmentName) -> Scene:
    """What an environment's nodes and services show now. What can't be read is named in it, and never an error."""
    cluster = ctx.clusters[environment]
    services = list(ctx.catalog.services.values())
    namespaces = sorted({service.workload.namespace for service in services})
    async with asyncio.TaskGroup() as group:
        nodes = group.create_task(_nodes(cluster))
        lists = {each: group.create_task(_namespace(cluster, each)) for each in namespaces}
        reads = {each.name: group.create_task(_workload(cluster, each)) for each in services}
    seen: list[Standing] = []
    on_node: dict[str, int] = {}
    for service in services:
        running, budgets, problem = lists[service.workload.namespace].result()
        workload, trouble = reads[service.name].result()
        mine = [pod for pod in running if _is_of(pod, service)]
        for pod in mine:
            on_node[pod.node] = on_node.get(pod.node, 0) + 1
        seen.append(_standing(service, workload, mine, budgets, problem or trouble))
    found, unseen, is_forbidden = nodes.result()
    return Scene(
        nodes=tuple(replace(node, pods=on_node.get(node.name, 0)) for node in found),
        nodes_unseen=unseen,
        is_forbidden=is_forbidden,
        services=tuple(seen),
    )


async def put_emergency(ctx: Context, connection: Connection, emergency: Emergency) -> None:
    """Have its card posted or edited."""
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, emergency),
        body=emergency_card(emergency).body(),
        subject=subject_of(emergency),
    )
    await outbox.add(connection, draft, now=ctx.clock())


def subject_of(emergency: Emergency) -> str:
    """Outbox subject of its card."""
    return f"emergency:{emergency.id}"


def channel_of(ctx: Context, emergency: Emergency) -> str:
    """Where it is told: the environment's channel, or where it was started."""
    environment = ctx.catalog.environments.get(emergency.environment)
    return (environment.channel if environment else None) or emergency.asked_in or ""


def _same_or_refused(known: Emergency, by: UserId, why: str) -> Emergency:
    if known.by == by and known.reason == why:
        return known  # the same request again, after a crash
    raise UserError(
        "emergency_on",
        f"`{known.environment}` is in emergency mode already, by {{who}} since {{since}}: {_quoted(known.reason)}.",
        hint=f"/emergency {known.environment} status",
        who=known.by,
        since=known.since,
    )


async def _may_force(ctx: Context, environment: EnvironmentName, declarer: Declarer) -> None:
    await authorise(
        ctx,
        declarer.user,
        Role.OPERATOR,
        team=declarer.team,
        action="emergency.end_anyway",
        target=environment,
        room=declarer.room,
        place=Place(environment),
    )


async def _nodes(cluster: Cluster) -> tuple[list[Node], str, bool]:
    try:
        async with asyncio.timeout(LOOKING_S):
            return await nodes_of(cluster), "", False
    except Refused as error:
        return [], error.text, True
    except (OutsideError, TimeoutError) as error:
        return [], _why(error), False


async def _namespace(cluster: Cluster, namespace: str) -> tuple[list[PodSight], list[Budget], str]:
    try:
        async with asyncio.timeout(LOOKING_S):
            return await pods.pods_in(cluster, namespace), await budgets_in(cluster, namespace), ""
    except (OutsideError, TimeoutError) as error:
        return [], [], _why(error)


async def _workload(cluster: Cluster, service: Service) -> tuple[Workload | None, str]:
    if service.workload.kind is WorkloadKind.CRONJOB:
        return None, ""
    try:
        async with asyncio.timeout(LOOKING_S):
            return await workloads.read(cluster, service.workload), ""
    except (KajitoriError, TimeoutError) as error:
        return None, _why(error)


def _standing(
    service: Service, workload: Workload | None, mine: Sequence[PodSight], budgets: Sequence[Budget], problem: str
) -> Standing:
    if workload is None:
        return Standing(service.name, None, problem=problem)
    ready = [pod for pod in mine if pod.ready and not pod.deleting and not pod.is_over]
    labels = strings(at(workload.template, "metadata", "labels"))
    stuck = tuple(budget.name for budget in budgets if budget.allowed == 0 and ready and budget.covers(labels))
    return Standing(
        ServiceName(service.name),
        workload.desired,
        ready=len(ready),
        nodes=tuple(sorted({pod.node for pod in ready if pod.node})),
        stuck=stuck,
        is_daemon=service.workload.kind is WorkloadKind.DAEMONSET,
        problem=problem,
    )


def _is_of(pod: PodSight, service: Service) -> bool:
    return not pod.job and pod.workload == Subject.of(service.workload)


def _why(error: Exception) -> str:
    return error.text if isinstance(error, OutsideError) else str(error) or "no answer in time"


def _quoted(words: str) -> str:
    """Words from outside within a sentence of ours, where backticks and braces mean something."""
    return words.replace("`", "'").replace("{", "(").replace("}", ")")


async def _save(connection: Connection, emergency: Emergency) -> Emergency:
    saved = await emergencies.save(connection, emergency)
    if saved is None:
        raise UserError("moved_on", "The emergency moved on at that very moment.", hint="Ask again.")
    return saved


async def _keep(
    ctx: Context, connection: Connection, emergency: Emergency, actor: str, action: str, reason: str
) -> None:
    entry = audit.Entry(ctx.clock(), actor, action, str(emergency.environment), audit.AuditPhase.REQUEST, reason)
    await audit.append(connection, entry)
    await put_emergency(ctx, connection, emergency)


def _ring(ctx: Context) -> None:
    ctx.bells.emergencies.ring()
    ctx.bells.holds.ring()
    ctx.bells.outbox.ring()
