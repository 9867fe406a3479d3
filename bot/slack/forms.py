"""Forms (modals): open, update. Called while a person waits; never by a loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.client import SlackClient


@dataclass(frozen=True, slots=True)
class ViewRef:
    """An open form: its id, and the hash of the version that was sent last."""

    view_id: str
    hash: str


class Forms:
    """views.*; the view is Block Kit's `view` object.

    A trigger works once and for 3 seconds: Refused with expired_trigger_id, exchanged_trigger_id or
    invalid_trigger_id means that the person has to press again.
    """

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def open(self, trigger_id: str, view: Mapping[str, Any]) -> ViewRef:
        """Open a form for the person whose interaction made `trigger_id`."""
        return _ref(await self._client.call("views.open", body={"trigger_id": trigger_id, "view": view}))

    async def update(self, ref: ViewRef, view: Mapping[str, Any], *, even_if_changed: bool = False) -> ViewRef:
        """Replace an open form. Refused with hash_conflict when it has changed since `ref`, unless told otherwise."""
        body: dict[str, Any] = {"view_id": ref.view_id, "view": view}
        if ref.hash and not even_if_changed:
            body["hash"] = ref.hash
        return _ref(await self._client.call("views.update", body=body))


def _ref(answer: Mapping[str, Any]) -> ViewRef:
    view = answer.get("view") or {}
    return ViewRef(str(view.get("id", "")), str(view.get("hash", "")))
