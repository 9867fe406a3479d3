"""The loop of falling and healing pods: watches → what changed → stories → messages that close themselves.

One world per environment, in memory; a turn judges what changed in it and saves marks, stories and messages in one
transaction. Started by bot.app when the configuration names a channel for pods.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

import structlog

from bot.cards.pod import story_card, story_note
from bot.context import Context
from bot.domain.names import ChannelId, EnvironmentName
from bot.domain.pods import Subject
from bot.domain.pods.cases import STABLE, Silence
from bot.failpoints import reach
from bot.kube.watches import Pace
from bot.reconcile.pods.errands import Errands
from bot.reconcile.pods.judge import Judge
from bot.reconcile.pods.pen import Pen
from bot.reconcile.pods.scenes import AlertFinder, Scenes, open_alert
from bot.reconcile.pods.sentry import Sentry
from bot.reconcile.pods.turn import Turn
from bot.reconcile.pods.watching import Watching
from bot.reconcile.pods.world import World
from bot.store import pods

log = structlog.get_logger()
GATHER_S = 0.15
"""What comes within this time of the first news shares a turn: a crash is three or four changes."""
SLOWEST_TURN_S = 15.0
ROLLBACK_WINDOW = timedelta(minutes=30)


class PodLoop:
    """Tells of pods in one channel, for all environments."""

    def __init__(
        self,
        ctx: Context,
        channel: ChannelId,
        *,
        rollback_window: timedelta = ROLLBACK_WINDOW,
        healed_after: timedelta = STABLE,
        find_alert: AlertFinder = open_alert,
        pace: Pace | None = None,
    ) -> None:
        self._ctx = ctx
        self._judge = Judge(Scenes(ctx.timezone, rollback_window, healed_after, find_alert))
        self._pen = Pen(channel, story_card, story_note)
        self._errands = Errands(ctx, self._ring_soon)
        self.crew = self._errands.crew
        self._silences: dict[EnvironmentName, Mapping[Subject, Silence]] = {}
        self._ringing: asyncio.TimerHandle | None = None
        self._watching = {
            name: Watching(ctx.clusters[name], world, ctx.clock, self._ring_soon, pace)
            for name, world in _worlds(ctx).items()
        }
        self._sentry = Sentry(ctx, self._watching)
        self._has_turned: set[EnvironmentName] = set()

    def watches(self) -> Mapping[str, Coroutine[Any, Any, NoReturn]]:
        """To be run beside the turns, by name."""
        return {f"pods of {name}": watching.run() for name, watching in self._watching.items()}

    def starting(self) -> str:
        """Why the first look is not over yet; empty when it is, or when a cluster keeps it from ending."""
        return self._sentry.starting(self._has_turned)

    def remarks(self) -> Mapping[str, str]:
        """What is wrong with the watches, by environment and kind."""
        return self._sentry.remarks()

    def _ring_soon(self) -> None:
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().call_later(GATHER_S, self._ring)

    def _ring(self) -> None:
        self._ringing = None
        self._ctx.bells.pods.ring()

    async def turn(self) -> float:
        """Judge what changed or is due; seconds until something is due again."""
        now = self._ctx.clock()
        await self._notice_silences(now)
        if self._pen.wait_s() == 0:
            for environment, subject in list(self._pen.waiting.values()):
                self._watching[EnvironmentName(environment)].world.judge_again([subject])
        for name, watching in self._watching.items():
            if watching.world.is_due(now) and any(scope.startswith("pods/") for scope in watching.world.listed):
                await self._judge_world(watching, now)
                self._has_turned.add(name)
        await self._sentry.turn(now)
        return self._pause_s()

    async def _notice_silences(self, now: datetime) -> None:
        async with self._ctx.database.read() as connection:
            for name, watching in self._watching.items():
                present = await pods.silences(connection, name, now=now)
                former = self._silences.get(name, {})
                changed = {subject for subject, each in (former.items() ^ present.items())}
                watching.world.judge_again(changed)
                self._silences[name] = present

    async def _judge_world(self, watching: Watching, now: datetime) -> None:
        ctx, world = self._ctx, watching.world
        batch = world.take(now)
        reach("pods.before_save")
        try:
            async with ctx.database.write() as connection:
                await pods.one_at_a_time(connection, world.environment, now=now)
                turn = await self._judge.judge(connection, world, batch, now, blind=frozenset(watching.faults))
                drawn = await self._pen.write(connection, list(turn.cases.values()), now)
                turn.cases = {case.story.id: case for case in drawn}
                await pods.save_cases(connection, drawn)
                reach("pods.in_save")
        except BaseException:
            world.give_back(batch)
            raise
        reach("pods.after_save")
        self._after(turn)

    def _after(self, turn: Turn) -> None:
        """What follows from a turn that is saved."""
        world = turn.world
        for subject, moment in turn.wakes.items():
            world.wake_at(subject, moment)
        for subject in turn.asks:
            self._errands.ask_wanted(world, subject, turn.now)
        for case in turn.cases.values():
            if case.story.is_open:
                self._errands.fetch_words(world, case)
        for case in turn.noteworthy():
            story = case.story
            log.info(
                "pods.story",
                story=story.id,
                environment=world.environment,
                subject=str(story.subject),
                cause=story.cause,
                falls=story.falls,
                is_open=story.is_open,
            )
        if turn.cases:
            self._ctx.bells.outbox.ring()

    def _pause_s(self) -> float:
        now = self._ctx.clock()
        waits = [SLOWEST_TURN_S]
        if self._pen.waiting:
            waits.append(self._pen.wait_s() + 0.05)
        for watching in self._watching.values():
            wake = watching.world.next_wake()
            if wake is not None:
                waits.append((wake - now).total_seconds() + 0.01)
        return max(0.05, min(waits))

    async def settle(self, timeout_s: float) -> None:
        """After the last turn: errands are extras, and are let go."""
        if self._ringing is not None:
            self._ringing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.crew.settle(min(timeout_s, 1.0))


def _worlds(ctx: Context) -> dict[EnvironmentName, World]:
    """A world per environment, with the namespaces and services of the catalogue."""
    namespaces = frozenset(service.workload.namespace for service in ctx.catalog.services.values())
    services = {Subject.of(service.workload): name for name, service in ctx.catalog.services.items()}
    return {name: World(name, namespaces, dict(services)) for name in ctx.catalog.environments}
