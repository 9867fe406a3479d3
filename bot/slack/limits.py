"""Slack's speed limits as one rule: how long a post or an edit has to wait. Asked by the outbox before every send.

Pure: seconds of a monotonic clock are handed in. One instance per process and workspace; not for use by several
threads. It only advises: the caller waits, sends, and tells it what happened.
"""

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 60.0
PER_MINUTE = {"chat.postMessage": 100, "chat.postEphemeral": 100, "chat.update": 40}
"""Calls per method in any 60 s of the workspace. Slack documents 100+ for special methods and 50+ for tier 3."""
PER_MINUTE_ELSE = 20
"""Tier 2, for a method that is not named above."""
PER_CHANNEL = frozenset({"chat.postMessage", "chat.postEphemeral"})
"""Methods that Slack also counts per channel."""
CHANNEL_PER_S = 1.0
CHANNEL_BURST = 3
"""Slack allows one message a second in a channel and short bursts above it."""
SLOWEST = 0.1
RECOVERY_PER_S = 0.1 / 60
"""After a 429 the rate is halved, and a tenth of the full rate comes back each minute."""
_FORGET_CHANNELS_ABOVE = 1000
_ROUNDING_S = 1e-6
"""Sums of seconds are off by some billionths; a shorter wait than this could fail to move the clock at all."""


@dataclass(slots=True)
class _Method:
    sent_s: deque[float] = field(default_factory=deque)
    frozen_until_s: float = float("-inf")
    share: float = 1.0
    share_since_s: float = 0.0

    def share_now(self, now_s: float) -> float:
        return min(1.0, self.share + max(0.0, now_s - self.share_since_s) * RECOVERY_PER_S)


@dataclass(slots=True)
class _Channel:
    tokens: float
    at_s: float

    def tokens_now(self, now_s: float, burst: int) -> float:
        return min(float(burst), self.tokens + max(0.0, now_s - self.at_s) * CHANNEL_PER_S)


class Limiter:
    """How long to wait. `channel_burst` is lowered to 1 for a Slack that allows no bursts."""

    def __init__(self, *, channel_burst: int = CHANNEL_BURST) -> None:
        self._burst = channel_burst
        self._methods: dict[str, _Method] = {}
        self._channels: dict[str, _Channel] = {}

    def delay(self, method: str, channel: str, now_s: float) -> float:
        """Seconds until `method` may be called for `channel`; 0: it may go now."""
        known = self._methods.get(method)
        wait_s = 0.0
        if known is not None:
            wait_s = max(known.frozen_until_s - now_s, self._window_wait_s(method, known, now_s))
        if method in PER_CHANNEL and (bucket := self._channels.get(channel)) is not None:
            missing = 1.0 - bucket.tokens_now(now_s, self._burst)
            wait_s = max(wait_s, missing / CHANNEL_PER_S)
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def note_sent(self, method: str, channel: str, now_s: float) -> None:
        """A call went out, whatever came back: Slack counts it."""
        sent = self._methods.setdefault(method, _Method()).sent_s
        sent.append(now_s)
        if method in PER_CHANNEL:
            bucket = self._channels.get(channel)
            tokens = float(self._burst) if bucket is None else bucket.tokens_now(now_s, self._burst)
            self._channels[channel] = _Channel(tokens - 1.0, now_s)
            if len(self._channels) > _FORGET_CHANNELS_ABOVE:
                self._forget_full(now_s)

    def note_limited(self, method: str, retry_after_s: float, now_s: float, *, channel: str | None = None) -> None:
        """A 429: nothing by this method for `retry_after_s`, then at half the rate, which recovers slowly."""
        known = self._methods.setdefault(method, _Method())
        known.share = max(SLOWEST, known.share_now(now_s) / 2)
        known.frozen_until_s = max(known.frozen_until_s, now_s + retry_after_s)
        known.share_since_s = known.frozen_until_s
        if channel is not None and method in PER_CHANNEL:
            self._channels[channel] = _Channel(0.0, now_s)

    def _window_wait_s(self, method: str, known: _Method, now_s: float) -> float:
        while known.sent_s and known.sent_s[0] <= now_s - WINDOW_S:
            known.sent_s.popleft()
        allowed = max(1, int(PER_MINUTE.get(method, PER_MINUTE_ELSE) * known.share_now(now_s)))
        surplus = len(known.sent_s) - allowed
        return known.sent_s[surplus] + WINDOW_S - now_s if surplus >= 0 else 0.0

    def _forget_full(self, now_s: float) -> None:
        self._channels = {
            name: bucket
            for name, bucket in self._channels.items()
            if bucket.tokens_now(now_s, self._burst) < self._burst
        }
