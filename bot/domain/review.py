"""A review: the second look at a release that broke the glass, open until somebody else has written what they saw."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.catalog import Target
from bot.domain.names import ReleaseId, UserId


@dataclass(frozen=True, slots=True)
class Review:
    """One per release that went past the rules."""

    release_id: ReleaseId
    target: Target
    version: str
    by: UserId
    """Who broke the glass."""
    reason: str
    passed: str
    """What it went past, in words: `1 approval and the freeze "weekend"`."""
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: UserId | None = None
    words: str = ""
    """What the second person wrote."""
