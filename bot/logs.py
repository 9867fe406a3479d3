"""JSON logs on standard output, a line each: our own and the libraries', with secrets taken out.

Configured once by `__main__`; everyone logs through structlog.get_logger().
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|xwfp-[\w-]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=/commands/)[\w/]+|(?<=/actions/)[\w/]+|(?<=/response/)[\w-]+|(?<=ticket=)[\w-]+"
)
"""Tokens of Slack, passwords in URLs, Authorization headers, JWTs, response URLs, tickets of Socket Mode."""


def configure(level: str = "INFO") -> None:
    """Send every logger's lines to standard output as JSON. Unknown levels raise ValueError."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_secrets,
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
                _hide_secrets,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Below INFO these write whole payloads and headers.
    for name in ("slack_bolt", "slack_sdk", "aiohttp", "aiosqlite", "kubernetes"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # At INFO these write a line per statement and per request.
    for name in ("sqlalchemy", "aiohttp.access"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRET.sub("‹hidden›", value)
        elif isinstance(value, dict | list | tuple):
            event[key] = _SECRET.sub("‹hidden›", str(value))
    return event
