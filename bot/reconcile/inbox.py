"""The inbox loop: runs the handler of each request that was kept, and has its answer sent.

A request that was running when the bot died runs again; what it makes is made once, by the request's key.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from bot.cards.answers import failure_card, outside_card, refusal_card
from bot.cards.card import Card
from bot.cards.forms import command_form, open_form_card
from bot.context import Context
from bot.domain.catalog import ANYWHERE, Anywhere, Role
from bot.domain.names import ServiceName
from bot.domain.words import find
from bot.errors import OutsideError, Refused, StoreUnavailable, UserError
from bot.failpoints import reach
from bot.reconcile.loop import Crew, insist, reference
from bot.router.answers import answer_draft
from bot.router.binding import FieldKind, bind, bind_form
from bot.router.call import Call, FormRequest, Reply, Source
from bot.router.judge import command_of
from bot.router.replies import follow
from bot.router.request import Request
from bot.router.routes import Router
from bot.slack.forms import ViewRef
from bot.store import audit, inbox, outbox, releases
from bot.store.inbox import InboxRow
from bot.store.outbox import OutboxRow
from bot.usecases import versions
from bot.usecases.people import Finder, Whereabouts, authorise
from bot.usecases.threads import thread_of

log = structlog.get_logger()
AT_ONCE = 128
TIMEOUT_S = 25.0
MAX_ATTEMPTS = 5
"""A request that brought the process down so often is given up, with a word to the person."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """A request that has run, and what is to be said about it."""

    row: InboxRow
    outcome: str
    draft: outbox.Draft | None
    refusal: audit.Entry | None = None


class Carrier(Protocol):
    """Who delivers answers at once: the outbox loop."""

    def room(self) -> int:
        """How many it takes now."""
        ...

    def take(self, rows: Sequence[OutboxRow]) -> None:
        """Deliver rows that are begun."""
        ...


class InboxLoop:
    """Runs requests, several at a time."""

    def __init__(self, ctx: Context, router: Router, carrier: Carrier) -> None:
        self._ctx = ctx
        self._router = router
        self._carrier = carrier
        self.crew = Crew()
        self._answered: list[_Answered] = []
        """Waiting for the next turn, which keeps them."""

    async def recover(self) -> None:
        """Once, before the first turn: what a dead process left running runs again."""
        async with self._ctx.database.write() as connection:
            await inbox.recover(connection)

    async def turn(self) -> float:
        """Keep the answers of requests that have run and start some that wait; seconds until it looks again."""
        answered, self._answered = self._answered, []
        free = AT_ONCE - len(self.crew)
        try:
            rows = await self._exchange(answered, free)
        except StoreUnavailable:
            self._answered = answered + self._answered
            raise
        except Exception:
            for each in answered:  # one of them may be what the database does not take
                await self._keep_alone(each)
            raise
        for row in rows:
            self.crew.start(row.id, self._run(row), then=self._ctx.bells.inbox.ring)
        return 2.0

    async def settle(self, timeout_s: float) -> None:
        """After the last turn: let what was begun come to its end, at most so long, and keep its answers."""
        await self.crew.settle(timeout_s)
        try:
            await self._exchange(self._answered, 0)
        except StoreUnavailable as error:  # they are still `running`, and run again at the next start
            log.warning("request.not_finished", requests=len(self._answered), error=str(error))

    async def _exchange(self, answered: Sequence[_Answered], free: int) -> Sequence[InboxRow]:
        """Answers in, requests out: one transaction, so that a crowd of requests shares its cost."""
        now = self._ctx.clock()
        drafts = [each.draft for each in answered if each.draft is not None]
        at_once = [draft for draft in drafts if draft.response_url is not None][: self._carrier.room()]
        carried = {id(draft) for draft in at_once}
        async with self._ctx.database.write() as connection:
            await outbox.add_new(connection, [draft for draft in drafts if id(draft) not in carried], now=now)
            begun = await outbox.add_begun(connection, at_once, now=now)
            for each in answered:
                if each.refusal is not None:
                    await audit.append(connection, each.refusal)
            await inbox.finish(connection, {each.row.id: each.outcome for each in answered}, now=now)
            if answered:
                reach("inbox.in_finish")
            rows = await inbox.claim(connection, now=now, limit=free) if free > 0 else []
        self._carrier.take(begun)
        if len(drafts) > len(begun):
            self._ctx.bells.outbox.ring()
        return rows

    async def _keep_alone(self, answered: _Answered) -> None:
        try:
            await self._exchange([answered], 0)
        except StoreUnavailable:
            self._answered.append(answered)
        except Exception:  # this one's answer is lost, the others' are not
            log.exception("request.not_finished", row=answered.row.id, reference=reference())
            if answered.refusal is not None:  # nothing was changed, so the person hears it without an audit row too
                await self._keep_alone(replace(answered, refusal=None))

    async def _run(self, row: InboxRow) -> None:
        request = Request.read(row.payload)
        reach("inbox.before_run")
        try:
            reply = await self._answer(row, request)
        except StoreUnavailable:
            await insist(lambda: self._put_off(row))
            return
        reach("inbox.after_run")
        card, private = reply.card, reply.private
        if reply.form is not None:
            card, private = await self._open_form(request, reply.form), True
        draft = answer_draft(request, card, private=private) if card is not None else None
        refusal = None
        if reply.refusal:
            now = self._ctx.clock()
            refusal = audit.refused(now, request.actor, request.name, request.gist, reply.refusal)
        self._answered.append(_Answered(row, str(card.text)[:500] if card else "", draft, refusal))

    async def _put_off(self, row: InboxRow) -> None:
        async with self._ctx.database.write() as connection:
            until = self._ctx.clock() + timedelta(seconds=1)
            await inbox.put_off(connection, row.id, until=until, why="database unavailable")

    async def _answer(self, row: InboxRow, request: Request) -> Reply:
        """The handler's reply, or a refusal; whatever happens, the person hears something."""
        if row.attempts > MAX_ATTEMPTS:
            ref = reference()
            log.error("request.given_up", row=row.id, name=request.name, reference=ref)
            return Reply(failure_card(ref), private=True, refusal="internal")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._call(row, request)
        except UserError as error:
            return await self._made_before(row, request) or _refused(error)
        except OutsideError as error:
            return Reply(outside_card(error), private=True, refusal="outside")
        except StoreUnavailable:
            raise
        except TimeoutError:
            text = f"No answer within {TIMEOUT_S:g} s; I gave up."
            return _refused(UserError("too_slow", text, hint="Try again in a minute."))
        except Exception:  # a bug must not leave the person without an answer, nor stop other requests
            ref = reference()
            log.exception("request.failed", row=row.id, name=request.name, reference=ref)
            return Reply(failure_card(ref), private=True, refusal="internal")

    async def _made_before(self, row: InboxRow, request: Request) -> Reply | None:
        """The answer to a request that made its release in a run that died: what refuses it now is its own work."""
        async with self._ctx.database.read() as connection:
            release = await releases.by_request(connection, row.key)
        return None if release is None else follow(await self._call_of(row, request), release)

    async def _call(self, row: InboxRow, request: Request) -> Reply:
        call = await self._call_of(row, request)
        if request.source is Source.BUTTON:
            return await self._press(call, request)
        if request.source is Source.CHOICE:
            return await self._choose(call, request)
        instant = self._router.instants.get(request.name)
        if instant is not None:
            return Reply(instant.answer(self._router, self._ctx.catalog))
        command = command_of(self._router, request)
        catalog = self._ctx.catalog
        if request.source is Source.FORM:
            words, errors = bind_form(command.fields, request.values, catalog)
            if errors:
                raise UserError("form", " ".join(errors.values()), hint=command.usage)
        elif command.has_form and not request.words and call.context is None:
            await self._authorise(call, command.role, command.name, place=ANYWHERE)
            return Reply(form=FormRequest(command.name))
        else:
            words = bind(command.fields, request.words, catalog, usage=command.usage, context=call.context)
        target = "/".join(words.values())
        await self._authorise(call, command.role, command.name, target, place=lambda: command.place(call, words))
        return await command.handler(call, **words)

    async def _press(self, call: Call, request: Request) -> Reply:
        if request.name.startswith("form."):  # a button that opens a command's form: the way back from an expired one
            command = command_of(self._router, replace(request, name=request.name.removeprefix("form.")))
            await self._authorise(call, command.role, command.name, place=ANYWHERE)
            return Reply(form=FormRequest(command.name, about=request.value if ":" in request.value else ""))
        button = self._router.buttons.get(request.name)
        if button is None:
            raise UserError("unknown_button", "I no longer know this button.", hint="Use the command instead.")
        value = request.value
        await self._authorise(call, button.role, button.action_id, value, place=lambda: button.place(self._ctx, value))
        return await button.handler(call, request.value)

    async def _choose(self, call: Call, request: Request) -> Reply:
        """Offer the versions of the service that was chosen in an open form."""
        command, catalog = command_of(self._router, request), self._ctx.catalog
        await self._authorise(call, command.role, command.name, place=ANYWHERE)
        name = find(request.values.get("service", ""), catalog.services)
        offered = await versions.offered(self._ctx, catalog.services[ServiceName(name)]) if name else []
        if request.view_id is not None and offered:
            view = command_form(
                command.name,
                command.summary,
                command.fields,
                catalog,
                chosen=request.values,
                place=place_of(request, request.about),
                offered=offered,
            )
            await self._ctx.forms.update(ViewRef(request.view_id, request.view_hash or ""), view)
        return Reply.nothing()

    async def _authorise(
        self, call: Call, role: Role, action: str, target: str = "", *, place: Finder | Anywhere
    ) -> None:
        await authorise(
            self._ctx,
            call.actor,
            role,
            team=call.team,
            action=action,
            target=target,
            room=Whereabouts(call.channel, call.channel_name),
            place=place,
        )

    async def _call_of(self, row: InboxRow, request: Request) -> Call:
        context, about = await thread_of(self._ctx, request.channel, request.thread_ts)
        return Call(
            ctx=self._ctx,
            key=row.key,
            source=request.source,
            actor=request.actor,
            team=request.team,
            channel=request.channel,
            channel_name=request.channel_name,
            asked_at=request.asked_at,
            thread_ts=request.thread_ts,
            message_ts=request.message_ts,
            trigger_id=request.trigger_id,
            response_url=request.response_url,
            context=context,
            about=request.about or about,
        )

    async def _open_form(self, request: Request, wanted: FormRequest) -> Card | None:
        """Open a form; when Slack no longer lets us (it gives 3 s), a button that opens it."""
        command = self._router.commands[wanted.command]
        # What it is about says where: asking for it again would only make room for contradictions.
        known = (FieldKind.ALERT, FieldKind.ENVIRONMENT, FieldKind.SERVICE) if wanted.about else ()
        fields = [each for each in command.fields if each.required or each.kind not in known]
        view = command_form(
            command.name,
            command.summary,
            fields,
            self._ctx.catalog,
            chosen=dict(wanted.chosen),
            place=place_of(request, wanted.about),
        )
        try:
            if request.trigger_id is None:
                raise Refused("Slack", "no trigger", code="no_trigger")
            await self._ctx.forms.open(request.trigger_id, view)
        except OutsideError as error:
            log.info("form.not_opened", command=command.name, error=str(error))
            return open_form_card(command.name, wanted.about)
        return None


def _refused(error: UserError) -> Reply:
    return Reply(refusal_card(error), private=True, refusal="" if error.is_recorded else error.code)


def place_of(request: Request, about: str = "") -> str:
    """Where a form's answer goes and what it is about, kept in the form."""
    return f"{request.channel}:{request.thread_ts or ''}:{request.channel_name}:{about}"
