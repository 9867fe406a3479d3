"""One request by one person, and the answer to it. Made by bot.inbound, handed to handlers by bot.reconcile.inbox."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.cards.card import Card
from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.names import ChannelId, UserId


class Source(StrEnum):
    """How a person asked."""

    SLASH = "slash"
    MENTION = "mention"
    BUTTON = "button"
    FORM = "form"
    CHOICE = "choice"
    """Something was chosen in an open form on which its other fields depend."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who asked for what, where, when. `ctx` is for use cases; handlers only pass it on."""

    ctx: Context = field(repr=False)
    key: str
    """Idempotency key of the request: what is made from it is made once."""
    source: Source
    actor: UserId
    team: str
    channel: ChannelId
    asked_at: datetime
    channel_name: str = ""
    """Without `#`; empty where Slack does not tell."""
    thread_ts: str | None = None
    """The thread in which it was asked; answers to mentions go there."""
    message_ts: str | None = None
    """The card whose button was pressed."""
    trigger_id: str | None = None
    response_url: str | None = field(default=None, repr=False)
    context: Target | None = None
    """The target of the release or alert in whose thread it was asked."""
    about: str = ""
    """Subject of the card that a form belongs to, or in whose thread it was asked: `alert:…`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Nothing at all (both None) when a card in the channel says it already."""

    card: Card | None = None
    form: "FormRequest | None" = None
    private: bool = False
    """True: even where the question was public, only the asker sees the answer."""
    refusal: str = ""
    """Code of a refusal that the audit trail does not have yet."""

    @classmethod
    def nothing(cls) -> "Reply":
        """The card that the use case put into the channel is answer enough."""
        return cls()


@dataclass(frozen=True, slots=True)
class FormRequest:
    """Open the form of a command, with these fields already chosen."""

    command: str
    chosen: tuple[tuple[str, str], ...] = ()
    about: str = ""
    """Subject of the card it belongs to; comes back as `Call.about`."""
