"""The stranger's story, in a real browser on the real sandbox with the real bot as its child: the README's promise."""

import math
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.sandbox.kube import Options
from bot.sandbox.server import Sandbox
from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit
from tests.sandbox.slack_desk import until

pytestmark = [pytest.mark.browser, pytest.mark.process, NEEDS_CHROMIUM]
PATIENCE_MS = 60_000


async def type_line(page: Page, line: str) -> None:
    """Type a line into the composer, past its completion, and send it."""
    box = page.get_by_role("combobox", name=re.compile("Message")).or_(page.locator("textarea").first).first
    await box.click()
    await page.keyboard.type(line)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")


@pytest.mark.timeout(240)
async def test_a_stranger_deploys_kills_the_bot_breaks_an_image_and_rolls_back(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, cluster_options=Options(slow_s=math.inf, progress_deadline_s=600))
    await sandbox.start()
    try:
        async with chromium() as browser, visit(browser, sandbox.url) as page:
            await expect(page.get_by_text("Kajitori is connected")).to_be_visible(timeout=PATIENCE_MS)
            await deploy_in_one_message(page)
            await survive_a_kill(page, sandbox)
            await see_why_an_image_fails_and_go_back(page, sandbox)
    finally:
        await sandbox.stop()


async def deploy_in_one_message(page: Page) -> None:
    started = time.monotonic()
    await type_line(page, "/deploy stg admin 1.4.2")
    await expect(page.get_by_text(re.compile(r"admin 1\.4\.2 runs in stg"))).to_be_visible(timeout=PATIENCE_MS)
    print(f"command to success card: {time.monotonic() - started:.1f} s")
    await expect(page.get_by_role("button", name="Roll back to 1.4.1")).to_be_visible()


async def survive_a_kill(page: Page, sandbox: Sandbox) -> None:
    sandbox.registry.publish("growlio/web", "2.3.1-slow")
    await type_line(page, "/deploy stg web 2.3.1-slow")
    await expect(page.get_by_text(re.compile(r"of 5 pods updated"))).to_be_visible(timeout=PATIENCE_MS)
    assert sandbox.supervisor is not None
    before = sandbox.supervisor.status()["pid"]
    await page.get_by_role("button", name="Kill the bot").click()
    await until(
        lambda: sandbox.supervisor and sandbox.supervisor.status()["pid"] not in (before, None), PATIENCE_MS / 1000
    )
    for cluster in sandbox.clusters.values():
        cluster.hurry()
    await expect(page.get_by_text(re.compile(r"web 2\.3\.1-slow runs in stg"))).to_be_visible(timeout=PATIENCE_MS)
    patches = [r for r in sandbox.clusters["stg"].requests if r.method == "PATCH" and "/web" in r.path]
    assert len(patches) == 1


async def see_why_an_image_fails_and_go_back(page: Page, sandbox: Sandbox) -> None:
    sandbox.registry.publish("growlio/admin", "1.4.3-broken")
    await type_line(page, "/deploy stg admin 1.4.3-broken")
    await expect(page.get_by_text(re.compile(r"failed in stg: the image does not exist"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    await page.get_by_role("button", name="Roll back to 1.4.2").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Roll back").click()
    await expect(page.get_by_text(re.compile(r"admin 1\.4\.2 runs in stg")).nth(1)).to_be_visible(timeout=PATIENCE_MS)
