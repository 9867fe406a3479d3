"""The bot as a whole: what it says of itself while it starts, works and stops."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import app
from bot.settings import load
from handlers import router
from tests.chat import DEADLINE_S, Chat, open_chat, running_bot


async def ask(chat: Chat, path: str) -> tuple[int, Any]:
    """One GET at the bot's own address."""
    listen = load(chat.sandbox.config_path, chat.sandbox.environment()).listen
    async with aiohttp.ClientSession() as http, http.get(f"http://{listen.host}:{listen.port}{path}") as response:
        return response.status, await response.json()


async def test_a_bot_that_waits_for_slack_is_alive_but_not_ready(tmp_path: Path) -> None:
    async with open_chat(tmp_path, with_bot=False) as chat:
        chat.sandbox.slack.order_fault(method="auth.test", do="error", code="internal_error", times=50)
        settings = load(chat.sandbox.config_path, chat.sandbox.environment())
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(settings, router, stop=stop))
        chat.bot_task = running

        async def alive() -> None:
            while True:
                try:
                    if (await ask(chat, "/healthz"))[0] == 200:
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

        await asyncio.wait_for(alive(), DEADLINE_S)
        status, body = await ask(chat, "/readyz")
        assert status == 503
        assert body["ready"] is False
        stop.set()
        await asyncio.wait_for(running, DEADLINE_S)
        chat.bot_task = None


async def test_a_bot_at_work_is_ready_and_names_its_parts(tmp_path: Path) -> None:
    async with open_chat(tmp_path, with_bot=False) as chat, running_bot(chat):
        status, body = await ask(chat, "/readyz")
        assert status == 200
        assert body["parts"] == dict.fromkeys(body["parts"], "ok")
        assert {"slack", "inbox", "outbox", "releases"} <= set(body["parts"])
        await nothing_else_is_open(chat)


async def nothing_else_is_open(chat: Chat) -> None:
    """At the bot's port: health, which can't be written to and holds no secret, and Datadog's door."""
    variables = chat.sandbox.environment()
    settings = load(chat.sandbox.config_path, variables)
    secrets = [value for name, value in variables.items() if name.endswith(("TOKEN", "SECRET", "_KEY"))]
    assert len(secrets) > 2
    async with aiohttp.ClientSession(f"http://{settings.listen.host}:{settings.listen.port}") as http:
        for path in (
            "/",
            "/debug",
            "/debug/pprof",
            "/docs",
            "/openapi.json",
            "/env",
            "/config",
            "/admin",
            "/slack/events",
        ):
            for method in ("GET", "POST"):
                async with http.request(method, path) as response:
                    assert response.status == 404, (method, path)
        for path in ("/healthz", "/readyz"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                async with http.request(method, path, json={"ready": False}) as response:
                    assert response.status == 405, (method, path)
            async with http.get(path) as response:
                text = await response.text() + str(response.headers)
                assert not [secret for secret in secrets if secret in text]
        async with http.post("/datadog/webhook", json={}) as response:
            assert response.status == 401


async def test_an_address_that_is_taken_is_said_in_one_sentence(tmp_path: Path) -> None:
    async with open_chat(tmp_path) as chat:
        settings = load(chat.sandbox.config_path, chat.sandbox.environment())
        with pytest.raises(app.CannotListen, match=r"can't listen on 127\.0\.0\.1:\d+ \(Address already in use\)"):
            await app.run(settings, router, stop=asyncio.Event())
