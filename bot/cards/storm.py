"""The card of a storm: many alerts that one message tells of, worst first; and rows for its thread.

Drawn by bot.reconcile.alerts. Nothing is dropped: each member's state is a row of the thread.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.alert_words import mark, place_of, ranked, short, value_of
from bot.cards.card import Block, Card, actions, button, context, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, person
from bot.domain.alert import Alert, AlertState
from bot.domain.alert.storm import Storm, Tally

EVENT_TYPE = "kajitori_storm"
MOST_SHOWN = 10
_WORDS = {
    AlertState.ALERT: "🔴 {} alert",
    AlertState.NO_DATA: "⚫ {} without data",
    AlertState.WARN: "🟠 {} warn",
    AlertState.UNKNOWN: "❔ {} unclear",
    AlertState.RECOVERED: "🟢 {} over",
}


def group_card(storm: Storm, tally: Tally, now: datetime) -> Card:
    """The message of a storm as it stands at `now`; `tally.worst` in the order in which they are shown."""
    blocks: list[Block] = [section(Mrkdwn(f"{_first_line(storm, tally)}\n{_counts(tally)}"))]
    shown = tally.worst[:MOST_SHOWN]
    blocks += paragraphs([member_line(alert, now) for alert in shown])
    left = tally.open - len(shown)
    parts = [Mrkdwn(f"since {clock(storm.opened_at)}"), Mrkdwn("each change is in the thread")]
    if left > 0:
        parts.insert(0, Mrkdwn(f"and {left} more are open: `/alerts`"))
    blocks.append(context(*parts))
    free = [alert for alert in tally.worst if alert.taken_by is None]
    if free and tally.open:
        row = [button("Acknowledge all", "storm.acknowledge", f"{storm.id}:{storm.step}", style="primary")]
        blocks += actions(f"storm:{storm.id}:{storm.step}", row)
    return Card(_lock_screen(storm, tally), tuple(blocks), _metadata(storm, tally))


def _first_line(storm: Storm, tally: Tally) -> Mrkdwn:
    what = bold(storm.title, 150) if storm.monitor_id else Mrkdwn("*Many monitors at once*")
    if not tally.open:
        return Mrkdwn(f"🟢 {what}: all {tally.members} alerts are over")
    if all(alert.taken_by is not None for alert in tally.worst):
        return Mrkdwn(f"🟡 {what}: {tally.open} of {tally.members} alerts are open, all taken")
    return Mrkdwn(f"⛈️ {what}: {tally.open} of {tally.members} alerts are open")


def _counts(tally: Tally) -> Mrkdwn:
    """How many in which state, worst first."""
    told = [words.format(tally.by_state[state]) for state, words in _WORDS.items() if tally.by_state.get(state)]
    return Mrkdwn(" · ".join(told))


def member_line(alert: Alert, now: datetime) -> Mrkdwn:
    """One member in one line: its group first, as the title is often the same for all."""
    group = esc(alert.scope, 120) if alert.scope != "*" else bold(alert.title, 120)
    parts = [Mrkdwn(f"{mark(alert, None, now)} {ranked(alert)}{group}")]
    parts += [place_of(alert)] if "service:" not in alert.scope else []
    parts += [value_of(alert), Mrkdwn(f"since {clock(alert.opened_at)}")]
    if alert.taken_by is not None:
        parts.append(Mrkdwn(f"taken by {person(alert.taken_by)}"))
    return Mrkdwn(" · ".join(part for part in (*parts, code(short(alert.id))) if part))


def rows_note(changed: Sequence[Alert], now: datetime) -> Card:
    """Members whose state changed, for the storm's thread: a line each, titled where titles differ."""
    titles = {alert.title for alert in changed}
    lines = [_row(alert, with_title=len(titles) > 1) for alert in changed]
    count = len(changed)
    return Card(Mrkdwn(f"{count} alert{'s' if count > 1 else ''} changed"), tuple(paragraphs(lines)))


def _row(alert: Alert, *, with_title: bool) -> Mrkdwn:
    title = f" {esc(alert.title, 80)}" if with_title else ""
    state = "over" if alert.is_over else esc(alert.told or alert.state.value, 30)
    at = alert.closed_at if alert.is_over and alert.closed_at else alert.opened_at
    sign = {AlertState.RECOVERED: "🟢", AlertState.ALERT: "🔴", AlertState.WARN: "🟠"}.get(alert.state, "⚫")
    return Mrkdwn(f"{sign}{title} {esc(alert.scope, 100)}: {state} {clock(at)} {code(short(alert.id))}")


def _lock_screen(storm: Storm, tally: Tally) -> Mrkdwn:
    what = esc(" ".join(storm.title.split()), 200) if storm.monitor_id else "Many monitors at once"
    if not tally.open:
        return Mrkdwn(f"{what}: all {tally.members} alerts are over")
    return Mrkdwn(f"{what}: {tally.open} of {tally.members} alerts are open")


def _metadata(storm: Storm, tally: Tally) -> dict[str, object]:
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {"storm": storm.id, "monitor": storm.monitor_id, "members": tally.members, "open": tally.open},
    }
