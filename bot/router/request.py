"""A request as the inbox keeps it: what a person asked. Written by the intake, read by the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.names import ChannelId, UserId
from bot.router.call import Source


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked what, where, when. `name` is a command (`deploy`) or a button's action id (`release.abort`)."""

    source: Source
    name: str
    actor: UserId
    team: str
    channel: ChannelId
    asked_at: datetime
    words: tuple[str, ...] = ()
    """Of a command or mention, the command's name left out."""
    value: str = ""
    """Of a button."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of a form: field name → value."""
    about: str = ""
    """Of a form: subject of the card it was opened from."""
    channel_name: str = ""
    thread_ts: str | None = None
    message_ts: str | None = None
    trigger_id: str | None = None
    view_id: str | None = None
    """Of the open form, for a choice in it."""
    view_hash: str | None = None
    response_url: str | None = field(default=None, repr=False)

    @property
    def gist(self) -> str:
        """What it names, in one line: a command's words, a button's value, a form's fields."""
        named = self.value or "/".join(self.words) or "/".join(value for value in self.values.values() if value)
        return " ".join(named.split())[:200]

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return kept | {"asked_at": self.asked_at.isoformat(), "values": dict(self.values)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Request":
        """From `kept`; keys that this version does not know are left out."""
        known = {name: kept[name] for name in cls.__slots__ if name in kept}
        known["source"] = Source(known["source"])
        known["asked_at"] = datetime.fromisoformat(known["asked_at"])
        known["words"] = tuple(known.get("words", ()))
        return cls(**known)
