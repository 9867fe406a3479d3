"""The composer: what Slack's own app makes of what a person types.

Used by the person's side. Pure; names come from the workspace.
"""

import re

from bot.sandbox.slack.people import BOT_NAME, BOT_USER_ID, TEAM_ID, Json
from bot.sandbox.slack.workspace import Workspace

MENTION = re.compile(r"<([@#!])([A-Za-z0-9^_]+)(?:\|[^>]*)?>")


def markup(workspace: Workspace, text: str) -> str:
    """Typed text as Slack's markup: names become mentions, the rest is escaped."""
    known = {f"@{user.name}": f"<@{user.id}>" for user in workspace.users.values()}
    known[f"@{BOT_NAME}"] = f"<@{BOT_USER_ID}>"
    known |= {f"#{each.name}": f"<#{each.id}|{each.name}>" for each in workspace.channels.values() if not each.is_im}
    known |= {f"@{each.handle}": f"<!subteam^{each.id}|@{each.handle}>" for each in workspace.usergroups.values()}
    # The page may send mentions of people as markup already; nothing else in angle brackets is taken for markup.
    parts = re.split(r"(<@[A-Z0-9]+>|[@#][\w-]+)", text)
    for place, part in enumerate(parts):
        if not re.fullmatch(r"<@[A-Z0-9]+>", part):
            escaped = part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            parts[place] = known.get(part, escaped)
    return "".join(parts)


def rich_text(text: str) -> list[Json]:
    """The blocks that Slack's own composer sends beside a person's text."""
    parts: list[Json] = []
    place = 0
    for mention in MENTION.finditer(text):
        if mention.start() > place:
            parts.append({"type": "text", "text": _plain(text[place : mention.start()])})
        mark, name = mention.group(1), mention.group(2)
        match mark:
            case "@":
                parts.append({"type": "user", "user_id": name})
            case "#":
                parts.append({"type": "channel", "channel_id": name})
            case _:
                parts.append({"type": "broadcast", "range": name})
        place = mention.end()
    if place < len(text):
        parts.append({"type": "text", "text": _plain(text[place:])})
    section = {"type": "rich_text_section", "elements": parts}
    return [{"type": "rich_text", "block_id": "said", "elements": [section]}]


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def from_person(user_id: str, text: str) -> Json:
    """A person's message, without its ts; `text` is Slack's markup already."""
    return {"type": "message", "user": user_id, "team": TEAM_ID, "text": text, "blocks": rich_text(text)}
