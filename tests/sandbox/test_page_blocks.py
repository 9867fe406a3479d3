"""The page's renderer in a real browser, against the canned server: every block kind, hostile texts, clicks."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit
from tests.sandbox.page_fixture import CannedChat, button, plain, serve, text
from tests.sandbox.page_showcase import HOSTILE, showcase

Json = dict[str, Any]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def chat():
    async with serve(showcase()) as running:
        yield running


async def shown(page: Page, chat: CannedChat, **fields):
    """Post one message while the page looks; its row."""
    message = chat.say("C0PRD", **fields)
    await chat.tell({"type": "message", "channel": "C0PRD", "message": message})
    row = page.locator(f'#log .message[data-ts="{message["ts"]}"]')
    await expect(row).to_be_visible()
    return row


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, chat: CannedChat):
    async with visit(browser, chat.address + "/#C0PRD") as opened:
        await opened.locator(".message").first.wait_for()
        yield opened


def everywhere(words: str) -> Json:
    """A message with the same words at every place that takes words or an address."""
    return {
        "text": words,
        "blocks": [
            {"type": "section", "text": text(words), "fields": [text(words), plain(words)]},
            {"type": "header", "text": plain(words)},
            {"type": "context", "elements": [text(words), {"type": "image", "image_url": words, "alt_text": words}]},
            {"type": "markdown", "text": words},
            {"type": "image", "image_url": "javascript:window.hacked=1", "alt_text": words, "title": plain(words)},
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": words},
                            {"type": "link", "url": words, "text": words},
                            {"type": "link", "url": "javascript:window.hacked=1", "text": "x"},
                            {"type": words},
                        ],
                    }
                ],
            },
            {"type": "table", "rows": [[{"type": "raw_text", "text": words}]]},
            {
                "type": "data_visualization",
                "title": words,
                "chart": {
                    "type": "bar",
                    "series": [{"name": words, "data": [{"label": words, "value": 1}]}],
                    "axis_config": {"categories": [words]},
                },
            },
            {"type": "actions", "elements": [button(words, "a"), button("go", "b", url="javascript:window.hacked=1")]},
            {"type": words},
        ],
        "attachments": [
            {
                "color": f"red;{words}",
                "title": words,
                "title_link": "javascript:window.hacked=1",
                "text": words,
                "footer": words,
                "author_name": words,
                "fields": [{"title": words, "value": words}],
            }
        ],
        "username": words,
    }


async def test_hostile_words_stay_words(page: Page, chat: CannedChat):
    for words in HOSTILE:
        row = await shown(page, chat, **everywhere(words))
        for action in await row.locator(".message-body").get_by_role("button").all():
            await action.dispatch_event("click")
    log = page.locator("#log")
    made = "script,iframe,object,embed,svg[onload],base,link,style,b"
    assert await log.evaluate("(node, made) => node.querySelectorAll(made).length", made) == 0
    names = "node => [...node.querySelectorAll('*')].flatMap((e) => e.getAttributeNames())"
    assert [name for name in await log.evaluate(names) if name.startswith("on")] == []
    followed = "node => [...node.querySelectorAll('[href],[src]')].map((e) => e.getAttribute('href') ?? e.src)"
    addresses = await log.evaluate(followed)
    assert [each for each in addresses if not each.startswith(("http://", "https://", "mailto:", "#C0"))] == []
    assert await page.evaluate("window.hacked") is None


async def test_every_block_kind_is_drawn_and_an_unknown_one_says_so(page: Page):
    row = page.locator(".message").last
    await expect(row.locator("h3.block-header")).to_have_text("Monday 23 November 🚢")
    await expect(row.locator(".fields .text")).to_have_count(4)
    await expect(row.locator(".block-section code").first).to_have_text("OOMKilled")
    await expect(row.locator("em").first).to_have_text("512Mi")
    await expect(row.locator("s").first).to_have_text("since 14:07")
    await expect(row.locator(".fields time")).to_have_text("2026-11-23 2:13")
    await expect(row.locator("blockquote").first).to_contain_text("Last words: java.lang.OutOfMemoryError\nsee")
    await expect(row.locator(".bullet")).to_have_text(["• raise the limit", "• or find the leak"])
    await expect(row.locator("pre").first).to_have_text("line one\nline two")
    await expect(row.get_by_role("link", name="the runbook")).to_have_attribute("href", "https://example.com/runbook")
    await expect(row.get_by_role("link", name="p99 over an hour")).to_have_attribute(
        "href", "https://example.com/chart.png"
    )
    await expect(row.locator(".rich-text ol li")).to_have_text(["first", "second"])
    await expect(row.locator(".markdown ol li strong")).to_have_text("build")
    await expect(row.locator(".markdown td")).to_have_text(["stg", "1.4.2"])
    await expect(row.locator(".block-table th")).to_have_text(["", "1.4.2", "1.5.0"])
    await expect(row.locator(".block-data_visualization figcaption")).to_have_text("p99, ms")
    await expect(row.locator(".chart-legend li")).to_have_text(["old 1.4.2", "new 1.5.0"])
    await expect(row.locator(".chart-line")).to_have_count(2)
    await expect(row.locator(".block-hologram")).to_contain_text("does not know a block of type hologram")
    assert await row.locator("img").count() == 0


async def test_mrkdwn_is_read_as_slack_reads_it(page: Page, chat: CannedChat):
    words = (
        "<@U0BOB> in <#C0STG>: 2*3*4 snake_case_name *bold _both_* `*no*` &amp;lt; <!here> <!subteam^S0LEADS> "
        "<https://example.com/a_b_c> :wave: :nosuch: <!date^0^{nothing}|x>"
    )
    row = await shown(page, chat, text=words)
    body = row.locator(".text")
    await expect(body).to_have_text(
        "@bob in #deploys-stg: 2*3*4 snake_case_name bold both *no* &lt; @here @leads "
        "https://example.com/a_b_c 👋 :nosuch: {nothing}"
    )
    await expect(body.locator("strong")).to_have_text("bold both")
    await expect(body.locator("strong em")).to_have_text("both")
    await expect(body.locator("em")).to_have_count(1)
    await expect(body.locator("a").last).to_have_attribute("href", "https://example.com/a_b_c")


async def test_attachments_carry_their_colour(page: Page, chat: CannedChat):
    row = await shown(
        page,
        chat,
        attachments=[{"color": "#e01e5a", "title": "Failed", "text": "*why*"}, {"color": "good", "text": "fine"}],
    )
    bars = await row.locator(".attachment").evaluate_all(
        "nodes => nodes.map((n) => getComputedStyle(n, '::before').backgroundColor)"
    )
    assert bars == ["rgb(224, 30, 90)", "rgb(46, 182, 125)"]


async def test_a_button_is_busy_until_its_click_was_answered(page: Page, chat: CannedChat):
    chat.gates["/client/click"] = asyncio.Event()
    pause = page.get_by_role("button", name="Next: 25 %")
    await pause.click()
    sent = await chat.request_to("/client/click")
    assert sent | {"ts": ""} == {
        "user": "U0ALICE",
        "channel": "C0PRD",
        "ts": "",
        "block_id": "controls",
        "type": "button",
        "action_id": "next",
        "value": "25",
    }
    await expect(pause).to_be_disabled()
    await expect(pause).to_have_attribute("aria-busy", "true")
    chat.gates["/client/click"].set()
    await expect(pause).to_be_enabled()


async def test_a_click_that_nobody_answers_says_so(page: Page, chat: CannedChat):
    chat.answers["/client/click"] = {"ok": False, "error": "operation_timeout"}
    await page.get_by_role("button", name="Pause", exact=True).click()
    await expect(page.locator("#toast")).to_contain_text("did not answer that click within three seconds")


async def test_a_dangerous_button_asks_first_and_escape_means_no(browser: Browser, chat: CannedChat):
    async with visit(browser, chat.address) as page:
        abort = page.get_by_role("button", name="Abort").first
        await abort.click()
        question = page.get_by_role("alertdialog", name="Abort this release?")
        await expect(question).to_contain_text("admin in stg goes back to 1.4.1.")
        await expect(question.get_by_role("button", name="Keep going")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(question).to_have_count(0)
        await expect(abort).to_be_focused()
        assert chat.requests == []
        await page.keyboard.press("Enter")
        await question.get_by_role("button", name="Abort").click()
        assert (await chat.request_to("/client/click"))["action_id"] == "abort"


async def test_selects_menus_boxes_and_dates_send_what_slack_would(page: Page, chat: CannedChat):
    row = page.locator(".message").last

    async def next_click() -> dict:
        sent = await chat.request_to("/client/click")
        chat.requests.clear()
        return {
            name: sent[name] for name in sent if name not in ("user", "channel", "ts", "block_id", "type", "action_id")
        }

    await row.get_by_label("Run…").select_option(label="Events")
    assert await next_click() == {"selected_option": {"text": plain("Events"), "value": "events"}}
    await row.get_by_label("Hand over to…").select_option(label="@carol")
    assert await next_click() == {"selected_user": "U0CAROL"}
    await row.get_by_role("button", name="More actions").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert await next_click() == {"selected_option": {"text": plain("Silence 1 h"), "value": "silence"}}
    await row.get_by_role("checkbox", name="Migrations are done").check()
    ticked = (await next_click())["selected_options"]
    assert [option["value"] for option in ticked] == ["a", "b"]
    await row.get_by_role("radio", name="Canary").check()
    assert (await next_click())["selected_option"]["value"] == "canary"
    await row.locator("input[type=date]").fill("2026-11-25")
    assert await next_click() == {"selected_date": "2026-11-25"}
