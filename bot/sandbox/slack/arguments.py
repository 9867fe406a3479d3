"""The arguments of a Web API call: JSON body, form or query, all read the same way.

Used by `bot.sandbox.slack.web_api` and the methods it calls.
"""

import json
from typing import Any

from aiohttp import web

from bot.sandbox.slack.people import Json
from bot.sandbox.slack.tickets import SlackRefusal


async def read_arguments(request: web.Request) -> Json:
    """Everything a caller sent. SlackRefusal `invalid_json` or `json_not_object` for a broken body."""
    given: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json() if request.can_read_body else {}
        except ValueError as err:
            raise SlackRefusal("invalid_json") from err
        if not isinstance(body, dict):
            raise SlackRefusal("json_not_object")
        given |= body
    elif request.can_read_body:
        given |= {name: entry for name, entry in (await request.post()).items() if isinstance(entry, str)}
    return given


class Arguments:
    """A call's arguments with the types that a method expects; a form's strings become what they mean."""

    def __init__(self, given: Json) -> None:
        self.given = given

    def has(self, name: str) -> bool:
        return self.given.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        entry = self.given.get(name)
        return default if entry is None else str(entry)

    def need(self, name: str) -> str:
        """A text that must be there; SlackRefusal `invalid_arguments` names it when it is not."""
        if not self.text(name):
            message = f"[ERROR] missing required field: {name}"
            raise SlackRefusal("invalid_arguments", response_metadata={"messages": [message]})
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        entry = self.given.get(name)
        if entry is None:
            return default
        return entry if isinstance(entry, bool) else str(entry).lower() in ("1", "true")

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        try:
            return max(1, min(most, int(self.given.get(name) or default)))
        except ValueError as err:
            raise SlackRefusal("invalid_limit") from err

    def structure(self, name: str, error: str) -> Any:
        """A list or object, also when it came as JSON text; None when it is absent. SlackRefusal `error` otherwise."""
        entry = self.given.get(name)
        if isinstance(entry, str):
            try:
                return json.loads(entry) if entry else None
            except ValueError as err:
                raise SlackRefusal(error) from err
        return entry
