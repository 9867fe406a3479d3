"""Open alerts as a list, for `/alerts` and for handovers."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.alert_words import mark, place_of, ranked, short, value_of
from bot.cards.card import Card, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, cut, person
from bot.domain.alert import Alert
from bot.domain.handling import Handling, Standing


def alert_list(found: Sequence[tuple[Alert, Handling | None]], now: datetime, *, left_out: int = 0) -> Card:
    """Open alerts, worst first, a line each."""
    if not found:
        text = Mrkdwn("Nothing is wrong that Datadog has told of.")
        return Card(text, (section(text),))
    lines = [list_line(alert, handling, now) for alert, handling in found]
    if left_out:
        lines.append(Mrkdwn(f"and {left_out} more"))
    count = len(found) + left_out
    text = Mrkdwn(f"{count} open alert{'s' if count > 1 else ''}")
    return Card(text, tuple(paragraphs(lines)))


def list_line(alert: Alert, handling: Handling | None, now: datetime) -> Mrkdwn:
    """One alert in one line: how bad, what, where, since when, who has it."""
    told = Mrkdwn(f"{mark(alert, handling, now)} {ranked(alert)}{bold(cut(alert.title, 100))}")
    parts = [told, place_of(alert), value_of(alert)]
    parts.append(Mrkdwn(f"since {clock(alert.opened_at)}"))
    if alert.taken_by is not None:
        parts.append(Mrkdwn(f"taken by {person(alert.taken_by)}"))
    mute = handling.mute if handling is not None else None
    if mute is not None and mute.standing is Standing.DONE and mute.confirmed_until and now < mute.confirmed_until:
        parts.append(Mrkdwn(f"muted until {clock(mute.confirmed_until)}"))
    parts.append(code(short(alert.id)))
    return Mrkdwn(" · ".join(part for part in parts if part))
