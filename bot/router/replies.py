"""Answers that several handlers give."""

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, bold, channel, code
from bot.domain.names import EnvironmentName
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.router.call import Call, Reply, Source


def is_told_here(call: Call, environment: EnvironmentName) -> bool:
    """Whether what happens in an environment is told where it was asked, so that its card is answer enough."""
    told_in = call.ctx.catalog.environments[environment].channel
    is_here = told_in is None or told_in in (call.channel, f"#{call.channel_name}")
    return is_here and call.source is not Source.MENTION


def follow(call: Call, release: Release) -> Reply:
    """Nothing where the release's card is in sight; else where to look."""
    told_in = call.ctx.catalog.environments[release.target.environment].channel
    if is_told_here(call, release.target.environment):
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
