"""The intake: judge, keep, acknowledge. Everything between a delivery and its acknowledgement happens here.

One short transaction and no network. Deliveries that arrive together share one commit. What is acknowledged is in the
database; what is not in the database is answered with "nothing was started".
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from bot.cards.answers import refusal_card
from bot.cards.card import Card
from bot.context import Context
from bot.errors import OutsideError, StoreUnavailable, UserError
from bot.failpoints import reach
from bot.inbound.flood import FloodGate, Refusal
from bot.inbound.inbound import Ack, Inbound, InboundKind
from bot.inbound.slack.requests import request_of
from bot.router.answers import answer_draft
from bot.router.call import Source
from bot.router.judge import Verdict, judge
from bot.router.request import Request
from bot.router.routes import Router
from bot.slack.messages import Body
from bot.store import audit, inbox, outbox

log = structlog.get_logger()
LATE = timedelta(seconds=60)
"""Older requests are refused: who pressed a button minutes ago has done something else since."""
BUDGET_S = 1.0
"""For getting into a transaction. Slack waits 3 s."""
COMMIT_BUDGET_S = 2.3
"""For knowing that a transaction which has begun is committed; measured from the start."""


@dataclass(slots=True)
class _Waiting:
    """A delivery that waits for its commit."""

    arrival: inbox.Arrival
    draft: outbox.Draft | None
    refusal: audit.Entry | None = None
    done: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Receives deliveries; one per process."""

    def __init__(
        self,
        ctx: Context,
        router: Router,
        *,
        flood: FloodGate | None = None,
        budget_s: float = BUDGET_S,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ctx = ctx
        self._flood = flood or FloodGate()
        self._seconds = seconds
        self._budget_s = budget_s
        self._router = router
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def receive(self, inbound: Inbound) -> Ack:
        """Keep the delivery, then acknowledge it. Never raises: what can't be kept is said so."""
        request = request_of(inbound)
        if request is None:
            return Ack()
        late = inbound.happened_at is not None and inbound.received_at - inbound.happened_at > LATE
        flood = None if late else self._held_up(inbound, request)
        if flood is not None and (inbound.kind is InboundKind.VIEW or not flood.is_news):
            return self._hold_up(inbound, request, flood)
        if flood is not None:
            verdict = Verdict(True, refusal_card(flood.error), code=flood.error.code)
        else:
            verdict = self._too_late(inbound) if late else judge(self._router, self._ctx.catalog, request)
        if verdict.form_errors:
            return Ack(_form_errors(dict(verdict.form_errors)))
        reach("intake.before_commit")
        try:
            new = await self._keep(inbound, request, verdict)
        except StoreUnavailable as error:
            log.warning("intake.not_kept", kind=inbound.kind, error=str(error))
            return self._not_kept(inbound, request, unsure=isinstance(error, _Unconfirmed))
        reach("intake.after_commit")
        if new and not verdict.over:
            self._ctx.bells.inbox.ring()
        if verdict.over and inbound.kind is not InboundKind.SLASH:
            self._ctx.bells.outbox.ring()
        if inbound.kind is InboundKind.SLASH and verdict.card is not None:
            # Also when it is known: it comes again because the acknowledgement before, and the answer on it, was lost.
            return Ack(_ephemeral(verdict.card))
        return Ack()

    async def _keep(self, inbound: Inbound, request: Request, verdict: Verdict) -> bool:
        """True when the delivery is new, False when it is known. Raises StoreUnavailable."""
        arrival = inbox.Arrival(
            source=inbound.kind,
            key=inbound.key,
            payload=request.kept(),
            received_at=inbound.received_at,
            answered=verdict.over,
            outcome="answered at once" if verdict.over else None,
        )
        draft = None
        if verdict.over and verdict.card is not None and inbound.kind is not InboundKind.SLASH:
            draft = answer_draft(request, verdict.card, private=True)
        refusal = None
        if verdict.code:
            refusal = audit.refused(inbound.received_at, request.actor, request.name, request.gist, verdict.code)
        waiting = _Waiting(arrival, draft, refusal)
        self._waiting.append(waiting)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        try:
            async with asyncio.timeout(self._budget_s):
                return await asyncio.shield(waiting.done)
        except TimeoutError:
            return await self._overdue(waiting)

    async def _overdue(self, waiting: _Waiting) -> bool:
        """Not kept within the budget: withdraw it, or, when its commit is under way, wait for that."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            raise StoreUnavailable("no transaction within a second")
        try:
            async with asyncio.timeout(COMMIT_BUDGET_S - BUDGET_S):
                return await asyncio.shield(waiting.done)
        except TimeoutError:
            raise _Unconfirmed("the commit has not returned") from None

    async def _flush(self) -> None:
        """Commit what waits, again and again until nothing does."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                async with self._ctx.database.write(urgent=True) as connection:
                    new = await inbox.add(connection, [item.arrival for item in group])
                    for item in group:
                        if (item.arrival.source, item.arrival.key) not in new:
                            continue
                        if item.draft is not None:
                            await outbox.add(connection, item.draft, now=self._ctx.clock())
                        if item.refusal is not None:
                            await audit.append(connection, item.refusal)
            except StoreUnavailable as error:
                for item in group:
                    if not item.done.done():
                        item.done.set_exception(StoreUnavailable(str(error)))
                        item.done.exception()  # read it here: the waiter may be gone
                continue
            except BaseException as error:
                for item in group:
                    if not item.done.done():
                        item.done.set_exception(StoreUnavailable(repr(error)))
                        item.done.exception()
                raise
            for item in group:
                if not item.done.done():
                    key = (str(item.arrival.source), item.arrival.key)
                    item.done.set_result(key in new)
                    new.discard(key)  # the same key twice in a group: the first one is the new one

    def _held_up(self, inbound: Inbound, request: Request) -> Refusal | None:
        if self._router.halts(request):
            return None
        # A crowd that answers one alert presses buttons: only what is typed counts for all together.
        is_typed = request.source in (Source.SLASH, Source.MENTION, Source.FORM)
        return self._flood.admit(inbound.key, request.actor, self._seconds(), is_shared=is_typed)

    def _hold_up(self, inbound: Inbound, request: Request, flood: Refusal) -> Ack:
        """Say so where the acknowledgement can, and keep nothing: a flood shall not reach the database."""
        match inbound.kind:
            case InboundKind.SLASH:
                return Ack(_ephemeral(refusal_card(flood.error)))
            case InboundKind.VIEW:
                self._flood.forget(inbound.key)  # what is corrected or sent again has the same key
                return Ack(_form_errors({next(iter(request.values), "environment"): flood.error.text}))
            case InboundKind.ACTION | InboundKind.EVENT:
                return Ack()

    def _too_late(self, inbound: Inbound) -> Verdict:
        assert inbound.happened_at is not None
        minutes = round((inbound.received_at - inbound.happened_at).total_seconds() / 60)
        text = f"That arrived {max(1, minutes)} min late; nothing was started."
        late = UserError("late", text, hint="If you still want it, ask again.")
        return Verdict(True, refusal_card(late), code=late.code)

    def _not_kept(self, inbound: Inbound, request: Request, *, unsure: bool) -> Ack:
        """Say that nothing was accepted, in the way each kind of request can be answered without the database."""
        text, hint = "Not accepted: database unavailable. Nothing was started.", "Try again in a minute."
        if unsure:
            text, hint = "The database is too slow to tell whether this was accepted.", "/status before you try again"
        told = refusal_card(UserError("store_unavailable", text, hint=hint))
        match inbound.kind:
            case InboundKind.SLASH:
                return Ack(_ephemeral(told))
            case InboundKind.VIEW:
                first = next(iter(request.values), "environment")
                return Ack(_form_errors({first: f"{text} {hint}"}))
            case InboundKind.ACTION:
                if request.response_url is not None:
                    task = asyncio.create_task(self._answer_at_once(request.response_url, told))
                    self._answers.add(task)
                    task.add_done_callback(self._answers.discard)
                return Ack()
            case InboundKind.EVENT:
                return Ack(accepted=False)

    async def _answer_at_once(self, response_url: str, card: Card) -> None:
        try:
            body = card.body()
            await self._ctx.messages.respond(response_url, Body(body["text"], tuple(body["blocks"])))
        except OutsideError as error:  # the last resort failed; there is nobody left to tell but the log
            log.warning("intake.answer_failed", error=str(error))


class _Unconfirmed(StoreUnavailable):
    """A commit that began and did not return in time: it may have happened."""


def _ephemeral(card: Card) -> dict[str, Any]:
    body = card.body()
    return {"response_type": "ephemeral", "text": body["text"], "blocks": body["blocks"]}


def _form_errors(errors: dict[str, str]) -> dict[str, Any]:
    return {"response_action": "errors", "errors": errors}
