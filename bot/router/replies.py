"""Answers that several handlers give."""

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, bold, channel, code
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.router.call import Call, Reply, Source


def follow(call: Call, release: Release) -> Reply:
    """Nothing where the release's card is in sight; else where to look."""
    told_in = call.ctx.catalog.environments[release.target.environment].channel
    here = told_in is None or told_in in (call.channel, f"#{call.channel_name}")
    if here and call.source is not Source.MENTION:
        return Reply.nothing()
    plan = release.plan
    doing = {
        ReleaseKind.ROLLBACK: "Rolling back to",
        ReleaseKind.RESTART: "Restarting",
        ReleaseKind.CANARY: "Canary of",
    }.get(plan.kind, "Releasing")
    if release.is_aborting or release.phase is ReleasePhase.ABORTED:
        doing = "Stopping"
    where = "" if told_in is None else f" Follow it in {channel(told_in)}."
    waits = " It waits for an approval." if release.phase is ReleasePhase.AWAITING_APPROVAL else ""
    text = (
        f"{doing} {bold(plan.target.service)} {code(plan.to_version)} in {bold(plan.target.environment)}.{waits}{where}"
    )
    return Reply(note_card(Mrkdwn(text)))
