"""Faults on demand: scripted rules that make the API server misbehave for requests that match. Tests and the sandbox's
mischief row add rules; the HTTP door asks for the next one that fits.
"""

import re
from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What goes wrong."""

    STATUS = "status"  # answer `code` with `body`
    HANG = "hang"  # wait `seconds`, then go on as if nothing had happened
    RESET = "reset"  # close the connection, do nothing
    RESET_AFTER = "reset_after"  # do it, then close the connection without an answer: the reply is lost
    CONFLICT = "conflict"  # 409, the object has been modified
    UNAUTHORIZED = "unauthorized"  # 401, as if the token had expired


@dataclass(slots=True)
class Fault:
    """One rule; it is spent after `count` requests (None: never)."""

    kind: FaultKind
    method: str = ".*"  # regular expression, whole word
    path: str = ".*"  # regular expression, found anywhere in path and query
    count: int | None = 1
    code: int = 503
    body: str = ""
    content_type: str = "text/plain"
    retry_after_s: int | None = None
    seconds: float = 5.0

    def fits(self, method: str, path: str) -> bool:
        return bool(re.fullmatch(self.method, method) and re.search(self.path, path))


class Faults:
    """The rules of one cluster, first match wins."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self._rules.append(fault)
        return fault

    def clear(self) -> None:
        self._rules.clear()

    def remaining(self) -> list[Fault]:
        return list(self._rules)

    def take(self, method: str, path: str) -> Fault | None:
        """The rule for this request, if one fits; counts it down."""
        for rule in self._rules:
            if rule.fits(method, path):
                if rule.count is not None:
                    rule.count -= 1
                    if rule.count <= 0:
                        self._rules.remove(rule)
                return rule
        return None
