"""The picture of the chat page in the README, taken anew: `make screenshot`. Needs Chromium.

Starts a sandbox of its own: one release that is done, one that failed, and one that a paused node holds half-way.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "sandbox.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# --no-sandbox: so that it works as root in a container; nothing but our own page is opened.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
START_S = 30


async def main() -> int:
    """0 when the picture was written."""
    if CHROMIUM is None:
        print("screenshot: no chromium on PATH (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as state:
        command = ("-m", "bot", "sandbox", "--port", "0", "--no-browser", "--state", state)
        sandbox = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        try:
            assert sandbox.stdout is not None
            first_line = await asyncio.wait_for(sandbox.stdout.readline(), START_S)
            await take(first_line.decode().split()[-1])
        finally:
            sandbox.terminate()
            await sandbox.wait()
    print(f"screenshot: {PICTURE.name}, {PICTURE.stat().st_size // 1000} kB")
    return 0


async def take(address: str) -> None:
    """The page at `address` with a release done, one failed and one moving."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB", color_scheme="light")
        await page.goto(address)
        await expect(page.locator(".presence")).to_contain_text("is connected", timeout=START_S * 1000)
        await commands_known(page, address)
        await say(page, "/deploy stg admin 1.4.2", then="admin 1.4.2 runs in stg")
        await page.get_by_role("button", name="Publish a broken image").click()
        await page.get_by_role("menuitem", name="growlio/admin").click()
        await say(page, "/deploy stg admin 1.4.3-broken", then="the image does not exist")
        await page.get_by_role("button", name="Pause a node").click()
        await page.get_by_role("menuitem", name="stg / node-1").click()
        await say(page, "/deploy stg web 2.3.0", then="pods updated")
        await expect(page.get_by_label("Cluster stg")).to_contain_text("2.3.0", timeout=START_S * 1000)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURE)
        await browser.close()


async def commands_known(page: Page, address: str) -> None:
    """Until the sandbox's Slack has installed the app; the bot may be connected a moment earlier."""
    async with asyncio.timeout(START_S):
        while True:
            state = await page.request.get(f"{address}/client/state?user=U0ALICE")
            if (await state.json()).get("commands"):
                return
            await asyncio.sleep(0.1)


async def say(page: Page, line: str, *, then: str) -> None:
    """Type a line and wait until the last message holds `then`."""
    await page.locator("#channel-box").fill(line)
    await page.keyboard.press("Enter")
    await expect(page.locator("#log .message").last).to_contain_text(then, timeout=START_S * 1000)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
