"""ULIDs: 26 characters, sortable by time of creation, unguessable enough to be unique without asking anyone.

Source: github.com/ulid/spec (48 bits of milliseconds, 80 bits of chance, Crockford's base 32).
"""

import hashlib
import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


_last = 0
"""The newest number given out: the spec's monotonic mode, so that rows written in one millisecond keep their order."""


def new_id(now: datetime) -> str:
    """A fresh ULID of `now`; higher than the last one of this process when both are of the same millisecond."""
    global _last  # the order is a property of the process, like the clock
    millis = _millis(now)
    _last = _last + 1 if _last >> 80 == millis else (millis << 80) | secrets.randbits(79)
    return _encode(_last)


def id_of(now: datetime, key: str) -> str:
    """The ULID that belongs to `key` at `now`: the same for the same arguments: a repeated attempt meets itself."""
    chance = int.from_bytes(hashlib.sha256(key.encode()).digest()[:10])
    return _encode((_millis(now) << 80) | chance)


def key_id(key: str) -> str:
    """The 26 characters that belong to `key` at any time: how the audit trail names a request that is no release."""
    return _encode(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16]))


def _millis(now: datetime) -> int:
    return round(now.timestamp() * 1000)


def _encode(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5))
