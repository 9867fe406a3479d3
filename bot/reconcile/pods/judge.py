"""The judge: what changed in a world becomes marks and cases, in one transaction.

Called by bot.reconcile.pods. Decides nothing itself: the rules are in bot.domain.pods. What is read here and saved is
in the same transaction as the marks, so that a turn which dies leaves everything to be judged again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.pods import PodSight, Recovery, Subject, SubjectKind
from bot.domain.pods.cases import Case, Scene, Silence
from bot.domain.pods.falls import Mark
from bot.domain.pods.judging import baseline, blows_of, judge
from bot.domain.pods.lasting import Trouble, autoscaler_in_trouble, lasted, node_in_trouble
from bot.domain.pods.quiet import mending_release
from bot.reconcile.pods.batch import judge_batch, uids_of_batches
from bot.reconcile.pods.scenes import Scenes
from bot.reconcile.pods.turn import Turn, as_baseline, joined, within_reach
from bot.reconcile.pods.world import Batch, World
from bot.store import pods
from bot.store.db import Connection
from bot.store.ids import new_id

AGAIN = timedelta(seconds=2)
"""Until something is looked at again that depends on a release which is under way."""
SUBJECTS_AT_ONCE = 20
"""Judged before others may run: some milliseconds."""
WITH_PODS = frozenset(
    {
        *(SubjectKind.DEPLOYMENT, SubjectKind.STATEFULSET, SubjectKind.DAEMONSET, SubjectKind.REPLICASET),
        SubjectKind.POD,
    }
)
SCOPES: Mapping[SubjectKind, str] = {
    **dict.fromkeys(WITH_PODS, "pods"),
    SubjectKind.CRONJOB: "jobs",
    SubjectKind.JOB: "jobs",
    SubjectKind.NODE: "nodes",
    SubjectKind.AUTOSCALER: "autoscalers",
}
UNDRAWN = timedelta(hours=6)
"""How long after its end a story is still drawn closed; Slack may have been away."""


class Judge:
    """Judges worlds."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes

    async def judge(
        self, connection: Connection, world: World, batch: Batch, now: datetime, *, blind: frozenset[str]
    ) -> Turn:
        """All that a batch brings. `blind`: kinds (`pods`, `nodes`…) whose watch is interrupted."""
        turn = Turn(world, batch, now)
        environment = world.environment
        silences = await pods.silences(connection, environment, now=now)
        new_scopes = await self._begin(connection, turn)
        subjects = {self._owner(world, subject) for subject in batch.subjects}
        known = await pods.cases(connection, environment, subjects, closed_since=now - UNDRAWN)
        marks = await pods.marks(connection, environment, self._uids(world, batch, subjects))
        trail: dict[Subject, list[PodSight]] = {}
        for sights in batch.trail.values():
            trail.setdefault(sights[-1].workload, []).extend(sights)
        for number, subject in enumerate(sorted(subjects)):
            if number % SUBJECTS_AT_ONCE == SUBJECTS_AT_ONCE - 1:
                await asyncio.sleep(0)
            before = known.get(subject, ())
            scopes = scopes_of(subject)
            if not scopes <= world.listed:
                continue
            is_blind = SCOPES[subject.kind] in blind
            scene = self._scenes.plain(world, subject, now, silence=silences.get(subject), blind=is_blind)
            is_new = bool(scopes & new_scopes)
            cases = tuple(_silenced(case, scene.silence) for case in before)
            if subject.kind in WITH_PODS:
                cases = await self._workload(
                    connection, turn, scene, cases, marks, trail.get(subject, []), is_new=is_new
                )
            elif subject.kind in (SubjectKind.JOB, SubjectKind.CRONJOB):
                cases = await judge_batch(connection, self._scenes, turn, scene, cases, marks, is_new=is_new)
            else:
                cases = await self._lasting(connection, turn, scene, cases, is_new=is_new)
            turn.keep(before, cases)
        await pods.forget_marks(connection, environment, [uid for uid in batch.gone if uid not in turn.marks])
        gone = set(batch.gone)
        await pods.save_marks(
            connection, environment, [each for uid, each in turn.marks.items() if uid not in gone], now=now
        )
        return turn

    def _owner(self, world: World, subject: Subject) -> Subject:
        """A run's CronJob speaks for it."""
        if subject.kind is SubjectKind.JOB:
            job = world.jobs.get((subject.namespace, subject.name))
            if job is not None and job.cronjob:
                return Subject(SubjectKind.CRONJOB, subject.namespace, job.cronjob)
        return subject

    def _uids(self, world: World, batch: Batch, subjects: set[Subject]) -> set[str]:
        """Whose marks are needed: what changed, and what is not well."""
        uids = set(batch.trail)
        for subject in subjects:
            uids |= {uid for uid, pod in world.by_workload.get(subject, {}).items() if not pod.ready}
        uids.update(uids_of_batches(world, subjects))
        return uids

    async def _begin(self, connection: Connection, turn: Turn) -> frozenset[str]:
        """Scopes that were listed for the first time: of those ever looked at, open stories and vanished pods are
        judged; the others, which are returned, give the baseline."""
        world, batch = turn.world, turn.batch
        if not batch.fresh:
            return frozenset()
        environment = world.environment
        watched = await pods.watched(connection, environment)
        for scope in sorted(batch.fresh):
            await pods.watch(connection, environment, scope, now=turn.now)
        open_now = await pods.open_subjects(connection, environment)
        undrawn = await pods.undrawn_subjects(connection, environment, since=turn.now - UNDRAWN)
        batch.subjects |= {subject for subject in open_now | undrawn if scopes_of(subject) & batch.fresh}
        there = {job.uid for job in world.jobs.values()} | {f"{cron.uid}:missed" for cron in world.cronjobs.values()}
        for uid, written in (await pods.marked_uids(connection, environment)).items():
            kind, namespace, name = written.split("/", 2)
            subject = Subject(SubjectKind(kind), namespace, name)
            scopes = scopes_of(subject)
            if scopes & batch.fresh and scopes <= world.listed and uid not in world.pods and uid not in there:
                batch.gone.setdefault(uid, subject)
        await pods.touch_marks(connection, environment, now=turn.now)
        return frozenset(batch.fresh - set(watched))

    async def _workload(
        self,
        connection: Connection,
        turn: Turn,
        scene: Scene,
        cases: tuple[Case, ...],
        marks: Mapping[str, Mark],
        trail: Sequence[PodSight],
        *,
        is_new: bool,
    ) -> tuple[Case, ...]:
        batch, world = turn.batch, turn.world
        if is_new:
            made, case = baseline(scene, new_id)
            turn.marks |= {mark.uid: (scene.subject, mark) for mark in made}
            return (*cases, case) if case is not None else cases
        found = blows_of(scene, trail, marks, (), batch.away)
        if found.blows or found.held:
            recent = await self._scenes.releases(connection, scene)
            found = blows_of(scene, trail, marks, recent, batch.away)
            if found.blows:
                first_at = min(blow.at for blow in found.blows)
                scene = await self._scenes.told(connection, scene, recent, first_at)
        elif not found.marks and not cases:
            turn.wakes[scene.subject] = found.wake
            return cases
        turn.marks |= {uid: (scene.subject, mark) for uid, mark in found.marks.items()}
        outcome = judge(within_reach(cases, turn.now), scene, found, new_id)
        wake = outcome.wake
        if found.held:
            world.hold(found.held)
            again = turn.now + AGAIN
            wake = again if wake is None else min(wake, again)
        turn.wakes[scene.subject] = wake
        if outcome.asks:
            turn.asks.add(scene.subject)
        return joined(cases, await self._credited(connection, scene, cases, outcome.cases))

    async def _credited(
        self, connection: Connection, scene: Scene, before: Sequence[Case], after: tuple[Case, ...]
    ) -> tuple[Case, ...]:
        """With the release that brought those right which close now because other pods took over."""
        was_open = {case.story.id for case in before if case.story.is_open}
        closing = [
            case.story.opened_at
            for case in after
            if case.story.id in was_open and not case.story.is_open and case.story.recovery is Recovery.ROLLED_OUT
        ]
        if not closing:
            return after
        mended_by = mending_release(await self._scenes.releases(connection, scene), min(closing))
        return tuple(
            replace(case, story=replace(case.story, mended_by=mended_by))
            if case.story.id in was_open and case.story.recovery is Recovery.ROLLED_OUT
            else case
            for case in after
        )

    async def _lasting(
        self, connection: Connection, turn: Turn, scene: Scene, cases: tuple[Case, ...], *, is_new: bool
    ) -> tuple[Case, ...]:
        world, subject, now = turn.world, scene.subject, turn.now
        trouble: Trouble | None = None
        well_since = now
        if subject.kind is SubjectKind.NODE:
            node = world.nodes.get(subject.name)
            is_there = node is not None and not node.deleting
            if node is not None:
                trouble = node_in_trouble(node, world.on_node(node.name), now)
                well_since = node.since or now
        else:
            scaler = world.scalers.get((subject.namespace, subject.name))
            is_there = scaler is not None
            if scaler is not None:
                trouble = autoscaler_in_trouble(scaler, now)
        reach = within_reach(cases, now)
        if trouble is not None and not any(case.story.is_open for case in reach):
            recent = await self._scenes.releases(connection, scene)
            scene = await self._scenes.told(connection, scene, recent, trouble.since)
        if is_new and trouble is not None:
            due = replace(trouble, why=replace(trouble.why, due=None))
            after, wake = lasted(reach, scene, due, new_id, is_there=is_there, well_since=well_since)
            after = tuple(as_baseline(case) for case in after)
        else:
            after, wake = lasted(reach, scene, trouble, new_id, is_there=is_there, well_since=well_since)
        turn.wakes[subject] = wake
        return joined(cases, after)


def scopes_of(subject: Subject) -> frozenset[str]:
    """The lists that must be known before anything is said of a subject."""
    kinds = ("jobs", "cronjobs") if subject.kind is SubjectKind.CRONJOB else (SCOPES[subject.kind],)
    return frozenset(f"{kind}/{subject.namespace}" for kind in kinds)


def _silenced(case: Case, silence: Silence | None) -> Case:
    """Show on the card that nobody is told, or that everybody is again."""
    story = case.story
    until, by = (silence.until, silence.by) if silence else (None, None)
    if not story.is_open or (story.silenced_until, story.silenced_by) == (until, by):
        return case
    return replace(case, story=story.moved(silenced_until=until, silenced_by=by), is_stale=True)
