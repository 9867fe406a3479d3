"""Answers of an API server, and which of our errors each means.

Called by bot.kube.clients with every answer; touches no network.
"""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from bot.domain.redaction import redact
from bot.errors import Conflict, NotFound, Refused, TooBusy, Unreachable

QUIET_BYTES = 65_536
"""Answers from this size on are parsed with the garbage collector paused."""
_CODES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 422: "Invalid"}
"""Kubernetes' own words (metav1.StatusReason), for answers that carry no Status, e.g. from a proxy in between."""


class Expired(Conflict):
    """The list or watch position is too old for the server (410): start again from a fresh list."""


class FieldsTaken(Conflict):
    """A server-side apply that would overrule others (409 with causes): nothing was written."""

    def __init__(self, system: str, text: str, causes: Sequence[tuple[str, str]]) -> None:
        super().__init__(system, text)
        self.causes = tuple(causes)
        """Of each field the server's words about its manager, and its path: `conflict with "kubectl" using apps/v1`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fail(system: str, answer: Answer) -> NoReturn:
    """Raises what a status of 300 and more means."""
    reason, text = words(answer.body)
    text = text or f"HTTP {answer.status}"
    match answer.status:
        case 404:
            raise NotFound(system, text)
        case 409:
            taken = _taken(answer.body)
            raise FieldsTaken(system, text, taken) if taken else Conflict(system, text)
        case 410:
            raise Expired(system, text)
        case 429:
            raise TooBusy(system, text, retry_after_s=seconds(answer.headers.get("Retry-After")))
        case status if 400 <= status < 500 and status != 408:
            raise Refused(system, text, code=reason or _CODES.get(status, str(status)))
        case _:
            raise Unreachable(system, f"HTTP {answer.status}: {text}")


def parse(body: bytes) -> Any:
    """JSON, parsed with the garbage collector paused: a page of pods is 100,000 objects in trees without a cycle, and
    looking for cycles half-way held the loop three times as long as the parsing."""
    if len(body) < QUIET_BYTES or not gc.isenabled():
        return orjson.loads(body)
    gc.disable()
    try:
        return orjson.loads(body)
    finally:
        gc.enable()


def words(body: bytes) -> tuple[str, str]:
    """Reason and message of a Status; for anything else the first line of it, unless it is a page of HTML.

    People read the message, and what stood in a refused object may stand in it: secrets are taken out.
    """
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        lines = body[:2000].decode("utf-8", errors="replace").strip().splitlines()
        return "", redact(lines[0][:300]) if lines and not lines[0].startswith("<") else ""
    if not isinstance(status, dict):
        return "", ""
    return str(status.get("reason") or ""), redact(str(status.get("message") or ""))


def _taken(body: bytes) -> list[tuple[str, str]]:
    """Words and field of each cause of a Status that tells of other field managers."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    details = status.get("details") if isinstance(status, dict) else None
    causes = details.get("causes") if isinstance(details, dict) else None
    return [
        (str(cause.get("message") or ""), str(cause.get("field") or ""))
        for cause in (causes if isinstance(causes, list) else ())
        if isinstance(cause, dict) and cause.get("reason") == "FieldManagerConflict"
    ]


def seconds(retry_after: str | None) -> float:
    """The header in seconds; 1 when it is absent or not a number, as client-go does."""
    try:
        return max(0.0, min(float(retry_after or 1), 3600.0))
    except ValueError:
        return 1.0
