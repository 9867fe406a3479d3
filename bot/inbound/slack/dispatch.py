"""The dispatch: slack_bolt's AsyncApp with one middleware in front that hands every request to the intake.

Made by bot.app, called by the socket and by the HTTP door. The middleware answers before Bolt authorises, so Bolt
never calls auth.test on the way to an acknowledgement (a 429 there would acknowledge and drop the request), and it
answers at once, so Bolt's listener runner never polls for an ack every 10 ms.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.inbound.inbound import Inbound, InboundKind, Receive

_log = structlog.get_logger(__name__)

_STUMBLED = {
    "response_type": "ephemeral",
    "text": "Kajitori stumbled over this request and can't say whether it was taken in. "
    "Look with /status before you try again.",
}
_BUSY = {
    "response_type": "ephemeral",
    "text": "Not accepted: too many requests at this moment. Nothing was started; try again in a few seconds.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to Slack: `body` is JSON or empty; not `accepted` means no acknowledgement."""

    accepted: bool
    body: bytes = b""


Dispatch = Callable[[Inbound], Awaitable[Answer]]
"""Inbound → Answer. Never raises: what fails inside is logged and answered in the way that suits its kind."""


class _Intake(AsyncMiddleware):
    """The one middleware: passes the request's Inbound on, and never calls `next`."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        ack = await self._receive(req.context["inbound"])
        if not ack.accepted:
            return BoltResponse(status=503, body="")
        # A str, so that Bolt does not encode it again.
        return BoltResponse(status=200, body="" if ack.body is None else orjson.dumps(ack.body).decode())


class BoltDispatch:
    """Inbound → Bolt → intake → Answer, for at most `limit` requests at a time; the rest is refused, in plain words.

    The limit keeps acknowledgements early under a flood: a request that waits longer than Slack does is of no use.
    """

    def __init__(self, receive: Receive, *, token: str, limit: int = 512) -> None:
        # Without a level of its own Bolt formats its debug texts, which hold payloads, for every request.
        logger = logging.getLogger("kajitori.bolt")
        logger.setLevel(logging.INFO)
        self._app = AsyncApp(
            name="kajitori",
            logger=logger,
            token=token,
            signing_secret="verified at the door",
            before_authorize=_Intake(receive),
            # What the doors have done already, or what Socket Mode does not need:
            request_verification_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            ignoring_self_events_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        self._limit = limit
        self._running = 0
        self.shed = 0
        """How many requests were refused for load."""

    async def __call__(self, inbound: Inbound) -> Answer:
        if self._running >= self._limit:
            self.shed += 1
            return _refusal(inbound, _BUSY)
        self._running += 1
        try:
            response = await self._app.async_dispatch(_bolt_request(inbound))
        except Exception:  # noqa: BLE001 - Bolt reads ids out of the payload unguarded; an odd one must not shut the door
            _log.exception("inbound_failed", kind=inbound.kind, key=inbound.key)
            return _refusal(inbound, _STUMBLED)
        finally:
            self._running -= 1
        if response.status == 200:
            return Answer(True, response.body.encode())
        if response.status == 503:
            return Answer(False)
        # The intake raised; Bolt has caught it and logged the traceback.
        _log.error("inbound_failed", kind=inbound.kind, key=inbound.key, status=response.status)
        return _refusal(inbound, _STUMBLED)


def _bolt_request(inbound: Inbound) -> AsyncBoltRequest:
    payload: Any = inbound.payload
    return AsyncBoltRequest(mode="socket_mode", body=payload, context={"inbound": inbound})


def _refusal(inbound: Inbound, words: dict[str, str]) -> Answer:
    """A command is answered in words; anything else stays unacknowledged, which Slack shows or sends again."""
    if inbound.kind is InboundKind.SLASH:
        return Answer(True, orjson.dumps(words))
    return Answer(False)
