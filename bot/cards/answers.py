"""Short answers: refusals, notices, and what to say when something outside does not work."""

from bot.cards.card import Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, clock, code, esc, person
from bot.domain.redaction import redact
from bot.errors import OutsideError, UserError


def refusal_card(error: UserError) -> Card:
    """Why not, and the next move; commands in the hint are set as code."""
    told = marked(error.text)
    if error.who is not None:
        told = Mrkdwn(told.replace("{who}", person(error.who)))
    if error.since is not None:
        told = Mrkdwn(told.replace("{since}", clock(error.since)))
    if error.until is not None:
        told = Mrkdwn(told.replace("{until}", clock(error.until)))
    hint = code(error.hint) if error.hint.startswith("/") else marked(error.hint)
    offered = (button(label, action_id, value) for label, action_id, value in error.offers)
    blocks = [section(told), *([context(hint)] if hint else []), *actions(f"refusal:{error.code}", offered)]
    return Card(Mrkdwn(f"{told} {hint}".strip()), tuple(blocks))


def marked(text: str) -> Mrkdwn:
    """Our sentence with names between backticks: the names become code, everything is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return esc(text)
    return Mrkdwn("".join(code(part) if i % 2 else esc(part) for i, part in enumerate(parts)))


def outside_card(error: OutsideError) -> Card:
    """Something outside did not answer or said no, before anything was changed."""
    return refusal_card(
        UserError(
            "outside",
            f"{error.system[:1].upper()}{error.system[1:]}: {redact(error.text)}. Nothing was started.",
            hint="Try again in a minute; if it stays so, the people who run the bot can help.",
        )
    )


def failure_card(reference: str) -> Card:
    """Our own fault: a reference to the log and nothing else, as details may hold secrets."""
    return refusal_card(
        UserError(
            "internal",
            f"That failed on my side (reference {reference}). I can't say more here.",
            hint="Look at what runs with /status before you try again; the log has the details.",
        )
    )


def note_card(text: Mrkdwn) -> Card:
    """One line."""
    return Card(text, (section(text),))
