"""Watching: the watches of one environment's cluster, which fill its world; and what is wrong with them, in words.

Started by bot.app through bot.reconcile.pods. A watch that is interrupted is reported at once on /readyz and, when it
lasts, in the ops channel; what it missed is found by its next list.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from bot.domain.pods import PodSight
from bot.kube.clients import Cluster
from bot.kube.sights import autoscaler_sight, cronjob_sight, event_sight, job_sight, node_sight, pod_sight
from bot.kube.watches import AUTOSCALERS, CRON_JOBS, JOBS, NODES, POD_EVENTS, PODS, KindWatch, News, Pace
from bot.reconcile.pods.world import World

AWAY_S = 90.0
"""After a silence of so long, what a list brings happened while nobody watched."""
Json = Mapping[str, Any]


class Watching:
    """All watches of an environment."""

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        clock: Callable[[], datetime],
        changed: Callable[[], None],
        pace: Pace | None = None,
    ) -> None:
        self.world = world
        self._clock = clock
        self._changed = changed

        def of_ours(project: Callable[[Json], Any]) -> Callable[[Json], Any]:
            """Other namespaces' objects are let go before they are made small."""

            def only(raw: Json) -> Any:
                metadata = raw.get("metadata")
                namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
                return project(raw) if namespace in world.namespaces else None

            return only

        def watch(kind: Any, project: Callable[[Json], Any]) -> "KindWatch[Any]":
            shown = of_ours(project) if kind.is_namespaced else project
            return KindWatch(cluster, kind, shown, namespaces=world.namespaces, pace=pace)

        self._pods: KindWatch[PodSight] = watch(PODS, pod_sight)
        self._watches: Mapping[str, tuple[KindWatch[Any], Callable[[Sequence[News[Any]]], None]]] = {
            "pods": (self._pods, self._tell_pods),
            "events": (watch(POD_EVENTS, event_sight), lambda news: world.tell_events(news, clock())),
            "jobs": (watch(JOBS, job_sight), world.tell_jobs),
            "cronjobs": (watch(CRON_JOBS, cronjob_sight), world.tell_cronjobs),
            "nodes": (watch(NODES, node_sight), world.tell_nodes),
            "autoscalers": (watch(AUTOSCALERS, autoscaler_sight), world.tell_scalers),
        }

    def _tell_pods(self, news: Sequence[News[PodSight]]) -> None:
        is_first = not any(scope.startswith("pods/") for scope in self.world.listed)
        self.world.tell_pods(news, was_away=is_first or self._pods.quiet_s > AWAY_S)

    async def run(self) -> NoReturn:
        """For ever, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, (watch, take) in self._watches.items():
                group.create_task(watch.run(self._teller(take)), name=f"watch {self.world.environment} {name}")
        raise AssertionError("unreachable: watches run for ever")

    def _teller(self, take: Callable[[Sequence[News[Any]]], None]) -> Callable[[Sequence[News[Any]]], Awaitable[None]]:
        async def tell(news: Sequence[News[Any]]) -> None:
            take(news)
            self._changed()

        return tell

    @property
    def faults(self) -> Mapping[str, str]:
        """Kind → why what is known of it may be out of date."""
        return {name: watch.fault for name, (watch, _) in self._watches.items() if watch.fault}

    @property
    def is_listed(self) -> bool:
        """All pods are known."""
        return all(f"pods/{namespace}" in self.world.listed for namespace in self.world.namespaces)
