"""The buttons of an alert's card, by how it stands: safe ones first, five at most."""

from datetime import datetime

from bot.cards.alert_words import Around
from bot.cards.card import Block, button, confirm, select
from bot.cards.mrkdwn import Mrkdwn, bold, code
from bot.domain.alert import Alert
from bot.domain.handling import Handling, Standing
from bot.domain.release import Release, ReleaseKind, ReleasePhase

MUTES = (("30 minutes", "30m"), ("1 hour", "1h"), ("4 hours", "4h"), ("until tomorrow 9:00", "tomorrow"))
"""Label and span of each choice of the menu."""


def alert_buttons(alert: Alert, now: datetime, around: Around) -> list[Block]:
    """Safe ones first; what changes something for good asks before it does."""
    value = f"{alert.id}:{alert.step}"
    note = button("Note…", "alert.note", value)
    if alert.is_over:
        return [note]
    handling = around.handling or Handling(alert.id)
    row = [
        button("Acknowledge", "alert.acknowledge", value, style="primary")
        if alert.taken_by is None
        else button("Unacknowledge", "alert.unacknowledge", f"{value}:{alert.taken_by}")
    ]
    if handling.mute is not None and handling.mute.is_quiet(now):
        row.append(button("Unmute", "alert.unmute", value))
    else:
        row.append(select("Mute…", "alert.mute", [(label, f"{value}:{span}") for label, span in MUTES]))
    back = _way_back(around.released)
    if back is not None:
        row.append(back)
    page = handling.page
    if alert.taken_by is not None and page is not None and page.id and page.resolved is not Standing.DONE:
        question = Mrkdwn("The page ends in Datadog On-Call: nobody is called by it any more. The alert stays open.")
        ask = confirm("Resolve the page?", question, "Resolve page", danger=False)
        row.append(button("Resolve page", "alert.resolve", value, confirm=ask))
    else:
        row.append(button("Escalate…", "alert.escalate", value))
    return [*row, note]


def _way_back(release: Release | None) -> Block | None:
    """The button of the release before it that stops it or takes it back, as that release's own card has it."""
    if release is None or release.followed_by is not None:
        return None
    plan = release.plan
    if release.phase in (ReleasePhase.PROGRESSING, ReleasePhase.PAUSED):
        if release.is_aborting:
            return None
        question = Mrkdwn(
            f"{bold(plan.target.service)} goes back to {code(plan.from_version)} in {bold(plan.target.environment)}."
        )
        ask = confirm("Abort this release?", question, "Abort", "Let it go on")
        return button("Abort the release", "release.abort", f"{release.id}:{release.step}", style="danger", confirm=ask)
    undoable = plan.from_version != plan.to_version and plan.kind is not ReleaseKind.ROLLBACK
    if not undoable or release.phase not in (ReleasePhase.SUCCEEDED, ReleasePhase.FAILED):
        return None
    question = Mrkdwn(
        f"{bold(plan.target.service)} in {bold(plan.target.environment)} goes back to {code(plan.from_version)}."
    )
    ask = confirm("Roll back?", question, "Roll back")
    label = f"Roll back to {plan.from_version}"
    return button(label, "release.rollback", f"{release.id}:{release.step}", style="danger", confirm=ask)
