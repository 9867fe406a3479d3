"""What the app asked of Slack, kept for tests and for the curious (`/sandbox/slack/requests`).

Bounded; tokens are never kept.
"""

import time
from collections import deque

from bot.sandbox.slack.people import Json

MOST_RECORDS = 5_000


class Records:
    """The last requests, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Json] = deque(maxlen=MOST_RECORDS)
        self.problems: deque[str] = deque(maxlen=200)
        """Answers of the app that Slack would not take and that have no reply to say so in, such as a bad ack."""
        self.count = 0
        self.deliveries: deque[Json] = deque(maxlen=MOST_RECORDS)
        """Payloads that the app acknowledged: kind, envelope id, how often sent, seconds from first try to ack."""

    def add(self, method: str, body: Json, status: int, response: Json | None) -> None:
        """Keep a request and its answer; `status` 0 means that the connection was cut instead of an answer."""
        self.count += 1
        self._entries.append(
            {
                "n": self.count,
                "time": time.time(),
                "method": method,
                "body": {name: entry for name, entry in body.items() if name != "token"},
                "status": status,
                "response": response,
            }
        )

    def find(self, method: str | None = None, since: int = 0) -> list[Json]:
        """Requests after number `since`, of one method or all, oldest first."""
        return [entry for entry in self._entries if entry["n"] > since and method in (None, entry["method"])]
