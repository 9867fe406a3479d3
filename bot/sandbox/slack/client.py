"""The person's side: what a person's Slack app does, as JSON over HTTP and one WebSocket.

Spoken by the chat page and by the tests' chat driver, mounted at /client by the emulator. A `user` is who acts; there
is no password, for this Slack listens on the loopback only.
"""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack import payloads
from bot.sandbox.slack.answers import show_answer
from bot.sandbox.slack.composer import from_person, markup
from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.envelopes import NotDelivered
from bot.sandbox.slack.forms import first_values
from bot.sandbox.slack.happenings import Happenings
from bot.sandbox.slack.people import BOT_NAME, BOT_USER_ID, Channel, Json, User
from bot.sandbox.slack.posting import checked_view
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.tickets import ResponseUrl, SlackRefusal
from bot.sandbox.slack.touching import action_on, chosen, find_element, missing_inputs
from bot.sandbox.slack.world import World

LONGEST_SAID = 40_000


class Client:
    """Everybody's Slack app."""

    def __init__(self, world: World, delivery: Delivery, sockets: Sockets, happenings: Happenings) -> None:
        self._world = world
        self._delivery = delivery
        self._sockets = sockets
        self._happenings = happenings

    def routes(self) -> list[web.RouteDef]:
        """What is mounted at /client."""
        acts = {
            "say": self._say,
            "command": self._command,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
        }
        return [
            web.get("/client/state", self._state),
            web.get("/client/history", self._history),
            web.get("/client/replies", self._replies),
            web.get("/client/stream", self._stream),
            *(web.post(f"/client/{name}", _answering(act)) for name, act in acts.items()),
        ]

    # Looking

    def _user(self, user_id: str) -> User:
        user = self._world.workspace.users.get(user_id)
        if user is None or user.is_bot:
            raise SlackRefusal("user_not_found")
        return user

    def _channel(self, user: User, channel_id: str) -> Channel:
        channel = self._world.workspace.channels.get(channel_id)
        if channel is None or user.id not in channel.members:
            raise SlackRefusal("channel_not_found")
        return channel

    async def _state(self, request: web.Request) -> web.Response:
        try:
            user = self._user(request.query.get("user", ""))
        except SlackRefusal as refusal:
            return web.json_response({"ok": False, "error": refusal.code}, status=404)
        state = self._world.workspace.as_client_json(user.id)
        return web.json_response(
            {"ok": True, **state, "commands": self._world.app.commands, "connected": len(self._sockets.live)}
        )

    async def _history(self, request: web.Request) -> web.Response:
        return self._seen(request, None)

    async def _replies(self, request: web.Request) -> web.Response:
        return self._seen(request, request.query.get("ts", ""))

    def _seen(self, request: web.Request, thread_ts: str | None) -> web.Response:
        try:
            user = self._user(request.query.get("user", ""))
            channel = self._channel(user, request.query.get("channel", ""))
            limit = int(request.query.get("limit", "100"))
        except (SlackRefusal, ValueError) as err:
            return web.json_response({"ok": False, "error": str(err)}, status=404)
        messages = self._world.workspace.visible(channel, user.id, thread_ts)
        return web.json_response({"ok": True, "messages": messages[-limit:]})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        try:
            user = self._user(request.query.get("user", ""))
        except SlackRefusal as refusal:
            return web.json_response({"ok": False, "error": refusal.code}, status=404)
        ws = web.WebSocketResponse(heartbeat=30)
        with self._world.workspace.listen(user.id) as frames:
            await ws.prepare(request)
            await ws.send_json({"type": "commands", "commands": self._world.app.commands})
            await ws.send_json({"type": "bot", "connected": len(self._sockets.live)})
            home = self._world.forms.home(user.id)
            if home is not None:
                await ws.send_json({"type": "home", "view": home})
            sender = asyncio.create_task(_send_all(ws, frames))
            try:
                # Nothing comes from the page; reading is how its leaving is noticed.
                async for frame in ws:
                    if frame.type == WSMsgType.ERROR:
                        break
            finally:
                sender.cancel()
        return ws

    # Acting

    async def _say(self, given: Json) -> Json:
        user = self._user(given["user"])
        channel = self._channel(user, given["channel"])
        text = str(given.get("text", ""))
        if not text.strip():
            raise SlackRefusal("no_text")
        if len(text) > LONGEST_SAID:
            raise SlackRefusal("msg_too_long")
        if channel.is_archived:
            raise SlackRefusal("is_archived")
        message = from_person(user.id, markup(self._world.workspace, text))
        if given.get("thread_ts"):
            parent = channel.messages.get(str(given["thread_ts"]))
            if parent is None:
                raise SlackRefusal("thread_not_found")
            message["thread_ts"] = parent.get("thread_ts", parent["ts"])
        posted = self._world.workspace.post(channel, message)
        if f"<@{BOT_USER_ID}>" in message["text"] and BOT_USER_ID not in channel.members:
            hint = f"{BOT_NAME} is not in this channel, so it did not hear you. Slash commands work here all the same."
            self._world.workspace.whisper(channel, user.id, {"type": "message", "user": "USLACKBOT", "text": hint})
        return {"ts": posted["ts"]}

    async def _command(self, given: Json) -> Json:
        user = self._user(given["user"])
        channel = self._channel(user, given["channel"])
        command, text = str(given["command"]).lower(), str(given.get("text", "")).strip()
        if self._world.installing is not None:
            await asyncio.wait([self._world.installing])
        known = next((each for each in self._world.app.commands if each["command"] == command), None)
        if known is None:
            raise SlackRefusal("unknown_command")
        if known.get("should_escape"):
            text = markup(self._world.workspace, text)
        payload = payloads.slash_command(self._world, user, channel, command, text)
        answer = await self._delivery.ask("slash_commands", payload)
        if answer:
            try:
                show_answer(self._world, ResponseUrl(channel, user.id), answer)
            except SlackRefusal as refusal:
                lines = refusal.fields.get("response_metadata", "")
                self._world.records.problems.append(f"{command} {text}: {refusal.code} {lines}")
                raise SlackRefusal("invalid_command_response") from refusal
        return {"response": answer}

    async def _click(self, given: Json) -> Json:
        user = self._user(given["user"])
        block_id, action_id = str(given["block_id"]), str(given["action_id"])
        action_ts = self._world.workspace.mint_ts()
        if given.get("view_id"):
            view = self._open_view(user, str(given["view_id"]))
            element = find_element(view["blocks"], block_id, action_id)
            action = action_on(element, block_id, given, action_ts)
            # Slack sends along what stands in every other field of the form at that moment.
            _take_values(view, given)
            if action_id in view["state"]["values"].get(block_id, {}):
                view["state"]["values"][block_id][action_id] = chosen(element, given)
            await self._delivery.ask("interactive", payloads.view_action(self._world, user, view, action))
            return {}
        channel = self._channel(user, str(given["channel"]))
        message = self._message(channel, user, str(given["ts"]))
        element = find_element(_all_blocks(message), block_id, action_id)
        action = action_on(element, block_id, given, action_ts)
        touched = self._world.touched.setdefault((user.id, channel.id, message["ts"]), {})
        values = first_values(_all_blocks(message)) | touched
        if action_id in values.get(block_id, {}):
            values[block_id] = {**values[block_id], action_id: chosen(element, given)}
            touched[block_id] = values[block_id]
        payload = payloads.message_action(self._world, user, channel, message, action, values)
        await self._delivery.ask("interactive", payload)
        return {}

    def _message(self, channel: Channel, user: User, ts: str) -> Json:
        message = channel.messages.get(ts) or channel.whispers.get(user.id, {}).get(ts)
        if message is None:
            raise SlackRefusal("message_not_found")
        return message

    def _open_view(self, user: User, view_id: str) -> Json:
        view = self._world.forms.seen_by(user.id, view_id)
        if view is None:
            raise SlackRefusal("view_not_found")
        return view

    async def _submit(self, given: Json) -> Json:
        user = self._user(given["user"])
        view = self._open_view(user, str(given["view_id"]))
        _take_values(view, given)
        errors = missing_inputs(view, view["state"]["values"])
        if errors:
            return {"response_action": "errors", "errors": errors}
        answer = await self._delivery.ask("interactive", payloads.view_submission(self._world, user, view))
        return self._after_submit(user, view, answer or {})

    def _after_submit(self, user: User, view: Json, answer: Json) -> Json:
        """Carry out the `response_action` of a submit; SlackRefusal `invalid_view_response` when it makes no sense."""
        forms, action = self._world.forms, answer.get("response_action")
        try:
            match action:
                case None:
                    forms.close(user.id, view["id"])
                case "clear":
                    forms.clear(user.id)
                case "update":
                    forms.update(forms.find(view["id"]), checked_view(answer.get("view")), None)
                case "push":
                    forms.push(user.id, checked_view(answer.get("view")))
                case "errors":
                    return {"response_action": "errors", "errors": _checked_errors(view, answer.get("errors"))}
                case _:
                    raise SlackRefusal("invalid_arguments")
        except SlackRefusal as refusal:
            self._world.records.problems.append(f"answer to a form: {refusal.code} {refusal.fields}")
            raise SlackRefusal("invalid_view_response") from refusal
        return {"response_action": action}

    async def _close(self, given: Json) -> Json:
        user = self._user(given["user"])
        view = self._open_view(user, str(given["view_id"]))
        is_cleared = bool(view["clear_on_close"])
        if is_cleared:
            self._world.forms.clear(user.id)
        else:
            self._world.forms.close(user.id, view["id"])
        if view["notify_on_close"]:
            await self._delivery.ask("interactive", payloads.view_closed(self._world, user, view, is_cleared))
        return {}

    async def _home(self, given: Json) -> Json:
        """A person opens the app's Home; what the app publishes then comes over the stream."""
        user = self._user(given["user"])
        view = self._world.forms.home(user.id)
        self._happenings.home_opened(user.id, view)
        return {"view": view}


def _all_blocks(message: Json) -> list[Json]:
    attached = [block for each in message.get("attachments", []) for block in each.get("blocks", [])]
    return [*message.get("blocks", []), *attached]


def _take_values(view: Json, given: Json) -> None:
    """Put what the person typed and chose so far (block_id → action_id → value) into the form's state."""
    for block_id, actions in dict(given.get("values") or {}).items():
        for action_id, entry in actions.items():
            element = find_element(view["blocks"], block_id, action_id)
            view["state"]["values"].setdefault(block_id, {})[action_id] = chosen(element, entry)


def _checked_errors(view: Json, errors: Any) -> Json:
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise SlackRefusal("invalid_arguments", errors=errors, inputs=sorted(inputs))
    return errors


async def _send_all(ws: web.WebSocketResponse, frames: asyncio.Queue[Json]) -> None:
    while True:
        await ws.send_json(await frames.get())


def _answering(act: Any) -> Any:
    """An HTTP handler round an act: JSON in, `ok` and fields out, a refusal as `ok: false`."""

    async def handle(request: web.Request) -> web.Response:
        try:
            given = await request.json()
            if not isinstance(given, dict):
                raise SlackRefusal("json_not_object")
            fields = await act(given)
        except json.JSONDecodeError:
            return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
        except KeyError as err:
            return web.json_response({"ok": False, "error": f"missing field {err}"}, status=400)
        except (SlackRefusal, NotDelivered) as refusal:
            return web.json_response({"ok": False, "error": refusal.code})
        return web.json_response({"ok": True, **fields})

    return handle
