"""The first look at a request, on the ack path: is it a command, do its words fit? Pure."""

from dataclasses import dataclass

from bot.cards.answers import refusal_card
from bot.cards.card import Card
from bot.domain.catalog import Catalog
from bot.domain.words import nearest
from bot.errors import UserError
from bot.router.binding import bind, bind_form
from bot.router.call import Source
from bot.router.request import Request
from bot.router.routes import Command, Router


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the acknowledgement says. `over`: nothing is left to do, the answer is given."""

    over: bool
    card: Card | None = None
    form_errors: tuple[tuple[str, str], ...] = ()
    code: str = ""
    """Of a refusal, for the audit trail."""


def judge(router: Router, catalog: Catalog, request: Request) -> Verdict:
    """Answer at once what can be answered from the catalogue alone; let the rest through."""
    try:
        match request.source:
            case Source.SLASH:
                return _judge_command(router, catalog, request)
            case Source.FORM:
                command = command_of(router, request)
                _bound, errors = bind_form(command.fields, request.values, catalog)
                return Verdict(bool(errors), form_errors=tuple(errors.items()))
            case Source.MENTION | Source.BUTTON | Source.CHOICE:
                return Verdict(False)  # the thread's release, or the card's row, is needed first
    except UserError as error:
        return Verdict(True, refusal_card(error), code=error.code)


def _judge_command(router: Router, catalog: Catalog, request: Request) -> Verdict:
    instant = router.instants.get(request.name)
    if instant is not None:
        return Verdict(True, instant.answer(router, catalog))
    command = command_of(router, request)
    if not (command.has_form and not request.words):
        bind(command.fields, request.words, catalog, usage=command.usage)
    return Verdict(False)


def command_of(router: Router, request: Request) -> Command:
    """The command that is asked for. Raises UserError with the nearest one."""
    command = router.commands.get(request.name)
    if command is not None:
        return command
    names = [*router.commands, *router.instants]
    meant = nearest(request.name, names)
    guess = f" Did you mean `{meant}`?" if meant else ""
    raise UserError("unknown_command", f"I don't know `{request.name}`.{guess}", hint="/kajitori help")
