"""A turn: what one transaction finds in a world, to be saved in it and acted on after it.

Filled by bot.reconcile.pods.judge and bot.reconcile.pods.batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.pods import Subject
from bot.domain.pods.cases import ONE_STORY, Case
from bot.domain.pods.falls import Mark
from bot.reconcile.pods.world import Batch, World


@dataclass(slots=True)
class Turn:
    """What a transaction found, to be done after its commit."""

    world: World
    batch: Batch
    now: datetime
    cases: dict[str, Case] = field(default_factory=dict)
    """Changed ones, and stale ones, by id."""
    marks: dict[str, tuple[Subject, Mark]] = field(default_factory=dict)
    wakes: dict[Subject, datetime | None] = field(default_factory=dict)
    asks: set[Subject] = field(default_factory=set)
    _turned: set[str] = field(default_factory=set)

    def keep(self, before: Sequence[Case], after: Sequence[Case]) -> None:
        """Remember what changed, and what waits to be drawn."""
        known = {case.story.id: case for case in before}
        for case in after:
            former = known.get(case.story.id)
            if case != former or case.is_stale:
                self.cases[case.story.id] = case
            if former is None or former.story.is_open != case.story.is_open:
                self._turned.add(case.story.id)

    def noteworthy(self) -> list[Case]:
        """Stories that opened, closed or opened again."""
        return [case for case in self.cases.values() if case.story.id in self._turned]


def within_reach(cases: Sequence[Case], now: datetime) -> tuple[Case, ...]:
    """Those that blows may join."""
    since = now - ONE_STORY
    return tuple(case for case in cases if case.story.closed_at is None or case.story.closed_at > since)


def joined(before: Sequence[Case], after: Sequence[Case]) -> tuple[Case, ...]:
    """All cases, those that were judged in place of what they were."""
    judged = {case.story.id for case in after}
    return (*(case for case in before if case.story.id not in judged), *after)


def as_baseline(case: Case) -> Case:
    return replace(case, story=replace(case.story, is_told=False), is_baseline=True, is_stale=False)
