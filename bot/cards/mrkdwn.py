"""Slack's mrkdwn, written safely: the one place where text of people, clusters and registries becomes markup.

Source of the escapes: docs.slack.dev/messaging/formatting-message-text (only & < > are special in the wire format;
what they form between them, mentions and links, is only read from an unescaped `<`).
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from typing import NewType
from urllib.parse import urlsplit

Mrkdwn = NewType("Mrkdwn", str)
"""Text that is safe to send: escaped, or written by us."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_FORMATTING = str.maketrans(dict.fromkeys("*_~`", None))
ZERO_WIDTH = "\u200b"
_MARK = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,}", re.ASCII)
_GROUP = re.compile(r"S[A-Z0-9]{2,}", re.ASCII)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}", re.ASCII)
_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:[/?#][A-Za-z0-9%._~!$&'()*+,;=:@/?#\[\]-]*)?", re.ASCII
)
"""Addresses that Slack, a browser and we read in the same way: nothing like `\\`, `|`, `<` or a space in them."""
_EMOJI = re.compile(r":([a-z0-9_+'-]{1,60}):", re.IGNORECASE)


def esc(text: str, limit: int = 1000) -> Mrkdwn:
    """Foreign text made inert: no mention, link, formatting or control mark survives; at most `limit` characters.

    Formatting marks are broken by a zero-width space behind them rather than dropped, so that a name such as
    `my_app_name` reads as it is. Bare URLs keep their text, and nothing unfurls as messages are sent without unfurling.
    """
    return Mrkdwn(_escaped(_calm(visible(text)), limit))


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis where something was left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def code(text: str, limit: int = 300) -> Mrkdwn:
    """Foreign text as inline code."""
    plain = " ".join(text.replace("`", "'").split())
    return Mrkdwn(f"`{_plain_escape(plain, limit)}`") if plain else Mrkdwn("")


def pre(lines: str, limit: int = 2500) -> Mrkdwn:
    """Foreign lines as a block of code."""
    fence = "`" * 3
    return Mrkdwn(fence + _plain_escape(lines.replace(fence, "'" * 3), limit) + fence)


def bold(text: str, limit: int = 300) -> Mrkdwn:
    """Foreign text in bold."""
    return Mrkdwn(f"*{_plain_escape(' '.join(text.translate(_FORMATTING).split()), limit)}*")


def person(user_id: str) -> Mrkdwn:
    """A mention by id; an id that is none is shown as text."""
    return Mrkdwn(f"<@{user_id}>") if _PERSON.fullmatch(user_id) else esc(user_id)


def group(group_id: str) -> Mrkdwn:
    """A user group by id: its members are notified; an id that is none is shown as text."""
    return Mrkdwn(f"<!subteam^{group_id}>") if _GROUP.fullmatch(group_id) else esc(group_id)


def channel(channel_id: str) -> Mrkdwn:
    """A channel by id as a link, by #name as text."""
    return Mrkdwn(f"<#{channel_id}>") if _CHANNEL.fullmatch(channel_id) else esc(channel_id)


def link(url: str, label: str, hosts: Collection[str]) -> Mrkdwn:
    """A link to one of `hosts` (see `leads_to`); any other address is shown as code, where nobody presses it."""
    if not url:
        return Mrkdwn("")
    return Mrkdwn(f"<{url.replace('&', '&amp;')}|{_label(label)}>") if leads_to(url, hosts) else code(url)


def leads_to(url: str, hosts: Collection[str]) -> bool:
    """Whether an address is https, to one of `hosts` or a host below one, and spelt so that every reader agrees.

    A host may be a whole origin, `http://127.0.0.1:8080`, for what the configuration names so: then nothing below it.
    """
    if not _PLAIN_URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if f"{parts.scheme}://{parts.netloc}" in hosts:
        return True
    ours = any(host == each or host.endswith(f".{each}") for each in hosts)
    return ours and parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc


def _label(text: str) -> str:
    """Words within a link: `|` and `>` would end them."""
    return _escaped(_calm(visible(text)).replace("|", "/").replace("\n", " "), 150) or "link"


def clock(at: datetime) -> Mrkdwn:
    """A time of day, shown in the reader's zone."""
    return Mrkdwn(f"<!date^{int(at.timestamp())}^{{time}}|{at:%H:%M} UTC>")


def day_and_time(at: datetime) -> Mrkdwn:
    """A day and time, shown in the reader's zone."""
    return Mrkdwn(f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>")


def _plain_escape(text: str, limit: int) -> str:
    return _escaped(visible(text), limit)


def _escaped(text: str, limit: int) -> str:
    """Escaped and at most `limit` characters long after it, cut between characters and never amid an escape."""
    escaped = text.translate(_ESCAPES)
    if len(escaped) <= limit:
        return escaped
    kept: list[str] = []
    room = limit - 1
    for character in text:
        piece = character.translate(_ESCAPES)
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def visible(text: str) -> str:
    """Foreign text for where there is no markup: without control, format (right-to-left, zero-width) and private-use
    characters."""
    if text.isprintable():  # nearly always, and a hundred times faster than looking at each character
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))


def _calm(text: str) -> str:
    """Formatting marks and emoji codes made harmless where they could open or close; marks inside a word stay."""
    return _EMOJI.sub(lambda found: f":{ZERO_WIDTH}{found[1]}:", _MARK.sub(lambda found: found[0] + ZERO_WIDTH, text))
