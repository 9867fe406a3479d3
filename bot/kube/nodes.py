"""Looks at a cluster's nodes, and at the disruption budgets of a namespace. Called by bot.usecases.emergency.

Nodes belong to no namespace: to see them takes a ClusterRole that is optional. NotFound and Refused are the caller's.
"""

from dataclasses import dataclass

from bot.domain.emergency import Node
from bot.errors import NotFound, Refused
from bot.kube.clients import Cluster
from bot.kube.sights import node_sight
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, number, objects, strings, text
from bot.kube.workloads.reads import gather


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget, as far as a drain asks it."""

    name: str
    allowed: int
    """Pods that may be evicted now."""
    selector: Json

    def covers(self, labels: dict[str, str]) -> bool:
        """Whether pods with these labels count. In policy/v1 an empty selector matches every pod."""
        matches = strings(self.selector.get("matchLabels"))
        if any(labels.get(key) != value for key, value in matches.items()):
            return False
        return all(_holds(each, labels) for each in objects(self.selector.get("matchExpressions")))


async def nodes_of(cluster: Cluster) -> list[Node]:
    """All nodes, by name, without the count of pods on them. Raises Refused without the right to see them."""
    found = await gather(cluster, "/api/v1/nodes", {}, _node)
    return sorted(found, key=lambda node: node.name)


async def budgets_in(cluster: Cluster, namespace: str) -> list[Budget]:
    """The disruption budgets of a namespace; none where we may not see them."""
    try:
        return await gather(
            cluster, paths.namespaced(namespace, "poddisruptionbudgets", group="policy/v1"), {}, _budget
        )
    except (NotFound, Refused):
        return []


def _node(raw: Json) -> Node:
    sight = node_sight(raw)
    kubelet = text(at(raw, "status", "nodeInfo").get("kubeletVersion"))
    return Node(sight.name, kubelet, ready=sight.ready, cordoned=sight.unschedulable, deleting=sight.deleting)


def _budget(raw: Json) -> Budget:
    return Budget(
        text(at(raw, "metadata").get("name")),
        number(at(raw, "status").get("disruptionsAllowed")),
        at(raw, "spec", "selector"),
    )


def _holds(expression: Json, labels: dict[str, str]) -> bool:
    """One of a selector's matchExpressions."""
    key, values = text(expression.get("key")), expression.get("values")
    listed = values if isinstance(values, list) else []
    match expression.get("operator"):
        case "In":
            return labels.get(key) in listed
        case "NotIn":
            return labels.get(key) not in listed
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
