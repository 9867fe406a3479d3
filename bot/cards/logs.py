"""The answer to a Logs button: last lines of one container, for the one who pressed it."""

from bot.cards.card import Card, context, section
from bot.cards.mrkdwn import Mrkdwn, code, cut, esc, pre, visible
from bot.domain.logs import LogTail

LINE = 400
"""Characters of a line: JSON logs can be of any length."""
PART = 2400
"""Characters of a section before escaping; a section holds 3,000."""
PARTS = 3


def logs_card(tail: LogTail, subject: str) -> Card:
    """`subject`: whose log it is, for when there is no pod to name."""
    where = code(tail.pod or subject)
    container = f", container {code(tail.container)}" if tail.container else ""
    if not tail.lines:
        text = Mrkdwn(f"Logs of {where}{container} are unavailable because {esc(tail.why_not)}.")
        return Card(text, (section(text),))
    parts = _parts(tail.lines)
    shown = sum(len(part) for part in parts)
    run = " before it was restarted" if tail.previous else ""
    head = Mrkdwn(f"Last {shown} lines of {where}{container}{run}" if shown > 1 else f"Last line of {where}{container}")
    blocks = [section(head), *(section(pre("\n".join(part), 2900)) for part in parts)]
    left = len(tail.lines) - shown
    note = f"{left} earlier lines did not fit. " if left else ""
    blocks.append(context(Mrkdwn(f"{note}Secrets are taken out. Only you see this.")))
    return Card(head, tuple(blocks))


def _parts(lines: tuple[str, ...]) -> list[list[str]]:
    """The newest lines that fit, oldest first, in as many sections as a message bears."""
    parts: list[list[str]] = [[]]
    room = PART
    for line in reversed(lines):
        cleaned = cut(visible(line), LINE)
        # as long as it gets when `&`, `<` and `>` are escaped
        size = len(cleaned) + 4 * sum(cleaned.count(sign) for sign in "&<>") + 1
        if size > room:
            if len(parts) == PARTS:
                break
            parts.append([])
            room = PART
        parts[-1].append(cleaned)
        room -= size
    return [part[::-1] for part in reversed(parts) if part]
