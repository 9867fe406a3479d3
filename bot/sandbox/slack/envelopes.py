"""Envelopes: one payload on its way to the app, and the acknowledgement that is awaited.

Shared by `sockets` (Socket Mode), `webhooks` (HTTP mode) and `delivery`, which decides when to give up.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

from bot.sandbox.slack.people import Json


@dataclass(slots=True)
class Envelope:
    """A payload with its name. `kind` is slash_commands, interactive or events_api.

    `acked` becomes the payload of the acknowledgement, None for one without.
    """

    kind: str
    payload: Json
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempt: int = 0
    """0 for the first delivery; Events API calls it retry_attempt."""
    retry_reason: str = ""
    deliveries: int = 0
    made_at: float = field(default_factory=time.monotonic)
    acked: asyncio.Future[Json | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def as_socket_json(self) -> Json:
        """The frame of Socket Mode; only events carry retry fields, as the real ones do."""
        frame: Json = {
            "envelope_id": self.id,
            "payload": self.payload,
            "type": self.kind,
            "accepts_response_payload": self.kind != "events_api",
        }
        if self.kind == "events_api":
            frame |= {"retry_attempt": self.attempt, "retry_reason": self.retry_reason}
        return frame

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.made_at


class NotDelivered(Exception):
    """What a person sees instead of an answer: `operation_timeout` or `dispatch_failed`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
