"""Who is on call; and what the bot says in the thread of an alert when it calls, reminds and asks people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, day_and_time, esc, person
from bot.domain.names import UserId
from bot.domain.oncall import Line, Responder


class Shown(Protocol):
    """What a line needs to know: bot.usecases.oncall.DutyStatus."""

    @property
    def name(self) -> str: ...
    @property
    def line(self) -> Line | None: ...
    @property
    def problem(self) -> str: ...


def oncall_card(found: Sequence[Shown], now: datetime) -> Card:
    """A paragraph per duty."""
    blocks: list[Block] = []
    for each in found:
        blocks += [section(_head(each)), context(*_print(each))] if each.line else [section(_silent(each))]
    first = _head(found[0]) if found[0].line else _silent(found[0])
    return Card(Mrkdwn(first.replace("*", "")), tuple(blocks))


def _name(each: Shown) -> Mrkdwn:
    return bold(each.name) if each.name else Mrkdwn("*Everything else*")


def _head(each: Shown) -> Mrkdwn:
    line = each.line
    if line is None or not line.people:
        return Mrkdwn(f"⚠️ {_name(each)}: nobody is on call")
    until = f" until {day_and_time(line.until)}" if line.until else ""
    return Mrkdwn(f"📟 {_name(each)}: {named(line.people[0])}{until}")


def _silent(each: Shown) -> Mrkdwn:
    return Mrkdwn(f"❔ {_name(each)}: can't be asked. {esc(each.problem, 300)}")


def _print(each: Shown) -> list[Mrkdwn]:
    line = each.line
    if line is None:
        return []
    parts = [Mrkdwn(f"next: {named(line.following)}")] if line.following else []
    others = [other for other in line.people[1:] if line.following is None or other.key != line.following.key]
    if others:
        parts.append(Mrkdwn(f"then called: {', '.join(named(other) for other in others[:5])}"))
    return [*parts, Mrkdwn(f"known from {esc(line.source)}")]


def named(responder: Responder) -> Mrkdwn:
    """A mention; the name of somebody whose Slack id is not known."""
    return person(responder.slack) if responder.slack else esc(responder.name, 80)


def call_note(who: Responder, title: str, *, reminder: bool, instead_of: Responder | None) -> Card:
    """Somebody is called, in the alert's thread."""
    if reminder:
        told = f"⏰ {named(who)}, nobody has acknowledged this yet."
    elif instead_of is not None:
        told = f"📟 {named(who)}, {named(instead_of)} has not answered. Can you take this?"
    else:
        told = f"📟 {named(who)}, you are on call: {bold(title, 150)}"
    lines = [section(Mrkdwn(told))]
    if who.slack is None:
        hint = "Their Slack id is not known, so this notifies nobody: name them under `oncall.people` in kajitori.yaml."
        lines.append(context(Mrkdwn(hint)))
    return Card(Mrkdwn(told.replace("*", "")), tuple(lines))


def passed_on_note(by: UserId, to: Responder, title: str) -> Card:
    """Somebody passed the alert on."""
    told = Mrkdwn(f"📟 {named(to)}, {person(by)} passes this on to you: {bold(title, 150)}")
    return Card(Mrkdwn(told.replace("*", "")), (section(told),))


def exhausted_note(called: Sequence[Responder]) -> Card:
    """Everybody was called."""
    names = ", ".join(esc(each.name, 80) if each.slack is None else person(each.slack) for each in called[:10])
    told = Mrkdwn(f"⚠️ Nobody has answered: {names}. Nobody else is in line.")
    return Card(told, (section(told), context(Mrkdwn("Press *Acknowledge* on the card to take it."))))


def still_working_card(who: UserId, value: str) -> Card:
    """Does the owner still work on it? `value`: of the buttons."""
    told = Mrkdwn(
        f"⏰ {person(who)}, do you still work on this? Without an answer within 15 minutes it is handed back."
    )
    row = actions(
        f"oncall:{value}",
        [
            button("Yes", "oncall.still_working", value, style="primary"),
            button("Hand back", "oncall.hand_back", value),
        ],
    )
    return Card(told, (section(told), *row))


def answered_card(who: UserId, *, keeps: bool) -> Card:
    """The question, answered."""
    told = Mrkdwn(f"{person(who)} {'still works on it' if keeps else 'handed it back'}.")
    return Card(told, (section(told),))


def handed_back_note(who: UserId) -> Card:
    """No answer: it is nobody's again."""
    told = Mrkdwn(f"↩️ {person(who)} did not answer, so this is nobody's again.")
    return Card(told, (section(told),))


def handover_card(leaving: str, line: Line, open_lines: Sequence[Mrkdwn]) -> Card:
    """A new shift: who is on call now, until when, and what is open. `leaving`: key of the one before, may be empty."""
    who = named(line.people[0]) if line.people else Mrkdwn("nobody")
    until = f" until {day_and_time(line.until)}" if line.until else ""
    before = esc(leaving, 80) if leaving and not leaving.startswith(("U", "W")) else person(leaving) if leaving else ""
    told = f"🤝 {who} is on call now{until}{f', after {before}' if before else ''}."
    blocks: list[Block] = [section(Mrkdwn(told))]
    if open_lines:
        blocks.append(section(Mrkdwn("\n".join(["*Open:*", *open_lines]))))
    else:
        blocks.append(context(Mrkdwn("Nothing is open.")))
    return Card(Mrkdwn(told), tuple(blocks))


def topic_of(line: Line, names: Sequence[str]) -> str:
    """A channel's topic; `names`: of those in line, as text, since a topic mentions nobody."""
    if not names:
        return "On call: nobody"
    following = f", then {names[1]}" if len(names) > 1 else ""
    return f"On call: {names[0]}{following}"
