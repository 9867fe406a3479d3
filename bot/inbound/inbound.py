"""What comes in from Slack, freed of how it came: sockets and HTTP both hand one of these to the intake.

Made by bot.inbound.slack, read by the intake. It carries Slack's payload as it was; nothing here judges it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class InboundKind(StrEnum):
    """What a person or Slack did."""

    SLASH = "slash"
    ACTION = "action"
    """A button or select was used, or a shortcut."""
    VIEW = "view"
    """A form was submitted or closed."""
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One delivery. Slack may deliver the same thing several times at once: `key` is then the same."""

    kind: InboundKind
    key: str
    """Idempotency key, unique for ever: `slash:…`, `act:…`, `view:…`, `evt:…` (see bot.inbound.slack.payload)."""
    envelope_id: str | None
    """Socket Mode's id of the delivery; None over HTTP."""
    payload: Mapping[str, Any]
    """Slack's payload as parsed JSON; a slash command's form fields as a flat mapping."""
    happened_at: datetime | None
    """When it happened by Slack's clock (action_ts, event_time, or the signed time of the HTTP request); None for a
    slash command or a form over Socket Mode, which carry no time."""
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer that rides on the acknowledgement."""

    body: Mapping[str, Any] | None = None
    """`{"text": …, "response_type": "ephemeral"}` for a command, `{"response_action": "errors", …}` for a form."""
    accepted: bool = True
    """False: not acknowledged. Over HTTP a 503, so that Slack sends events again."""


Receive = Callable[[Inbound], Awaitable[Ack]]
"""The intake. It bounds its own time (Slack waits 3 s) and may be called for the same key several times at once."""
