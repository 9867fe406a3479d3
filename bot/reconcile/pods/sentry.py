"""The sentry: says when a watch does not see, on /readyz at once and in the ops channel when it lasts.

Called by bot.reconcile.pods each turn. Its messages are cards: the one that tells of the trouble tells of its end.
"""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from bot.cards.card import Card, section
from bot.cards.mrkdwn import Mrkdwn, bold, esc
from bot.cards.release import duration
from bot.context import Context
from bot.domain.names import EnvironmentName
from bot.store import outbox

PATIENCE_S = 75.0
"""Of an interruption before people hear of it: with a turn's time on top it is under 90 s."""
START_PATIENCE_S = 30.0
"""How long a start waits for the first lists; a cluster that is away must not keep the bot from all others."""
Key = tuple[EnvironmentName, str]


class Seen(Protocol):
    """The watches of an environment, as far as a sentry looks at them."""

    @property
    def faults(self) -> Mapping[str, str]: ...

    @property
    def is_listed(self) -> bool: ...


class Sentry:
    """Keeps an eye on all watches."""

    def __init__(
        self, ctx: Context, watching: Mapping[EnvironmentName, Seen], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._ctx = ctx
        self._watching = watching
        self._clock_s = clock_s
        self._began_s = clock_s()
        self._since: dict[Key, tuple[float, datetime]] = {}
        self._told: dict[Key, str] = {}
        """Subject of the card that tells of it."""

    def starting(self, has_turned: Collection[EnvironmentName]) -> str:
        """Why the first look is not over; empty when it is, or takes too long."""
        if self._clock_s() - self._began_s > START_PATIENCE_S:
            return ""
        missing = [
            name for name, watching in self._watching.items() if not watching.is_listed or name not in has_turned
        ]
        return f"the first list of pods is not done in {', '.join(missing)}" if missing else ""

    def remarks(self) -> Mapping[str, str]:
        """What is wrong, by environment and kind."""
        return {
            f"watch of {kind} in {name}": why
            for name, watching in self._watching.items()
            for kind, why in watching.faults.items()
        }

    async def turn(self, now: datetime) -> None:
        """Notice what began and what ended; tell of what lasts."""
        faults = {(name, kind): why for name, each in self._watching.items() for kind, why in each.faults.items()}
        for key in [key for key in self._since if key not in faults]:
            since_s, _ = self._since.pop(key)
            if (subject := self._told.pop(key, None)) is not None:
                took = duration(self._clock_s() - since_s)
                await self._say(subject, _over(key, took), now)
        for key, why in faults.items():
            since_s, since = self._since.setdefault(key, (self._clock_s(), now))
            if key not in self._told and self._clock_s() - since_s >= PATIENCE_S:
                subject = f"watch:{key[0]}:{key[1]}:{int(since.timestamp())}"
                self._told[key] = subject
                await self._say(subject, _blind(key, why), now)

    async def _say(self, subject: str, card: Card, now: datetime) -> None:
        if self._ctx.ops_channel is None:
            return
        draft = outbox.Draft(outbox.OutboxKind.CARD, self._ctx.ops_channel, card.body(), subject=subject)
        async with self._ctx.database.write() as connection:
            await outbox.add(connection, draft, now=now)
        self._ctx.bells.outbox.ring()


def _blind(key: Key, why: str) -> Card:
    name, kind = key
    first = Mrkdwn(f"🙈 I can't see the {esc(kind)} of {bold(name)}: {esc(why, 300)}")
    rest = "What falls there is told when I see it again; nothing is lost. Look at the API server and my permissions."
    return Card(Mrkdwn(f"{first}. {rest}"), (section(Mrkdwn(f"{first}\n{rest}")),))


def _over(key: Key, took: str) -> Card:
    name, kind = key
    text = Mrkdwn(f"✅ I see the {esc(kind)} of {bold(name)} again, after {took}. What changed meanwhile is told now.")
    return Card(text, (section(text),))
