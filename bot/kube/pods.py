"""Looks at the pods of a namespace, and at one of them. Called by bot.usecases.pods; bot.kube.watches watches them."""

from bot.domain.pods import PodSight
from bot.kube import sights
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.reads import gather


async def pods_in(cluster: Cluster, namespace: str) -> list[PodSight]:
    """All pods of a namespace, slim."""
    return await gather(cluster, paths.namespaced(namespace, "pods"), {}, sights.pod_sight)


async def pod_named(cluster: Cluster, namespace: str, name: str) -> PodSight:
    """One pod. Raises NotFound."""
    return sights.pod_sight(await cluster.request("GET", paths.namespaced(namespace, "pods", name)))
