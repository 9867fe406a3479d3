"""The driver `pods`: canary pods beside the stable ones, behind the same Kubernetes Service.

The stable ones stay as they are, so nothing has to be given back at the end, and capacity never falls.
"""

from bot.domain.canary.shares import by_pods
from bot.kube.canaries import twin
from bot.kube.canaries.view import Reading, View, Write, ready_endpoints


async def read(view: View) -> Reading:
    """What is there, and the next write either way."""
    stable, seen = view.stable, view.twin
    canary = seen.workload if seen else None
    names = {pod.name for pod in seen.pods if not pod.deleting} if seen else set()
    wanted = by_pods(stable.desired, view.asked).canary if stable and stable.desired else 0
    serving = await ready_endpoints(view.cluster, view.release.plan.workload.namespace, view.kubernetes_service)
    if serving is None:
        ready, total = (
            (canary.ready if canary else 0),
            (canary.ready if canary else 0) + (stable.ready if stable else 0),
        )
    else:
        ready, total = len(serving & names), len(serving)
    return Reading(
        towards=_towards(view, wanted),
        away=_away(view),
        is_ready=canary is not None and ready == wanted and canary.desired == wanted,
        is_gone=seen is None,
        achieved=100.0 * ready / total if total else None,
        pods=f"{ready} of {total} pods",
    )


def _towards(view: View, wanted: int) -> Write | None:
    stable, canary = view.stable, view.twin.workload if view.twin else None
    if stable is None or wanted == 0:
        return None
    if canary is None:
        return lambda: twin.create(view.cluster, view.release, stable, replicas=wanted, aside={})
    return None if canary.desired == wanted else lambda: twin.scale(view.cluster, canary, wanted)


def _away(view: View) -> Write | None:
    canary = view.twin.workload if view.twin else None
    return None if canary is None else lambda: twin.delete(view.cluster, canary)
