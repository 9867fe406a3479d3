"""Who has an alert, who was called for it, and what Datadog confirmed: lines of its card.

"Taken here" is ours. "Muted", "paged" and "acknowledged in Datadog On-Call too" stand only for Datadog's own answers.
"""

from datetime import datetime

from bot.cards.alert_words import Around
from bot.cards.mrkdwn import Mrkdwn, clock, esc, person
from bot.cards.oncall import named
from bot.cards.release import duration
from bot.domain.alert import Alert
from bot.domain.handling import Handling, Mute, Page, Standing


def answer_lines(alert: Alert, now: datetime, around: Around) -> list[Mrkdwn]:
    """All of them, in the order in which they matter."""
    lines: list[Mrkdwn] = []
    handling = around.handling or Handling(alert.id)
    if alert.taken_by is not None and alert.taken_at is not None:
        took = duration((alert.taken_at - alert.opened_at).total_seconds())
        told = f"👤 Taken here by {person(alert.taken_by)} after {took}"
        others = [person(user) for user in handling.people if user != alert.taken_by]
        lines.append(Mrkdwn(told + (f", with {', '.join(others[:8])}" if others and alert.is_over else "")))
    elif alert.is_over:
        lines.append(Mrkdwn("Nobody took it."))
    elif around.called:
        names = ", then ".join(named(each) for each in around.called[-3:])
        lines.append(Mrkdwn(f"📟 Called: {names}. Nobody has taken it yet."))
    if handling.page is not None:
        lines.append(_page_line(handling.page))
    if handling.mute is not None and not alert.is_over:
        lines.append(_mute_line(handling.mute, now))
    return [line for line in lines if line]


def _page_line(page: Page) -> Mrkdwn:
    if page.standing is Standing.WANTED and not page.id:
        return Mrkdwn("📟 Paging in Datadog On-Call…")
    if page.standing is not Standing.DONE:
        return Mrkdwn(f"⚠️ Page not confirmed: {esc(page.problem, 200)}")
    told = "Paged in Datadog On-Call"
    if page.resolved is Standing.DONE:
        told = "Page resolved in Datadog On-Call too"
    elif page.acknowledged is Standing.DONE:
        told = "Page acknowledged in Datadog On-Call too"
    if page.escalated:
        told += ", escalated" if page.escalated == 1 else f", escalated {page.escalated} times"
    if page.problem:
        return Mrkdwn(f"📟 {told}\n⚠️ The rest is not confirmed: {esc(page.problem, 200)}")
    is_asking = page.resolved is Standing.WANTED or page.acknowledged is Standing.WANTED
    return Mrkdwn(f"📟 {told}" + ("; telling it the rest…" if is_asking or page.escalated < page.escalations else ""))


def _mute_line(mute: Mute, now: datetime) -> Mrkdwn:
    by = person(mute.by)
    if mute.until is None:
        match mute.standing:
            case Standing.DONE:
                return Mrkdwn("")
            case Standing.WANTED:
                return Mrkdwn(f"🔔 {by} lifts the mute…")
            case Standing.TROUBLED | Standing.FAILED:
                return Mrkdwn(f"⚠️ Unmute not confirmed: {esc(mute.problem, 200)}{_again(mute.standing)}")
    if now >= (mute.confirmed_until or mute.until):
        return Mrkdwn("")
    match mute.standing:
        case Standing.DONE:
            return Mrkdwn(f"🔕 Muted in Datadog until {clock(mute.confirmed_until or mute.until)}, by {by}")
        case Standing.WANTED:
            return Mrkdwn(f"🔕 {by} mutes it until {clock(mute.until)}; Datadog has not confirmed it yet")
        case Standing.TROUBLED | Standing.FAILED:
            return Mrkdwn(f"⚠️ Mute not confirmed: {esc(mute.problem, 200)}{_again(mute.standing)}")


def _again(standing: Standing) -> str:
    return ". Trying again" if standing is Standing.TROUBLED else ""
