"""The card of an alert: one message per cycle, edited through its life; and what is said in its thread.

First line: how bad, what. Second: the one number that matters, where, since when. Then what may have caused it, who has
it, and what Datadog confirmed. It never says more than is known: "taken here" is ours, "muted" is Datadog's answer.
"""

import re
from datetime import datetime, timedelta

from bot.cards.alert_answers import answer_lines
from bot.cards.alert_buttons import alert_buttons
from bot.cards.alert_words import Around, mark, place_of, ranked, short, value_of
from bot.cards.card import Block, Card, actions, context, image, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, leads_to, link, person
from bot.cards.release import duration
from bot.domain.alert import Alert, AlertState
from bot.domain.handling import Standing

NOTHING_KNOWN = Around()
EVENT_TYPE = "kajitori_alert"
MOST_TAGS = 6
LONGEST_MESSAGE = 500


def subject_of(alert: Alert) -> str:
    """Outbox subject of an alert's card."""
    return f"alert:{alert.id}"


def alert_card(alert: Alert, now: datetime, around: Around = NOTHING_KNOWN) -> Card:
    """The message of an alert as it stands at `now`."""
    blocks: list[Block] = [section(Mrkdwn(f"{_first_line(alert, now, around)}\n{_second_line(alert, now)}"))]
    for lines in (_causes(alert), answer_lines(alert, now, around), _message(alert)):
        if lines:
            blocks.append(section(Mrkdwn("\n".join(lines))))
    if alert.snapshot and not alert.is_over and leads_to(alert.snapshot, around.hosts):
        blocks.append(image(alert.snapshot, f"Graph of {alert.title}"))
    blocks.append(_small_print(alert, around))
    blocks += actions(f"alert:{alert.id}:{alert.step}", alert_buttons(alert, now, around))
    return Card(_lock_screen(alert, now), tuple(blocks), _metadata(alert))


def _first_line(alert: Alert, now: datetime, around: Around) -> Mrkdwn:
    told = f"{mark(alert, around.handling, now)} {ranked(alert)}{bold(alert.title, 200)}"
    if alert.is_over:
        if alert.trigger_unseen:
            return Mrkdwn(f"{told} is over; its beginning was not told")
        return Mrkdwn(f"{told} is over after {duration(alert.lasted_s(now))}")
    return Mrkdwn(told)


def _second_line(alert: Alert, now: datetime) -> Mrkdwn:
    """The number against its limit, where, since when."""
    parts = [value_of(alert), place_of(alert)]
    since = clock(alert.opened_at)
    if alert.is_over and alert.closed_at is not None:
        parts.append(Mrkdwn(f"{since} to {clock(alert.closed_at)}"))
    else:
        parts.append(Mrkdwn(f"since {since}"))
    if alert.renotified:
        times = "once" if alert.renotified == 1 else f"{alert.renotified} times"
        parts.append(Mrkdwn(f"told again {times}"))
    return Mrkdwn(" · ".join(part for part in parts if part))


def _causes(alert: Alert) -> list[Mrkdwn]:
    """What was released there and what had fallen there: never said to be the cause, only to have been before it."""
    lines: list[Mrkdwn] = []
    near = alert.near
    if near is not None:
        change = code(near.version)
        if near.from_version != near.version:
            change = Mrkdwn(f"{change}, before {code(near.from_version)}")
        doing = "was releasing" if near.is_live else "released"
        lines.append(
            Mrkdwn(f"🚢 {_ago(alert.opened_at - near.at)} {person(near.by)} {doing} {bold(alert.service)} {change}")
        )
    lines += [Mrkdwn(f"❗ {esc(each, 200)}") for each in alert.fallen[:3]]
    if len(alert.fallen) > 3:
        lines.append(Mrkdwn(f"and {len(alert.fallen) - 3} more pods are down"))
    return lines


def _ago(span: timedelta) -> str:
    if span < timedelta(0):
        return "At the same time"
    minutes = int(span.total_seconds() // 60)
    return "Less than a minute before," if minutes < 1 else f"{minutes} min before,"


def _message(alert: Alert) -> list[Mrkdwn]:
    """The monitor's own words, while they may still help; without the addresses that stand below as links."""
    words = alert.text
    for url in (alert.runbook, alert.dashboard):
        if url:
            words = re.sub(rf"(?:(?:runbook|dashboard)\s*:\s*)?{re.escape(url)}", "", words, flags=re.IGNORECASE)
    words = " ".join(words.split())
    return [Mrkdwn(f"&gt; {esc(words, LONGEST_MESSAGE)}")] if words and not alert.is_over else []


def _small_print(alert: Alert, around: Around) -> Block:
    tags = [code(tag, 60) for tag in alert.tags if not tag.startswith(_KNOWN_TAGS)][:MOST_TAGS]
    links = [
        link(url, label, around.hosts)
        for label, url in (("Monitor", alert.link), ("Dashboard", alert.dashboard), ("Runbook", alert.runbook))
        if url
    ]
    notes = around.handling.notes if around.handling is not None else ()
    unposted = sum(1 for note in notes if note.standing is Standing.FAILED)
    written = f"{len(notes)} note{'s' if len(notes) > 1 else ''}" if notes else ""
    if unposted:
        written += f", {unposted} of them not in Datadog"
    return context(*links, Mrkdwn(" ".join(tags)), Mrkdwn(written), code(short(alert.id)))


_KNOWN_TAGS = ("service:", "env:", "monitor", "priority:")


def _lock_screen(alert: Alert, now: datetime) -> Mrkdwn:
    """The card as one sentence, without marks."""
    where = place_of(alert).replace("*", "")
    kind = "warning" if alert.state is AlertState.WARN else "alert"
    told = f"{ranked(alert)}{kind}{f' for {where}' if where else ''}"
    title = esc(" ".join(alert.title.split()), 300)
    if alert.is_over:
        return Mrkdwn(f"Over after {duration(alert.lasted_s(now))}: {title} ({told})")
    value = value_of(alert).replace("*", "")
    return Mrkdwn(f"{told}: {title}{f', {value}' if value else ''}")


def _metadata(alert: Alert) -> dict[str, object]:
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "alert": alert.id,
            "environment": alert.environment or "",
            "service": alert.service or "",
            "state": alert.state.value,
            "taken_by": alert.taken_by or "",
        },
    }


def alert_note(text: str, by: str) -> Card:
    """Words of a person, in the thread."""
    told = Mrkdwn(f"📝 {person(by)}: {esc(text, 2500)}")
    return Card(told, (section(told),))
