"""Forms (modals) and the App Home: which views are open before whom, and what is filled in.

Changed by the Web API's `views.*`, by answers to a submit and by people. Judging a view is `blocks.view_faults`.
"""

import copy
import secrets
import time
from typing import Any

from bot.sandbox.slack.blocks import elements_of
from bot.sandbox.slack.people import APP_ID, BOT_ID, TEAM_ID, Json
from bot.sandbox.slack.tickets import SlackRefusal
from bot.sandbox.slack.workspace import Workspace

MOST_STACKED = 3

# Where an element keeps what a person chose, and which field of it says what is chosen at first.
VALUE_FIELDS = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "checkboxes": ("selected_options", "initial_options"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", "initial_files"),
}


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id and every element an action_id, as Slack fills them in."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            if element.get("type") != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return blocks


def first_values(blocks: list[Json]) -> Json:
    """`state.values` before anybody has touched a thing: block_id → action_id → value."""
    values: Json = {}
    for block in blocks:
        for element in elements_of(block):
            if element.get("type") in VALUE_FIELDS:
                name, initial = VALUE_FIELDS[element["type"]]
                nothing: Any = [] if name.startswith("selected_") and name.endswith("s") else None
                chosen = {"type": element["type"], name: element.get(initial, nothing)}
                values.setdefault(block["block_id"], {})[element["action_id"]] = chosen
    return values


class Forms:
    """Every open view, by id, and the stack of them before each person."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._views: dict[str, Json] = {}
        self._stacks: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}

    def find(self, view_id: str | None = None, external_id: str | None = None) -> Json:
        """An open view; SlackRefusal `not_found` when it is not open."""
        for view in self._views.values():
            if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                return view
        raise SlackRefusal("not_found")

    def seen_by(self, user_id: str, view_id: str) -> Json | None:
        """A view that is open before this person: a form in their stack, or their Home."""
        if view_id in self._stacks.get(user_id, []) or self._homes.get(user_id) == view_id:
            return self._views[view_id]
        return None

    def home(self, user_id: str) -> Json | None:
        """The person's App Home, when the app has published one."""
        return self._views.get(self._homes.get(user_id, ""))

    def open(self, user_id: str, given: Json) -> Json:
        """Open a form before a person, in place of what was open."""
        self.clear(user_id)
        return self._show(user_id, given, [])

    def push(self, user_id: str, given: Json) -> Json:
        """Lay a form over the one that is open; SlackRefusal `push_limit_reached` for the fourth."""
        stack = self._stacks.get(user_id, [])
        if not stack:
            raise SlackRefusal("not_found")
        if len(stack) >= MOST_STACKED:
            raise SlackRefusal("push_limit_reached")
        return self._show(user_id, given, stack)

    def _show(self, user_id: str, given: Json, below: list[str]) -> Json:
        view = self._built(given)
        view["previous_view_id"] = below[-1] if below else None
        view["root_view_id"] = below[0] if below else view["id"]
        self._views[view["id"]] = view
        self._stacks[user_id] = [*below, view["id"]]
        self._workspace.tell({"type": "view_opened", "view": view}, user_id=user_id)
        return view

    def update(self, view: Json, given: Json, view_hash: str | None) -> Json:
        """Change an open view; SlackRefusal `hash_conflict` when it has changed since `view_hash`."""
        if view_hash is not None and view_hash != view["hash"]:
            raise SlackRefusal("hash_conflict")
        filled = view["state"]["values"]
        fresh = self._built(given)
        for name in ("id", "previous_view_id", "root_view_id"):
            fresh[name] = view[name]
        for block_id, actions in fresh["state"]["values"].items():
            for action_id in actions:
                # What a person has filled in survives when its block and element keep their ids.
                if action_id in filled.get(block_id, {}):
                    actions[action_id] = filled[block_id][action_id]
        self._views[view["id"]] = fresh
        kind = "home" if fresh["type"] == "home" else "view_updated"
        for user_id in self._viewers(fresh["id"]):
            self._workspace.tell({"type": kind, "view": fresh}, user_id=user_id)
        return fresh

    def publish(self, user_id: str, given: Json, view_hash: str | None) -> Json:
        """Set a person's App Home."""
        home = self.home(user_id)
        if home is not None:
            return self.update(home, given, view_hash)
        view = self._built(given)
        self._views[view["id"]] = view
        self._homes[user_id] = view["id"]
        self._workspace.tell({"type": "home", "view": view}, user_id=user_id)
        return view

    def close(self, user_id: str, view_id: str) -> None:
        """Close one form; those over it go too."""
        stack = self._stacks.get(user_id, [])
        if view_id in stack:
            place = stack.index(view_id)
            for gone in reversed(stack[place:]):
                self._views.pop(gone, None)
                self._workspace.tell({"type": "view_closed", "view_id": gone}, user_id=user_id)
            self._stacks[user_id] = stack[:place]

    def clear(self, user_id: str) -> None:
        """Close every form before a person."""
        for view_id in self._stacks.get(user_id, [])[:1]:
            self.close(user_id, view_id)

    def _viewers(self, view_id: str) -> list[str]:
        stacked = [user_id for user_id, stack in self._stacks.items() if view_id in stack]
        return stacked + [user_id for user_id, home in self._homes.items() if home == view_id]

    def _built(self, given: Json) -> Json:
        external_id = given.get("external_id", "")
        if external_id and any(view["external_id"] == external_id for view in self._views.values()):
            raise SlackRefusal("duplicate_external_id")
        blocks = with_ids(given["blocks"])
        view_id = f"V{secrets.token_hex(5).upper()}"
        return {
            "id": view_id,
            "team_id": TEAM_ID,
            "type": given["type"],
            "blocks": blocks,
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "state": {"values": first_values(blocks)},
            "hash": f"{time.time_ns() // 1_000_000_000}.{secrets.token_urlsafe(6)}",
            "title": given.get("title", {"type": "plain_text", "text": "Home", "emoji": True}),
            "clear_on_close": given.get("clear_on_close", False),
            "notify_on_close": given.get("notify_on_close", False),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "previous_view_id": None,
            "root_view_id": view_id,
            "app_id": APP_ID,
            "external_id": external_id,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }
