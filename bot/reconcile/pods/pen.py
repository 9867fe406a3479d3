"""The pen: writes the messages of stories. New ones at once, changes of old ones six a minute, the ends first.

Called by bot.reconcile.pods inside its transaction; the outbox sends them. What does not get its turn stays stale, in
its row, and is drawn as it is by then.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards.card import Card
from bot.domain.names import ChannelId
from bot.domain.pods import Story, Subject, subject_key
from bot.domain.pods.cases import Case
from bot.store import outbox
from bot.store.db import Connection

EDITS = 6
EDITS_WITHIN_S = 60.0
"""At most so many changes of messages in the channel in so long: more is motion that nobody reads."""
WORTH_A_NOTE = 2
"""Log lines that the card itself shows; more are put into its thread."""


class Pen:
    """Writes into one channel."""

    def __init__(
        self,
        channel: ChannelId,
        card: Callable[[Story, datetime], Card],
        note: Callable[[Story], Card],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._card = card
        self._note = note
        self._clock_s = clock_s
        self._edited_s: deque[float] = deque(maxlen=EDITS)
        self.waiting: dict[str, tuple[str, Subject]] = {}
        """Stories whose change waits for its turn: id → environment and subject."""

    async def write(self, connection: Connection, cases: Sequence[Case], now: datetime) -> list[Case]:
        """Draw what may be drawn; all cases, as they are to be saved."""
        written: list[Case] = []
        for case in sorted(cases, key=_urgency):
            story = case.story
            if not case.is_stale:
                written.append(case)
            elif not story.is_told:
                written.append(replace(case, is_stale=False))
            elif case.is_posted and not self._may_edit():
                self.waiting[story.id] = (story.environment, story.subject)
                written.append(case)
            else:
                if case.is_posted:
                    self._edited_s.append(self._clock_s())
                written.append(await self._draw(connection, case, now))
        return written

    async def _draw(self, connection: Connection, case: Case, now: datetime) -> Case:
        story = case.story
        await outbox.add(connection, self._draft(self._card(story, now), subject_key(story)), now=now)
        has_note = case.is_noted
        if not has_note and len(story.log_tail) > WORTH_A_NOTE:
            note = replace(
                self._draft(self._note(story), f"{subject_key(story)}:words"), thread_subject=subject_key(story)
            )
            await outbox.add(connection, note, now=now)
            has_note = True
        self.waiting.pop(story.id, None)
        return replace(case, is_stale=False, is_posted=True, is_noted=has_note)

    def _draft(self, card: Card, subject: str) -> outbox.Draft:
        return outbox.Draft(outbox.OutboxKind.CARD, self._channel, card.body(), lane=outbox.Lane.POD, subject=subject)

    def _may_edit(self) -> bool:
        return self.wait_s() == 0

    def wait_s(self) -> float:
        """Seconds until a message may be changed again."""
        if len(self._edited_s) < EDITS:
            return 0.0
        return max(0.0, self._edited_s[0] + EDITS_WITHIN_S - self._clock_s())


def _urgency(case: Case) -> tuple[bool, bool, str]:
    """New ones first, then the ends, then the oldest."""
    return (case.is_posted, case.story.is_open, case.story.id)
