"""Datadog's tag queries: `env:stg AND service:(web OR admin)`, as scopes of downtimes and filters of searches. Pure.

`parse` gives a predicate on a set of tags; a comma means AND, `*` anything, `NOT` and `-` the contrary.
"""

import re
from collections.abc import Callable, Set
from fnmatch import fnmatchcase

Matches = Callable[[Set[str]], bool]
_TOKEN = re.compile(r'\s*(?:(?P<sign>[(),])|(?P<text>(?:"[^"]*"|[^\s(),"])+))')


class BadScope(ValueError):
    """A query that Datadog would refuse; the text is Datadog's."""


def parse(query: str) -> Matches:
    """What matches the query; BadScope when nobody can tell."""
    tokens = _tokens(query)
    if not tokens:
        raise BadScope("Scope can not be empty")
    reader = _Reader(tokens)
    matches = reader.either()
    if reader.rest:
        raise BadScope(f"Unexpected {reader.rest[0]!r} in scope")
    return matches


def has_tag(tags: Set[str], key: str, pattern: str) -> bool:
    """Whether one of the tags is `key:` with a value like the pattern, in which `*` stands for anything."""
    return any(fnmatchcase(tag.lower(), f"{key}:{pattern}".lower()) for tag in tags)


def _tokens(query: str) -> list[str]:
    found, at = [], 0
    while query[at:].strip():
        match = _TOKEN.match(query, at)
        if match is None:
            raise BadScope(f"Unexpected {query[at:].strip()[:1]!r} in scope")
        found.append((match["sign"] or match["text"]).replace('"', ""))
        at = match.end()
    return found


class _Reader:
    """Recursive descent: OR binds least, then AND (also a comma, or nothing between two terms), then NOT."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def either(self) -> Matches:
        parts = [self.all_of()]
        while self._take("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else lambda tags: any(part(tags) for part in parts)

    def all_of(self) -> Matches:
        parts = [self.one()]
        while self.rest and self.rest[0] not in (")", "OR"):
            if not self._take("AND"):
                self._take(",")
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda tags: all(part(tags) for part in parts)

    def one(self) -> Matches:
        if not self.rest:
            raise BadScope("Unexpected end of scope")
        if self._take("NOT"):
            denied = self.one()
            return lambda tags: not denied(tags)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise BadScope("Unbalanced parentheses in scope")
            return inner
        return self._term(self.rest.pop(0))

    def _term(self, word: str) -> Matches:
        if word in (")", ",", "AND", "OR"):
            raise BadScope(f"Unexpected {word!r} in scope")
        if word == "*":
            return lambda tags: True
        if word[0] in "-!":
            denied = self._term(word[1:])
            return lambda tags: not denied(tags)
        key, colon, pattern = word.partition(":")
        if not colon:
            if self._take("IN"):
                return self._choices(word)
            raise BadScope("All values must have a key")
        if not pattern:
            return self._choices(key)
        return lambda tags: has_tag(tags, key, pattern)

    def _choices(self, key: str) -> Matches:
        """`key:(a OR b)` and `key IN (a, b)`."""
        if not key or not self._take("("):
            raise BadScope("All values must have a key")
        patterns = []
        while not self._take(")"):
            if not self.rest:
                raise BadScope("Unbalanced parentheses in scope")
            word = self.rest.pop(0)
            if word not in ("OR", ","):
                patterns.append(word)
        return lambda tags: any(has_tag(tags, key, pattern) for pattern in patterns)

    def _take(self, word: str) -> bool:
        if self.rest and self.rest[0] == word:
            self.rest.pop(0)
            return True
        return False
