"""The drive: one look at a canary, the next write towards a share, and the next one towards its end.

`look`, `set_share` and `remove` read anew each time and take the next step that the driver sees from there; so a lost
reply, a restart or somebody else's change in between only makes the next call see something else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.canary.scheme import CanarySight, Driver
from bot.domain.release import Release
from bot.domain.rollout import Observation, Workload
from bot.domain.troubles import troubles
from bot.errors import Conflict, NotFound
from bot.kube.canaries import argo, ingresses, pods, routes, twin
from bot.kube.canaries.view import Reading, View
from bot.kube.clients import Cluster
from bot.kube.workloads.reads import observe

_READERS: dict[Driver, Callable[[View], Awaitable[Reading]]] = {
    Driver.PODS: pods.read,
    Driver.HTTP_ROUTE: routes.read,
    Driver.INGRESS: ingresses.read,
    Driver.ROLLOUT: argo.read,
}


@dataclass(frozen=True, slots=True)
class _Look:
    view: View
    reading: Reading
    stranger: str


async def look(cluster: Cluster, release: Release, stable: Workload | None, now: datetime) -> CanarySight:
    """What the cluster shows of the canary, beside `stable` as it was read just now."""
    seen = await _look(cluster, release, stable)
    canary, reading = seen.view.canary, seen.reading
    return CanarySight(
        is_set=reading.towards is None,
        is_ready=reading.is_ready,
        is_gone=reading.is_gone,
        achieved=reading.achieved,
        pods=reading.pods,
        crashes=sum(c.restarts for pod in canary.pods for c in pod.containers) if canary else 0,
        troubles=troubles(canary, release.plan.container, now=now) if canary else (),
        foreign=seen.stranger,
    )


async def set_share(cluster: Cluster, release: Release, stable: Workload) -> None:
    """The next write towards the share wanted; nothing when all is told. Conflict: look again, then decide again."""
    seen = await _look(cluster, release, stable)
    if seen.stranger:
        raise Conflict(cluster.system, seen.stranger)
    if seen.reading.towards is not None:
        await seen.reading.towards()


async def remove(cluster: Cluster, release: Release, stable: Workload | None) -> None:
    """The next write towards the end; nothing when there is only to be waited, or when all is gone."""
    seen = await _look(cluster, release, stable)
    if seen.reading.away is not None:
        await seen.reading.away()


async def _look(cluster: Cluster, release: Release, stable: Workload | None) -> _Look:
    scheme = release.plan.canary
    assert scheme is not None, "only canaries are looked at here"
    if scheme.driver is Driver.ROLLOUT:
        rollout = await _rollout(cluster, release)
        view = View(cluster, release, stable, rollout)
        told = argo.stranger(release, rollout.workload) if rollout is not None else ""
        return _Look(view, await argo.read(view), told)
    canary = await twin.look(cluster, release)
    stranger = ""
    if canary is not None and not twin.is_ours(canary.workload, release):
        stranger = f"A Deployment {twin.name_of(release)} is there already, which this release has not made."
        canary = None
    view = View(cluster, release, stable, canary)
    return _Look(view, await _READERS[scheme.driver](view), stranger)


async def _rollout(cluster: Cluster, release: Release) -> Observation | None:
    try:
        return await observe(cluster, release.plan.workload, with_pods=True)
    except NotFound:
        return None
