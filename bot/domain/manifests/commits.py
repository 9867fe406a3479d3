"""A commit of a repository of manifests, as people read it. Made by bot.manifests, shown on cards."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the manifests."""

    sha: str
    """The whole object name in hex; of a directory without history, the SHA-256 of its content."""
    author: str
    """Name only; empty where there is no history."""
    title: str
    """First line of the message, 200 characters at most, without control characters."""
    at: datetime
    """When it was committed, aware, UTC."""

    def __str__(self) -> str:
        return self.sha[:8]
