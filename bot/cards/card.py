"""A card: how one message looks, within Slack's limits; and the blocks that cards are made of.

Limits from docs.slack.dev/reference/block-kit: 50 blocks, section 3,000, header 150, button text 75 and value 2,000.
Slack also refuses messages whose blocks hold more than about 12,000 characters in all, which it does not document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.cards.mrkdwn import Mrkdwn, cut, visible

MAX_BLOCKS = 45
MAX_SECTION = 3000
MAX_TOTAL = 10_000
Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """What a message shows. `text` is a whole sentence: it is what a phone's lock screen and a screen reader get."""

    text: Mrkdwn
    blocks: tuple[Block, ...] = ()
    metadata: Mapping[str, Any] | None = None
    """Slack message metadata for other apps: {"event_type", "event_payload"}."""

    def body(self) -> dict[str, Any]:
        """As the outbox keeps it: {"text", "blocks", "metadata"}; trimmed to Slack's limits."""
        return {
            "text": cut(self.text, 3000),
            "blocks": [dict(block) for block in _fitting(self.blocks)],
            "metadata": dict(self.metadata) if self.metadata else None,
        }


def section(text: Mrkdwn, *, accessory: Block | None = None) -> Block:
    """A paragraph."""
    block: dict[str, Any] = {"type": "section", "text": _inert(text)}
    if accessory is not None:
        block["accessory"] = accessory
    return block


def paragraphs(lines: Iterable[Mrkdwn]) -> list[Block]:
    """Lines in as few paragraphs as Slack's limit allows, so that none is cut off amid a list."""
    blocks: list[Block] = []
    held: list[Mrkdwn] = []
    length = 0
    for line in (Mrkdwn(cut(line, MAX_SECTION)) for line in lines):
        if held and length + len(line) + 1 > MAX_SECTION:
            blocks.append(section(Mrkdwn("\n".join(held))))
            held, length = [], 0
        held.append(line)
        length += len(line) + 1
    return [*blocks, section(Mrkdwn("\n".join(held)))] if held else blocks


def _inert(text: Mrkdwn) -> Block:
    """`verbatim`: Slack makes no links of its own out of bare URLs and #names."""
    return {"type": "mrkdwn", "text": cut(text, MAX_SECTION) or " ", "verbatim": True}


def context(*parts: Mrkdwn) -> Block:
    """Small print; empty parts are left out."""
    shown = " · ".join(part for part in parts if part)
    return {"type": "context", "elements": [_inert(Mrkdwn(shown))]}


def actions(block_id: str, buttons: Iterable[Block]) -> tuple[Block, ...]:
    """A row of buttons; nothing when there is none, since Slack refuses an empty row."""
    row = list(buttons)[:5]
    return ({"type": "actions", "block_id": block_id, "elements": row},) if row else ()


def button(label: str, action_id: str, value: str, *, style: str | None = None, confirm: Block | None = None) -> Block:
    """A button; `style` is primary or danger."""
    made: dict[str, Any] = {
        "type": "button",
        "text": {"type": "plain_text", "text": cut(visible(label), 75), "emoji": False},
        "action_id": action_id,
        "value": value[:2000],
    }
    if style is not None:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = confirm
    return made


def select(placeholder: str, action_id: str, options: Iterable[tuple[str, str]]) -> Block:
    """A menu among buttons: (label, value of 150 characters at most) each."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": {"type": "plain_text", "text": cut(visible(placeholder), 150), "emoji": False},
        "options": [
            {"text": {"type": "plain_text", "text": cut(visible(label), 75), "emoji": False}, "value": value}
            for label, value in options
        ],
    }


def image(url: str, description: str) -> Block:
    """A picture. Slack fetches it, so `url` is one that the caller chose to trust."""
    return {"type": "image", "image_url": url, "alt_text": cut(visible(description), 500) or "A picture"}


def confirm(title: str, text: Mrkdwn, yes: str, no: str = "Keep it", *, danger: bool = True) -> Block:
    """The question before a button that changes something for good."""
    return {
        "title": {"type": "plain_text", "text": cut(title, 100)},
        "text": {"type": "mrkdwn", "text": cut(text, 300)},
        "confirm": {"type": "plain_text", "text": cut(yes, 30)},
        "deny": {"type": "plain_text", "text": cut(no, 30)},
        "style": "danger" if danger else "primary",
    }


def _fitting(blocks: Sequence[Block]) -> list[Block]:
    """Blocks within Slack's limits; what does not fit is left out, with a line that says so. Buttons always stay."""
    body = list(blocks)
    row: list[Block] = []
    while body and body[-1]["type"] == "actions":
        row.insert(0, body.pop())
    kept: list[Block] = []
    room = MAX_TOTAL - _text_length(row)
    most = MAX_BLOCKS - len(row)
    for i, block in enumerate(body):
        size = _text_length(block)
        last = i == len(body) - 1
        if size > room or (len(kept) >= most - 1 and not last):
            kept.append(context(Mrkdwn(f"{len(body) - i} more parts did not fit here.")))
            break
        kept.append(block)
        room -= size
    return kept + row


def _text_length(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case Mapping():
            return sum(_text_length(part) for part in value.values())
        case list() | tuple():
            return sum(_text_length(part) for part in value)
        case _:
            return 0
