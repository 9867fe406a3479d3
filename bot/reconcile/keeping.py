"""The keeping of releases: row, audit, lock, card and notes of a step, in one transaction.

Called by the release loop and its canary part. Holds no state but when a card was drawn last and which notes were told,
which a restart may forget: cards are edited, notes have subjects.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.cards.canary import reminder_note
from bot.cards.release import subject_of, trouble_note
from bot.context import Context
from bot.domain.canary.steering import left_standing, refused
from bot.domain.names import ReleaseId
from bot.domain.release import Outcome, Release, ReleasePhase
from bot.errors import Refused
from bot.failpoints import reach
from bot.store import approvals, audit, outbox, releases
from bot.usecases.alert_releases import redraw_alerts, tell_alerts
from bot.usecases.holds import hold_after_rollback
from bot.usecases.releases import channel_of, put_card

log = structlog.get_logger()
REFRESH_CARD = timedelta(seconds=3)
"""How often a moving card is redrawn when only the time has passed; times the number of releases that move, since all
edits of the workspace share a limit of Slack's."""


class ReleaseKeeper:
    """Saves what the loop decides. `hurry` is called for a release that somebody else changed meanwhile."""

    def __init__(self, ctx: Context, hurry: Callable[[ReleaseId], None]) -> None:
        self._ctx = ctx
        self._hurry = hurry
        self._drawn_at: dict[ReleaseId, datetime] = {}
        self._noted: dict[ReleaseId, set[str]] = {}
        self.moving = 0
        """How many releases move now."""

    def forget(self, live: set[ReleaseId]) -> None:
        """Drop what is known of releases that are over."""
        for known in (self._drawn_at, self._noted):
            for release_id in [key for key in known if key not in live]:
                del known[release_id]

    async def refused(self, release: Release, error: Refused) -> None:
        """End it: the cluster said no. A canary is taken down first, unless that is what was refused."""
        remedies = {
            "Forbidden": "Give the bot's service account that right (k8s/ has the Role), then retry.",
            "Invalid": "Mend what the API server names, then retry.",
            "revision_gone": f"/deploy {release.target.environment} {release.target.service} {release.plan.to_version}",
        }
        code = "forbidden" if error.code == "Forbidden" else (error.code or "refused").lower()
        outcome = Outcome(
            code, f"{error.system} refused it: {error.text}", remedies.get(error.code, "Mend it, then retry.")
        )
        now = self._ctx.clock()
        if release.canary is not None and not release.canary.ending and not release.canary.promotion:
            await self.save(release, refused(release, outcome, now), audit_phase=audit.AuditPhase.INTENT, reason=code)
            return
        if release.canary is not None:
            right = "Give the bot's service account that right (k8s/ has the Role)"
            remedy = right if error.code == "Forbidden" else "Mend what the API server names"
            why = f"{error.system} refused to take it down: {error.text}."
            await self.save(release, left_standing(release, why, remedy, now))
            return
        phase = ReleasePhase.ABORTED if release.abort_by else ReleasePhase.FAILED
        await self.save(release, release.finished(phase, outcome, now))

    async def notice(self, release: Release, text: str) -> None:
        """Say on the card what holds it up."""
        log.warning("release.held_up", release=release.id, text=text)
        async with self._ctx.database.read() as connection:
            fresh = await releases.get(connection, release.id)
        if fresh is not None and not fresh.phase.is_over and fresh.notice != text:
            await self.save(fresh, replace(fresh, notice=text))

    async def save(
        self,
        before: Release,
        after: Release,
        *,
        audit_phase: audit.AuditPhase | None = None,
        reason: str = "",
        notes: Sequence[outbox.Draft] = (),
        uses_approvals: bool = False,
    ) -> Release | None:
        """Row, audit, lock, card and notes of a step in one transaction; None when a person was faster (an abort).

        `uses_approvals`: it is the start that they allow, and the only one.
        """
        ctx, now = self._ctx, self._ctx.clock()
        if after == before and not self._redraw(before.id, now):
            return before
        ended = after.phase.is_over and not before.phase.is_over
        async with ctx.database.write() as connection:
            saved = after if after == before else await releases.save(connection, after)
            if saved is None:
                self._hurry(before.id)
                return None
            if uses_approvals and after.approvals_needed:
                used = await approvals.use(connection, after.id, plan_hash=after.plan_hash, now=now)
                assert used, f"the approvals of {after.id} were used before"
            if ended:
                await releases.free_lock(connection, after.target, release_id=after.id)
                await hold_after_rollback(ctx, connection, saved)
                audit_phase = audit.AuditPhase.RESULT
            if audit_phase is not None:
                await audit.append(connection, _entry(after, audit_phase, now, reason))
            await put_card(ctx, connection, saved)
            if saved.step != before.step or ended:
                await redraw_alerts(ctx, connection, saved)
            if ended:
                await tell_alerts(ctx, connection, saved)
            for draft in (*notes, *self._new_notes(saved), *self._reminders(before, saved)):
                await outbox.add(connection, draft, now=now)
            reach("release.in_save")
            if ended:
                reach("release.before_end")
        if ended:
            reach("release.after_end")
        self._drawn_at[before.id] = now
        if ended:
            log.info("release.over", release=after.id, phase=after.phase, target=str(after.target))
        ctx.bells.outbox.ring()
        return saved

    def _redraw(self, release_id: ReleaseId, now: datetime) -> bool:
        return now - self._drawn_at.setdefault(release_id, now) >= REFRESH_CARD * max(1, self.moving)

    def _reminders(self, before: Release, after: Release) -> Iterator[outbox.Draft]:
        """That a canary waits for a decision; in the same transaction as the row that says it was told."""
        told = before.canary.reminded_at if before.canary else None
        if after.canary is None or after.canary.reminded_at == told:
            return
        yield outbox.Draft(
            kind=outbox.OutboxKind.CARD,
            channel=channel_of(self._ctx, after.target) or after.asked_in or "",
            body=reminder_note(after).body(),
            subject=f"reminder:{after.id}",
            thread_subject=subject_of(after),
        )

    def _new_notes(self, release: Release) -> list[outbox.Draft]:
        """Details of troubles, for the card's thread; cards themselves, so that a restart repeats none."""
        noted = self._noted.setdefault(release.id, set())
        drafts = []
        for trouble in release.troubles:
            if trouble.code not in noted or (trouble.log_tail and f"{trouble.code}+log" not in noted):
                noted |= {trouble.code, f"{trouble.code}+log"} if trouble.log_tail else {trouble.code}
                drafts.append(
                    outbox.Draft(
                        kind=outbox.OutboxKind.CARD,
                        channel=channel_of(self._ctx, release.target) or release.asked_in or "",
                        body=trouble_note(trouble).body(),
                        subject=f"trouble:{release.id}:{trouble.code}",
                        thread_subject=subject_of(release),
                    )
                )
        return drafts


def _entry(release: Release, phase: audit.AuditPhase, now: datetime, reason: str) -> audit.Entry:
    told = reason or (
        release.outcome.code if release.outcome else f"{release.plan.from_image} -> {release.plan.to_image}"
    )
    if phase is audit.AuditPhase.RESULT:
        told = f"{release.phase}: {told}"
    return audit.Entry(
        now,
        release.requested_by,
        f"release.{release.plan.kind}",
        str(release.target),
        phase,
        told,
        release.id,
        release.plan_hash,
    )
