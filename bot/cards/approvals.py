"""What is said to and by approvers: the call, the reminder, the no, and the list of what waits."""

from collections.abc import Sequence

from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, person
from bot.domain.release import Release

MOST_LISTED = 10


def called_note(release: Release, approvers: Mrkdwn) -> Card:
    """In the thread of what waits: who may say yes, called by their groups and names. `approvers` may be empty."""
    missing = release.approvals_needed - len(release.approved_by)
    ask = "one yes is needed" if missing == 1 else f"{missing} yeses are needed"
    who = f"{approvers}: " if approvers else ""
    text = Mrkdwn(
        f"{who}{ask} for {_what(release)}, other than from {person(release.requested_by)}, until {_until(release)}."
    )
    return Card(text, (section(text),))


def reminder_note(release: Release, approvers: Mrkdwn) -> Card:
    """In the thread of what waits: that the time is nearly up."""
    who = f"{approvers}, " if approvers else ""
    text = Mrkdwn(f"⏰ {who}{_what(release)} still waits for approval. Without it, it ends at {_until(release)}.")
    return Card(text, (section(text),))


def rejected_note(release: Release) -> Card:
    """In the thread of what was rejected: to the one who asked."""
    why = esc(release.outcome.text) if release.outcome else ""
    no = person(release.rejected_by or "")
    text = Mrkdwn(f"{person(release.requested_by)}, {no} rejected {_what(release)}: {why}")
    return Card(text, (section(text),))


def waiting_card(found: Sequence[Release]) -> Card:
    """What waits for approval, each with its buttons."""
    if not found:
        text = Mrkdwn("Nothing waits for approval.")
        return Card(text, (section(text),))
    text = Mrkdwn("1 release waits for approval." if len(found) == 1 else f"{len(found)} releases wait for approval.")
    blocks: list[Block] = [section(text)]
    for release in found[:MOST_LISTED]:
        yes = f", {len(release.approved_by)} of {release.approvals_needed} said yes" if release.approved_by else ""
        line = f"{_what(release)} · asked by {person(release.requested_by)}, until {_until(release)}{yes}"
        blocks.append(section(Mrkdwn(f"{line} · {code(release.id[-4:].lower())}")))
        value = f"{release.id}:{release.step}"
        row = [button("Approve", "release.approve", value), button("Reject…", "release.reject", value)]
        blocks += actions(f"waits:{release.id}", row)
    if len(found) > MOST_LISTED:
        blocks.append(context(Mrkdwn(f"{len(found) - MOST_LISTED} more wait.")))
    return Card(text, tuple(blocks))


def _what(release: Release) -> Mrkdwn:
    plan = release.plan
    change = f"{code(plan.from_version)} → {code(plan.to_version)}"
    return Mrkdwn(f"{bold(plan.target.service)} {change} to {bold(plan.target.environment)}")


def _until(release: Release) -> Mrkdwn:
    return clock(release.approvals_until)
