"""What a release applies beside the image: a few lines for its card, and the whole diff for its thread."""

from collections.abc import Iterator

from bot.cards.card import Block, Card, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc, pre
from bot.domain.manifests.overlay import ObjectChange, OverlayPlan, Verb, short
from bot.domain.release import Release, ReleasePhase

MOST_NAMED = 6
"""Objects on the card; the thread has them all."""
MOST_COMMITS_NAMED = 5
_SIGNS = {Verb.CREATE: "➕", Verb.CHANGE: "✏️", Verb.PRUNE: "🗑️", Verb.LEAVE: "👻"}


def overlay_lines(release: Release) -> list[Mrkdwn]:
    """For the card: while it waits, what would change and since which commits; later, in one line, what was applied."""
    plan, overlay = release.plan, release.plan.overlay
    if plan.is_undone_by_overlay and release.phase is ReleasePhase.SUCCEEDED:
        return [
            Mrkdwn(
                f"⚠️ The overlay in Git still names {code(plan.from_version)}: whoever applies it brings that back.\n"
                f"*Next:* commit {code(f'newTag: {plan.to_version}')} there."
            )
        ]
    if overlay is None:
        return []
    if release.phase in (ReleasePhase.AWAITING_CONFIRMATION, ReleasePhase.AWAITING_APPROVAL):
        lines = [_what_would_change(overlay), *_commits(overlay)]
        if overlay.forced:
            named = ", ".join(sorted({conflict.manager for conflict in overlay.conflicts})) or "nobody"
            lines.append(Mrkdwn(f"⚠️ Takes fields over from {esc(named)}."))
        return lines
    stays = stays_applied(release)
    return [stays] if stays else []


def stays_applied(release: Release) -> Mrkdwn:
    """What an abort or a failure leaves: only the workload's template is put back."""
    overlay, plan = release.plan.overlay, release.plan
    if overlay is None or release.phase not in (ReleasePhase.ABORTED, ReleasePhase.FAILED) or not release.generation:
        return Mrkdwn("")
    main = (plan.workload.kind, plan.workload.name)
    changed = [
        str(change)
        for change in overlay.changes
        if change.verb in (Verb.CREATE, Verb.CHANGE) and (change.kind.lower(), change.name) != main
    ]
    if not changed:
        return Mrkdwn("")
    named = ", ".join(esc(name) for name in changed[:MOST_NAMED])
    return Mrkdwn(f"These stay as they were applied: {named}{_more(len(changed) - MOST_NAMED)}.")


def commit_words(release: Release) -> list[Mrkdwn]:
    """For the small print: which commit of the overlay."""
    overlay = release.plan.overlay
    return [] if overlay is None else [Mrkdwn(f"overlay at {code(short(overlay.commit.sha))}")]


def diff_notes(release: Release) -> list[Card]:
    """The whole diff for the release's thread, an object a block; more than one message when it is long."""
    overlay = release.plan.overlay
    if overlay is None:
        return []
    blocks = [block for change in overlay.changes for block in _object(change)]
    head = Mrkdwn(f"What {bold(release.plan.target.service)} in {bold(release.plan.target.environment)} would change")
    per_note = 20
    return [
        Card(head, (section(head) if start == 0 else context(Mrkdwn("… goes on")), *blocks[start : start + per_note]))
        for start in range(0, len(blocks), per_note)
    ][:4]


def _what_would_change(overlay: OverlayPlan) -> Mrkdwn:
    changed = [change for change in overlay.changes if change.verb is not Verb.KEEP]
    if not changed:
        return Mrkdwn(f"Nothing else would change: {code(overlay.overlay)} is as the cluster has it.")
    named = "\n".join(_line(change) for change in changed[:MOST_NAMED])
    same = len(overlay.changes) - len(changed)
    rest = f"\n{same} more stay as they are." if same else ""
    return Mrkdwn(f"It would change, line by line in the thread:\n{named}{_more(len(changed) - MOST_NAMED)}{rest}")


def _line(change: ObjectChange) -> Mrkdwn:
    name = bold(str(change))
    match change.verb:
        case Verb.CREATE:
            what = "is new"
        case Verb.CHANGE:
            what = "1 line" if len(change.lines) == 1 else f"{len(change.lines)} lines"
        case Verb.PRUNE:
            what = "left the overlay: it is deleted once the new version runs"
        case Verb.LEAVE:
            what = "left the overlay: it stays in the cluster"
        case Verb.KEEP:
            what = "stays as it is"
    return Mrkdwn(f"{_SIGNS.get(change.verb, '')} {name} {what}")


def _commits(overlay: OverlayPlan) -> Iterator[Mrkdwn]:
    if not overlay.commits:
        return
    lines = "\n".join(
        f"• {code(short(note.sha))} {esc(note.title)} — {esc(note.author)}"
        for note in overlay.commits[:MOST_COMMITS_NAMED]
    )
    left = len(overlay.commits) - MOST_COMMITS_NAMED + overlay.commits_left_out
    yield Mrkdwn(f"Commits since the one that runs:\n{lines}{_more(left)}")


def _object(change: ObjectChange) -> Iterator[Block]:
    if change.verb is Verb.KEEP:
        return
    yield section(_line(change))
    if change.lines:
        yield section(pre("\n".join(change.lines)))


def _more(left: int) -> str:
    return f"\nand {left} more" if left > 0 else ""
