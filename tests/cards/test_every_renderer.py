"""Every function of bot.cards that makes a card, fed with hostile text wherever its arguments hold text.

The arguments are made from the functions' own types, so that a card that is written tomorrow is tried tomorrow.
"""

import types
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from importlib import import_module
from inspect import Parameter, isfunction, signature
from pathlib import Path
from pkgutil import walk_packages
from random import Random
from types import SimpleNamespace
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest

import bot.cards
from bot.cards.card import Card
from bot.cards.mrkdwn import Mrkdwn, esc
from bot.domain.names import AlertId, ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId
from tests.cards.hostile import CORPUS, must_be_fit_to_send

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DRAWS = 60
"""Arguments tried for each function; of many of them the combination is one that can't be."""
SHORT = [text for text in CORPUS if len(text) < 200]
OUR_IDS: dict[Any, tuple[str, ...]] = {
    UserId: ("U0ALICE", "W0CAROL"),
    ChannelId: ("C0STG",),
}


OUR_FIELDS = ("id", "code", "value", "reference", "cycle_key", "uid")


class Impossible(Exception):
    """No value of a type can be made up."""


class Inventor:
    """Makes up a value of any type, by chance, with text that wants to be more than text."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)

    def text(self) -> str:
        """Hostile, and never blank: nothing that is shown has no name at all."""
        if self._dice.random() < 0.05:
            return self._dice.choice(CORPUS) + " a"
        return "".join(self._dice.choice(SHORT) for _ in range(self._dice.choice((1, 1, 2)))) + " a"

    def id(self) -> str:
        """As we make them."""
        return "01K" + "".join(self._dice.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(23))

    def of(self, wanted: Any, depth: int = 0) -> Any:
        if depth > 12:
            raise Impossible(f"{wanted}: too deep")
        if wanted in OUR_IDS:
            return self._dice.choice(OUR_IDS[wanted])
        if wanted in (ReleaseId, AlertId):
            return self.id()
        if wanted is Mrkdwn:
            return esc(self.text(), 300)
        if wanted in (EnvironmentName, ServiceName):
            return self.text()[-63:]  # the configuration takes no longer ones
        if isinstance(wanted, NewType):
            return self.of(wanted.__supertype__, depth)
        if wanted in _PLAIN:
            return _PLAIN[wanted](self)
        if isinstance(wanted, types.GenericAlias) or get_origin(wanted) is not None:
            return self._generic(get_origin(wanted), get_args(wanted), depth)
        if isinstance(wanted, type) and issubclass(wanted, Enum):
            return self._dice.choice(list(wanted))
        if is_dataclass(wanted) and isinstance(wanted, type):
            hints = get_type_hints(wanted)
            named = {each.name: hints[each.name] for each in fields(wanted) if each.init}
            return wanted(**{name: self._named(name, kind, depth + 1) for name, kind in named.items()})
        if isinstance(wanted, type) and getattr(wanted, "_is_protocol", False):
            shown = {name: part.fget for name, part in vars(wanted).items() if isinstance(part, property)}
            kinds = {name: get_type_hints(getter)["return"] for name, getter in shown.items()}
            return SimpleNamespace(**{name: self._named(name, kind, depth + 1) for name, kind in kinds.items()})
        if isinstance(wanted, types.UnionType):
            return self._one_of(get_args(wanted), depth)
        if isinstance(wanted, type) and issubclass(wanted, Exception):
            return self._error(wanted)
        raise Impossible(f"{wanted!r}")

    def arguments(self, function: Callable[..., Any]) -> dict[str, Any]:
        hints = get_type_hints(function)
        named: dict[str, Any] = {}
        for parameter in signature(function).parameters.values():
            if parameter.default is not Parameter.empty and self._dice.random() < 0.3:
                continue
            named[parameter.name] = self._named(parameter.name, hints[parameter.name], 0)
        return named

    def _named(self, name: str, kind: Any, depth: int) -> Any:
        """A field. Ids, keys and codes are ours or made by machines, and stand where people don't look."""
        if kind is str and (name in OUR_FIELDS or name.endswith("_id")):
            return self.id()
        return self.of(kind, depth)

    def _error(self, wanted: type[Exception]) -> Exception:
        hints = get_type_hints(wanted.__init__)
        hints.pop("return", None)
        try:
            return wanted(**{name: self._named(name, kind, 1) for name, kind in hints.items()})
        except TypeError as error:
            raise Impossible(str(error)) from error

    def _one_of(self, kinds: tuple[Any, ...], depth: int) -> Any:
        some = [kind for kind in kinds if kind is not type(None)]
        if len(some) < len(kinds) and self._dice.random() < 0.3:
            return None
        return self.of(self._dice.choice(some), depth)

    def _generic(self, origin: Any, kinds: tuple[Any, ...], depth: int) -> Any:
        if origin in (Union, types.UnionType):
            return self._one_of(kinds, depth)
        if origin is tuple and not (len(kinds) == 2 and kinds[1] is Ellipsis):
            return tuple(self.of(kind, depth + 1) for kind in kinds)
        count = self._dice.choice((0, 1, 2, 3))
        if origin is not None and issubclass(origin, Mapping):
            return {self.of(kinds[0], depth + 1): self.of(kinds[1], depth + 1) for _ in range(count)}
        many = [self.of(kinds[0], depth + 1) for _ in range(count)]
        if origin is not None and issubclass(origin, frozenset | set | Set) and not issubclass(origin, Sequence):
            return frozenset(many)
        return many if origin is list else tuple(many)

    def moment(self) -> datetime:
        return NOW - timedelta(seconds=self._dice.randrange(10**6))


_PLAIN: dict[Any, Callable[[Inventor], Any]] = {
    str: Inventor.text,
    int: lambda it: it._dice.choice((0, 1, 2, 3, 7, 99)),
    float: lambda it: it._dice.choice((0.0, 0.5, 61.5, 1e6)),
    bool: lambda it: it._dice.random() < 0.5,
    datetime: Inventor.moment,
    timedelta: lambda it: timedelta(seconds=it._dice.randrange(1, 10**5)),
    date: lambda it: NOW.date(),
    time: lambda it: NOW.time(),
    object: Inventor.text,
    Any: Inventor.text,
    type(None): lambda it: None,
}


def renderers() -> dict[str, Callable[..., Any]]:
    """Every public function below bot.cards that returns a card, or several."""
    found: dict[str, Callable[..., Any]] = {}
    for module in walk_packages(bot.cards.__path__, "bot.cards."):
        loaded = import_module(module.name)
        for name, function in vars(loaded).items():
            if not isfunction(function) or function.__module__ != module.name or name.startswith("_"):
                continue
            if get_type_hints(function).get("return") in (Card, list[Card]):
                found[f"{module.name.removeprefix('bot.cards.')}.{name}"] = function
    return found


RENDERERS = renderers()


def test_all_the_cards_are_found() -> None:
    assert len(RENDERERS) > 60
    files = {path.stem for path in Path(bot.cards.__file__).parent.rglob("*.py")}
    without = {
        "__init__",
        "card",
        "mrkdwn",
        "words",
        "numbers",
        "alert_words",
        "alert_buttons",
        "alert_answers",
        "pod_words",
    }
    assert files - without - {name.split(".")[-2] for name in RENDERERS} == set()


@pytest.mark.parametrize("name", RENDERERS)
def test_whatever_a_card_is_about_slack_takes_it_and_nobody_is_pinged(name: str) -> None:
    shown = 0
    why: set[str] = set()
    for seed in range(DRAWS):
        inventor = Inventor(seed)
        try:
            named = inventor.arguments(RENDERERS[name])
        except (ValueError, AssertionError) as error:  # a combination that its own class refuses
            why.add(repr(error)[:200])
            continue
        try:
            made = RENDERERS[name](**named)
        except Exception as error:  # noqa: BLE001 - parts that never go together; how many is counted below
            why.add(repr(error)[:200])
            continue
        for card in made if isinstance(made, list) else [made]:
            must_be_fit_to_send(card.body())
        shown += 1
    assert shown >= DRAWS / 4, why
