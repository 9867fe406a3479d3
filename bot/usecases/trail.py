"""The audit trail as people ask for it: the last rows about a place, and where the card of each is."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.context import Context
from bot.domain.names import EnvironmentName, ServiceName
from bot.store import audit, messages

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Trace:
    """One row, and the address of the message that tells of the same thing; empty where there is none."""

    seq: int
    entry: audit.Entry
    url: str = ""


async def look(ctx: Context, environment: EnvironmentName | None, service: ServiceName | None) -> Sequence[Trace]:
    """The newest rows, newest first."""
    async with ctx.database.read() as connection:
        rows = await audit.recent(connection, environment=environment or "", service=service or "", limit=SHOWN)
        subjects = {f"release:{entry.release_id}" for _, entry in rows if entry.release_id}
        cards = await messages.of_all(connection, subjects)
    found = []
    for seq, entry in rows:
        card = cards.get(f"release:{entry.release_id}")
        found.append(Trace(seq, entry, _permalink(ctx, card) if card is not None else ""))
    return found


def link_hosts(ctx: Context) -> frozenset[str]:
    """The workspace's own origin: where links to messages lead."""
    parts = urlsplit(ctx.workspace_url)
    return frozenset({f"{parts.scheme}://{parts.netloc}"}) if parts.netloc else frozenset()


def _permalink(ctx: Context, card: messages.Posted) -> str:
    """As chat.getPermalink gives it, without asking for each."""
    if not ctx.workspace_url or not card.ts:
        return ""
    return f"{ctx.workspace_url.rstrip('/')}/archives/{card.channel}/p{card.ts.replace('.', '')}"
