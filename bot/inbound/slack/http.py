"""Slack's HTTP door: POST /slack/events for commands, interactions and events, for teams that can't use Socket Mode.

Mounted by bot.app on its aiohttp server, which is to be started with SERVER_OPTIONS. No body is ever logged.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web

from bot.inbound.bodies import closing, read_body
from bot.inbound.inbound import Inbound, InboundKind
from bot.inbound.slack.dispatch import Dispatch
from bot.inbound.slack.payload import Malformed, from_event, from_interaction, from_slash, require_shallow
from bot.inbound.slack.signature import signed_at_s

_log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024
BODY_WITHIN_S = 5.0
SERVER_OPTIONS: Mapping[str, Any] = {
    # aiohttp closes a connection that has not sent a whole request head by then; it also bounds idle keep-alive.
    "keepalive_timeout": 5.0,
    # A compressed body is refused, so nothing needs to be unpacked before it is verified.
    "auto_decompress": False,
}
"""Keyword arguments for aiohttp.web.AppRunner: slow senders and compressed bodies can't hold the server."""

_NOT_ACCEPTED = orjson.dumps(
    {"response_type": "ephemeral", "text": "Not accepted: Kajitori can't take this in now. Nothing was started."}
)


class SlackHttp:
    """Verifies, parses, dispatches. Several `signing_secrets` are all accepted, for their rotation."""

    def __init__(
        self,
        signing_secrets: Sequence[str],
        dispatch: Dispatch,
        *,
        clock: Callable[[], float] = time.time,
        body_within_s: float = BODY_WITHIN_S,
    ) -> None:
        if not signing_secrets or not all(secret.strip() for secret in signing_secrets):
            # An empty key would make every signature forgeable.
            raise ValueError("SLACK_SIGNING_SECRET is missing or blank")
        self._secrets = [secret.strip().encode() for secret in signing_secrets]
        self._dispatch = dispatch
        self._clock = clock
        self._body_within_s = body_within_s
        self.forged = 0
        """Requests answered 401."""

    def routes(self) -> list[web.RouteDef]:
        """Where Slack's three request URLs point to."""
        return [web.post("/slack/events", self.handle)]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: 200 taken, 400 nonsense, 401 not Slack, 408 slow, 413 big, 415 packed, 503 later."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return closing(415)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return closing(413)
        try:
            async with asyncio.timeout(self._body_within_s):
                raw_body = await read_body(request, MAX_BODY_BYTES)
        except TimeoutError:
            return closing(408)
        if raw_body is None:
            return closing(413)
        signed_s = signed_at_s(
            self._secrets,
            request.headers.get("X-Slack-Request-Timestamp", ""),
            request.headers.get("X-Slack-Signature", ""),
            raw_body,
            self._clock(),
        )
        if signed_s is None:
            self.forged += 1
            _log.warning("slack_signature_refused", remote=request.remote, size=len(raw_body))
            return web.Response(status=401)
        try:
            found = _parse(request.content_type, raw_body, datetime.fromtimestamp(signed_s, UTC))
        except (Malformed, ValueError) as error:
            _log.warning("slack_request_malformed", reason=type(error).__name__, size=len(raw_body))
            return web.Response(status=400)
        if isinstance(found, web.Response):
            return found
        answer = await self._dispatch(found)
        if not answer.accepted and found.kind is InboundKind.SLASH:
            # Slack shows nothing of a 503's body, and does not send a command again.
            return web.Response(body=_NOT_ACCEPTED, content_type="application/json")
        if not answer.accepted:
            # Without X-Slack-No-Retry: Slack sends an event up to three times more.
            return web.Response(status=503)
        return web.Response(body=answer.body, content_type="application/json" if answer.body else "text/plain")


def _parse(content_type: str, raw_body: bytes, signed_at: datetime) -> Inbound | web.Response:
    received_at = datetime.now(UTC)
    if content_type == "application/json":
        payload = _mapping(raw_body)
        if payload.get("type") == "url_verification":
            return web.Response(text=str(payload.get("challenge", "")))
        return from_event(payload, received_at=received_at, signed_at=signed_at)
    form = dict(parse_qsl(raw_body.decode(), keep_blank_values=True, max_num_fields=100))
    if form.get("ssl_check") == "1":
        return web.Response()
    if "payload" in form:
        interaction = _mapping(form["payload"].encode())
        return from_interaction(interaction, received_at=received_at, signed_at=signed_at)
    return from_slash(form, received_at=received_at, signed_at=signed_at)


def _mapping(raw: bytes) -> Mapping[str, Any]:
    # orjson itself refuses more than about a thousand levels, before it could overflow.
    payload = orjson.loads(raw)
    if not isinstance(payload, dict):
        raise Malformed("not an object")
    require_shallow(payload)
    return payload
