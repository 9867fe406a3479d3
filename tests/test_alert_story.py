"""A slow version makes an alert, and the alert's own button ends it: in a browser, with the real bot as a child.

The sandbox's Datadog measures, judges and tells by itself; nothing here fires a monitor.
"""

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot.sandbox.kube import Options
from bot.sandbox.server import Sandbox
from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit

pytestmark = [pytest.mark.browser, pytest.mark.process, NEEDS_CHROMIUM]
PATIENCE_MS = 90_000


@pytest.mark.timeout(400)
async def test_a_slow_version_is_released_noticed_taken_and_rolled_back_from_its_alert(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, cluster_options=Options(progress_deadline_s=600))
    await sandbox.start()
    try:
        async with chromium() as browser, visit(browser, sandbox.url) as page:
            await expect(page.get_by_text("Kajitori is connected")).to_be_visible(timeout=PATIENCE_MS)
            await release_a_slow_version(page)
            card = await see_the_alert(page)
            await card.get_by_role("button", name="Acknowledge").click()
            await expect(card).to_contain_text("Taken here by @alice", timeout=PATIENCE_MS)
            await go_back(page, card)
    finally:
        await sandbox.stop()


async def release_a_slow_version(page: Page) -> None:
    await page.get_by_role("button", name="Publish a poor image").click()
    await page.get_by_role("menuitem", name="growlio/web publishes 2.3.1-laggy").click()
    await page.locator(".mischief-result").get_by_role("button", name="Write it for me").click()
    await expect(page.locator("#channel-box")).to_have_value("/deploy stg web 2.3.1-laggy")
    await page.keyboard.press("Escape")
    await page.locator("#channel-box").press("Enter")
    await expect(page.get_by_text(re.compile(r"web 2\.3\.1-laggy runs in stg"))).to_be_visible(timeout=PATIENCE_MS)


async def see_the_alert(page: Page) -> Locator:
    """The alert's card, once the monitor's critical threshold is crossed: as long as that version runs, it stays so."""
    await page.get_by_role("button", name=re.compile("^alerts")).click()
    card = page.locator("#log .message").filter(has_text="p99 latency is high in stg").first
    await expect(card).to_contain_text("limit 0.3", timeout=PATIENCE_MS)
    await expect(card).to_contain_text("@alice released web 2.3.1-laggy, before 2.2.9")
    picture = card.locator("img.block-picture")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 960
    await page.get_by_role("tab", name="Datadog").click()
    await expect(page.locator('[data-monitor="stg/latency"] .dd-group')).to_contain_text("service:web")
    return card


async def go_back(page: Page, card: Locator) -> None:
    await card.get_by_role("button", name="Roll back to 2.2.9").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Roll back").click()
    await expect(card).to_contain_text(re.compile("p99 latency is high in stg is over after"), timeout=PATIENCE_MS)
    await expect(card.get_by_role("button", name="Roll back to 2.2.9")).to_have_count(0)
    await expect(page.locator('[data-monitor="stg/latency"] .dd-group')).to_have_count(0, timeout=PATIENCE_MS)
    await expect(page.get_by_label("Events")).to_contain_text("rolled back to 2.2.9", timeout=PATIENCE_MS)
