"""A freeze as its environment's channel is told of it, and the list of all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.cards.card import Block, Card, actions, button, confirm, context, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, day_and_time, esc, person
from bot.domain.freezes import Closure
from bot.domain.names import EnvironmentName


class Shown(Protocol):
    """What a line needs to know: bot.usecases.freezes.Windows."""

    @property
    def environment(self) -> EnvironmentName: ...
    @property
    def now(self) -> tuple[Closure, ...]: ...
    @property
    def next(self) -> tuple[Closure, ...]: ...


def subject_of(closure: Closure) -> str:
    """Outbox subject of a freeze's card."""
    return f"freeze:{closure.id}"


def closure_card(closure: Closure) -> Card:
    """That an environment is frozen, as long as it is."""
    where = bold(closure.environment)
    text = Mrkdwn(f"🧊 {where} is frozen {_until(closure)}: {esc(closure.reason)}")
    means = Mrkdwn(
        "Nothing new is released there meanwhile. What moves already goes on; rollbacks and Abort still work."
    )
    question = Mrkdwn(f"Releases to {where} are possible again for everybody.")
    ask = confirm("End this freeze?", question, "End it", danger=False)
    end = button("End the freeze", "freeze.end", closure.id, confirm=ask)
    small = context(_by(closure), Mrkdwn(f"since {day_and_time(closure.since)}"))
    blocks = (section(text), section(means), small, *actions(f"freeze:{closure.id}", [end]))
    return Card(Mrkdwn(text.replace("*", "")), blocks)


def opened_card(closure: Closure, by: str, now: datetime) -> Card:
    """That a freeze is over."""
    how = "its time is up" if not by.startswith(("U", "W")) else f"ended by {person(by)}"
    text = Mrkdwn(f"☀️ {bold(closure.environment)} is open again: {how} (it was frozen for: {esc(closure.reason, 200)})")
    small = context(_by(closure), Mrkdwn(f"from {day_and_time(closure.since)} to {day_and_time(now)}"))
    return Card(Mrkdwn(text.replace("*", "")), (section(text), small))


def freezes_card(found: Sequence[Shown]) -> Card:
    """All environments: what is frozen now, and when the configuration freezes next."""
    closed = [each.environment for each in found if each.now]
    lines: list[Mrkdwn] = []
    for each in found:
        where = bold(each.environment)
        for closure in each.now:
            who = f" · {_by(closure)}" if closure.by is not None else " · by kajitori.yaml"
            lines.append(Mrkdwn(f"🧊 {where} {_until(closure)}: {esc(closure.reason, 200)}{who}"))
        if not each.now:
            lines.append(Mrkdwn(f"☀️ {where} is open"))
        lines += [Mrkdwn(f"      next from {day_and_time(c.since)}: {esc(c.reason, 200)}") for c in each.next]
    text = Mrkdwn(f"Frozen now: {', '.join(map(esc, closed))}" if closed else "Nothing is frozen.")
    blocks: list[Block] = list(paragraphs(lines))
    hint = Mrkdwn(f"{code('/freeze ENV 2h REASON')} freezes, {code('/unfreeze ENV')} opens again (operator).")
    return Card(text, (*blocks, context(hint)))


def _until(closure: Closure) -> Mrkdwn:
    return Mrkdwn(f"until {day_and_time(closure.until)}") if closure.until else Mrkdwn("until somebody ends it")


def _by(closure: Closure) -> Mrkdwn:
    return Mrkdwn(f"by {person(closure.by)}") if closure.by else Mrkdwn("")
