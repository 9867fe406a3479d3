"""The chat driver: a workspace with people in it, clusters, and the bot in this process, all on real sockets.

A test reads like a conversation: `await chat.alice.says("/deploy stg admin 1.4.2")`, then `await chat.card(phase=…)`.
Every wait has a deadline and races the bot's own task, so that a crash in the background fails the test at once.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from bot import app
from bot.datadog.template import datadog_webhook
from bot.manifest import slack_manifest
from bot.router import Router
from bot.sandbox.datadog import Datadog
from bot.sandbox.kube import Options
from bot.sandbox.server import Sandbox
from bot.sandbox.slack.pace import Timing
from bot.settings import load
from handlers import router as all_handlers
from tests.patience import ACK_BUDGET_S

Json = dict[str, Any]
T = TypeVar("T")
DEADLINE_S = 60.0
"""Only a test that fails waits this long: a busy machine may stand still for seconds."""
UNHURRIED = Timing(ack_s=30.0, trigger_s=30.0, resend_s=10.0, command_life_s=40.0)
"""Slack gives three seconds; on a busy machine that would fail tests which ask about something else.

It sends again only what the bot, patient as it is here (`ACK_BUDGET_S`), can't still be refusing: as in earnest.
"""
STG, PRD, GENERAL, OPS = "C0STG", "C0PRD", "C0GENERAL", "C0OPS"


class Person:
    """Somebody in the workspace. `says` and `presses` act, `hears` waits for an answer that only they see."""

    def __init__(self, chat: "Chat", user_id: str) -> None:
        self._chat = chat
        self.id = user_id
        self.heard: list[Json] = []
        """Answers that only they see, oldest first; `forget` empties it."""
        self.listening = asyncio.Event()
        self.forms: list[Json] = []

    async def says(self, text: str, *, channel: str = STG, thread_ts: str | None = None) -> str:
        """Type a slash command or a message. The text that came with the acknowledgement, `` when there was none."""
        if not text.startswith("/"):
            extra = {"thread_ts": thread_ts} if thread_ts else {}
            answer = await self._chat.act("say", user=self.id, channel=channel, text=text, **extra)
            assert answer["ok"], answer
            return str(answer["ts"])
        command, _, rest = text.partition(" ")
        answer = await self._chat.act("command", user=self.id, channel=channel, command=command, text=rest)
        if not answer["ok"]:
            raise AssertionError(f"{text}: {answer['error']}")
        return plain(answer["response"]) if answer.get("response") else ""

    async def presses(self, label: str, card: Json, *, channel: str | None = None) -> Json:
        """Press a button of a message as it was when `card` was read."""
        for block in card.get("blocks", ()):
            for element in [*block.get("elements", ()), *([block["accessory"]] if "accessory" in block else ())]:
                if element.get("type") == "button" and re.search(label, element["text"]["text"]):
                    answer = await self.clicks(card, block["block_id"], element, channel=channel)
                    assert answer["ok"], answer
                    return answer
        raise AssertionError(f"no button {label!r} on {shown(card)}")

    async def clicks(self, card: Json, block_id: str, element: Json, *, channel: str | None = None) -> Json:
        """Send the click of one element, whether the message still shows it or not."""
        return await self._chat.act(
            "click",
            user=self.id,
            channel=channel or card["channel"],
            ts=card["ts"],
            block_id=block_id,
            action_id=element["action_id"],
            value=element.get("value"),
        )

    async def hears(self, pattern: str, *, within_s: float = DEADLINE_S) -> str:
        """Wait for an answer to this person (ephemeral, or a direct message) that matches; its text."""

        def find() -> str | None:
            texts = [plain(message) for message in self.heard]
            return next((text for text in texts if re.search(pattern, text)), None)

        return await self._chat.until(find, within_s, lambda: f"{self.id} heard {[plain(m) for m in self.heard]}")

    def forget(self) -> None:
        """Forget what was heard: the next `hears` waits for something new."""
        self.heard.clear()

    def last_heard(self) -> Json:
        """The newest answer to this person, to press its buttons."""
        return self.heard[-1]

    async def form(self, *, within_s: float = DEADLINE_S) -> Json:
        """Wait for a form to open; its view."""
        return await self._chat.until(
            lambda: self.forms[-1] if self.forms else None, within_s, lambda: "no form opened"
        )

    async def chooses(self, view: Json, field: str, value: str) -> None:
        """Choose an option of a select in an open form, of those that tell the bot at once."""
        block = next(b for b in view["blocks"] if b.get("block_id") == field)
        option = next(o for o in block["element"]["options"] if o["value"] == value)
        answer = await self._chat.act(
            "click",
            user=self.id,
            view_id=view["id"],
            block_id=field,
            action_id=block["element"]["action_id"],
            selected_option=option,
        )
        assert answer["ok"], answer

    async def submits(self, view: Json, **values: str) -> Json:
        """Fill in a form and send it. Selects are chosen by value."""
        state: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            element, name = block["element"], block["block_id"].partition("@")[0]
            if name not in values:
                continue
            filled: Json = {"type": element["type"]}
            if element["type"] == "static_select":
                option = next(o for o in element["options"] if o["value"] == values[name])
                filled["selected_option"] = option
            else:
                filled["value"] = values[name]
            state[block["block_id"]] = {element["action_id"]: filled}
        return await self._chat.act("submit", user=self.id, view_id=view["id"], values=state)

    def take(self, frame: Json) -> None:
        """A frame of this person's stream."""
        match frame.get("type"):
            case "message":
                message = frame["message"] | {"channel": frame["channel"]}
                if message.get("ephemeral") or str(frame["channel"]).startswith("D"):
                    self.heard.append(message)
            case "view_opened" | "view_updated":
                self.forms.append(frame["view"])


class Chat:
    """The workspace of one test."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self._http = http
        self._changed = asyncio.Condition()
        self.bot_task: asyncio.Task[None] | None = None
        self.people = {name: Person(self, f"U0{name.upper()}") for name in ("alice", "bob", "carol", "dave", "ops")}
        self.people["guest"] = Person(self, "U0GUEST")
        self.bot: app.App | None = None

    @property
    def datadog(self) -> Datadog:
        """The sandbox's Datadog; its monitors fire by hand: `chat.datadog.fire("stg/latency", "service:web", 0.46)`."""
        return self.sandbox.datadog

    @property
    def alice(self) -> Person:
        return self.people["alice"]

    @property
    def bob(self) -> Person:
        return self.people["bob"]

    @property
    def carol(self) -> Person:
        return self.people["carol"]

    @property
    def dave(self) -> Person:
        return self.people["dave"]

    @property
    def guest(self) -> Person:
        return self.people["guest"]

    async def act(self, name: str, **fields: Any) -> Json:
        """POST /client/NAME."""
        body = {key: value for key, value in fields.items() if value is not None}
        async with self._http.post(f"/client/{name}", json=body) as response:
            answer = await response.json()
        assert isinstance(answer, dict), answer
        return answer

    def messages(self, channel: str = STG) -> list[Json]:
        """All messages of a channel and its threads, oldest first, as Slack holds them."""
        held = self.sandbox.slack.world.workspace.channels[channel].messages
        return [message | {"channel": channel} for message in held.values()]

    def cards(self, channel: str | None = None) -> list[Json]:
        """Release cards, oldest first."""
        found = []
        for place in [channel] if channel else [STG, PRD]:
            found += [m for m in self.messages(place) if payload(m)]
        return found

    async def card(
        self,
        *,
        phase: str | None = None,
        service: str | None = None,
        release: str | None = None,
        text: str = "",
        within_s: float = DEADLINE_S,
    ) -> Json:
        """Wait for the newest release card of that phase, service and text."""

        def find() -> Json | None:
            for card in reversed(self.cards()):
                told = payload(card)
                if phase and told.get("phase") != phase:
                    continue
                if service and told.get("service") != service:
                    continue
                if release and told.get("release") != release:
                    continue
                if re.search(text, plain(card)):
                    return card
            return None

        return await self.until(find, within_s, lambda: f"cards: {[(payload(c), plain(c)) for c in self.cards()]}")

    async def says(self, pattern: str, *, channel: str = STG, within_s: float = DEADLINE_S) -> Json:
        """Wait for a message of the bot in a channel, or in a thread of it, that matches."""

        def find() -> Json | None:
            return next((m for m in self.messages(channel) if m.get("bot_id") and re.search(pattern, plain(m))), None)

        return await self.until(find, within_s, lambda: f"in {channel}: {[plain(m) for m in self.messages(channel)]}")

    async def until(self, find: Callable[[], T | None], within_s: float, or_else: Callable[[], str]) -> T:
        """Wait until `find` gives something; looks whenever anything changes, and ten times a second."""

        async def look() -> T:
            while True:
                found = find()
                if found is not None:
                    return found
                async with self._changed:
                    try:
                        async with asyncio.timeout(0.1):
                            await self._changed.wait()
                    except TimeoutError:
                        pass

        looking = asyncio.create_task(look())
        racing: set[asyncio.Task[Any]] = {looking} | ({self.bot_task} if self.bot_task else set())
        try:
            done, _ = await asyncio.wait(racing, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if looking in done:
                return looking.result()
            if self.bot_task in done:
                self.bot_task.result()
                raise AssertionError("the bot ended by itself")
            raise AssertionError(f"not within {within_s:g} s; {or_else()}")
        finally:
            looking.cancel()

    async def listen(self, person: Person) -> None:
        """Follow a person's stream for ever."""
        async with self._http.ws_connect("/client/stream", params={"user": person.id}) as stream:
            async for frame in stream:
                person.listening.set()  # the first frame is a greeting
                person.take(frame.json())
                async with self._changed:
                    self._changed.notify_all()

    def hurry(self) -> None:
        """Let pods of `slow` images be ready: where they are slow without end, a rollout stands still until now."""
        for cluster in self.sandbox.clusters.values():
            cluster.hurry()

    def patches(self, environment: str = "stg") -> list[Any]:
        """The writes that reached a cluster, by the bot."""
        requests = self.sandbox.clusters[environment].requests
        return [r for r in requests if r.method in ("PATCH", "PUT", "POST", "DELETE") and r.status < 400]

    async def kubectl(
        self,
        environment: str,
        namespace: str,
        resource: str,
        name: str,
        *,
        image: str | None = None,
        paused: bool | None = None,
        deadline_s: int | None = None,
        manager: str = "kubectl",
    ) -> None:
        """Change a workload as somebody with kubectl would, past the bot."""
        spec: Json = {}
        if image is not None:
            host = self.sandbox.url.removeprefix("http://")
            spec["template"] = {"spec": {"containers": [{"name": name, "image": f"{host}/{image}"}]}}
        if paused is not None:
            spec["paused"] = paused
        if deadline_s is not None:
            spec["progressDeadlineSeconds"] = deadline_s
        token = self.sandbox._kube_token
        path = f"/clusters/{environment}/apis/apps/v1/namespaces/{namespace}/{resource}/{name}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/strategic-merge-patch+json"}
        async with self._http.patch(
            path, params={"fieldManager": manager}, headers=headers, data=json.dumps({"spec": spec})
        ) as response:
            assert response.status == 200, await response.text()

    async def kubectl_delete(self, environment: str, namespace: str, resource: str, name: str) -> None:
        """Delete a workload as somebody with kubectl would."""
        path = f"/clusters/{environment}/apis/apps/v1/namespaces/{namespace}/{resource}/{name}"
        headers = {"Authorization": f"Bearer {self.sandbox._kube_token}"}
        async with self._http.delete(path, headers=headers) as response:
            assert response.status == 200, await response.text()

    def calls(self, method: str) -> list[Json]:
        """The recorded Web API requests of one method."""
        return list(self.sandbox.slack.world.records.find(method))


def payload(message: Mapping[str, Any]) -> Json:
    """The metadata of a release card; empty for any other message."""
    metadata = message.get("metadata") or {}
    return dict(metadata["event_payload"]) if metadata.get("event_type") == "kajitori_release" else {}


def plain(message: Mapping[str, Any]) -> str:
    """All words of a message: its blocks', or its text."""
    words: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") in ("mrkdwn", "plain_text") and isinstance(value.get("text"), str):
                words.append(value["text"])
            for part in value.values():
                if isinstance(part, dict | list):
                    walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(message.get("blocks") or [])
    walk(message.get("attachments") or [])
    return "\n".join(words) or str(message.get("text", ""))


def shown(message: Mapping[str, Any]) -> str:
    """A message for a failure's text."""
    return f"{plain(message)!r}"


@asynccontextmanager
async def open_chat(
    folder: Path,
    *,
    handlers: Router = all_handlers,
    change: Callable[[str], str] = lambda text: text,
    with_bot: bool = True,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Chat]:
    """A workspace, clusters and (unless `with_bot` is False) the bot.

    `change` rewrites the configuration's text; `environment` is added to the bot's variables.
    """
    defaults: Json = {"limits": "off", "timing": UNHURRIED, "evaluate_monitors": False, "on_call": False}
    given = defaults | options
    # A rollout that a test holds still shall not fail of it.
    given["cluster_options"] = replace(given.get("cluster_options", Options()), progress_deadline_s=600)
    sandbox = Sandbox(folder, run_bot=False, **given)
    await sandbox.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.stop)
        sandbox.config_path.write_text(change(sandbox.config_path.read_text()))
        sandbox.slack.read_manifest(slack_manifest(handlers))
        sandbox.datadog.use_webhook(f"{sandbox.bot_url}/datadog/webhook", datadog_webhook(sandbox.bot_url))
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        http = await stack.enter_async_context(aiohttp.ClientSession(sandbox.url, timeout=timeout))
        chat = Chat(sandbox, http)
        streams = [asyncio.create_task(chat.listen(person)) for person in chat.people.values()]
        stack.push_async_callback(lambda: _end(streams))
        # An answer that came before a person listens would be heard by nobody.
        listening = asyncio.gather(*(person.listening.wait() for person in chat.people.values()))
        await asyncio.wait_for(listening, DEADLINE_S)
        if with_bot:
            await stack.enter_async_context(running_bot(chat, handlers, environment or {}))
        yield chat


@asynccontextmanager
async def running_bot(
    chat: Chat, handlers: Router = all_handlers, environment: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """The bot in this process until the block ends; it is ready when the block begins."""
    settings = load(chat.sandbox.config_path, chat.sandbox.environment() | dict(environment or {}))
    up, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.started(settings, handlers, ack_budget_s=ACK_BUDGET_S) as running:
            chat.bot = running
            up.set()
            await stop.wait()

    chat.bot_task = asyncio.create_task(live())
    await chat.until(lambda: up.is_set() or None, DEADLINE_S, lambda: "the bot did not start")
    await chat.until(
        lambda: (chat.bot is not None and not chat.bot.health.faults()) or None,
        DEADLINE_S,
        lambda: f"the bot is not ready: {chat.bot.health.faults() if chat.bot else 'not up'}",
    )
    try:
        yield
    finally:
        task, chat.bot_task = chat.bot_task, None
        stop.set()
        await asyncio.wait_for(task, DEADLINE_S)


async def _end(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
