"""The sweep: what canaries made and no release stands for any more, removed or told.

Called by the release loop a minute after its start, then every ten minutes. A release that is over has left something
only when somebody hid it, or when its rights were taken; that goes at once. What a release made that this database does
not know is told: a database was lost, or another Kajitori works there. It goes when no canary may stand that long.
What requests could still reach is kept, and told.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from bot.cards.canary import kept_card, leftover_card
from bot.cards.card import Card
from bot.context import Context
from bot.domain.canary.scheme import VALID
from bot.domain.catalog import Environment, WorkloadKind
from bot.domain.names import ReleaseId
from bot.domain.release import ReleaseKind
from bot.errors import Conflict, OutsideError, Refused
from bot.kube import canaries
from bot.store import outbox, releases

log = structlog.get_logger()
FIRST_AFTER = timedelta(minutes=1)
"""After the start: by then what was under way has been taken up."""
CAN_HAVE = (WorkloadKind.DEPLOYMENT, WorkloadKind.ROLLOUT)
"""Kinds of workload that can have a canary."""
EVERY = timedelta(minutes=10)


class CanarySweep:
    """Looks at every namespace of the catalogue that may have canaries."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._next_at = ctx.clock() + FIRST_AFTER
        self._told: dict[str, str] = {}
        """Subject and reason of what was told; a restart may forget it: the messages are edited, not repeated."""

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return self._ctx.clock() >= self._next_at

    async def sweep(self) -> None:
        """Once through everything; what can't be reached or changed now is for the next time."""
        self._next_at = self._ctx.clock() + EVERY
        for environment, namespace in self._places():
            try:
                await self._in(environment, namespace)
            except (OutsideError, Conflict) as error:
                log.warning("canary.sweep", environment=environment.name, namespace=namespace, error=str(error))

    def _places(self) -> Iterator[tuple[Environment, str]]:
        services = self._ctx.catalog.services.values()
        names = {each.workload.namespace for each in services if each.workload.kind in CAN_HAVE}
        for environment in self._ctx.catalog.environments.values():
            for namespace in sorted(names):
                yield environment, namespace

    async def _in(self, environment: Environment, namespace: str) -> None:
        cluster = self._ctx.clusters[environment.name]
        kept: set[str] = set()
        """Releases of which something must stay: what comes after it in the order of removal stays too."""
        # The cluster first: a row is older than what its release made.
        for leftover in await canaries.find_leftovers(cluster, namespace):
            async with self._ctx.database.read() as connection:
                release = await releases.get(connection, ReleaseId(leftover.op_id))
            known = release is not None and release.plan.kind is ReleaseKind.CANARY
            if release is not None and known and not release.phase.is_over:
                continue
            if known or _is_past(leftover, self._ctx.clock()):
                if leftover.op_id not in kept and not await self._remove(environment, leftover):
                    kept.add(leftover.op_id)
            elif leftover.kind in ("Deployment", "Rollout"):
                goes_at = (leftover.made_at or self._ctx.clock()) + VALID
                card = leftover_card(environment.name, leftover.namespace, leftover.kind, leftover.name, goes_at)
                await self._tell(environment, card, f"leftover:{leftover.uid}", goes_at.isoformat())

    async def _remove(self, environment: Environment, leftover: canaries.Leftover) -> bool:
        """Away with it; what must be kept is told with the reason. Whether it is gone."""
        try:
            kept = await canaries.remove_leftover(self._ctx.clusters[environment.name], leftover)
        except Conflict as error:
            log.warning("canary.sweep", environment=environment.name, name=leftover.name, error=str(error))
            return False
        except Refused as error:
            kept = f"The API server refused to remove it: {error.text}."
        if not kept:
            log.warning("canary.leftover_removed", kind=leftover.kind, name=leftover.name, release=leftover.op_id)
            return True
        log.warning("canary.leftover_kept", kind=leftover.kind, name=leftover.name, reason=kept)
        card = kept_card(environment.name, leftover.namespace, leftover.kind, leftover.name, kept)
        await self._tell(environment, card, f"leftover:{leftover.uid}", kept)
        return False

    async def _tell(self, environment: Environment, card: Card, subject: str, reason: str) -> None:
        """Say it once: the subject is that of the object."""
        if self._told.get(subject) == reason:
            return
        self._told[subject] = reason
        channel = environment.channel or self._ctx.ops_channel
        if channel is None:
            log.warning("canary.leftover", environment=environment.name, subject=subject, text=card.text)
            return
        draft = outbox.Draft(kind=outbox.OutboxKind.CARD, channel=channel, body=card.body(), subject=subject)
        async with self._ctx.database.write() as connection:
            await outbox.add(connection, draft, now=self._ctx.clock())
        self._ctx.bells.outbox.ring()


def _is_past(leftover: canaries.Leftover, now: datetime) -> bool:
    return leftover.made_at is not None and now - leftover.made_at >= VALID
