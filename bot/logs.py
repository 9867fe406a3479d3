"""JSON logs on standard output, a line each: our own and the libraries', with secrets taken out.

Configured once by `__main__`; everyone logs through structlog.get_logger().
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

HIDDEN = "‹hidden›"
_SECRET = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w-]+|xapp-[\w-]+|xwfp-[\w-]+"
    # To the last @ of the word: a password may hold @ and / itself.
    r"|(?<=://)[^\s/@:\"']*:[^\s\"']*(?=@)"
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?<=/commands/)[\w/%-]+|(?<=/actions/)[\w/%-]+|(?<=/response/)[\w/%-]+"
    r"|(?<=hooks\.slack\.com/)[\w/%-]+|(?<=ticket=)[^\s&\"']+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
"""Tokens of Slack, passwords in URLs, Authorization headers, JWTs, response URLs, tickets of Socket Mode, keys."""
_NAMED = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|[\w-]*token|api[_-]?key|cookie)[\\\"']*\s*[=:]\s*[\\\"']*)[^\s\"'\\,;&})\]]+"
)
"""`password=…`, `"client_secret": "…"`: what is named a secret is one."""
_SECRET_KEY = re.compile(r"(?i)password|passwd|secret|authorization|cookie|api_?key|token$|response_url|ticket")
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""What JSON leaves as it is and a terminal or a line reader obeys, or UTF-8 can't carry."""
_LONGEST = 20_000
_DEEPEST = 6


def configure(level: str = "INFO", *, redact: Callable[[str], str] = str) -> None:
    """Send every logger's lines to standard output as JSON. An unknown level raises ValueError first.

    `redact`: takes out what else may be a secret, as a cluster's or a registry's words in an error do.
    """
    if level.upper() not in logging.getLevelNamesMapping():
        raise ValueError(f"unknown level {level}: use DEBUG, INFO, WARNING, ERROR or CRITICAL")

    def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return _hide_secrets(event, redact)

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                hide_secrets,
                structlog.processors.JSONRenderer(serializer=_one_line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Below INFO these write whole payloads and headers.
    for name in ("slack_bolt", "slack_sdk", "aiohttp", "aiosqlite", "kubernetes"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # The audit trail's mirror is no matter of verbosity.
    logging.getLogger("bot.store.audit").setLevel(logging.INFO)
    # At INFO these write a line per statement and per request.
    for name in ("sqlalchemy", "aiohttp.access"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _hide_secrets(event: MutableMapping[str, Any], redact: Callable[[str], str]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own
            event[key] = HIDDEN if _SECRET_KEY.search(key) else _without_secrets(value, _DEEPEST, redact)
    return event


def _without_secrets(value: Any, depth: int, redact: Callable[[str], str]) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping() if depth:
            return {
                str(key): HIDDEN if _SECRET_KEY.search(str(key)) else _without_secrets(part, depth - 1, redact)
                for key, part in value.items()
            }
        case list() | tuple() | set() | frozenset() if depth:
            return [_without_secrets(part, depth - 1, redact) for part in value]
        case _:
            text = value if isinstance(value, str) else repr(value)
            return _NAMED.sub(rf"\1{HIDDEN}", _SECRET.sub(HIDDEN, redact(text[:_LONGEST])))


def _one_line(event: Any, **options: Any) -> str:
    """JSON in which no character ends the line, moves a cursor or turns the direction of reading."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(event, ensure_ascii=False, **options))
