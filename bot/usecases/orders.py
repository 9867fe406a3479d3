"""An order on the batch desk: what a button names, and the one change of a cluster that it asks for.

Called by bot.usecases.jobs. Intent and result stand in the audit trail, whatever happens in between.
"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn
from bot.context import Context
from bot.domain.catalog import Target, WorkloadKind
from bot.domain.names import EnvironmentName, UserId
from bot.domain.release import START_VALID, ReleaseKind
from bot.errors import OutsideError, Refused, Unreachable, UserError
from bot.failpoints import reach
from bot.store import audit, outbox, releases
from bot.store.db import Connection
from bot.usecases.holds import refuse_held

WRITING_S = 12.0
"""All tries together: a handler has 25 s, and the result must be on record before they are over."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
"""A DNS subdomain, as Kubernetes names objects."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """What a button of the desk names: a CronJob, and the step that it was drawn at."""

    environment: EnvironmentName
    namespace: str
    name: str
    step: str = ""

    def __str__(self) -> str:
        return f"{self.environment}/{self.namespace}/{self.name}"


def read_order(ctx: Context, value: str) -> Order:
    """What a button's value names. Raises UserError for what the configuration does not reach."""
    environment, _, rest = value.partition(":")
    namespace, _, rest = rest.partition(":")
    name, _, step = rest.partition(":")
    known = {service.workload.namespace for service in ctx.catalog.services.values()}
    if environment not in ctx.catalog.environments or namespace not in known or not _NAME.fullmatch(name):
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return Order(EnvironmentName(environment), namespace, name, step[:8])


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a cluster: its intent in the audit trail, the write, its result there and in the channel."""

    ctx: Context
    order: Order
    action: str
    mark: str
    """The request, as the audit trail names it."""
    by: UserId

    async def is_begun(self) -> bool:
        """Whether the intent is on record: the request ran before, and the bot died."""
        async with self.ctx.database.read() as connection:
            return await audit.told(connection, self.mark, audit.AuditPhase.INTENT) is not None

    async def intend(self, what: str, asked_at: datetime, *, locked: bool) -> None:
        """The audit row before the write, once; with `locked`, refused while a release holds the service.

        A request that comes back long after it was asked, because the bot was away, is not carried out any more.
        """
        now = self.ctx.clock()
        async with self.ctx.database.write() as connection:
            is_begun = await audit.told(connection, self.mark, audit.AuditPhase.INTENT) is not None
            if now - asked_at < START_VALID:
                if locked and not is_begun:
                    await _refuse_locked(self.ctx, connection, self.order, self.by)
                if not is_begun:
                    await audit.append(connection, self._entry(audit.AuditPhase.INTENT, what))
                is_late = False
            else:
                is_late = True
        if is_late:
            if is_begun:
                await self.conclude("not started: too late", None)
            raise UserError("late", "I was away for too long since you asked; nothing was started.", hint="Ask again.")
        reach("jobs.after_intent")

    async def carried_out(self, writing: "Awaitable[T]") -> "T":
        """What the write gives; when it fails, the result is on record before the person hears of it."""
        try:
            async with asyncio.timeout(WRITING_S):
                written = await writing
        except (OutsideError, TimeoutError) as error:
            await self.conclude(f"failed: {str(error) or 'no answer in time'}", None)
            raise self._undone(error) from error
        reach("jobs.after_write")
        return written

    def _undone(self, error: Exception) -> Exception:
        """What to tell of a write that failed: nothing was changed, or nobody knows."""
        desk = f"/jobs {self.order.environment}"
        match error:
            case Unreachable() | TimeoutError():
                text = f"`{self.order.environment}` did not answer, so I don't know whether that happened."
                return UserError("outcome_unknown", text, hint=f"{desk} shows it as soon as it answers again.")
            case Refused():
                text = f"{error.system} does not let me: {error.text}. Nothing was changed."
                return UserError("forbidden", text, hint="Its words say what is missing: a right of my Role, or room.")
            case _:
                return error

    async def conclude(self, what: str, line: Mrkdwn | None) -> None:
        """The audit row after the write and a word to the environment's channel, once."""
        channel = self.ctx.catalog.environments[self.order.environment].channel
        async with self.ctx.database.write() as connection:
            if await audit.told(connection, self.mark, audit.AuditPhase.RESULT) is not None:
                return
            await audit.append(connection, self._entry(audit.AuditPhase.RESULT, what))
            if line is not None and channel is not None:
                draft = outbox.Draft(kind=outbox.OutboxKind.NOTE, channel=channel, body=note_card(line).body())
                await outbox.add(connection, draft, now=self.ctx.clock())
        self.ctx.bells.outbox.ring()

    def _entry(self, phase: audit.AuditPhase, what: str) -> audit.Entry:
        return audit.Entry(self.ctx.clock(), self.by, self.action, str(self.order), phase, what, self.mark)


async def _refuse_locked(ctx: Context, connection: Connection, order: Order, by: UserId) -> None:
    target = target_of(ctx, order)
    held = await releases.lock_of(connection, target) if target else None
    if held is not None and held.release_id is not None:
        raise UserError(
            "target_locked",
            f"`{target}` is locked: {{who}} is releasing it since {{since}}.",
            hint="Ask again when that is over.",
            who=held.owner,
            since=held.since,
        )
    if target is not None:
        await refuse_held(ctx, connection, target, ReleaseKind.RESTART, by)


def target_of(ctx: Context, order: Order) -> Target | None:
    """The configured service whose workload it is."""
    for service in ctx.catalog.services.values():
        ref = service.workload
        if (ref.kind, ref.namespace, ref.name) == (WorkloadKind.CRONJOB, order.namespace, order.name):
            return Target(order.environment, service.name)
    return None
