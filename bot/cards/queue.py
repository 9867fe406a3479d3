"""The line before a target: a card per person in it, its turn, and the list of `/queue`."""

from collections.abc import Sequence
from itertools import groupby

from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, person
from bot.domain.names import UserId
from bot.domain.queue import Ticket, TicketState


def ticket_card(ticket: Ticket, ahead: int) -> Card:
    """Somebody's ticket, with `ahead` people before them."""
    who, what = person(ticket.user), f"{code(ticket.version)} to {bold(str(ticket.target))}"
    match ticket.state:
        case TicketState.WAITING:
            before = "next in line" if ahead == 0 else f"{ahead} before them in line"
            first = Mrkdwn(f"🧍 {who} waits to release {what} · {before}")
        case TicketState.OFFERED:
            until = f" until {clock(ticket.until)}" if ticket.until else ""
            first = Mrkdwn(f"👉 {who}, it is your turn{until}: {what}")
        case TicketState.STARTED:
            release = f" · {code(ticket.release[-4:].lower())}" if ticket.release else ""
            first = Mrkdwn(f"🧍 {who} waited and has started {what}{release}")
        case TicketState.LEFT:
            first = Mrkdwn(f"🧍 {who} left the line for {bold(str(ticket.target))}")
        case TicketState.MISSED:
            first = Mrkdwn(f"🧍 The turn of {who} at {bold(str(ticket.target))} has passed")
    blocks: list[Block] = [section(first)]
    if ticket.state is TicketState.OFFERED:
        blocks.append(context(Mrkdwn("Nothing starts by itself: the plan is made when you press Start now.")))
    elif ticket.state is TicketState.MISSED:
        blocks.append(context(Mrkdwn("To release it all the same: `/deploy`.")))
    blocks += actions(f"ticket:{ticket.id}:{ticket.turns}", _buttons(ticket))
    return Card(Mrkdwn(first.replace("*", "").replace("`", "")), tuple(blocks))


def turn_note(ticket: Ticket) -> Card:
    """To the person whose turn it is: an edit of a card calls nobody."""
    assert ticket.until is not None, "a turn has an end"
    text = Mrkdwn(
        f"👉 {person(ticket.user)}, {bold(str(ticket.target))} is free: press Start now above to release "
        f"{code(ticket.version)}. Your turn passes on at {clock(ticket.until)}."
    )
    return Card(text, (section(text),))


def joined_card(ticket: Ticket, ahead: int) -> Card:
    """The answer to *Queue it*."""
    before = "You are next" if ahead == 0 else f"{ahead} before you"
    text = Mrkdwn(f"You wait in line for {bold(str(ticket.target))} with {code(ticket.version)}. {before}.")
    note = Mrkdwn("I tell you when it is your turn; you have 15 minutes then to start it.")
    return Card(text, (section(text), context(note)))


def lines_card(waiting: Sequence[Ticket], asker: UserId) -> Card:
    """Every line, in order of arrival. The asker's own tickets have a button to leave."""
    if not waiting:
        text = Mrkdwn("Nobody waits in line.")
        return Card(text, (section(text),))
    blocks: list[Block] = []
    ordered = sorted(waiting, key=lambda ticket: (ticket.target, ticket.id))
    for target, line in groupby(ordered, key=lambda ticket: ticket.target):
        blocks.append(section(bold(str(target))))
        for number, ticket in enumerate(line, start=1):
            leave = button("Leave", "queue.leave", ticket.id) if ticket.user == asker else None
            blocks.append(section(_line(number, ticket), accessory=leave))
    people = "1 person waits" if len(waiting) == 1 else f"{len(waiting)} people wait"
    return Card(Mrkdwn(f"{people} in line"), tuple(blocks))


def waiting_line(waiting: Sequence[Ticket]) -> Mrkdwn:
    """The line before one target, for `/status`."""
    names = ", ".join(person(ticket.user) for ticket in waiting[:5])
    more = f" and {len(waiting) - 5} more" if len(waiting) > 5 else ""
    return Mrkdwn(f"🧍 in line: {names}{esc(more)}")


def _line(number: int, ticket: Ticket) -> Mrkdwn:
    turn = f" · their turn until {clock(ticket.until)}" if ticket.until else ""
    return Mrkdwn(f"{number}. {person(ticket.user)} {code(ticket.version)} · since {clock(ticket.since)}{turn}")


def _buttons(ticket: Ticket) -> list[Block]:
    leave = button("Leave the line", "queue.leave", ticket.id)
    match ticket.state:
        case TicketState.WAITING:
            return [leave]
        case TicketState.OFFERED:
            return [button("Start now", "queue.start", ticket.id, style="primary"), leave]
        case TicketState.STARTED | TicketState.LEFT | TicketState.MISSED:
            return []
