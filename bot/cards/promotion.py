"""Where a promoted version comes from, for its release's card; and how the two overlays differ, for its thread."""

from collections.abc import Iterator
from datetime import timedelta

from bot.cards.card import Block, Card, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc, pre
from bot.domain.promotion import Drift, Promotion, for_how_long
from bot.domain.release import Release, ReleasePhase

MOST_NAMED = 5
"""Objects on the card; the thread has them all."""
PER_NOTE = 20
MOST_NOTES = 3


def promotion_lines(release: Release) -> list[Mrkdwn]:
    """For the card while it waits: what else differs between the two places, and a tag that leads elsewhere."""
    plan, promotion = release.plan, release.plan.promotion
    if promotion is None or release.phase not in (ReleasePhase.AWAITING_CONFIRMATION, ReleasePhase.AWAITING_APPROVAL):
        return []
    lines = [Mrkdwn(f"It is exactly what {bold(promotion.source)} runs{_how_well(promotion)}.")]
    if promotion.tag_moved:
        lines.append(
            Mrkdwn(
                f"⚠️ The tag {code(plan.to_version)} leads to another image by now: the one that "
                f"{bold(promotion.source)} runs is released, by its digest."
            )
        )
    if promotion.compared:
        lines.append(_difference(release, promotion))
    elif plan.overlay is not None:
        lines.append(Mrkdwn(f"⚠️ Not compared with the overlay of {bold(promotion.source)}: it can't be rendered."))
    return lines


def drift_notes(release: Release) -> list[Card]:
    """The differences of the two overlays for the release's thread; none when there are none."""
    promotion, target = release.plan.promotion, release.plan.target
    if promotion is None or not promotion.drift:
        return []
    blocks = [block for each in promotion.drift for block in _object(each, promotion)]
    if promotion.drift_left_out:
        blocks.append(context(Mrkdwn(f"and {promotion.drift_left_out} more objects")))
    head = Mrkdwn(
        f"What the overlay of {bold(target.environment)} has otherwise than the one of {bold(promotion.source)}, "
        "beside image, namespace and number of pods"
    )
    return [
        Card(head, (section(head) if start == 0 else context(Mrkdwn("… goes on")), *blocks[start : start + PER_NOTE]))
        for start in range(0, len(blocks), PER_NOTE)
    ][:MOST_NOTES]


def _how_well(promotion: Promotion) -> Mrkdwn:
    """`, with 3 healthy pods, for 21 h`."""
    count = f", with {promotion.pods} healthy {'pod' if promotion.pods == 1 else 'pods'}" if promotion.pods else ""
    lasted = f", for {for_how_long(timedelta(seconds=promotion.ran_s))}" if promotion.ran_s else ""
    return Mrkdwn(f"{count}{lasted}")


def _difference(release: Release, promotion: Promotion) -> Mrkdwn:
    source, here = bold(promotion.source), bold(release.plan.target.environment)
    if not promotion.drift:
        return Mrkdwn(f"Beside the image, the overlays of {source} and {here} say the same.")
    named = "\n".join(f"• {esc(each.name)} {_how(each, promotion.source)}" for each in promotion.drift[:MOST_NAMED])
    left = len(promotion.drift) + promotion.drift_left_out - MOST_NAMED
    more = f"\nand {left} more" if left > 0 else ""
    return Mrkdwn(f"Beside the image, {here} differs from {source}, line by line in the thread:\n{named}{more}")


def _how(each: Drift, source: str) -> Mrkdwn:
    if not each.there:
        return Mrkdwn(f"is not in {esc(source)}")
    if not each.here:
        return Mrkdwn(f"is in {esc(source)} alone")
    return Mrkdwn("in 1 line" if len(each.lines) == 1 else f"in {len(each.lines)} lines")


def _object(each: Drift, promotion: Promotion) -> Iterator[Block]:
    yield section(Mrkdwn(f"{bold(each.name)} {_how(each, promotion.source)}"))
    if each.lines:
        yield section(pre("\n".join(each.lines)))
