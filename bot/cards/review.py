"""Breaking the glass, told loudly, and the second look at it."""

from collections.abc import Sequence

from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, channel, code, day_and_time, esc, person
from bot.domain.review import Review


def subject_of(review: Review) -> str:
    """Outbox subject of a review's card."""
    return f"review:{review.release_id}"


def review_card(review: Review) -> Card:
    """The message of a review: open until somebody else has closed it."""
    text = Mrkdwn(f"🚨 Break-glass: {_what(review)}")
    blocks: list[Block] = [section(text), section(Mrkdwn(f"*Why:* {esc(review.reason)}"))]
    if review.closed_by is None:
        ask = f"Somebody else with the role approver looks at it and writes what they saw ({person(review.by)} can't)."
        blocks.append(context(Mrkdwn(ask), code(review.release_id[-4:].lower())))
        blocks += actions(f"review:{review.release_id}", [button("Reviewed…", "review.close", review.release_id)])
    else:
        blocks.append(section(Mrkdwn(f"✅ *Reviewed* by {person(review.closed_by)}: {esc(review.words)}")))
        when = day_and_time(review.closed_at) if review.closed_at else Mrkdwn("")
        blocks.append(context(when, code(review.release_id[-4:].lower())))
    return Card(Mrkdwn(text.replace("*", "").replace("`", "")), tuple(blocks))


def loud_note(review: Review, told_in: str) -> Card:
    """For those who run the bot, wherever the release is told."""
    where = f" Its card and its review are in {channel(told_in)}." if told_in else ""
    text = Mrkdwn(f"🚨 Break-glass: {_what(review)}: {esc(review.reason)}.{where}")
    return Card(text, (section(text),))


def reviews_card(found: Sequence[Review]) -> Card:
    """Those that are open."""
    if not found:
        text = Mrkdwn("No break-glass release waits for its review.")
        return Card(text, (section(text),))
    count = "1 break-glass release waits" if len(found) == 1 else f"{len(found)} break-glass releases wait"
    blocks: list[Block] = [section(Mrkdwn(f"{count} for a review."))]
    for review in found[:10]:
        line = f"{_what(review)} · {day_and_time(review.opened_at)}: {esc(review.reason, 200)}"
        blocks.append(section(Mrkdwn(f"{line} · {code(review.release_id[-4:].lower())}")))
        blocks += actions(f"open-review:{review.release_id}", [button("Reviewed…", "review.close", review.release_id)])
    return Card(Mrkdwn(f"{count} for a review."), tuple(blocks))


def _what(review: Review) -> Mrkdwn:
    target = review.target
    return Mrkdwn(
        f"{person(review.by)} releases {bold(target.service)} {code(review.version)} to {bold(target.environment)}, "
        f"past {esc(review.passed)}"
    )
