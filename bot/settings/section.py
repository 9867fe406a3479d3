"""A section of the file being read: each read names a key, its form and its default, and notes faults, never raises.

Used by bot.settings.sections. The keys asked for are the keys known: what is left over at `close` is unknown, so no
list of keys can fall behind the code. After a fault a read answers a stand-in; nobody sees it, because faults end the
load.
"""

from collections.abc import Callable
from typing import TypeVar

from bot.settings.faults import Fault, did_you_mean, shown
from bot.settings.forms import BadForm
from bot.settings.tree import Mapping, Scalar, Sequence, Value

Formed = TypeVar("Formed")
_SECRET_WORDS = ("token", "secret", "password", "api_key", "app_key", "apikey")


class Faults:
    """The faults of one file, as they are found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Fault] = []

    def add(self, line: int, key: str, problem: str, remedy: str) -> None:
        """Note one."""
        remedy = remedy if remedy.endswith(("?", ")", '"', "`")) else f"{remedy}."
        # Keys are the writer's words too: one line, and no secret that stands in the wrong place.
        place = shown(key).strip("`") if key else ""
        self.found.append(Fault(self.file, line, place, problem, remedy[0].upper() + remedy[1:]))


class Section:
    """One mapping of the file, or one that is absent (then every key of it is)."""

    def __init__(self, faults: Faults, path: str, line: int, mapping: Mapping | None, *, broken: bool = False) -> None:
        self.faults = faults
        self.path = path
        self.line = line
        self.present = mapping is not None
        # It stands in the file but is no section: one fault, not one more for each key it then lacks.
        self._broken = broken
        self._entries = mapping.entries if mapping else {}
        self._asked: list[str] = []

    def key(self, key: str) -> str:
        """The path of one of its keys, for a message."""
        return f"{self.path}.{key}" if self.path else key

    def line_of(self, key: str) -> int:
        """The line a key stands on; the section's own when it is absent."""
        return self._entries[key].line if key in self._entries else self.line

    def has(self, key: str) -> bool:
        """Whether the key was written, with a value."""
        value = self._value(key)
        return value is not None and not (isinstance(value, Scalar) and value.is_null)

    def required(self, key: str, form: Callable[[str], Formed], stand_in: Formed, example: str) -> Formed:
        """A value that must be there."""
        if not self.has(key):
            self._missing(key, example)
            return stand_in
        return self.optional(key, form, stand_in)

    def optional(self, key: str, form: Callable[[str], Formed], default: Formed) -> Formed:
        """A value of text, or its default when it is absent."""
        value = self._value(key)
        if value is None:
            return default
        return self._formed(value, self.key(key), self.line_of(key), form, default)

    def number(self, key: str, least: int, greatest: int, default: int) -> int:
        """A whole number between two bounds, both allowed."""
        value = self._value(key)
        if value is None:
            return default
        number = _whole(value)
        if number is None or not least <= number <= greatest:
            remedy = f"write a whole number from {least} to {greatest}, without quotes"
            self.faults.add(self.line_of(key), self.key(key), f"is {_described(value)}", remedy)
            return default
        return number

    def choice(self, key: str, allowed: list[str], default: str) -> str:
        """One of a few words."""

        def form(text: str) -> str:
            if text not in allowed:
                raise BadForm(f"write one of {', '.join(allowed)}")
            return text

        return self.optional(key, form, default)

    def truth(self, key: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self._value(key)
        if value is None:
            return default
        if not isinstance(value, Scalar) or value.quoted or value.text.lower() not in ("true", "false"):
            remedy = "write true or false, without quotes"
            self.faults.add(self.line_of(key), self.key(key), f"is {_described(value)}", remedy)
            return default
        return value.text.lower() == "true"

    def truth_or_unset(self, key: str) -> bool | None:
        """`true`, `false`, or None when absent."""
        return self.truth(key, default=False) if self.has(key) else None

    def texts(self, key: str, form: Callable[[str], Formed]) -> tuple[Formed, ...]:
        """A list of texts; empty when absent."""
        formed: list[Formed] = []
        for index, item in enumerate(self._items(key)):
            place = f"{self.key(key)}[{index}]"
            before = len(self.faults.found)
            value = self._formed(item, place, item.line, form, None)
            if value is not None and len(self.faults.found) == before:
                formed.append(value)
        return tuple(formed)

    def numbers(self, key: str, least: int, greatest: int) -> tuple[int, ...]:
        """A list of whole numbers between two bounds, each greater than the one before."""
        formed: list[int] = []
        for index, item in enumerate(self._items(key)):
            number = _whole(item)
            if number is None or not least <= number <= greatest:
                remedy = f"write a whole number from {least} to {greatest}, without sign or %"
                self.faults.add(item.line, f"{self.key(key)}[{index}]", f"is {_described(item)}", remedy)
            elif formed and number <= formed[-1]:
                problem = f"is {number}, not more than the one before it ({formed[-1]})"
                self.faults.add(item.line, f"{self.key(key)}[{index}]", problem, "let the steps rise: [10, 25, 50]")
            else:
                formed.append(number)
        return tuple(formed)

    def child(self, key: str) -> "Section":
        """The section under a key; absent ones answer every read with its default."""
        value = self._value(key)
        return self._section(value, self.key(key), self.line_of(key))

    def children(self, key: str) -> list["Section"]:
        """A list of sections."""
        return [
            self._section(item, f"{self.key(key)}[{index}]", item.line) for index, item in enumerate(self._items(key))
        ]

    def one_or_more(self, key: str) -> list["Section"]:
        """The section under a key, or each of a list of them; none when it is absent."""
        value = self._value(key)
        return self.children(key) if isinstance(value, Sequence) else [self.child(key)]

    def named_children(self, key: str, form: Callable[[str], str], what: str) -> list[tuple[str, "Section"]]:
        """Sections by names that the writer chose; one at least is needed. Badly formed names are left out."""
        parent = self.child(key)
        if not self.has(key) or (not parent._entries and isinstance(self._value(key), Mapping)):
            self._missing(key, f"name at least one {what}")
            return []
        chosen: list[tuple[str, Section]] = []
        for named, entry in parent._entries.items():
            place = parent.key(named)
            try:
                form(named)
            except BadForm as error:
                self.faults.add(entry.line, place, f"{shown(named)} is no name", str(error))
                continue
            chosen.append((named, self._section(entry.value, place, entry.line)))
        return chosen

    def close(self, *more: str) -> None:
        """Every key has been asked for: the rest are unknown. `more` are keys read elsewhere."""
        known = [*dict.fromkeys([*self._asked, *more])]
        for key, entry in self._entries.items():
            if key in known:
                continue
            remedy = did_you_mean(key, known)
            if any(word in key.lower() for word in _SECRET_WORDS):
                remedy = "Secrets never stand in this file; set them in the environment"
            self.faults.add(entry.line, self.key(key), "is no key that Kajitori knows", remedy)

    def _value(self, key: str) -> Value | None:
        if key not in self._asked:
            self._asked.append(key)
        return self._entries[key].value if key in self._entries else None

    def _items(self, key: str) -> tuple[Value, ...]:
        value = self._value(key)
        if value is None or isinstance(value, Sequence):
            return value.items if value else ()
        self.faults.add(self.line_of(key), self.key(key), f"is {_described(value)}", "write a list: [first, second]")
        return ()

    def _section(self, value: Value | None, path: str, line: int) -> "Section":
        mapping = value if isinstance(value, Mapping) else None
        broken = value is not None and mapping is None and not (isinstance(value, Scalar) and value.is_null)
        if value is not None and broken:
            self.faults.add(line, path, f"is {_described(value)}", "write its keys below it, indented")
        return Section(self.faults, path, line, mapping, broken=broken)

    def _missing(self, key: str, example: str) -> None:
        if not self._broken:
            problem = "is empty" if key in self._entries else "is missing"
            self.faults.add(self.line_of(key), self.key(key), problem, example)

    def _formed(self, value: Value, place: str, line: int, form: Callable[[str], Formed], default: Formed) -> Formed:
        if not isinstance(value, Scalar) or value.is_null:
            self.faults.add(line, place, f"is {_described(value)}", "write one value, text")
            return default
        try:
            formed = form(value.text)
        except BadForm as error:
            self.faults.add(line, place, f"is {shown(value.text)}", str(error))
            return default
        if value.kind != "text":
            remedy = f'put it in quotes if it is meant so: "{value.text[:20]}"'
            self.faults.add(line, place, f"is {shown(value.text)}, {value.kind}, where text is expected", remedy)
            return default
        return formed


def _whole(value: Value) -> int | None:
    if isinstance(value, Scalar) and not value.quoted and value.text.isascii() and value.text.isdecimal():
        return int(value.text) if len(value.text) <= 9 else None
    return None


def _described(value: Value) -> str:
    if isinstance(value, Scalar):
        return "empty" if value.is_null else f"{shown(value.text)}{', text' if value.quoted else ''}"
    return value.kind
