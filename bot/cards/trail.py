"""How the last rows of the audit trail look: when, who, what, where, and what came of it; a line each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot.cards.card import Card, context, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, day_and_time, esc, leads_to, link, person

REASON_SHOWN = 140


class Written(Protocol):
    """What a row holds: bot.store.audit.Entry."""

    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def release_id(self) -> str: ...


class Traced(Protocol):
    """A row with the address of its card: bot.usecases.trail.Trace."""

    @property
    def seq(self) -> int: ...
    @property
    def entry(self) -> Written: ...
    @property
    def url(self) -> str: ...


_SAID = {
    "request": ("🙋", "asked for"),
    "intent": ("✍️", "began"),
    "result": ("🏁", "ended"),
    "denied": ("🚫", "may not do"),
    "refused": ("✋", "was refused"),
}


def trail_card(found: Sequence[Traced], place: str, hosts: Collection[str]) -> Card:
    """`place`: what was asked about, `stg/admin`; empty for everything."""
    about = f" about {bold(place)}" if place else ""
    if not found:
        text = Mrkdwn(f"The audit trail has nothing{about} yet.")
        return Card(Mrkdwn(text.replace("*", "")), (section(text),))
    newest = f"The last {len(found)} rows" if len(found) > 1 else "The only row"
    head = Mrkdwn(f"{newest} of the audit trail{about}, newest first")
    small = Mrkdwn("All of it: `kajitori audit export`. Whether anybody changed it: `kajitori audit verify`.")
    blocks = [section(head), *paragraphs([_line(each, hosts) for each in found]), context(small)]
    return Card(Mrkdwn(head.replace("*", "")), tuple(blocks))


def anchor_card(rows: int, last_hash: str, day: str) -> Card:
    """The trail's last hash, kept in Slack: what came before it can't be made anew unseen."""
    text = Mrkdwn(f"🧾 The audit trail has {rows:,} {'row' if rows == 1 else 'rows'} on {esc(day)}.")
    proof = Mrkdwn(f"Last hash {code(last_hash)}. That nothing before it was changed is shown by")
    command = code(f"kajitori audit verify --anchor {last_hash}")
    return Card(text, (section(text), context(Mrkdwn(f"{proof} {command}"))))


def _line(each: Traced, hosts: Collection[str]) -> Mrkdwn:
    entry = each.entry
    mark, said = _SAID.get(entry.phase, ("•", esc(entry.phase, 40)))
    what = f"{person(entry.actor)} {said} {code(entry.action)}"
    where = f" {bold(entry.target, 120)}" if entry.target else ""
    why = f": {esc(entry.reason, REASON_SHOWN)}" if entry.reason else ""
    card = f" · {link(each.url, entry.release_id[-4:].lower(), hosts)}" if leads_to(each.url, hosts) else ""
    return Mrkdwn(f"{mark} {day_and_time(entry.at)} · {what}{where}{why}{card}")
