"""A storm of restarts in a served cluster, and the truth about it. Used by bench.pods and bench.pod_stories."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass

from bot.kube.sights import pod_sight
from bot.sandbox.kube import Cluster
from bot.sandbox.kube.kinds import PODS, Obj, Resource
from bot.sandbox.kube.store import StoredEvent

SETTLE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Storm:
    """How much is watched and killed."""

    pods: int = 5000
    restarts_per_minute: int = 500
    seconds: float = 60.0


QUICK = Storm(pods=500, seconds=10)


class Deaths:
    """The truth: when the API server first showed each end of a container. Times are of the monotonic clock."""

    def __init__(self, cluster: Cluster) -> None:
        self.shown: dict[str, float] = {}
        self.restarted: dict[str, float] = {}
        """`pod#n` → when its n-th restart was shown, which is what kubectl counts."""
        self.killed: Counter[str] = Counter()
        cluster.store.listen(self._notice)

    def _notice(self, resource: Resource, event: StoredEvent) -> None:
        if resource is PODS:
            pod = pod_sight(event.obj)
            self.shown.setdefault(f"{pod.name}#{sum(each.deaths for each in pod.containers)}", time.monotonic())
            self.restarted.setdefault(f"{pod.name}#{pod.restarts}", time.monotonic())


async def kill(cluster: Cluster, deaths: Deaths, storm: Storm) -> None:
    """Kills one pod after the other at an even pace; half-way all streams are cut."""
    chance = random.Random(1)
    names: list[Obj] = [pod["metadata"] for pod in cluster.store.all_of(PODS)]
    count = int(storm.restarts_per_minute * storm.seconds / 60)
    began_s = time.monotonic()
    for number in range(count):
        if number == count // 2:
            cluster.expire_history()
            cluster.end_watches()
        victim = chance.choice(names)
        with contextlib.suppress(LookupError):  # it is down already
            cluster.crash_pod(victim["namespace"], victim["name"])
            deaths.killed[victim["name"]] += 1
        await asyncio.sleep(max(0.0, began_s + (number + 1) * storm.seconds / count - time.monotonic()))


async def settled(cluster: Cluster) -> None:
    """Until every pod is ready again."""
    async with asyncio.timeout(SETTLE_WITHIN_S):
        while not all(pod_sight(each).ready for each in cluster.store.all_of(PODS)):
            await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)  # and the watchers have heard of it
