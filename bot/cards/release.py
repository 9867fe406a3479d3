"""The release card: one message per release, edited through its life. First line: what, where, state."""

from datetime import datetime

from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, person, pre
from bot.cards.overlay import commit_words, overlay_lines
from bot.cards.promotion import promotion_lines
from bot.domain.digests import short
from bot.domain.images import digest_of
from bot.domain.release import CONFIRMATION_VALID, Outcome, Progress, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble

BAR_CELLS = 10
EVENT_TYPE = "kajitori_release"


_ENDED = {
    "rejected": "was rejected",
    "expired": "was not approved in time",
    "plan_changed": "was not started",
    "frozen": "was not started",
}
"""How a release ended that was never begun, by the code of its outcome."""


def release_card(release: Release, now: datetime) -> Card:
    """The message of a release as it stands at `now`."""
    first = _first_line(release, now)
    blocks: list[Block] = [section(first)]
    if release.break_glass:
        blocks.append(section(Mrkdwn(f"🚨 *Break-glass*, past the rules: {esc(release.break_glass)}")))
    second = _second_line(release, now)
    if second:
        blocks.append(section(second))
    blocks += [section(line) for line in (*promotion_lines(release), *overlay_lines(release), *_warnings(release))]
    blocks.append(_small_print(release))
    blocks += actions(f"release:{release.id}:{release.step}", _buttons(release))
    return Card(_lock_screen(release, now), tuple(blocks), metadata_of(release))


def subject_of(release: Release) -> str:
    """Outbox subject of a release's card."""
    return f"release:{release.id}"


def metadata_of(release: Release) -> dict[str, object]:
    """What other apps read of a release's card."""
    plan = release.plan
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "release": release.id,
            "environment": plan.target.environment,
            "service": plan.target.service,
            "from_version": plan.from_version,
            "to_version": plan.to_version,
            "phase": release.phase.value,
            "kind": plan.kind.value,
        },
    }


def _first_line(release: Release, now: datetime) -> Mrkdwn:
    service, where = bold(release.plan.target.service), bold(release.plan.target.environment)
    change = _change(release)
    if release.is_aborting:
        return Mrkdwn(
            f"⏪ Aborting {service} {code(release.plan.to_version)} in {where}: "
            f"putting {code(release.plan.from_version)} back"
        )
    match release.phase:
        case ReleasePhase.AWAITING_CONFIRMATION:
            return Mrkdwn(f"👀 {_noun(release)} of {service} {change} to {where}: is this what you want?")
        case ReleasePhase.AWAITING_APPROVAL:
            return Mrkdwn(f"✋ {_noun(release)} of {service} {change} to {where} waits for approval")
        case ReleasePhase.QUEUED | ReleasePhase.PROGRESSING:
            return Mrkdwn(f"⏳ {_doing(release)} {service} {change} {_to_or_in(release)} {where}")
        case ReleasePhase.PAUSED:
            return Mrkdwn(f"⏸️ {_noun(release)} of {service} {change} to {where} is paused")
        case ReleasePhase.SUCCEEDED:
            took = duration(release.took_s(now))
            told = f", {esc(release.outcome.text)}" if release.outcome and release.outcome.text else ""
            return Mrkdwn(f"✅ {service} {code(release.plan.to_version)} runs in {where} · {took}{told}")
        case ReleasePhase.FAILED:
            return Mrkdwn(f"❌ {service} {code(release.plan.to_version)} failed in {where}: {_cause(release.outcome)}")
        case ReleasePhase.ABORTED:
            ended = _ENDED.get(release.outcome.code if release.outcome else "", "was aborted")
            return Mrkdwn(f"⏹️ {_noun(release)} of {service} {code(release.plan.to_version)} to {where} {ended}")
        case ReleasePhase.SUPERSEDED:
            return Mrkdwn(f"↪️ {_noun(release)} of {service} {code(release.plan.to_version)} to {where} was superseded")


def _lock_screen(release: Release, now: datetime) -> Mrkdwn:
    """The card as one sentence, without marks."""
    first = _first_line(release, now).replace("*", "").replace("`", "")
    progress = release.progress
    if not release.phase.is_over and progress is not None:
        return Mrkdwn(f"{first}: {progress.updated} of {progress.desired} pods updated, {progress.ready} ready")
    if release.phase in (ReleasePhase.FAILED, ReleasePhase.ABORTED, ReleasePhase.SUPERSEDED) and release.outcome:
        return Mrkdwn(f"{first}. {esc(release.outcome.text)}")
    return Mrkdwn(first)


def _second_line(release: Release, now: datetime) -> Mrkdwn:
    """The one number that matters while it moves; what it means when it is over."""
    outcome = release.outcome
    match release.phase:
        case ReleasePhase.AWAITING_CONFIRMATION:
            minutes = round(CONFIRMATION_VALID.total_seconds() / 60)
            return Mrkdwn(
                f"{person(release.requested_by)}, look at what it would change; confirm in {minutes} minutes."
            )
        case ReleasePhase.AWAITING_APPROVAL:
            missing = release.approvals_needed - len(release.approved_by)
            people = "one more person" if missing == 1 else f"{missing} more people"
            return Mrkdwn(
                f"Needs a yes from {people} with the role approver, other than {person(release.requested_by)}, "
                f"until {clock(release.approvals_until)}."
            )
        case ReleasePhase.QUEUED | ReleasePhase.PROGRESSING | ReleasePhase.PAUSED:
            return _motion(release, now)
        case ReleasePhase.SUCCEEDED:
            return Mrkdwn("")
        case ReleasePhase.FAILED | ReleasePhase.ABORTED | ReleasePhase.SUPERSEDED:
            parts = [esc(outcome.text) if outcome else "", _still_serving(release)]
            if outcome and outcome.remedy:
                parts.append(f"*Next:* {esc(outcome.remedy)}")
            return Mrkdwn("\n".join(part for part in parts if part))


def _motion(release: Release, now: datetime) -> Mrkdwn:
    progress = release.progress
    elapsed = duration(release.took_s(now))
    expected = f" of about {duration(release.expected_s)}" if release.expected_s else ""
    if progress is None:
        return Mrkdwn(f"{_bar(None)}  waiting for the cluster to take it · {elapsed}{expected}")
    counts = f"{progress.updated} of {progress.desired} pods updated, {progress.ready} ready"
    return Mrkdwn(f"{_bar(progress)}  {counts} · {elapsed}{expected}")


def _bar(progress: Progress | None) -> str:
    """Half for updated pods, half for ready ones, so that it only fills when both are."""
    if progress is None or progress.desired == 0:
        return "▱" * BAR_CELLS
    share = (min(progress.updated, progress.desired) + min(progress.ready, progress.updated)) / (2 * progress.desired)
    filled = min(BAR_CELLS, int(share * BAR_CELLS))
    return "▰" * filled + "▱" * (BAR_CELLS - filled)


def _warnings(release: Release) -> list[Mrkdwn]:
    lines: list[Mrkdwn] = []
    if release.phase.is_over:
        return lines
    if release.notice:
        lines.append(Mrkdwn(f"⚠️ {esc(release.notice)}"))
    if release.phase is ReleasePhase.PAUSED and release.outcome:
        lines.append(Mrkdwn(f"{esc(release.outcome.text)} {esc(release.outcome.remedy)}"))
    for trouble in release.troubles[:2]:
        pods = f" ({trouble.pods} pods)" if trouble.pods > 1 else ""
        lines.append(Mrkdwn(f"⚠️ {esc(trouble.text)}{pods}\n{esc(trouble.remedy)}"))
    return lines


def _still_serving(release: Release) -> Mrkdwn:
    """What a failed rollout leaves running: the old pods that are still ready."""
    progress = release.progress
    if release.phase is not ReleasePhase.FAILED or progress is None or release.plan.kind is ReleaseKind.RESTART:
        return Mrkdwn("")
    if progress.ready <= 0:
        return Mrkdwn("*No pod is ready: the service is down.*")
    return Mrkdwn(f"{progress.ready} of {progress.desired} pods are ready and serve.")


def _small_print(release: Release) -> Block:
    plan = release.plan
    parts = [Mrkdwn(f"asked by {person(release.requested_by)} at {clock(release.requested_at)}"), esc(plan.origin)]
    if plan.is_pinned:
        parts.append(code(short(digest_of(plan.to_image))))
    parts += commit_words(release)
    if not plan.checked:
        parts.append(Mrkdwn("⚠️ not checked: the registry could not be asked"))
    if release.reason:
        parts.append(Mrkdwn(f"because: {esc(release.reason, 200)}"))
    if release.approved_by:
        parts.append(Mrkdwn("approved by " + ", ".join(person(user) for user in release.approved_by)))
    if release.rejected_by:
        parts.append(Mrkdwn(f"rejected by {person(release.rejected_by)}"))
    if release.abort_by:
        parts.append(Mrkdwn(f"aborted by {person(release.abort_by)}"))
    if release.phase is ReleasePhase.SUCCEEDED and plan.from_version != plan.to_version:
        parts.append(Mrkdwn(f"replaced {code(plan.from_version)}"))
    if release.passes:
        parts.append(Mrkdwn(f"🔓 past the lock of {person(release.passes)}"))
    if release.followed_by:
        parts.append(Mrkdwn(f"gone on in {code(release.followed_by[-4:].lower())}"))
    parts.append(code(release.id[-4:].lower()))
    return context(*parts)


def _buttons(release: Release) -> list[Block]:
    value = f"{release.id}:{release.step}"
    plan = release.plan
    details = button("Details", "release.details", value)
    if release.phase is ReleasePhase.AWAITING_CONFIRMATION:
        return [
            button("Confirm", "release.confirm", value, style="primary"),
            button("Withdraw", "release.abort", value),
        ]
    if release.phase is ReleasePhase.AWAITING_APPROVAL:
        return [
            button("Approve", "release.approve", value, style="primary"),
            button("Reject…", "release.reject", value),
            button("Withdraw", "release.abort", value),
        ]
    if not release.phase.is_over:
        if release.is_aborting:
            return [details]
        question = Mrkdwn(
            f"{bold(plan.target.service)} goes back to {code(plan.from_version)} in {bold(plan.target.environment)}."
        )
        ask = confirm("Abort this release?", question, "Abort", "Let it go on")
        return [button("Abort", "release.abort", value, style="danger", confirm=ask), details]
    shown: list[Block] = []
    # A rollback left its version behind on purpose: no button leads there again.
    undoable = plan.from_version != plan.to_version and plan.kind is not ReleaseKind.ROLLBACK
    if release.followed_by is not None:
        return [details]
    if plan.is_undone_by_overlay and release.phase is ReleasePhase.SUCCEEDED:
        shown.append(button("Open a branch", "release.branch", value))
    if release.phase in (ReleasePhase.SUCCEEDED, ReleasePhase.FAILED) and undoable:
        question = Mrkdwn(
            f"{bold(plan.target.service)} in {bold(plan.target.environment)} goes back to {code(plan.from_version)}."
        )
        ask = confirm("Roll back?", question, "Roll back")
        style = "primary" if release.phase is ReleasePhase.FAILED else None
        shown.append(button(f"Roll back to {plan.from_version}", "release.rollback", value, style=style, confirm=ask))
    if release.phase in (ReleasePhase.FAILED, ReleasePhase.ABORTED, ReleasePhase.SUPERSEDED):
        shown.append(button("Retry", "release.retry", value))
    return [*shown, details]


def _cause(outcome: Outcome | None) -> str:
    """The failure in a few words for the first line."""
    words = {
        "image_missing": "the image does not exist",
        "image_pull": "the image can't be pulled",
        "crash_loop": "it crashes after its start",
        "oom_killed": "it runs out of memory",
        "config_error": "its configuration is incomplete",
        "unschedulable": "no node has room for it",
        "quota": "the namespace's quota is used up",
        "not_ready": "it does not become ready",
        "other_image": "another image runs than the one planned",
        "deadline": "it did not get ready in time",
        "deleted": "the workload was deleted",
        "paused": "the workload is paused",
        "forbidden": "the cluster did not allow it",
    }
    return words.get(outcome.code, "see below") if outcome else "see below"


def phase_mark(release: Release) -> str:
    """One sign for where a release stands, as in its card's first line."""
    return {
        ReleasePhase.AWAITING_CONFIRMATION: "👀",
        ReleasePhase.AWAITING_APPROVAL: "✋",
        ReleasePhase.QUEUED: "⏳",
        ReleasePhase.PROGRESSING: "⏳",
        ReleasePhase.PAUSED: "⏸️",
        ReleasePhase.SUCCEEDED: "✅",
        ReleasePhase.FAILED: "❌",
        ReleasePhase.ABORTED: "⏹️",
        ReleasePhase.SUPERSEDED: "↪️",
    }[release.phase]


def _change(release: Release) -> str:
    plan = release.plan
    if plan.kind is ReleaseKind.RESTART or plan.from_version == plan.to_version:
        return code(plan.to_version)
    return f"{code(plan.from_version)} → {code(plan.to_version)}"


def _doing(release: Release) -> str:
    return {ReleaseKind.ROLLBACK: "Rolling back", ReleaseKind.RESTART: "Restarting"}.get(release.plan.kind, "Releasing")


def _to_or_in(release: Release) -> str:
    return "in" if release.plan.kind in (ReleaseKind.ROLLBACK, ReleaseKind.RESTART) else "to"


def _noun(release: Release) -> str:
    return {ReleaseKind.ROLLBACK: "Rollback", ReleaseKind.RESTART: "Restart"}.get(release.plan.kind, "Release")


def duration(seconds: float) -> str:
    """`0:24`, `12:05`, `1:02:33`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def trouble_note(trouble: PodTrouble) -> Card:
    """Details of one trouble, for the release's thread: the pod, the last lines of its log."""
    head = Mrkdwn(f"{esc(trouble.text)}\n{esc(trouble.remedy)}")
    blocks: list[Block] = [section(head)]
    if trouble.log_tail:
        blocks.append(section(Mrkdwn(f"Last words of {code(trouble.pod)}:\n{pre(chr(10).join(trouble.log_tail))}")))
    elif trouble.pod:
        blocks.append(context(Mrkdwn(f"Pod {code(trouble.pod)}")))
    return Card(head, tuple(blocks))
