"""The world of one environment as its watches show it: slim rows in memory, and what of it has to be judged.

Filled by the watches (bot.reconcile.pods.watching), emptied by the turns (bot.reconcile.pods.turns). Holds nothing that
is lost with the process: a list and the stored marks bring it all back.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.pods import (
    AutoscalerSight,
    CronJobSight,
    EventSight,
    JobSight,
    NodeSight,
    PodSight,
    Subject,
    SubjectKind,
)
from bot.kube.watches import Changed, Listed, News

T = TypeVar("T")
EVENTS_PER_POD = 8
TOLD = frozenset(
    {"Unhealthy", "Killing", "Failed", "InspectFailed", "FailedMount", "FailedAttachVolume", "Evicted", "Preempted"}
)
"""Reasons of events that explain something."""
TRAIL = 16
"""Sights of one pod kept between two turns: more than a kubelet writes in a turn's time."""
Key = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class Batch:
    """What one turn takes from a world."""

    subjects: set[Subject]
    trail: dict[str, list[PodSight]]
    gone: dict[str, Subject]
    away: set[str]
    """Pods that were not watched for a while before their newest sight."""
    fresh: set[str]
    """Scopes that were listed for the first time in this process."""


@dataclass(slots=True)
class World:
    """All that is known of an environment."""

    environment: EnvironmentName
    namespaces: frozenset[str]
    services: dict[Subject, ServiceName] = field(default_factory=dict)
    pods: dict[str, PodSight] = field(default_factory=dict)
    """By uid."""
    by_workload: dict[Subject, dict[str, PodSight]] = field(default_factory=dict)
    nodes: dict[str, NodeSight] = field(default_factory=dict)
    jobs: dict[Key, JobSight] = field(default_factory=dict)
    cronjobs: dict[Key, CronJobSight] = field(default_factory=dict)
    scalers: dict[Key, AutoscalerSight] = field(default_factory=dict)
    said: dict[str, deque[EventSight]] = field(default_factory=dict)
    wake: dict[Subject, datetime] = field(default_factory=dict)
    wanted: dict[Subject, tuple[int, datetime]] = field(default_factory=dict)
    """How many pods a workload should have, and when it was asked."""
    absent: set[Subject] = field(default_factory=set)
    """Asked for, and not there."""
    listed: set[str] = field(default_factory=set)
    """Scopes (`pods/admin`, `nodes/`) of which everything is known."""
    _dirty: set[Subject] = field(default_factory=set)
    _trail: dict[str, list[PodSight]] = field(default_factory=dict)
    _held: dict[str, list[PodSight]] = field(default_factory=dict)
    _gone: dict[str, Subject] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)
    _fresh: set[str] = field(default_factory=set)

    # What turns take

    @property
    def is_dirty(self) -> bool:
        return bool(self._dirty or self._trail or self._gone or self._fresh)

    def is_due(self, now: datetime) -> bool:
        """There is something to judge."""
        return self.is_dirty or any(at <= now for at in self.wake.values())

    def take(self, now: datetime) -> Batch:
        """What is to be judged; due timers among it. Taken once: `give_back` when it could not be saved."""
        for subject in [subject for subject, at in self.wake.items() if at <= now]:
            del self.wake[subject]
            self._dirty.add(subject)
        for uid in [uid for uid, sights in self._held.items() if sights[0].workload in self._dirty]:
            self._trail[uid] = _thinned([*self._held.pop(uid), *self._trail.get(uid, ())])
        batch = Batch(self._dirty, self._trail, self._gone, self._away, self._fresh)
        self._dirty, self._trail, self._gone, self._away, self._fresh = set(), {}, {}, set(), set()
        return batch

    def give_back(self, batch: Batch) -> None:
        """The turn failed: judge it again, with what came since after it."""
        self._dirty |= batch.subjects
        self._gone = batch.gone | self._gone
        self._away |= batch.away
        self._fresh |= batch.fresh
        for uid, sights in batch.trail.items():
            self._trail[uid] = _thinned([*sights, *self._trail.get(uid, ())])

    def judge_again(self, subjects: Iterable[Subject]) -> None:
        """In the next turn, though nothing changed."""
        self._dirty.update(subjects)

    def hold(self, sights: Sequence[PodSight]) -> None:
        """Keep these for the next judgement of their workload."""
        for sight in sights:
            held = self._held.get(sight.uid, [])
            if sight not in held:
                self._held[sight.uid] = _thinned([*held, sight])

    def wake_at(self, subject: Subject, moment: datetime | None) -> None:
        """Judge it then at the latest; None: only when something changes."""
        if moment is None:
            self.wake.pop(subject, None)
        else:
            self.wake[subject] = moment

    def next_wake(self) -> datetime | None:
        return min(self.wake.values(), default=None)

    def on_node(self, name: str) -> list[PodSight]:
        return [pod for pod in self.pods.values() if pod.node == name and not pod.is_over]

    def pods_of_job(self, namespace: str, name: str) -> list[PodSight]:
        found = self.by_workload.get(Subject(SubjectKind.JOB, namespace, name), {})
        return [pod for pod in found.values() if pod.job == name]

    # What watches tell

    def tell_pods(self, news: Sequence[News[PodSight]], *, was_away: bool) -> None:
        """`was_away`: a list that comes after nobody watched for a while."""
        for each in news:
            match each:
                case Listed(rows, namespace):
                    here = {row.uid for row in rows}
                    covered = self._covered(namespace)
                    for uid in [u for u, p in self.pods.items() if u not in here and p.namespace in covered]:
                        self._drop(self.pods[uid])
                    for row in rows:
                        self._put(row, was_away=was_away)
                    self._listed("pods", covered)
                case Changed(row, is_gone):
                    self._put(row, was_away=False)
                    if is_gone:
                        self._drop(row)

    def _put(self, pod: PodSight, *, was_away: bool) -> None:
        before = self.pods.get(pod.uid)
        if before == pod:
            return
        self.pods[pod.uid] = pod
        if before is not None and before.workload != pod.workload:
            self.by_workload.get(before.workload, {}).pop(pod.uid, None)
        self.by_workload.setdefault(pod.workload, {})[pod.uid] = pod
        self._trail[pod.uid] = _thinned([*self._trail.get(pod.uid, ()), pod])
        self._dirty.add(pod.workload)
        if was_away:
            self._away.add(pod.uid)

    def _drop(self, pod: PodSight) -> None:
        self.pods.pop(pod.uid, None)
        self.said.pop(pod.uid, None)
        siblings = self.by_workload.get(pod.workload, {})
        siblings.pop(pod.uid, None)
        if not siblings:
            self.by_workload.pop(pod.workload, None)
        self._gone[pod.uid] = pod.workload
        self._dirty.add(pod.workload)

    def tell_events(self, news: Sequence[News[EventSight]], now: datetime) -> None:
        """Words about pods; those that explain nothing, or came long ago, are let go."""
        for each in news:
            rows = each.rows if isinstance(each, Listed) else () if each.is_gone else (each.row,)
            for row in rows:
                is_old = row.at is not None and now - row.at > timedelta(hours=1)
                if row.reason not in TOLD or is_old or not row.pod_uid:
                    continue
                words = self.said.setdefault(row.pod_uid, deque(maxlen=EVENTS_PER_POD))
                if words and words[-1].uid == row.uid:
                    words.pop()
                words.append(row)
                if (pod := self.pods.get(row.pod_uid)) is not None:
                    self._dirty.add(pod.workload)
        if len(self.said) > 2 * len(self.pods) + 1000:
            self.said = {uid: words for uid, words in self.said.items() if uid in self.pods}

    def tell_nodes(self, news: Sequence[News[NodeSight]]) -> None:
        """Nodes; a change of readiness concerns the pods on it too."""

        def changed(before: NodeSight | None, after: NodeSight | None) -> None:
            node = after or before
            assert node is not None
            self._dirty.add(Subject(SubjectKind.NODE, "", node.name))
            if before is None or after is None or before.ready != after.ready:
                self._dirty.update(pod.workload for pod in self.on_node(node.name))

        _keep(self.nodes, news, lambda row: row.name, lambda _: True, changed)
        if any(isinstance(each, Listed) for each in news):
            self._listed("nodes", [""])

    def tell_jobs(self, news: Sequence[News[JobSight]]) -> None:
        """Runs of batch jobs."""

        def changed(before: JobSight | None, after: JobSight | None) -> None:
            job = after or before
            assert job is not None
            self._dirty.add(batch_of(job))
            if after is None:
                self._gone[job.uid] = batch_of(job)

        self._keep_namespaced(self.jobs, news, lambda row: (row.namespace, row.name), changed)
        self._note_lists("jobs", news)

    def tell_cronjobs(self, news: Sequence[News[CronJobSight]]) -> None:
        """Schedules."""

        def changed(before: CronJobSight | None, after: CronJobSight | None) -> None:
            cron = after or before
            assert cron is not None
            self._dirty.add(Subject(SubjectKind.CRONJOB, cron.namespace, cron.name))

        self._keep_namespaced(self.cronjobs, news, lambda row: (row.namespace, row.name), changed)
        self._note_lists("cronjobs", news)

    def tell_scalers(self, news: Sequence[News[AutoscalerSight]]) -> None:
        """Autoscalers."""

        def changed(before: AutoscalerSight | None, after: AutoscalerSight | None) -> None:
            scaler = after or before
            assert scaler is not None
            self._dirty.add(Subject(SubjectKind.AUTOSCALER, scaler.namespace, scaler.name))

        self._keep_namespaced(self.scalers, news, lambda row: (row.namespace, row.name), changed)
        self._note_lists("autoscalers", news)

    def _keep_namespaced(
        self,
        kept: dict[Key, T],
        news: Sequence[News[T]],
        key: Callable[[T], Key],
        changed: Callable[[T | None, T | None], None],
    ) -> None:
        for each in news:
            covered = self._covered(each.namespace) if isinstance(each, Listed) else ()
            _keep(kept, [each], key, lambda row, spaces=covered: row[0] in spaces, changed)  # type: ignore[misc]

    def _note_lists(self, kind: str, news: Sequence[News[T]]) -> None:
        for each in news:
            if isinstance(each, Listed):
                self._listed(kind, self._covered(each.namespace))

    def _covered(self, namespace: str) -> Sequence[str]:
        return [namespace] if namespace else sorted(self.namespaces)

    def _listed(self, kind: str, namespaces: Iterable[str]) -> None:
        for namespace in namespaces:
            scope = f"{kind}/{namespace}"
            if scope not in self.listed:
                self.listed.add(scope)
                self._fresh.add(scope)


def batch_of(job: JobSight) -> Subject:
    """Whose story a run is part of: its CronJob's, or its own."""
    if job.cronjob:
        return Subject(SubjectKind.CRONJOB, job.namespace, job.cronjob)
    return Subject(SubjectKind.JOB, job.namespace, job.name)


K = TypeVar("K")


def _keep(
    kept: dict[K, T],
    news: Sequence[News[T]],
    key: Callable[[T], K],
    covers: Callable[[K], bool],
    changed: Callable[[T | None, T | None], None],
) -> None:
    """Take news of rows that are kept by key; `changed` hears of each that is new, other or gone."""
    for each in news:
        match each:
            case Listed(rows):
                here = {key(row): row for row in rows}
                for name in [name for name in kept if name not in here and covers(name)]:
                    changed(kept.pop(name), None)
                for name, row in here.items():
                    before = kept.get(name)
                    if before != row:
                        kept[name] = row
                        changed(before, row)
            case Changed(row, is_gone):
                before = kept.get(key(row))
                if is_gone:
                    kept.pop(key(row), None)
                    changed(before or row, None)
                elif before != row:
                    kept[key(row)] = row
                    changed(before, row)


def _thinned(sights: list[PodSight]) -> list[PodSight]:
    """A pod's sights since the last turn, without those that tell no more than the next one does."""
    kept: list[PodSight] = []
    for sight in sights:
        if kept and _tells_as_much(kept[-1], sight):
            kept[-1] = sight
        else:
            kept.append(sight)
    return kept[-TRAIL:]


def _tells_as_much(before: PodSight, after: PodSight) -> bool:
    """The later sight counts the same endings and more: only when a pod begins to go away is something lost."""
    if before.deleting != after.deleting:
        return False
    return before.disruption == after.disruption or not before.disruption
