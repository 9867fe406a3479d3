"""The chat page on the real sandbox, with a small slack_sdk app in the bot's place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.server import Sandbox
from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit
from tests.sandbox.page_fixture import button, option, plain, text
from tests.sandbox.slack_desk import PATIENT, until

pytestmark = [NEEDS_CHROMIUM, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]
MANIFEST = {
    "display_information": {"name": "Kajitori"},
    "features": {
        "bot_user": {"display_name": "Kajitori"},
        "slash_commands": [
            {"command": "/deploy", "description": "Release a service", "usage_hint": "ENV SERVICE [VERSION]"},
            {"command": "/quiet", "description": "Says nothing in time"},
        ],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write", "app_mentions:read"]}},
    "settings": {
        "event_subscriptions": {"bot_events": ["app_mention"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


class SmallApp:
    """An app of a few lines on the real Socket Mode client: a form, a card with buttons, a reply in a thread."""

    def __init__(self, sandbox: Sandbox) -> None:
        app = sandbox.slack.world.app
        self.web = AsyncWebClient(token=app.bot_token, base_url=sandbox.slack.api_url)
        self.socket = SocketModeClient(app_token=app.app_token, web_client=self.web)
        self.socket.socket_mode_request_listeners.append(self.on_request)
        self.clicks: list[Json] = []

    async def on_request(self, socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        payload = request.payload
        if payload.get("command") == "/quiet":
            return
        answer: Json | None = None
        if request.type == "slash_commands":
            if payload["text"]:
                answer = {"response_type": "ephemeral", "text": f"You said *{payload['text']}*"}
            else:
                await self.web.views_open(trigger_id=payload["trigger_id"], view=FORM)
        elif payload.get("type") == "view_submission":
            answer = await self.on_form(payload)
        await socket.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))
        if payload.get("type") == "block_actions":
            await self.on_click(payload)
        elif payload.get("event", {}).get("type") == "app_mention":
            event = payload["event"]
            await self.web.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="I heard you")

    async def on_form(self, payload: Json) -> Json | None:
        values = payload["view"]["state"]["values"]
        version = values["version"]["value"]["value"]
        if version == "9.9":
            return {"response_action": "errors", "errors": {"version": "No tag 9.9"}}
        blocks: list[Json] = [
            {"type": "section", "text": text(f"Releasing *admin* {version}")},
            {"type": "actions", "elements": [button("Abort", "abort", value="r1", style="danger")]},
        ]
        await self.web.chat_postMessage(channel="C0STG", text=f"Releasing admin {version}", blocks=blocks)
        return None

    async def on_click(self, payload: Json) -> None:
        self.clicks.append(payload)
        if "view" in payload:
            said = {"type": "section", "text": text("3 of 3 pods are ready there")}
            await self.web.views_update(view_id=payload["view"]["id"], view={**FORM, "blocks": [said, *FORM["blocks"]]})
            return
        done = [{"type": "section", "text": text(f"Aborted by <@{payload['user']['id']}>")}]
        webhook = AsyncWebhookClient(payload["response_url"])
        await webhook.send(text="Aborted", blocks=done, replace_original=True)


FORM: Json = {
    "type": "modal",
    "title": plain("Deploy"),
    "submit": plain("Deploy"),
    "blocks": [
        {
            "type": "input",
            "block_id": "environment",
            "label": plain("Environment"),
            "dispatch_action": True,
            "element": {"type": "static_select", "action_id": "value", "options": [option("stg", "stg")]},
        },
        {
            "type": "input",
            "block_id": "version",
            "label": plain("Version"),
            "element": {"type": "plain_text_input", "action_id": "value"},
        },
    ],
}


@asynccontextmanager
async def small_app(sandbox: Sandbox) -> AsyncIterator[SmallApp]:
    app = SmallApp(sandbox)
    try:
        await app.socket.connect()
        await until(lambda: sandbox.slack.sockets.live)
        yield app
    finally:
        await app.socket.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(tmp_path: Path):
    running = Sandbox(tmp_path, run_bot=False, limits="off", timing=PATIENT)
    await running.start()
    running.slack.read_manifest(MANIFEST)
    try:
        yield running
    finally:
        await running.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, sandbox: Sandbox):
    async with visit(browser, sandbox.url) as opened:
        await expect(opened.locator(".tile").first).to_be_visible()
        yield opened


async def type_line(page: Page, line: str) -> None:
    await page.locator("#channel-box").fill(line)
    await page.keyboard.press("Enter")


async def test_a_release_goes_from_form_to_card_to_click(page: Page, sandbox: Sandbox):
    async with small_app(sandbox) as app:
        await expect(page.locator(".presence")).not_to_contain_text("not connected")
        await type_line(page, "/deploy")
        form = page.get_by_role("dialog", name="Deploy")
        await form.get_by_label("Environment").select_option("stg")
        await expect(form).to_contain_text("3 of 3 pods are ready there")  # this answer draws the form anew
        await form.get_by_label("Version").fill("9.9")
        await page.keyboard.press("Enter")
        await expect(form.locator(".has-error .field-error")).to_have_text("No tag 9.9")
        await form.get_by_label("Version").fill("1.4.2")
        await page.keyboard.press("Enter")
        await expect(form).to_have_count(0)
        card = page.locator(".message").last
        await expect(card).to_contain_text("Releasing admin 1.4.2")
        await card.get_by_role("button", name="Abort").click()
        await expect(page.locator("#log")).to_contain_text("Aborted by @alice")
        await expect(page.locator("#log .message")).to_have_count(1)
        assert app.clicks[-1]["actions"][0]["value"] == "r1"


async def test_a_choice_that_is_sent_at_once_brings_the_other_fields_along_and_leaves_them(
    page: Page, sandbox: Sandbox
):
    async with small_app(sandbox) as app:
        await type_line(page, "/deploy")
        form = page.get_by_role("dialog", name="Deploy")
        await form.get_by_label("Version").fill("1.4.2")
        await form.get_by_label("Environment").focus()
        await form.get_by_label("Environment").select_option("stg")
        await expect(form).to_contain_text("3 of 3 pods are ready there")
        await expect(form.get_by_label("Version")).to_have_value("1.4.2")
        await expect(form.get_by_label("Environment")).to_have_value("stg")
        await expect(form.get_by_label("Environment")).to_be_focused()
        values = app.clicks[0]["view"]["state"]["values"]
        assert values["version"]["value"]["value"] == "1.4.2"
        assert values["environment"]["value"]["selected_option"]["value"] == "stg"


async def test_an_ephemeral_answer_is_seen_by_its_asker_only(page: Page, browser: Browser, sandbox: Sandbox):
    async with small_app(sandbox), visit(browser, sandbox.url + "/?user=U0BOB") as bobs:
        await type_line(page, "/deploy stg admin")
        await expect(page.locator(".message.ephemeral")).to_contain_text("You said stg admin")
        await type_line(page, "hello everybody")
        await expect(bobs.locator("#log")).to_contain_text("hello everybody")
        await expect(bobs.locator("#log")).not_to_contain_text("You said")


async def test_a_mention_is_answered_in_its_thread(page: Page, sandbox: Sandbox):
    async with small_app(sandbox):
        await type_line(page, "@kajitori are you there <b>&?")
        await expect(page.locator(".message").last).to_contain_text("@Kajitori are you there <b>&?")
        await page.get_by_role("button", name="1 reply").click()
        await expect(page.get_by_role("complementary", name="Thread")).to_contain_text("I heard you")


async def test_an_app_that_is_away_or_silent_is_told_as_slack_tells_it(page: Page, sandbox: Sandbox):
    await type_line(page, "/deploy stg admin")
    await expect(page.locator(".message.ephemeral").last).to_contain_text("/deploy failed with the error")
    await type_line(page, "/nothing")
    await expect(page.locator(".message.ephemeral").last).to_contain_text("/nothing is not a valid command")
    async with small_app(sandbox):
        sandbox.slack.world.timing = replace(PATIENT, ack_s=1.0)
        await type_line(page, "/quiet")
        await expect(page.locator(".message.ephemeral").last).to_contain_text(
            '/quiet failed with the error "operation_timeout"'
        )


async def test_the_row_of_mischief_reaches_the_clusters_and_the_registry(page: Page, sandbox: Sandbox):
    stg = page.get_by_label("Cluster stg")
    await page.get_by_role("button", name="Crash a pod").click()
    await page.get_by_role("menuitem", name="stg / web exits").click()
    await expect(page.locator(".mischief-result")).to_contain_text("A pod of web in stg crashes")
    await until(lambda: any(pod["restarts"] for pod in sandbox.control.clusters_view()["clusters"][0]["pods"]))
    await page.get_by_role("button", name="Publish a broken image").click()
    await page.get_by_role("menuitem", name="growlio/admin").click()
    await expect(page.locator(".mischief-result strong")).to_have_text("1.4.3-broken")
    assert "1.4.3-broken" in sandbox.registry.tags("growlio/admin")
    await page.get_by_role("button", name="Pause a node").click()
    await page.get_by_role("menuitem", name="stg / node-1").click()
    await expect(stg.locator(".node-chip.paused")).to_contain_text("node-1")
    await page.get_by_role("button", name="Slack answers 429").click()
    await expect(page.locator(".mischief-result")).to_contain_text("Slack answers 429")
    token = {"Authorization": f"Bearer {sandbox.slack.world.app.bot_token}"}
    answer = await page.request.post(sandbox.slack.api_url + "auth.test", headers=token)
    assert answer.status == 429
