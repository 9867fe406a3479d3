"""An emergency in an environment, a cluster upgrade or a CVE: releases stop, and nodes and services are watched.

What a look shows (`Scene`), what would break when nodes are drained, and what is missing before its end.
Saved by bot.store.emergencies, started and ended by bot.usecases.emergency, watched by bot.reconcile.emergencies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.names import ChannelId, EnvironmentName, ServiceName, UserId


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster."""

    name: str
    kubelet: str
    """Its kubelet's version, `v1.32.4`."""
    ready: bool
    cordoned: bool = False
    deleting: bool = False
    pods: int = 0
    """Of our services, on it now."""

    @property
    def is_fine(self) -> bool:
        return self.ready and not self.cordoned and not self.deleting


@dataclass(frozen=True, slots=True)
class Standing:
    """A service, as far as a drain of nodes matters to it."""

    service: ServiceName
    wanted: int | None
    """None: it runs no pods all the time (a CronJob), or can't be asked."""
    ready: int = 0
    nodes: tuple[str, ...] = ()
    """Where its ready pods are, each node once."""
    stuck: tuple[str, ...] = ()
    """Disruption budgets that allow no disruption now."""
    is_daemon: bool = False
    """A DaemonSet: a drain leaves its pods alone."""
    problem: str = ""
    """Why it can't be asked."""

    @property
    def is_short(self) -> bool:
        return self.wanted is not None and self.ready < self.wanted


@dataclass(frozen=True, slots=True)
class Scene:
    """One look at an environment."""

    nodes: tuple[Node, ...] = ()
    nodes_unseen: str = ""
    """Why the nodes can't be seen; empty when they can."""
    is_forbidden: bool = False
    """The right to see nodes is missing: nobody's fault, and no reason to wait."""
    services: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """What a drain of nodes would do to a service."""

    service: ServiceName
    text: str
    """One sentence without the service's name, plain text."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency, from its start to its declared end."""

    id: str
    environment: EnvironmentName
    by: UserId
    reason: str
    since: datetime
    row_version: int = 0
    asked_in: ChannelId | None = None
    risks: tuple[Risk, ...] = ()
    """As they were at its start."""
    scene: Scene | None = None
    """None: not looked yet."""
    calm_told: bool = False
    """That all is ready again was said, and it still is."""
    ended_at: datetime | None = None
    ended_by: UserId | None = None
    ended_why: str = ""
    """Why it was ended although something was missing."""

    def seen(self, scene: Scene) -> "Emergency":
        """With what a look showed."""
        return replace(self, scene=scene)


def risks(scene: Scene) -> tuple[Risk, ...]:
    """Services that a drain would bring to nothing, or that would hold it up, worst first."""
    return tuple(Risk(each.service, text) for text_of in (_last_pod, _stuck, _one_node) for each in scene.services
                 if (text := text_of(each)))  # fmt: skip


def missing(scene: Scene) -> list[str]:
    """What is not ready yet, one sentence each; empty when the end can be declared."""
    found = []
    if scene.nodes_unseen and not scene.is_forbidden:
        found.append(f"The nodes can't be seen: {scene.nodes_unseen}.")
    for node in scene.nodes:
        if node.deleting:
            found.append(f"Node {node.name} is being removed.")
        elif not node.ready:
            found.append(f"Node {node.name} is not ready.")
        elif node.cordoned:
            drained = f"; {node.pods} pods are still on it" if node.pods else ""
            found.append(f"Node {node.name} is cordoned{drained}.")
    for each in scene.services:
        if each.problem:
            found.append(f"{each.service} can't be asked: {each.problem}.")
        elif each.is_short:
            found.append(f"{each.service} has {each.ready} of {each.wanted} pods ready.")
    return found


def kubelets(nodes: Sequence[Node]) -> list[tuple[str, int]]:
    """How many nodes run which version, newest spelling last."""
    versions = sorted({node.kubelet for node in nodes}, key=_version_key)
    return [(version, sum(1 for node in nodes if node.kubelet == version)) for version in versions]


def _version_key(version: str) -> tuple[tuple[int, ...], str]:
    digits = "".join(c if c.isdecimal() and c.isascii() else " " for c in version).split()
    return tuple(int(part) for part in digits[:4]), version


def _last_pod(each: Standing) -> str:
    if each.is_daemon or each.wanted != 1:
        return ""
    return "has one replica: it is down from the drain of its node until another one is ready"


def _stuck(each: Standing) -> str:
    if each.is_daemon or not each.stuck:
        return ""
    budgets = ", ".join(each.stuck)
    return f"has a disruption budget that allows no disruption now ({budgets}): a drain would wait for ever"


def _one_node(each: Standing) -> str:
    if each.is_daemon or each.wanted is None or each.wanted < 2 or each.ready < 2 or len(each.nodes) != 1:
        return ""
    return f"has all its {each.ready} ready pods on {each.nodes[0]}: draining that node takes them all"
