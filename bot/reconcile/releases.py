"""The release loop: observe → decide → act → save, for every release that is not over.

Starts from the rows alone; killed at any instruction it goes on where the cluster is. Each write to a cluster is
decided from a reading of just now and is conditional on it; a lost reply is read back, never sent again blind.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.domain.approval import Due, due
from bot.domain.names import ReleaseId
from bot.domain.redaction import redact
from bot.domain.release import APPROVAL_VALID, CONFIRMATION_VALID, Outcome, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import Observation, PodTrouble, Workload
from bot.domain.steering import PassSteps, Save, decide_progress, decide_start
from bot.domain.troubles import troubles as find_troubles
from bot.errors import Conflict, NotFound, OutsideError, Refused, TooBusy
from bot.failpoints import reach
from bot.kube import workloads
from bot.reconcile.acts import write
from bot.reconcile.approvals import called_draft, reminder_draft, why_not_start
from bot.reconcile.canaries import CanarySteps
from bot.reconcile.canary_sweep import CanarySweep
from bot.reconcile.keeping import ReleaseKeeper
from bot.reconcile.loop import Crew
from bot.reconcile.numbers import numbers
from bot.reconcile.overlays import prune
from bot.store import audit, releases

log = structlog.get_logger()
READS_PER_S = 10.0
"""Budget of reads per second on all API servers together: beyond it every release is looked at less often."""
READS_PER_LOOK = 4
FASTEST_LOOK_S = 0.4
CONFLICT_TRIES = 5
CLAIM = timedelta(seconds=60)
AFTER_A_BUG = timedelta(seconds=5)
"""Until a release is looked at again whose look raised something that nobody had thought of."""


class ReleaseLoop:
    """Carries releases out."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()
        self._look_at: dict[ReleaseId, datetime] = {}
        self.keeper = ReleaseKeeper(ctx, self._hurry)
        self._canaries = CanarySteps(ctx, self.keeper, numbers, self.crew)
        self._sweep = CanarySweep(ctx)

    async def recover(self) -> None:
        """Once, before the first turn: what a dead process was working on is free at once, not after its claim."""
        async with self._ctx.database.write() as connection:
            await releases.give_up_claims(connection)

    async def turn(self) -> float:
        """Start what is due; seconds until something is due again."""
        now = self._ctx.clock()
        async with self._ctx.database.read() as connection:
            rows = await releases.live(connection)
        self._forget({row.id for row in rows})
        self.keeper.moving = sum(1 for row in rows if row.phase is ReleasePhase.PROGRESSING)
        waits = [15.0]
        if self._sweep.is_due and self._sweep not in self.crew:
            self.crew.start(self._sweep, self._sweep.sweep(), then=self._ctx.bells.releases.ring)
        for release in rows:
            wait_s = (self._look_at.get(release.id, now) - now).total_seconds()
            if wait_s > 0 and not self._is_urgent(release):
                waits.append(wait_s)
            elif release.id not in self.crew:
                self.crew.start(release.id, self._advance(release.id, len(rows)), then=self._ctx.bells.releases.ring)
        return min(waits)

    def _is_urgent(self, release: Release) -> bool:
        """An abort is not kept waiting for the next look."""
        if release.canary is not None and release.canary.ending:
            return False
        return release.abort_by is not None and release.undo_generation is None

    def _hurry(self, release_id: ReleaseId) -> None:
        """Somebody changed it: look at once."""
        self._look_at.pop(release_id, None)
        self._ctx.bells.releases.ring()

    def _forget(self, live: set[ReleaseId]) -> None:
        self.keeper.forget(live)
        self._canaries.forget(live)
        for release_id in [key for key in self._look_at if key not in live]:
            del self._look_at[release_id]

    async def _advance(self, release_id: ReleaseId, load: int) -> None:
        """One look at one release, and what follows from it."""
        ctx, now = self._ctx, self._ctx.clock()
        async with ctx.database.write() as connection:
            if not await releases.claim(connection, release_id, worker=ctx.worker, now=now, until=now + CLAIM):
                self._look_at[release_id] = now + CLAIM
                return
            release = await releases.get(connection, release_id)
        if release is None or release.phase.is_over:
            return
        again_s = max(FASTEST_LOOK_S, load * READS_PER_LOOK / READS_PER_S)
        # Before the look: should it raise what is not caught here, the next one must not follow at once, for ever.
        self._look_at[release_id] = now + AFTER_A_BUG
        try:
            await self._step(release)
        except TooBusy as error:
            again_s = max(again_s, error.retry_after_s)
            await self.keeper.notice(release, f"{error.system} is busy; looking again in {round(again_s)} s.")
        except OutsideError as error:
            again_s = max(again_s, 2.0)
            await self.keeper.notice(release, _why_blind(error))
        self._look_at[release_id] = ctx.clock() + timedelta(seconds=again_s)

    async def _step(self, release: Release) -> None:
        match release.phase:
            case ReleasePhase.AWAITING_CONFIRMATION:
                await self._forget_unconfirmed(release)
            case ReleasePhase.AWAITING_APPROVAL:
                await self._await_approval(release)
            case ReleasePhase.QUEUED:
                await self._begin(release)
            case ReleasePhase.PROGRESSING | ReleasePhase.PAUSED if release.plan.kind is ReleaseKind.CANARY:
                await self._canaries.step(release)
            case ReleasePhase.PROGRESSING | ReleasePhase.PAUSED if release.generation is None:
                await self._start(release)
            case ReleasePhase.PROGRESSING | ReleasePhase.PAUSED:
                await self._watch(release)
            case ReleasePhase.SUCCEEDED | ReleasePhase.FAILED | ReleasePhase.ABORTED | ReleasePhase.SUPERSEDED:
                pass

    async def _forget_unconfirmed(self, release: Release) -> None:
        now = self._ctx.clock()
        if now - release.requested_at >= CONFIRMATION_VALID:
            minutes = round(CONFIRMATION_VALID.total_seconds() / 60)
            outcome = Outcome("unconfirmed", f"It was not confirmed within {minutes} minutes.", "Ask for it again.")
            await self.keeper.save(release, release.finished(ReleasePhase.ABORTED, outcome, now))

    async def _await_approval(self, release: Release) -> None:
        """Call the approvers, once at the start and once before the end; then the end."""
        now = self._ctx.clock()
        match due(release.requested_at, release.called_at, release.reminded_at, now):
            case Due.NOTHING:
                return
            case Due.CALL:
                called = replace(release, called_at=now)
                note = await called_draft(self._ctx, called)
            case Due.REMIND:
                called = replace(release, reminded_at=now)
                note = await reminder_draft(self._ctx, called)
            case Due.EXPIRE:
                minutes = round(APPROVAL_VALID.total_seconds() / 60)
                outcome = Outcome("expired", f"Nobody approved it within {minutes} minutes.", "Ask for it again.")
                await self.keeper.save(release, release.finished(ReleasePhase.ABORTED, outcome, now))
                return
        await self.keeper.save(release, called, notes=(note,))

    async def _begin(self, release: Release) -> None:
        """The intent is on disk, with its audit row, before anything is written to the cluster."""
        reach("release.before_intent")
        now = self._ctx.clock()
        hindrance = await why_not_start(self._ctx, release)
        if hindrance is not None:
            await self.keeper.save(release, release.finished(ReleasePhase.ABORTED, hindrance, now))
            return
        started = release.moved(phase=ReleasePhase.PROGRESSING, started_at=now, progressed_at=now)
        saved = await self.keeper.save(release, started, audit_phase=audit.AuditPhase.INTENT, uses_approvals=True)
        reach("release.after_intent")
        if saved is not None:
            await self._step(saved)

    async def _start(self, release: Release) -> None:
        """Make the first write, or find that it was made."""
        for _ in range(CONFLICT_TRIES):
            workload = await self._read(release)
            decision = decide_start(release, workload, self._ctx.clock())
            if isinstance(decision, Save):
                await self.keeper.save(release, decision.release)
                return
            try:
                written = await write(self._ctx, release, workload, decision)
            except Conflict:
                continue
            except Refused as error:
                await self.keeper.refused(release, error)
                return
            reach("release.after_write")
            now = self._ctx.clock()
            await self.keeper.save(
                release, replace(release, generation=written.generation, progressed_at=now, notice="")
            )
            return
        await self.keeper.notice(release, "Somebody else keeps changing the workload; trying again.")

    async def _watch(self, release: Release) -> None:
        seen = await self._observe(release)
        now = self._ctx.clock()
        found = await self._troubles(release, seen, now) if seen is not None else ()
        decision = decide_progress(release, seen, found, now)
        if isinstance(decision, Save):
            await self.keeper.save(release, await self._pruned(decision.release))
            return
        assert seen is not None
        try:
            written = await write(self._ctx, release, seen.workload, decision)
        except Conflict:
            return  # the next look decides again, from what is there then
        except Refused as error:
            await self.keeper.refused(release, error)
            return
        if isinstance(decision, PassSteps):
            return  # its status tells the next look
        reach("release.after_undo")
        await self.keeper.save(
            release, release.moved(undo_generation=written.generation, progressed_at=now, troubles=())
        )

    async def _pruned(self, release: Release) -> Release:
        """What left the overlay goes once the new version runs: until then the old pods may need it."""
        if release.phase is not ReleasePhase.SUCCEEDED or release.outcome is None:
            return release
        stayed = await prune(self._ctx, release)
        if not stayed:
            return release
        text = f"{release.outcome.text}; not removed: {', '.join(stayed)}"
        return replace(release, outcome=replace(release.outcome, text=text))

    async def _read(self, release: Release) -> Workload | None:
        try:
            return await workloads.read(self._ctx.clusters[release.target.environment], release.plan.workload)
        except NotFound:
            return None

    async def _observe(self, release: Release) -> Observation | None:
        try:
            cluster = self._ctx.clusters[release.target.environment]
            return await workloads.observe(cluster, release.plan.workload, with_pods=True)
        except NotFound:
            return None

    async def _troubles(self, release: Release, seen: Observation, now: datetime) -> tuple[PodTrouble, ...]:
        """What keeps new pods from coming up, with the last words of a container that died."""
        told = []
        for trouble in find_troubles(seen, release.plan.container, now=now):
            known = next((old for old in release.troubles if (old.code, old.pod) == (trouble.code, trouble.pod)), None)
            if known is not None and known.log_tail:
                told.append(replace(trouble, log_tail=known.log_tail))
            elif trouble.pod and trouble.code in ("crash_loop", "oom_killed", "not_ready"):
                cluster = self._ctx.clusters[release.target.environment]
                lines = await workloads.last_words(
                    cluster, release.plan.workload.namespace, trouble.pod, trouble.container or release.plan.container
                )
                told.append(replace(trouble, log_tail=tuple(redact(line) for line in lines)))
            else:
                told.append(trouble)
        return tuple(replace(t, text=redact(t.text), remedy=t.remedy) for t in told)


def _why_blind(error: OutsideError) -> str:
    """For the card of a release that can't be looked at now."""
    if isinstance(error, Refused) and error.code == "Forbidden":
        right = "Give the bot's service account that right (k8s/ has the Role)"
        return f"{error.system} does not let me look: {error.text.rstrip('.')}. {right}; still watching."
    return f"{error.system} does not answer ({error.text}); still watching."
