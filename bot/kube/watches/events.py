"""Events of a watch: one line of its stream, understood. Called by bot.kube.watches.watch; touches no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeAlias

import orjson

from bot.kube.answers import Answer, fail
from bot.kube.streams import Garbled

Json: TypeAlias = Mapping[str, Any]


class EventKind(StrEnum):
    """Every type that an API server knows, but ERROR."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Event:
    """What one line tells."""

    kind: EventKind
    raw: Json
    version: str
    """resourceVersion to go on from after it."""


def understand(system: str, line: bytes) -> Event:
    """Raises what an ERROR means (Expired, TooBusy, Refused…), and Garbled for what no API server says."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Garbled(system, f"a line of a watch is no JSON: {_shown(line)}") from error
    kind, raw = (said.get("type"), said.get("object")) if isinstance(said, dict) else (None, None)
    if not isinstance(raw, dict):
        raise Garbled(system, f"a line of a watch is no event: {_shown(line)}")
    if kind == "ERROR":
        _fail(system, raw)
    if kind not in list(EventKind):
        raise Garbled(system, f"a watch told of something unknown: {_shown(line)}")
    metadata = raw.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if not isinstance(version, str) or not version:
        raise Garbled(system, f"an event of a watch has no version: {_shown(line)}")
    return Event(EventKind(kind), raw, version)


def _fail(system: str, status: Json) -> NoReturn:
    code, details = status.get("code"), status.get("details")
    after_s = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    headers = {"Retry-After": str(after_s)} if after_s else {}
    if not isinstance(code, int) or not 300 <= code < 600:
        code = 500
    fail(system, Answer(code, headers, orjson.dumps(status)))


def _shown(line: bytes) -> str:
    """The beginning of a line, for the log."""
    return line[:120].decode("utf-8", errors="replace")
