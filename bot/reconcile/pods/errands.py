"""Errands: what has to be fetched from a cluster for a story, outside of any transaction.

Last log lines, once per story and never per crash; how many pods a workload wants, when some are missing. A few at a
time: a cluster in trouble is not to be asked for hundreds of logs at once.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.pods import Cause, Subject
from bot.domain.pods.cases import Case
from bot.errors import NotFound, OutsideError
from bot.kube import workloads
from bot.reconcile.loop import Crew
from bot.reconcile.pods.world import World
from bot.store import pods

log = structlog.get_logger()
AT_ONCE = 4
WITH_WORDS = frozenset(
    {
        *(Cause.OOM_KILLED, Cause.CRASHED, Cause.PROBE_KILLED, Cause.CRASH_LOOP, Cause.START_ERROR),
        Cause.JOB_FAILED,
    }
)
"""Causes after which a container has left a log."""
ASK_AGAIN = timedelta(seconds=30)


class Errands:
    """Runs them, a few at a time; the rest waits in order."""

    def __init__(self, ctx: Context, changed: Callable[[], None]) -> None:
        self._ctx = ctx
        self._changed = changed
        self.crew = Crew()
        self._queue: dict[tuple[str, ...], Callable[[], Coroutine[None, None, None]]] = {}
        self._asked_at: dict[tuple[str, Subject], datetime] = {}

    def fetch_words(self, world: World, case: Case) -> None:
        """The last log lines of the container that a story shows."""
        if case.words_asked or case.story.cause not in WITH_WORDS or not case.story.pod or not case.story.is_told:
            return
        self._start(("words", case.story.id), lambda: self._words(world, case))

    def ask_wanted(self, world: World, subject: Subject, now: datetime) -> None:
        """How many pods a workload should have."""
        key = (world.environment, subject)
        if now - self._asked_at.get(key, now - ASK_AGAIN) < ASK_AGAIN:
            world.wake_at(subject, self._asked_at[key] + ASK_AGAIN)
            return
        self._asked_at[key] = now
        self._start(("wanted", world.environment, str(subject)), lambda: self._wanted(world, subject))

    def _start(self, key: tuple[str, ...], work: Callable[[], Coroutine[None, None, None]]) -> None:
        if key in self.crew:
            return
        if len(self.crew) >= AT_ONCE:
            self._queue.setdefault(key, work)
            return
        self.crew.start(key, work(), then=self._next)

    def _next(self) -> None:
        self._changed()
        if self._queue and len(self.crew) < AT_ONCE:
            key = next(iter(self._queue))
            self._start(key, self._queue.pop(key))

    async def _words(self, world: World, case: Case) -> None:
        story, ctx = case.story, self._ctx
        cluster = ctx.clusters[story.environment]
        tail = await workloads.last_words(cluster, story.subject.namespace, story.pod, story.container)
        async with ctx.database.write() as connection:
            await pods.one_at_a_time(connection, story.environment, now=ctx.clock())
            present = await pods.case_of(connection, story.id)
            if present is None or present.words_asked:
                return
            told = replace(present.story, log_tail=tail)
            is_stale = present.is_stale or bool(tail)
            await pods.save_cases(connection, [replace(present, story=told, words_asked=True, is_stale=is_stale)])
        if tail:
            world.judge_again([story.subject])

    async def _wanted(self, world: World, subject: Subject) -> None:
        ref = WorkloadRef(subject.namespace, WorkloadKind(subject.kind.value), subject.name)
        now = self._ctx.clock()
        try:
            workload = await workloads.read(self._ctx.clusters[world.environment], ref)
        except NotFound:
            world.wanted[subject] = (0, now)
            world.absent.add(subject)
        except OutsideError as error:
            log.info("pods.wanted_unknown", environment=world.environment, subject=str(subject), error=str(error))
            world.wake_at(subject, now + ASK_AGAIN)
            return
        else:
            world.wanted[subject] = (workload.desired, now)
            world.absent.discard(subject)
        world.judge_again([subject])
