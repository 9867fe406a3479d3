"""Clocks and counts that Slack keeps on an app: waits, lifetimes, and how often a method may be called.

`Pace` decides 429 for the Web API; `Timing` holds the waits, so that a test can shorten them.
Figures: docs.slack.dev/apis/web-api/rate-limits and the pages of Events API, Socket Mode and interactivity.
"""

import math
import time
from dataclasses import dataclass

# Calls a minute per method and workspace; what is not listed is tier 3.
TIER_1, TIER_2, TIER_3, TIER_4, SPECIAL = 1, 20, 50, 100, 600
TIERS = {
    "api.test": TIER_4,
    "auth.test": SPECIAL,
    # Really tier 1. A person who kills the bot again and again, to see what happens, would meet that limit and not
    # the bot's behaviour; so the sandbox is milder here, and only here.
    "apps.connections.open": TIER_2,
    "blocks.validate": SPECIAL,
    "chat.getPermalink": SPECIAL,
    "chat.postMessage": SPECIAL,  # the limit is per channel, see below
    "chat.postEphemeral": TIER_4,
    "conversations.list": TIER_2,
    "conversations.members": TIER_4,
    "conversations.setTopic": TIER_2,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}
POSTS_PER_SECOND, POST_BURST = 1.0, 4.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Slack's waits, in seconds. The defaults are Slack's own; tests pass shorter ones."""

    ack_s: float = 3.0  # an acknowledgement later than this counts as none
    trigger_s: float = 3.0
    response_url_s: float = 1800.0
    response_url_uses: int = 5
    # slackapi/bolt-js#2188, #2487: what is not acknowledged comes again with the same envelope_id.
    resend_s: float = 3.0
    command_life_s: float = 10.0  # commands and clicks older than this are not sent again
    event_retries_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    event_life_s: float = 600.0
    ping_s: float = 5.0
    ticket_s: float = 30.0
    most_sockets: int = 10


class Bucket:
    """A token bucket: `burst` calls at once, then `per_s` a second."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at = time.monotonic()

    def take(self) -> float:
        """0.0 when the call may go ahead, else the seconds until it might."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_s


class Pace:
    """How often the app has called, per method and, for posts, per channel."""

    def __init__(self, enforced: bool) -> None:
        self.enforced = enforced
        self._buckets: dict[str, Bucket] = {}
        self._closed_until: float = 0.0

    def close_for(self, seconds: float) -> None:
        """Answer 429 to everything for a while: the page's mischief."""
        self._closed_until = time.monotonic() + seconds

    def retry_after_s(self, method: str, channel_id: str | None = None) -> int:
        """0 when the call may go ahead, else what `Retry-After` shall say, in whole seconds."""
        closed_s = self._closed_until - time.monotonic()
        if closed_s > 0:
            return math.ceil(closed_s)
        if not self.enforced:
            return 0
        waits = [self._bucket(method, TIERS.get(method, TIER_3) / 60, TIERS.get(method, TIER_3)).take()]
        if method == "chat.postMessage" and channel_id is not None:
            waits.append(self._bucket(f"{method} {channel_id}", POSTS_PER_SECOND, POST_BURST).take())
        return math.ceil(max(waits))

    def _bucket(self, name: str, per_s: float, burst: float) -> Bucket:
        return self._buckets.setdefault(name, Bucket(per_s, burst))
