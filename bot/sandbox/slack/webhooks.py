"""HTTP mode: payloads posted to the app's own address, signed with the v0 scheme.

Used by `delivery` when the app has an events URL (docs.slack.dev/authentication/verifying-requests-from-slack).
"""

import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.sandbox.slack.envelopes import Envelope, NotDelivered
from bot.sandbox.slack.people import Json
from bot.sandbox.slack.world import World


def signed_headers(secret: str, body: bytes, timestamp: int | None = None) -> dict[str, str]:
    """The two headers that prove that Slack sent this body."""
    at = int(time.time()) if timestamp is None else timestamp
    base = b"v0:%d:" % at + body
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}


class Webhooks:
    """Posts of payloads to the app, one HTTP request each."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session: ClientSession | None = None

    async def stop(self) -> None:
        """Close the connections to the app."""
        if self._session is not None:
            await self._session.close()

    async def verify(self, url: str) -> None:
        """The handshake of a new events URL; NotDelivered when the app does not return the challenge."""
        challenge = secrets.token_urlsafe(24)
        body = json.dumps({"type": "url_verification", "token": "", "challenge": challenge}).encode()
        status, text, _ = await self._send(url, body, "application/json", {})
        if status != 200 or challenge not in text:
            raise NotDelivered("url_verification_failed")

    async def post(self, envelope: Envelope, attempt: int) -> Json | None:
        """One attempt, 0 the first; the answer's JSON, or None for an empty one. NotDelivered but for a timely 2xx.

        An answer with X-Slack-No-Retry: 1 raises NotDelivered("no_retry").
        """
        headers: dict[str, str] = {}
        if envelope.kind == "events_api":
            body, content_type = json.dumps(envelope.payload).encode(), "application/json"
            if attempt:
                headers["X-Slack-Retry-Num"] = str(attempt)
                headers["X-Slack-Retry-Reason"] = envelope.retry_reason or "http_timeout"
        else:
            is_command = envelope.kind == "slash_commands"
            form = envelope.payload if is_command else {"payload": json.dumps(envelope.payload)}
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        status, text, no_retry = await self._send(str(self._world.app.events_url), body, content_type, headers)
        if status // 100 != 2:
            raise NotDelivered("no_retry" if no_retry else "http_error")
        if not text.strip():
            return None
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"text": text}  # a slash command may be answered in plain text
        return answer if isinstance(answer, dict) else None

    async def _send(self, url: str, body: bytes, content_type: str, headers: dict[str, str]) -> tuple[int, str, bool]:
        if self._session is None:
            self._session = ClientSession()
        every = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        every |= headers | signed_headers(self._world.app.signing_secret, body)
        timeout = ClientTimeout(total=self._world.timing.ack_s)
        self._world.faults.counts["posts"] += 1
        try:
            async with self._session.post(url, data=body, headers=every, timeout=timeout) as response:
                return response.status, await response.text(), response.headers.get("X-Slack-No-Retry") == "1"
        except TimeoutError as err:
            raise NotDelivered("operation_timeout") from err
        except ClientError as err:
            raise NotDelivered("dispatch_failed") from err
