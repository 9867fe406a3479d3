"""The canary's part of the release loop: observe, judge, decide, act, save, for a release of the kind canary.

Called by bot.reconcile.releases, which claims, saves, draws and frees. Starts from the row and the cluster alone: a
step is told to the cluster again until it is seen there, and its numbers are judged from what Datadog holds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.context import Context
from bot.domain.alert import AlertState
from bot.domain.canary.judgement import Finding, Judgement, Level, Rate, Rules, Verdict, judge
from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, CanarySight, longest_looks
from bot.domain.canary.steering import Promote, Remove, Save, SetShare, decide, wants_reminder
from bot.domain.names import ReleaseId
from bot.domain.release import Release
from bot.domain.rollout import Workload
from bot.errors import Conflict, NotFound, Refused, UserError
from bot.failpoints import reach
from bot.kube import canaries, workloads
from bot.reconcile.loop import Crew
from bot.store import alerts, releases
from bot.store.audit import AuditPhase
from bot.usecases import canaries as wishes

SHORTEST_LOOK_S, LONGEST_LOOK_S = 2.0, 300.0
LONGEST_NAME = 60
MOST_MONITORS = 3
"""Of those that fire: one is enough."""
LOOKS_PER_STEP = 2
"""A step is judged at its half and at its end."""


class Keeper(Protocol):
    """What saves rows: the release loop."""

    async def save(
        self, before: Release, after: Release, *, audit_phase: AuditPhase | None = None, reason: str = ""
    ) -> Release | None:
        """Row, audit, lock, card and notes in one transaction; None when somebody was faster."""
        ...

    async def notice(self, release: Release, text: str) -> None:
        """Say on the card what holds it up."""
        ...

    async def refused(self, release: Release, error: Refused) -> None:
        """End it: the cluster will not do what it needs."""
        ...


Numbers = Callable[[Context, Release, datetime], Awaitable[tuple[Rate | Level, ...]]]
"""What Datadog knows of both versions since the canary began; empty where nothing can be asked."""


class CanarySteps:
    """Takes canaries from step to step."""

    def __init__(self, ctx: Context, keeper: Keeper, numbers: Numbers, crew: Crew) -> None:
        self._ctx = ctx
        self._keeper = keeper
        self._numbers = numbers
        self._crew = crew
        self._answered: dict[ReleaseId, tuple[int, tuple[Rate | Level, ...]]] = {}
        """Numbers that came since the last look, with the step of the row that they were asked for."""

    def forget(self, live: set[ReleaseId]) -> None:
        """Drop what is known of canaries that are over."""
        for release_id in [key for key in self._answered if key not in live]:
            del self._answered[release_id]

    async def step(self, release: Release) -> None:
        """One look, and what follows from it. Raises OutsideError when the cluster can't be asked."""
        ctx, now = self._ctx, self._ctx.clock()
        cluster = ctx.clusters[release.target.environment]
        stable = await self._stable(release)
        seen = await canaries.look(cluster, release, stable, now)
        promotion = await self._promotion(release)
        judgement = await self._judge(release, seen, now)
        decision = decide(release, stable, seen, judgement, promotion, now)
        try:
            match decision:
                case Save(after):
                    await self._save(release, after)
                case SetShare():
                    assert stable is not None
                    reach("canary.before_write")
                    await canaries.set_share(cluster, release, stable)
                    reach("canary.after_write")
                case Remove():
                    reach("canary.before_remove")
                    await canaries.remove(cluster, release, stable)
                    reach("canary.after_remove")
                case Promote(by):
                    reach("canary.before_promote")
                    await wishes.promote(ctx, release, step=release.step, by=by)
                    reach("canary.after_promote")
        except Conflict:
            return  # the next look decides again, from what is there then
        except Refused as error:
            await self._keeper.refused(release, error)
        except UserError as error:  # a freeze holds up what the scheme wants; people are told, and it stays as it is
            await self._keeper.notice(release, f"{error.text} {error.hint}")

    async def _stable(self, release: Release) -> Workload | None:
        try:
            return await workloads.read(self._ctx.clusters[release.target.environment], release.plan.workload)
        except NotFound:
            return None

    async def _promotion(self, release: Release) -> Release | None:
        if release.canary is None or release.canary.promotion is None:
            return None
        async with self._ctx.database.read() as connection:
            return await releases.get(connection, ReleaseId(release.canary.promotion))

    async def _judge(self, release: Release, seen: CanarySight, now: datetime) -> Judgement | None:
        """A judgement when one is due: the share stands, and the last look is long enough ago."""
        scheme, course = release.plan.canary, release.canary
        if scheme is None or course is None or course.reached_at is None or course.promotion or course.ending:
            return None
        look_s = look_seconds(scheme)
        if release.abort_by is not None or now - (course.judged_at or course.reached_at) < timedelta(seconds=look_s):
            return None
        step, readings = self._answered.pop(release.id, (-1, ()))
        if step != release.step:
            self._ask(release, now)
            return None
        rules = Rules(looks=longest_looks(scheme, look_s=look_s), minimum_requests=self._minimum_requests(release))
        return judge(readings, rules, (*signs(seen), *await self._firing(release)))

    def _ask(self, release: Release, now: datetime) -> None:
        """Ask for numbers aside: a Datadog that hangs holds up no look, and so no abort."""
        key = ("numbers", release.id)

        async def ask() -> None:
            self._answered[release.id] = release.step, await self._numbers(self._ctx, release, now)

        if key not in self._crew:
            self._crew.start(key, ask(), then=self._ctx.bells.releases.ring)

    async def _firing(self, release: Release) -> tuple[Finding, ...]:
        """The service's monitors that began to fire since the canary began, whatever it is that they watch."""
        target, began = release.target, release.started_at
        if began is None:
            return ()
        async with self._ctx.database.read() as connection:
            found = await alerts.open_alerts(connection, environment=target.environment, service=target.service)
        fresh = [each for each in found if each.state is AlertState.ALERT and each.opened_at >= began]
        return tuple(
            Finding(f"monitor {each.title or each.monitor_id}"[:LONGEST_NAME], Verdict.WORSE, None, None, "", "fires")
            for each in fresh[:MOST_MONITORS]
        )

    def _minimum_requests(self, release: Release) -> int:
        plan = self._ctx.catalog.services[release.target.service].canary
        return plan.minimum_requests if plan is not None else Rules(looks=1).minimum_requests

    async def _save(self, before: Release, after: Release) -> None:
        if wants_reminder(after, self._ctx.clock()):
            after = replace(after, canary=replace(after.canary or CanaryCourse(), reminded_at=self._ctx.clock()))
        phase, reason = _audited(before, after)
        await self._keeper.save(before, after, audit_phase=phase, reason=reason)


def look_seconds(scheme: CanaryScheme) -> float:
    """Time between two judgements, in seconds."""
    return min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, scheme.interval_s / LOOKS_PER_STEP))


def signs(seen: CanarySight) -> tuple[Finding, ...]:
    """What needs no numbers: a canary that crashes is worse."""
    if seen.crashes == 0:
        return ()
    times = "once" if seen.crashes == 1 else f"{seen.crashes} times"
    return (Finding("restarts", Verdict.WORSE, float(seen.crashes), 0.0, "", f"its pods crashed {times}"),)


def _audited(before: Release, after: Release) -> tuple[AuditPhase | None, str]:
    """The audit row of a change that the cluster is told next, or has taken over."""
    was, now = before.canary or CanaryCourse(), after.canary or CanaryCourse()
    if now.ending and not was.ending:
        return AuditPhase.INTENT, f"take it down: {now.ending}"
    if now.asked != was.asked:
        return AuditPhase.INTENT, f"share {now.asked} %"
    if now.reached_at is not None and was.reached_at is None:
        got = "" if now.achieved is None else f", got {now.achieved:.0f} %"
        return AuditPhase.RESULT, f"share {now.asked} %{got}"
    return None, ""
