"""Kinds that are watched, and where: in the whole cluster when we may, else in the namespaces that are configured.

Used by bot.reconcile. One `KindWatch` per kind and cluster; it decides by asking, and says once what it decided.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NoReturn, TypeVar

from bot.errors import Refused
from bot.kube.clients import Cluster
from bot.kube.watches.events import Json
from bot.kube.watches.news import Counts, News, Tell
from bot.kube.watches.pace import Pace
from bot.kube.watches.watch import Watch
from bot.kube.workloads import paths

log = logging.getLogger(__name__)

T = TypeVar("T")
OPTIONAL_PAUSE = 10
"""How many times longer an optional kind that is forbidden is left alone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource of the API."""

    resource: str
    """Plural, as in its path."""
    group: str = ""
    """With its version, e.g. `apps/v1`; empty: the core API."""
    is_namespaced: bool = True
    is_optional: bool = False
    """To be without the right to see it is nobody's fault."""
    query: Mapping[str, str | int] = field(default_factory=dict)

    def path(self, namespace: str = "") -> str:
        """Of all its objects in a namespace, or in the cluster."""
        if namespace:
            return paths.namespaced(namespace, self.resource, group=self.group)
        return f"/apis/{self.group}/{self.resource}" if self.group else f"/api/v1/{self.resource}"


PODS = Kind("pods")
POD_EVENTS = Kind("events", query={"fieldSelector": "involvedObject.kind=Pod"})
JOBS = Kind("jobs", "batch/v1")
CRON_JOBS = Kind("cronjobs", "batch/v1")
DEPLOYMENTS = Kind("deployments", "apps/v1")
REPLICA_SETS = Kind("replicasets", "apps/v1")
AUTOSCALERS = Kind("horizontalpodautoscalers", "autoscaling/v2", is_optional=True)
NODES = Kind("nodes", is_namespaced=False, is_optional=True)


class KindWatch(Generic[T]):
    """All objects of a kind that we may see in a cluster. Run it once."""

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        project: Callable[[Json], T | None],
        *,
        namespaces: Iterable[str] = (),
        query: Mapping[str, str | int] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`project` as in Watch. `namespaces`: where to look without the right to look everywhere."""
        self.kind = kind
        self.environment = cluster.name
        self._cluster = cluster
        self._project = project
        self._namespaces = tuple(sorted(set(namespaces))) if kind.is_namespaced else ()
        self._query = {**kind.query, **(query or {})}
        self._pace = pace or Pace()
        if kind.is_optional:
            self._pace = replace(self._pace, refused_pause_s=self._pace.refused_pause_s * OPTIONAL_PAUSE)
        self._watches: Sequence[Watch[T]] = (self._watch(""),)
        self._telling = asyncio.Lock()

    @property
    def fault(self) -> str:
        """Why what was told may be out of date, for people; empty while all is well."""
        return "; ".join(dict.fromkeys(watch.fault for watch in self._watches if watch.fault))

    @property
    def synced(self) -> bool:
        """Everything was told once, everywhere, and changes come as they happen, or are known not to come."""
        return all(watch.synced for watch in self._watches)

    @property
    def is_absent(self) -> bool:
        """We may not see this kind and do without it."""
        return all(watch.is_absent for watch in self._watches)

    @property
    def quiet_s(self) -> float:
        """Since the server last said anything, on the stream that has been quiet for longest."""
        return max(watch.quiet_s for watch in self._watches)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where it looks at present; one empty string: everywhere."""
        return tuple(watch.namespace for watch in self._watches)

    @property
    def counts(self) -> Counts:
        """Of all its watches together."""
        total = Counts()
        for watch in self._watches:
            total.add(watch.counts)
        return total

    async def run(self, tell: Tell[T]) -> NoReturn:
        """For ever, until cancelled. `tell` is never called twice at the same time."""

        async def in_turn(news: Sequence[News[T]]) -> None:
            async with self._telling:
                await tell(news)

        if self._namespaces:
            try:
                await self._watches[0].run(in_turn)
            except Refused:
                where = ", ".join(self._namespaces)
                log.info(
                    "%s are watched namespace by namespace: %s",
                    self.kind.resource,
                    where,
                    extra={"environment": self.environment},
                )
            self._watches = tuple(self._watch(namespace) for namespace in self._namespaces)
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run(in_turn))
        raise AssertionError("unreachable: watches run for ever")

    def _watch(self, namespace: str) -> Watch[T]:
        return Watch(
            self._cluster,
            self.kind.path(namespace),
            self._project,
            what=self.kind.resource,
            namespace=namespace,
            query=self._query,
            pace=self._pace,
            is_optional=self.kind.is_optional,
            leaves_when_forbidden=not namespace and bool(self._namespaces),
        )
