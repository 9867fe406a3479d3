"""Faults on demand: rules that make the API server misbehave for requests that match, for tests of those who must bear
it. Rules come in process (`Faults.add`) or from the sandbox's control address (`fault_from`); the HTTP door asks for
the first that fits and `spoiling` carries out what is more than a status.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class FaultKind(Enum):
    """What goes wrong. A followed log is only met by those that come before the answer."""

    STATUS = "status"  # answer `code` with `body`, `retry_after_s`
    HANG = "hang"  # wait `seconds`, then go on as if nothing had happened
    HANG_AFTER = "hang_after"  # do it, then keep the answer back for `seconds`
    RESET = "reset"  # close the connection, do nothing
    RESET_AFTER = "reset_after"  # do it, then close the connection without an answer: the reply is lost
    CUT = "cut"  # break the connection after `size` bytes of the body
    CONFLICT = "conflict"  # 409, the object has been modified
    UNAUTHORIZED = "unauthorized"  # 401, as if the token had expired
    EXPIRED = "expired"  # 410; a watch gets it as an ERROR event
    STALE = "stale"  # gets and lists show `version`, as a cache does that lags behind
    EOF = "eof"  # 200 and a proper end at once
    HALF_LINE = "half_line"  # half of the body, or of a watch's line, and a proper end
    SILENT = "silent"  # accepted, and not a byte more, ever; a watch has its headers
    SAY = "say"  # a watch gets `body` as a line beside its events; other requests are answered with it


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
    skip: int = 0  # requests that pass first
    after: int = 0  # events of a watch that pass first
    size: int = 0
    version: int | None = None  # None: the cluster's when the rule was added
    fired: int = 0

    def fits(self, method: str, path: str) -> bool:
        return bool(re.fullmatch(self.method, method) and re.search(self.path, path))

    def as_json(self) -> dict[str, Any]:
        """The rule and how it fares."""
        return {"do": self.kind.value, "method": self.method, "path": self.path, "left": self.count,
                "fired": self.fired}  # fmt: skip


# How a rule is written in JSON: the field of Fault, and what it must be. Ours carry units in their names, those of the
# control address are the same as for the sandbox's Slack.
_FIELDS: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "method": ("method", str),
    "path": ("path", str),
    "times": ("count", (int, type(None))),
    "skip": ("skip", int),
    "status": ("code", int),
    "body": ("body", str),
    "content_type": ("content_type", str),
    "retry_after": ("retry_after_s", (int, type(None))),
    "seconds": ("seconds", (int, float)),
    "after": ("after", int),
    "bytes": ("size", int),
    "version": ("version", (int, type(None))),
}
NAMES = tuple(kind.value for kind in FaultKind)


def fault_from(order: Mapping[str, Any]) -> Fault:
    """A rule from JSON: `do` and the fields above; ValueError for what nobody knows."""
    given = dict(order)
    do = given.pop("do", None)
    if do not in NAMES:
        raise ValueError(f"unknown fault {do!r}; known rules: {', '.join(NAMES)}")
    fault = Fault(FaultKind(do))
    for name, value in given.items():
        if name not in _FIELDS:
            raise ValueError(f"unknown field {name!r} of a fault; known: {', '.join(_FIELDS)}")
        field, kinds = _FIELDS[name]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise ValueError(f"{name} of a fault can not be {value!r}")
        setattr(fault, field, value)
    if not 100 <= fault.code <= 599:
        raise ValueError(f"status of a fault can not be {fault.code}")
    for pattern in (fault.method, fault.path):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return fault


class Faults:
    """The rules of one cluster, first match wins. `version` tells the cluster's present resourceVersion."""

    def __init__(self, version: Callable[[], int] = lambda: 0) -> None:
        self._rules: list[Fault] = []
        self._version = version

    def add(self, fault: Fault) -> Fault:
        if fault.kind is FaultKind.STALE and fault.version is None:
            fault.version = self._version()
        if fault.count is None or fault.count > 0:
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
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.fired += 1
                if rule.count is not None:
                    rule.count -= 1
                    if rule.count <= 0:
                        self._rules.remove(rule)
                return rule
        return None
