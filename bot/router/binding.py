"""Words and form values to typed arguments, by a handler's signature; and what to say when they do not fit.

Pure: the catalogue is an argument. Called on the ack path, so that a slip of the hand is answered at once.
"""

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import Parameter, signature
from itertools import permutations
from types import UnionType
from typing import Any

from bot.domain.canary.asking import Asked, understand
from bot.domain.catalog import Catalog, Target
from bot.domain.names import (
    AlertRef,
    Drill,
    EnvironmentName,
    Prose,
    Reason,
    ReleaseRef,
    ServiceName,
    Shares,
    Span,
    UserId,
    Version,
)
from bot.domain.words import find, nearest
from bot.errors import UserError

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
"""An image tag by the OCI distribution specification."""
SPAN = re.compile(r"(?=.)(?:\d{1,2}d)?(?:\d{1,3}h)?(?:\d{1,4}m(?:in)?)?|tomorrow", re.ASCII | re.IGNORECASE)
_ALERT = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)
_RELEASE = re.compile(r"[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4,26}", re.ASCII)
"""The end of a release's id, in Crockford's letters."""
_PERSON = re.compile(r"@?([UW][A-Z0-9]{2,20})", re.ASCII)
"""As Slack writes a mention once its brackets are taken off: `@U0ALICE`."""


class FieldKind(StrEnum):
    """What a parameter takes; its value is the word shown in usage lines."""

    ENVIRONMENT = "ENV"
    SERVICE = "SERVICE"
    VERSION = "VERSION"
    ALERT = "ALERT"
    DURATION = "DURATION"
    PERSON = "@PERSON"
    SHARES = "PERCENT"
    """Its command has a grammar of its own, bot.domain.canary.asking."""
    RELEASE = "RELEASE"
    TEXT = "TEXT"
    """All words that no other field takes; stands last."""
    REASON = "REASON"
    """The same, where the words say why."""
    DRILL = "start/status/end"
    """What to do about an emergency."""


_TAKES_THE_REST = (FieldKind.TEXT, FieldKind.REASON)
_TAKES_NEARLY_ALL = (FieldKind.SHARES, FieldKind.VERSION, FieldKind.ALERT, FieldKind.RELEASE, *_TAKES_THE_REST)
_KINDS: Mapping[Any, FieldKind] = {
    EnvironmentName: FieldKind.ENVIRONMENT,
    ServiceName: FieldKind.SERVICE,
    Version: FieldKind.VERSION,
    AlertRef: FieldKind.ALERT,
    Span: FieldKind.DURATION,
    Shares: FieldKind.SHARES,
    UserId: FieldKind.PERSON,
    ReleaseRef: FieldKind.RELEASE,
    Prose: FieldKind.TEXT,
    Reason: FieldKind.REASON,
    Drill: FieldKind.DRILL,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a command."""

    name: str
    kind: FieldKind
    required: bool

    @property
    def usage(self) -> str:
        """`ENV`, or `[ENV]` when it may be left out."""
        return self.kind.value if self.required else f"[{self.kind.value}]"

    def read(self, word: str, catalog: Catalog) -> str | None:
        """The value that a word means for this field; None when it means none."""
        match self.kind:
            case FieldKind.ENVIRONMENT:
                return find(word, catalog.environments)
            case FieldKind.SERVICE:
                return find(word, catalog.services)
            case FieldKind.VERSION:
                return word if TAG.match(word) else None
            case FieldKind.ALERT:
                return word.lstrip("#") if _ALERT.fullmatch(word.lstrip("#")) else None
            case FieldKind.DURATION:
                return word.lower() if SPAN.fullmatch(word) else None
            case FieldKind.PERSON:
                found = _PERSON.fullmatch(word)
                return found[1] if found else None
            case FieldKind.RELEASE:
                return word.lstrip("#").upper() if _RELEASE.fullmatch(word.lstrip("#")) else None
            case FieldKind.DRILL:
                return word.lower() if word.lower() in self.kind.split("/") else None
            case FieldKind.REASON:
                # A name alone says where and not why, a span how long: `/freeze prd 45m` lacks its reason.
                is_name = find(word, catalog.environments) or find(word, catalog.services)
                return None if is_name or SPAN.fullmatch(word) else " ".join(word.split()) or None
            case FieldKind.SHARES | FieldKind.TEXT:
                return word.strip() or None


def fields_of(handler: Callable[..., Any]) -> tuple[Field, ...]:
    """The fields that a handler's signature declares, after `call`. A wrong signature fails when the bot starts."""
    hints = typing.get_type_hints(handler)
    found: list[Field] = []
    for parameter in list(signature(handler).parameters.values())[1:]:
        kind = _kind(hints[parameter.name])
        if kind is None:
            raise TypeError(f"{handler.__module__}.{handler.__qualname__}: no words are known for {parameter}")
        found.append(Field(parameter.name, kind, parameter.default is Parameter.empty))
    return tuple(found)


def _kind(hint: Any) -> FieldKind | None:
    if typing.get_origin(hint) in (typing.Union, UnionType):
        kinds = [_KINDS[arm] for arm in typing.get_args(hint) if arm in _KINDS]
        return kinds[0] if len(kinds) == 1 else None
    return _KINDS.get(hint)


def bind(
    fields: Sequence[Field],
    words: Sequence[str],
    catalog: Catalog,
    *,
    usage: str,
    context: Target | None = None,
) -> dict[str, str]:
    """Arguments by name. Words may stand in another order where that is unambiguous.

    `context` fills in environment and service that were left out, inside a release's thread.
    Raises UserError with the nearest name, or the usage line.
    """
    if fields and fields[-1].kind is FieldKind.SHARES:
        return _from_context(fields, _of_canary(fields, understand(words, catalog)), context)
    bound = _fit(fields, words, catalog, context)
    if bound is None and fields and fields[-1].kind in _TAKES_THE_REST:
        bound = _with_rest(fields, words, catalog, context)
    if bound is None:
        raise _misfit(fields, words, catalog, usage)
    return bound


def _fit(
    fields: Sequence[Field], words: Sequence[str], catalog: Catalog, context: Target | None
) -> dict[str, str] | None:
    """Arguments where each word is one of them; None when that can't be."""
    if len(words) > len(fields):
        return None
    for chosen in permutations(range(len(fields)), len(words)):
        values = {fields[i].name: fields[i].read(word, catalog) for i, word in zip(chosen, words, strict=True)}
        if all(values.values()):
            bound = {name: value for name, value in values.items() if value is not None}
            bound = _from_context(fields, bound, context)
            if all(field.name in bound for field in fields if field.required):
                return bound
    return None


def _with_rest(
    fields: Sequence[Field], words: Sequence[str], catalog: Catalog, context: Target | None
) -> dict[str, str] | None:
    """Arguments where the last field takes all words behind those that the others take: as many of them as can."""
    *others, last = fields
    for count in range(min(len(others), len(words) - 1), -1, -1):
        bound, rest = _fit(others, words[:count], catalog, context), last.read(" ".join(words[count:]), catalog)
        if bound is not None and rest is not None:
            return bound | {last.name: rest}
    return None


def bind_form(
    fields: Sequence[Field], values: Mapping[str, str], catalog: Catalog
) -> tuple[dict[str, str], dict[str, str]]:
    """Arguments by name, and errors by field name, of a submitted form."""
    bound: dict[str, str] = {}
    errors: dict[str, str] = {}
    for field in fields:
        word = values.get(field.name, "").strip()
        if not word:
            if field.required:
                verb = "Write" if field.kind in _TAKES_THE_REST else "Choose"
                errors[field.name] = f"{verb} {_a(field.kind)}."
            continue
        value = field.read(word, catalog)
        if value is None:
            errors[field.name] = _unknown(field, word, catalog).text
            continue
        if field.kind is FieldKind.SHARES:
            try:
                understand(word.split(), catalog)
            except UserError as error:
                errors[field.name] = error.text
        bound[field.name] = value
    return bound, errors


def _of_canary(fields: Sequence[Field], asked: Asked) -> dict[str, str]:
    """A canary's words, each under the field that takes it."""
    known = {
        FieldKind.ENVIRONMENT: asked.environment,
        FieldKind.SERVICE: asked.service,
        FieldKind.VERSION: asked.version,
        FieldKind.SHARES: asked.shares,
    }
    return {field.name: value for field in fields if (value := known.get(field.kind)) is not None}


def _from_context(fields: Sequence[Field], bound: dict[str, str], context: Target | None) -> dict[str, str]:
    if context is None:
        return bound
    known = {FieldKind.ENVIRONMENT: context.environment, FieldKind.SERVICE: context.service}
    filled = {field.name: known[field.kind] for field in fields if field.kind in known}
    return filled | bound


def _misfit(fields: Sequence[Field], words: Sequence[str], catalog: Catalog, usage: str) -> UserError:
    """Why words do not fit: known names are taken as what they are, the rest in order."""
    has_rest = bool(fields) and fields[-1].kind in _TAKES_THE_REST
    if len(words) > len(fields) and not has_rest:
        return UserError("usage", f"That is more than I understand: `{' '.join(words[len(fields) :])}`", hint=usage)
    left = list(words)
    open_fields = []
    for field in fields:
        known = next((w for w in left if field.kind not in _TAKES_NEARLY_ALL and field.read(w, catalog)), None)
        if known is None:
            open_fields.append(field)
        else:
            left.remove(known)
    if has_rest:
        open_fields = [field for field in open_fields if field.required]
    for word, field in zip(left, open_fields, strict=False):
        if field.read(word, catalog) is None:
            return _unknown(field, word, catalog)
    missing = next((field for field in open_fields[len(left) :] if field.required), fields[-1])
    return UserError("usage", f"Which {_noun(missing.kind)}? {_choices(missing.kind, catalog)}", hint=usage)


def _unknown(field: Field, word: str, catalog: Catalog) -> UserError:
    match field.kind:
        case FieldKind.ENVIRONMENT:
            names: Sequence[str] = list(catalog.environments)
        case FieldKind.SERVICE:
            names = list(catalog.services)
        case FieldKind.VERSION:
            return UserError(
                "bad_version",
                f"`{word}` is no version.",
                hint="A version is an image tag: letters, digits, dots, dashes and underscores, e.g. 1.42.0.",
            )
        case _:
            return UserError("usage", f"`{word}` is no {_noun(field.kind)}.", hint=_choices(field.kind, catalog))
    meant = nearest(word, names)
    guess = f" Did you mean `{meant}`?" if meant else ""
    return UserError(
        f"unknown_{field.name}", f"No {_noun(field.kind)} `{word}`.{guess}", hint=_choices(field.kind, catalog)
    )


def _noun(kind: FieldKind) -> str:
    return {
        FieldKind.ENVIRONMENT: "environment",
        FieldKind.SERVICE: "service",
        FieldKind.VERSION: "version",
        FieldKind.ALERT: "alert",
        FieldKind.DURATION: "duration",
        FieldKind.PERSON: "person",
        FieldKind.SHARES: "share",
        FieldKind.RELEASE: "release",
        FieldKind.TEXT: "text",
        FieldKind.REASON: "reason",
        FieldKind.DRILL: "step of an emergency",
    }[kind]


def _a(kind: FieldKind) -> str:
    return ("an " if kind in (FieldKind.ENVIRONMENT, FieldKind.ALERT) else "a ") + _noun(kind)


def _choices(kind: FieldKind, catalog: Catalog) -> str:
    match kind:
        case FieldKind.ENVIRONMENT:
            return "Environments: " + ", ".join(catalog.environments)
        case FieldKind.SERVICE:
            return "Services: " + ", ".join(catalog.services)
        case FieldKind.VERSION:
            return "A version is an image tag, e.g. 1.42.0"
        case FieldKind.ALERT:
            return "An alert is called by the last characters of its card, or by its service."
        case FieldKind.DURATION:
            return "30m, 1h, 4h, 2d, or tomorrow"
        case FieldKind.PERSON:
            return "Mention the person: type @ and choose."
        case FieldKind.SHARES:
            return "A whole number of per cent from 1 to 99; several with `every 10m`."
        case FieldKind.RELEASE:
            return "A release is called by the last characters of its card, e.g. a1f3."
        case FieldKind.TEXT:
            return "Any words."
        case FieldKind.REASON:
            return "Say why, in your own words."
        case FieldKind.DRILL:
            return "start, status or end"
