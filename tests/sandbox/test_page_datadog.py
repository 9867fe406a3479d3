"""Datadog on the chat page: monitors fired and resolved by hand, what mutes and pages, and where an alert's links lead.

The real sandbox without the bot; its monitors fire by hand alone.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Browser, Page, expect

from bot.sandbox.datadog.service import HOSTS
from bot.sandbox.server import Sandbox
from tests.sandbox.datadog_desk import KEYS
from tests.sandbox.page_browser import NEEDS_CHROMIUM, PHONE, chromium, visit
from tests.sandbox.test_page import POOR_CONTRAST

pytestmark = [NEEDS_CHROMIUM, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(tmp_path, run_bot=False, evaluate_monitors=False)
    await sandbox.start()
    sandbox.datadog.webhooks.url = None
    try:
        yield sandbox
    finally:
        await sandbox.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, sandbox: Sandbox) -> AsyncIterator[Page]:
    async with visit(browser, sandbox.url) as opened:
        await opened.get_by_role("tab", name="Datadog").click()
        await expect(opened.locator(".dd-monitor")).to_have_count(8)
        yield opened


async def test_a_monitor_is_fired_and_resolved_with_its_buttons(page: Page, sandbox: Sandbox) -> None:
    latency = page.locator('[data-monitor="stg/latency"]')
    await latency.get_by_role("button", name="Fire p99 latency is high in stg").click()
    await page.get_by_role("menuitem", name="Alert for service:web").click()
    await expect(latency.locator(".dd-group")).to_contain_text("Alertservice:web300 ms")
    await expect(page.get_by_role("tab", name="Datadog")).to_contain_text("1 monitor")
    assert [(told.group, told.transition) for told in sandbox.datadog.told] == [("service:web", "Triggered")]
    await latency.get_by_role("button", name="Resolve p99 latency is high in stg, service:web").click()
    await expect(latency.locator(".dd-group")).to_have_count(0)
    assert [told.transition for told in sandbox.datadog.told] == ["Triggered", "Recovered"]


async def test_the_keyboard_keeps_its_place_while_values_change(page: Page, sandbox: Sandbox) -> None:
    sandbox.datadog.fire("stg/latency", "service:web", 0.46)
    resolve = page.get_by_role("button", name="Resolve p99 latency is high in stg, service:web")
    await resolve.focus()
    sandbox.datadog.fire("stg/errors", "service:web", 9.0)
    await expect(page.locator('[data-monitor="stg/errors"] .dd-group')).to_be_visible()
    await expect(resolve).to_be_focused()


async def test_downtimes_pages_and_events_are_shown_as_they_come(page: Page, sandbox: Sandbox) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    monitor_id = sandbox.datadog.board.find("stg/latency").id
    muted = {"scope": "service:web", "monitor_identifier": {"monitor_id": monitor_id}, "schedule": {"end": end}}
    told = {"title": "Released web 2.3.0 to stg", "text": "by alice", "tags": ["env:stg", "service:web"]}
    async with ClientSession(sandbox.url, headers=KEYS) as http:
        body = {"data": {"type": "downtime", "attributes": muted}}
        async with http.post(f"{HOSTS['main']}/api/v2/downtime", json=body) as answer:
            assert answer.status == 200
        async with http.post(f"{HOSTS['main']}/api/v1/events", json=told) as answer:
            assert answer.status == 202
    on_call_page = sandbox.datadog.on_call.page_by_hand("web is slow")
    await expect(page.get_by_label("Downtimes")).to_contain_text("p99 latency is high in stg service:web")
    await expect(page.get_by_label("Downtimes")).to_contain_text("until")
    await expect(page.get_by_label("Events")).to_contain_text("Released web 2.3.0 to stgenv:stgservice:web")
    pages = page.get_by_label("On-Call pages")
    await expect(pages).to_contain_text("triggeredweb is slow")
    await pages.get_by_role("button", name="Ack").click()
    await expect(pages).to_contain_text("acknowledged")
    assert on_call_page.state == "acknowledged"


async def test_links_of_an_alert_open_the_monitor_and_the_picture_of_that_moment(page: Page, sandbox: Sandbox) -> None:
    datadog = sandbox.datadog
    datadog.fire("stg/latency", "service:web", 0.46)
    told = datadog.told[-1]
    await page.goto(f"{datadog.app_url}/event/jump_to?event_id={told.event_id}")
    await expect(page).to_have_url(f"{datadog.app_url}/monitors/{told.monitor.id}#service:web")
    await expect(page.get_by_role("heading", name="p99 latency is high in stg")).to_be_visible()
    await expect(page.get_by_label("service:web")).to_contain_text("460 ms · Alert")
    picture = await page.request.get(f"{datadog.app_url}/snapshot/{told.monitor.id}/{told.event_id}.png")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/png")
    size = await page.evaluate(
        "async (src) => { const i = new Image(); i.src = src; await i.decode(); return [i.width, i.height]; }",
        picture.url,
    )
    assert size == [960, 300]
    for lost in ("/monitors/1", "/event/jump_to?event_id=1", f"/snapshot/1/{told.event_id}.png"):
        assert (await page.request.get(datadog.app_url + lost)).status == 404


async def test_datadog_fits_a_phone_and_can_be_read_in_both_themes(browser: Browser, sandbox: Sandbox) -> None:
    sandbox.datadog.fire("stg/latency", "service:web", 0.46)
    sandbox.datadog.fire("prd/errors", "service:web", 1.4, state="Warn")
    for act in ("acknowledge", "resolve"):
        sandbox.datadog.on_call.act(sandbox.datadog.on_call.page_by_hand("web is slow"), act)
    poor: list[str] = []
    for theme in ("light", "dark"):
        async with visit(browser, sandbox.url, viewport=PHONE, has_touch=True, color_scheme=theme) as page:
            await page.get_by_role("navigation", name="Sections").get_by_role("button", name="Clusters").click()
            await page.get_by_role("tab", name="Datadog").click()
            await expect(page.get_by_label("On-Call pages")).to_contain_text("resolved")
            poor += await page.evaluate(POOR_CONTRAST)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert poor == []


async def test_datadog_can_be_made_to_fail_and_to_work_again(page: Page, sandbox: Sandbox) -> None:
    button = page.locator('[data-mischief="datadog"]')
    await button.click()
    await page.get_by_role("menuitem", name="Answers 429").click()
    await expect(button).to_have_text("Datadog answers 429")
    await expect(page.locator(".mischief-result")).to_contain_text("until you choose otherwise")
    async with ClientSession(sandbox.url, headers=KEYS) as http:
        async with http.get(f"{HOSTS['main']}/api/v1/monitor") as answer:
            assert answer.status == 429
        await button.click()
        await page.get_by_role("menuitem", name="Works again").click()
        await expect(button).to_have_text("Datadog fails")
        async with http.get(f"{HOSTS['main']}/api/v1/monitor") as answer:
            assert answer.status == 200


async def test_a_storm_does_not_bury_the_monitors_of_the_scene(page: Page, sandbox: Sandbox) -> None:
    answer = await page.request.post(
        f"{sandbox.url}/sandbox/datadog/storm", data={"count": 2000, "seconds": 0.5, "seed": 1}
    )
    assert await answer.json() == {"ok": True, "messages": 2000, "groups": 80}
    await expect(page.locator('[data-monitor="storm/00"]')).to_be_visible()
    await expect(page.locator('[data-monitor="stg/latency"]')).to_be_visible()
    assert await page.locator(".dd-monitor").count() <= 14
