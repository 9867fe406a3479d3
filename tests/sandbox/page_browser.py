"""Chromium for the chat page's tests: one browser per module, one fresh profile per test. Used by test_page*.py."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine's PATH")

# --no-sandbox: containers run the tests as root; nothing but our own page is opened.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
DEADLINE_MS = 60_000
expect.set_options(timeout=DEADLINE_MS)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=ARGUMENTS, timeout=DEADLINE_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visit(browser: Browser, address: str, **options: Any) -> AsyncIterator[Page]:
    """The page at `address`, ready for a person; fails when the page logged an error of its own or broke its CSP."""
    context = await browser.new_context(**{"viewport": LAPTOP, "locale": "en-GB", "timezone_id": "UTC", **options})
    context.set_default_timeout(DEADLINE_MS)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    try:
        await page.goto(address)
        await page.locator("#channel-head .pane-title").wait_for(state="attached")
        await page.locator(".cluster").first.wait_for(state="attached")
        yield page
        assert complaints == []
    finally:
        await context.close()
