"""A webhook's body as an event. Read leniently: a person's quote or line break in a text must not lose an alert.

Names and variables are those of bot.datadog.template. Called by bot.inbound.webhooks and bot.reconcile.alerts; never
raises. Source of the variables: docs.datadoghq.com/integrations/webhooks.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from bot.domain.alert.alert import normal_scope
from bot.domain.alert.event import AlertEvent, SeenBy, transition_of

DEEPEST = 50
"""Levels of nesting that a body may have; ours has one."""
LONGEST_TEXT = 4000
LONGEST_WORD = 500
AHEAD_MS = 5 * 60_000
"""A time further in the future than this is not believed: nothing told after it would count."""
NAMES = (
    *("id", "cycle", "aggreg", "monitor", "transition", "type", "priority", "date", "updated", "scope", "tags", "host"),
    *("hostname", "org", "metric", "link", "snapshot", "title", "event_title", "status", "query", "message", "text"),
    *("value", "threshold", "runbook", "dashboard"),
)
_FIELD = re.compile(r'(?:^|[{,])\s*"(' + "|".join(NAMES) + r')"\s*:\s*(?:"|(?=[\d\[{tfn-]))', re.ASCII)
_ABSENT = re.compile(r"\$[A-Z][A-Z0-9_]*(?:\[[^\]]*\])?")
_TITLE_PREFIX = re.compile(
    r"^\s*\[(?:P[1-5]|(?:Re-)?(?:Triggered|Warn|No ?data|Recovered|Renotify|Monitor Alert)[^\]]*)\]\s*", re.IGNORECASE
)
_LIMIT = re.compile(r"(?:[<>]=?|was)\s*(?:[<>]=?\s*)?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
_VALUE = re.compile(
    r"\b(?:value|current)\b\s*(?:is|was|[:=])\s*(-?\d[\d.,]*(?:e[+-]?\d+)?\s?[%µa-zA-Z/]{0,8})", re.IGNORECASE
)
_URL = re.compile(r"https://[^\s<>|\"'`)\]}]{4,1000}")
_HANDLE = re.compile(r"(?:^|(?<=\s))@(?:webhook|slack|oncall|pagerduty|opsgenie|teams|team)-\S+", re.IGNORECASE)


def is_too_deep(body: bytes) -> bool:
    """Whether brackets nest deeper than DEEPEST; those within strings don't count."""
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    depth, in_string, escaped = 0, False, False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            if depth > DEEPEST:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def read_webhook(raw: str, received_ms: int) -> AlertEvent | None:
    """The event in a body; None when it names no monitor. `received_ms` stands in for a date that is absent."""
    told, is_repaired = _fields(raw)
    if told is None:
        return None
    monitor_id = _word(told, "monitor")[:32]
    if not monitor_id:
        return None
    status, query = _word(told, "status", LONGEST_TEXT), _word(told, "query", LONGEST_TEXT)
    text = _plain_text(_word(told, "text", LONGEST_TEXT) or _word(told, "message", LONGEST_TEXT), status)
    tags = _tags(told.get("tags"))
    runbook, dashboard = _links(text)
    return AlertEvent(
        monitor_id=monitor_id,
        scope=normal_scope(_word(told, "scope", LONGEST_TEXT)),
        at_ms=_date(told, received_ms),
        transition=transition_of(_word(told, "transition")),
        told=_word(told, "transition") or _word(told, "type") or "unknown",
        kind=_word(told, "type").lower(),
        cycle_key=_word(told, "cycle"),
        event_id=_word(told, "id"),
        title=_title(told) or f"Monitor {monitor_id}",
        text=text,
        status_text=status,
        priority=_priority(_word(told, "priority")),
        value=_word(told, "value") or _found(_VALUE, status),
        threshold=_word(told, "threshold") or _found(_LIMIT, status) or limit_of(query),
        query=query,
        metric=_word(told, "metric"),
        tags=tags,
        host=_word(told, "host") or _word(told, "hostname"),
        link=_address(_word(told, "link", 2000)),
        dashboard=_address(_word(told, "dashboard", 2000)) or dashboard,
        runbook=_address(_word(told, "runbook", 2000)) or runbook,
        snapshot=_address(_word(told, "snapshot", 2000)),
        seen_by=SeenBy.WEBHOOK,
        is_repaired=is_repaired,
    )


def delivery_key(raw: str, event: AlertEvent | None) -> str:
    """The same for every delivery of one event: Datadog's event id and what tells its transitions apart."""
    if event is None:
        return "raw:" + hashlib.sha256(raw.encode("utf-8", "replace")).hexdigest()
    parts = (event.monitor_id, event.cycle_key, event.told, event.scope)
    # the date only where Datadog told one: the time of arrival is another for each delivery
    dated = json.dumps([*parts, event.event_id or _dated(raw)], ensure_ascii=True)
    return f"{event.event_id[:64]}:{hashlib.sha256(dated.encode()).hexdigest()[:32]}"


def plain_message(text: str) -> str:
    """A monitor's message as its author wrote it, without handles; its template variables stay as they are."""
    return _plain_text(text[:LONGEST_TEXT], "")


def limit_of(query: str) -> str:
    """The threshold in a monitor's query: the number after its last comparison."""
    found = re.findall(r"[<>]=?\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", query)
    return str(found[-1]) if found else ""


def _dated(raw: str) -> str:
    told, _ = _fields(raw)
    return "|".join(_word(told or {}, name) for name in ("date", "updated"))


def _fields(raw: str) -> tuple[Mapping[str, Any] | None, bool]:
    """The body's fields, and whether its JSON had to be mended."""
    try:
        told = json.loads(raw, strict=False)  # not strict: line breaks within texts
    except (ValueError, RecursionError):
        mended = _mended(raw)
        return (mended or None), True
    return (told, False) if isinstance(told, dict) else (None, False)


def _mended(raw: str) -> dict[str, str]:
    """What can be read of broken JSON: each text goes from its name to the next name, whatever stands between.

    The first mention of a name counts: the template has people's texts last.
    """
    found: dict[str, str] = {}
    marks = list(_FIELD.finditer(raw[:200_000]))
    for mark, after in zip(marks, [*marks[1:], None], strict=False):
        value = raw[mark.end() : after.start() if after is not None else len(raw)].strip()
        if mark.group().endswith('"'):
            value = value.removesuffix("}").rstrip() if after is None else value
            value = value.removesuffix('"')
        else:
            value = value.rstrip("},] \n")
        found.setdefault(mark.group(1), _unescaped(value))
    return found


def _unescaped(value: str) -> str:
    try:
        text = json.loads(f'"{value}"', strict=False)
    except ValueError:
        return value.replace("\\n", "\n").replace('\\"', '"').replace("\\/", "/")
    return text if isinstance(text, str) else value


def _word(told: Mapping[str, Any], name: str, longest: int = LONGEST_WORD) -> str:
    """A field as text; empty when it is absent or Datadog left the variable as it is."""
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value).strip()[:longest]
    is_nothing = text.lower() in ("null", "none", "n/a") and name != "transition"  # Null is a transition
    return "" if is_nothing or _ABSENT.fullmatch(text) else text


def _tags(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else str(value or "").split(",")
    found = (str(part).strip()[:200] for part in parts if isinstance(part, str | int | float))
    return tuple(dict.fromkeys(tag for tag in found if tag and not _ABSENT.fullmatch(tag)))[:100]


def _date(told: Mapping[str, Any], received_ms: int) -> int:
    for name in ("date", "updated"):
        word = _word(told, name)
        try:
            at = float(word)
        except ValueError:
            continue
        if not 0 < at < 1e16:
            continue
        ms = int(at * 1000) if at < 1e11 else int(at)  # seconds since 1970, until the year 5138
        return min(ms, received_ms + AHEAD_MS)
    return received_ms


def _title(told: Mapping[str, Any]) -> str:
    for name in ("title", "event_title"):
        title = " ".join(_word(told, name).split())
        while (shorter := _TITLE_PREFIX.sub("", title)) != title:
            title = shorter
        if title:
            return title
    return ""


def _priority(word: str) -> int | None:
    digits = word.upper().removeprefix("P")
    return int(digits) if digits in ("1", "2", "3", "4", "5") else None


def _plain_text(text: str, status: str) -> str:
    """The message without the handles that sent it, and without the summary that is shown elsewhere."""
    lines = [_HANDLE.sub("", line).rstrip() for line in text.replace("%%%", "").splitlines()]
    return "\n".join(line for line in lines if line.strip() != status.strip() or not status).strip()


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1).strip() if match else ""


def _links(text: str) -> tuple[str, str]:
    """Addresses of a runbook and of a dashboard in the monitor's message."""
    runbook = dashboard = ""
    for found in _URL.finditer(text):
        url, before = found.group().rstrip(".,;:!?*"), text[max(0, found.start() - 40) : found.start()].lower()
        if not dashboard and "/dashboard" in url:
            dashboard = url
        elif not runbook and ("runbook" in url.lower() or "runbook" in before or "playbook" in before):
            runbook = url
    return runbook, dashboard


def _address(text: str) -> str:
    return text if _URL.fullmatch(text) or _is_local(text) else ""


def _is_local(text: str) -> bool:
    """An address on this machine, as the sandbox has; whether it is shown is decided when it is drawn."""
    return re.fullmatch(r"http://(?:127\.0\.0\.1|localhost)(?::\d+)?/[^\s<>|\"]{0,1000}", text) is not None
