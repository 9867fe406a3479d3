"""What a handler file declares: commands and buttons, with the role each asks for. Usage and help come from here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc
from typing import Any

from bot.cards.card import Card
from bot.context import Context
from bot.domain.catalog import Anywhere, Catalog, Place, Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router.binding import Field, fields_of
from bot.router.call import Call, Reply, Source
from bot.router.request import Request

Handler = Callable[..., Awaitable[Reply]]
PlaceOfWords = Callable[[Call, Mapping[str, str]], Awaitable[Place | Anywhere]]
"""Where a command with these bound words would happen; anywhere, when with these it only lists."""
Halts = bool | frozenset[str]
"""Always, never, or when one of these words is among a command's."""
PlaceOfValue = Callable[[Context, str], Awaitable[Place]]
"""Where the press of a button with this value would happen."""


async def _of_fields(call: Call, words: Mapping[str, str]) -> Place:
    """The environment and the service that the words name."""
    environment, service = words.get("environment"), words.get("service")
    return Place(EnvironmentName(environment) if environment else None, ServiceName(service) if service else None)


async def _unknown(ctx: Context, value: str) -> Place:
    """Nowhere that is known: only roles that count everywhere will do."""
    return Place()


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `/name` as a slash command, `name` in a mention, `/kajitori name` everywhere."""

    name: str
    """Without the slash."""
    role: Role
    handler: Handler
    fields: tuple[Field, ...]
    summary: str
    """First line of the handler's docstring."""
    has_form: bool = False
    """Called without words, it opens a form made of its fields."""
    slash: bool = True
    """False: only in mentions and as `/kajitori name`."""
    place: PlaceOfWords = _of_fields
    """Where it would happen: a role may be given for some places only."""
    halts: Halts = False
    """Whether it stops something: then it is let in however much else is asked for."""

    @property
    def usage(self) -> str:
        """`/deploy ENV SERVICE [VERSION]`."""
        return " ".join([f"/{self.name}" if self.slash else f"/kajitori {self.name}", self.hint]).rstrip()

    @property
    def hint(self) -> str:
        """`ENV SERVICE [VERSION]`."""
        return " ".join(field.usage for field in self.fields)


@dataclass(frozen=True, slots=True)
class Button:
    """A button on a card. Its value is text that the handler understands; the person may do it who has the role."""

    action_id: str
    role: Role
    handler: Handler
    place: PlaceOfValue = _unknown
    """Where pressing it would change something: a role may be given for some places only."""
    halts: bool = False
    """Whether it stops or takes something: then it is let in however much else is asked for."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A command whose answer needs nothing but the catalogue; it rides on the acknowledgement."""

    name: str
    answer: "Callable[[Router, Catalog], Card]"
    summary: str


class Router:
    """Declarations of one handler file, or (with `include`) of all of them."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self.buttons: dict[str, Button] = {}
        self.instants: dict[str, Instant] = {}

    def command(
        self,
        name: str,
        *,
        role: Role,
        form: bool = False,
        slash: bool = True,
        place: PlaceOfWords = _of_fields,
        halts: Halts = False,
    ) -> Callable[[Handler], Handler]:
        """Declare `/name`; its words are the handler's parameters after `call`.

        `place`: of commands that name their environment and service in another way than by fields of those names.
        `halts`: whether, or with which words, it stops something.
        """

        def declare(handler: Handler) -> Handler:
            plain, summary = name.removeprefix("/"), _summary(handler)
            command = Command(plain, role, handler, fields_of(handler), summary, form, slash, place, halts)
            _add(self.commands, command.name, command)
            return handler

        return declare

    def button(
        self, action_id: str, *, role: Role, place: PlaceOfValue = _unknown, halts: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare what pressing a button does; the handler gets `call` and the button's value.

        `place` tells from the value where that is. Without it, nobody may press it whose role is limited to places.
        """

        def declare(handler: Handler) -> Handler:
            _add(self.buttons, action_id, Button(action_id, role, handler, place, halts))
            return handler

        return declare

    def instant(self, name: str) -> "Callable[[Answer], Answer]":
        """Declare `/kajitori name`, answered from the declarations and the catalogue alone, for everyone."""

        def declare(answer: Answer) -> Answer:
            _add(self.instants, name, Instant(name, answer, _summary(answer)))
            return answer

        return declare

    def halts(self, request: Request) -> bool:
        """Whether the request stops something that runs, or takes an alert: it must always get through."""
        if request.source is Source.BUTTON:
            button = self.buttons.get(request.name)
            return button is not None and button.halts
        command = self.commands.get(request.name)
        if command is None or isinstance(command.halts, bool):
            return command is not None and bool(command.halts)
        return any(word.casefold() in command.halts for word in request.words)

    def include(self, *routers: "Router") -> "Router":
        """Take over the declarations of other routers. Raises ValueError when two declare the same name."""
        for router in routers:
            for mine, theirs in (
                (self.commands, router.commands),
                (self.buttons, router.buttons),
                (self.instants, router.instants),
            ):
                for name, declared in theirs.items():
                    _add(mine, name, declared)
        return self


Answer = Callable[[Router, Catalog], Card]


def _add(declared: dict[str, Any], name: str, route: Any) -> None:
    if name in declared:
        raise ValueError(f"{name} is declared twice")
    declared[name] = route


def _summary(handler: Callable[..., Any]) -> str:
    doc = getdoc(handler)
    if not doc:
        raise ValueError(f"{handler.__module__}.{handler.__qualname__} needs a docstring: it is the help text")
    return doc.splitlines()[0]
