"""Slack's request signature, version 0: whether raw bytes were signed by Slack, not long ago.

Used by the HTTP door before anything is parsed. Pure: the time is an argument. It never raises, whatever the headers
hold: slack_sdk's verifier raises on a timestamp that is no number and on a signature that is not ASCII.
"""

import hashlib
import hmac
from collections.abc import Iterable

WINDOW_S = 300
"""Slack's own advice against replays. Within it, idempotency keys make a replay harmless."""


def signed_at_s(secrets: Iterable[bytes], timestamp: str, signature: str, raw_body: bytes, now_s: float) -> int | None:
    """The signed time in seconds since 1970 if any of `secrets` made `signature`, else None."""
    # isdecimal alone would let other scripts' digits pass; a long one would overflow a later conversion.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return None
    given = signature.encode("utf-8", "surrogateescape")
    base = b"v0:" + timestamp.encode() + b":" + raw_body
    genuine = False
    for secret in secrets:
        expected = b"v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest().encode()
        # No early end: which of two secrets fits is nobody's business either.
        genuine |= hmac.compare_digest(expected, given)
    signed = int(timestamp)
    return signed if genuine and abs(now_s - signed) <= WINDOW_S else None
