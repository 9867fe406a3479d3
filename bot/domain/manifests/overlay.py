"""What a release would apply: the objects of an overlay at a commit, against what the cluster has.

Made by bot.usecases.overlays, kept as a part of the release's plan, carried out by bot.reconcile.overlays.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CONFIRM_WITHIN_S = 300
"""How long the requester may look at a plan before it must be made again."""
MOST_COMMITS = 20
"""Commits that a plan names; the card says how many more there are."""


class Verb(StrEnum):
    """What applying does to an object."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    """Nothing that people would call a change."""
    PRUNE = "prune"
    """It left the overlay, and the configuration says that such objects are deleted."""
    LEAVE = "leave"
    """It left the overlay, and stays in the cluster."""


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that somebody else has set, whom an apply would overrule."""

    manager: str
    field: str


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object of a plan."""

    api_version: str
    kind: str
    name: str
    verb: Verb
    lines: tuple[str, ...] = ()
    """Its diff, as `bot.domain.manifests.diff.changed_lines`."""
    live: str = ""
    """Fingerprint of what the cluster had when the plan was made; empty: it had none."""
    conflicts: tuple[FieldConflict, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class CommitNote:
    """A commit on a card."""

    sha: str
    title: str
    author: str


@dataclass(frozen=True, slots=True)
class OverlayPlan:
    """The overlay's part of a plan."""

    commit: CommitNote
    overlay: str
    """Path of the overlay in its repository."""
    content: str
    """sha256 of the objects as they would be applied, the image among them."""
    changes: tuple[ObjectChange, ...]
    commits: tuple[CommitNote, ...] = ()
    """Since the commit that runs, newest first; empty when that is not known."""
    commits_left_out: int = 0
    forced: bool = False
    """Other managers are overruled: asked for by an operator, with a reason."""

    @property
    def conflicts(self) -> tuple[FieldConflict, ...]:
        return tuple(conflict for change in self.changes for conflict in change.conflicts)

    @property
    def is_change(self) -> bool:
        """Whether applying would change anything in the cluster."""
        return any(change.verb in (Verb.CREATE, Verb.CHANGE, Verb.PRUNE) for change in self.changes)

    def bound(self) -> list[Any]:
        """What an approval binds to: what is applied, from which commit, and to what."""
        each = [[change.api_version, str(change), change.verb, change.live] for change in self.changes]
        return [self.commit.sha, self.overlay, self.content, self.forced, each]


def content_of(objects: Sequence[Mapping[str, Any]]) -> str:
    """sha256 of objects in their order, in hex."""
    return hashlib.sha256(json.dumps(list(objects), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def what_moved(planned: OverlayPlan, now: OverlayPlan) -> str:
    """In words, how the plan of now differs from the one that people looked at; empty when it does not."""
    parts = []
    if now.content != planned.content:
        if now.commit.sha != planned.commit.sha:
            parts.append(f"the overlay moved from {short(planned.commit.sha)} to {short(now.commit.sha)}")
        else:
            parts.append("what the overlay renders to is another than before")
    before = {(change.api_version, str(change)): change for change in planned.changes}
    after = {(change.api_version, str(change)): change for change in now.changes}
    moved = [key[1] for key in before.keys() | after.keys() if _live(before.get(key)) != _live(after.get(key))]
    if moved:
        named = ", ".join(sorted(moved)[:5]) + (f" and {len(moved) - 5} more" if len(moved) > 5 else "")
        parts.append(f"{named} changed in the cluster")
    return " and ".join(parts)


def _live(change: ObjectChange | None) -> str:
    return change.live if change else ""


def short(sha: str) -> str:
    """A commit as people write it."""
    return sha[:8]
