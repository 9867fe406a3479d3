"""The chat page in a real browser, against the canned server: messages, threads, composer, personas, streams."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.sandbox.page_browser import NEEDS_CHROMIUM, PHONE, chromium, visit
from tests.sandbox.page_fixture import CannedChat, button, serve
from tests.sandbox.page_showcase import showcase

pytestmark = [NEEDS_CHROMIUM, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def chat():
    async with serve(showcase()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, chat: CannedChat):
    async with visit(browser, chat.address) as opened:
        yield opened


async def test_a_newcomer_sees_the_channel_the_day_and_what_to_type(page: Page):
    await expect(page.locator("#channel-head")).to_contain_text("deploys-stg")
    await expect(page.locator(".day span")).to_have_text(["Yesterday", "Today"])
    await expect(page.locator("#hint")).to_contain_text("/deploy stg admin 1.4.2")
    await page.get_by_role("button", name="Write it for me").click()
    await expect(page.locator("#channel-box")).to_have_value("/deploy stg admin 1.4.2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#hint")).to_be_hidden()
    await page.reload()
    await expect(page.locator(".message").first).to_be_visible()
    await expect(page.locator("#hint")).to_be_hidden()


async def test_a_command_goes_out_with_its_words_and_the_composer_is_empty_again(page: Page, chat: CannedChat):
    await page.locator("#channel-box").fill("/rollback stg admin")
    await page.keyboard.press("Enter")
    sent = await chat.request_to("/client/command")
    assert sent == {"user": "U0ALICE", "channel": "C0STG", "command": "/rollback", "text": "stg admin"}
    await expect(page.locator("#channel-box")).to_have_value("")


async def test_the_slash_list_is_walked_with_arrows_and_taken_with_tab(page: Page):
    box = page.locator("#channel-box")
    await box.press_sequentially("/r")
    options = page.get_by_role("option")
    await expect(options).to_have_count(2)
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(box).to_have_attribute("aria-activedescendant", "channel-option-1")
    await page.keyboard.press("Tab")
    await expect(box).to_have_value("/releases ")
    await expect(box).to_be_focused()
    await expect(page.locator("#channel-completion")).to_be_hidden()
    await expect(page.locator(".usage .active")).to_have_text("[ENV]")


async def test_escape_closes_the_slash_list_and_keeps_the_text(page: Page, chat: CannedChat):
    await page.locator("#channel-box").press_sequentially("/dep")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator("#channel-completion")).to_be_hidden()
    await expect(page.locator("#channel-box")).to_have_value("/dep")
    assert chat.requests == []


async def test_a_mention_is_completed_by_name_and_sent_as_an_id(page: Page, chat: CannedChat):
    await page.locator("#channel-box").press_sequentially("hi @ka")
    await page.keyboard.press("Enter")
    await expect(page.locator("#channel-box")).to_have_value("hi @Kajitori ")
    await page.keyboard.type("deploy <b> & stg")
    await page.keyboard.press("Enter")
    sent = await chat.request_to("/client/say")
    assert sent["text"] == "hi <@U0KAJITORI> deploy <b> & stg"
    await expect(page.locator(".message").last).to_contain_text("hi @Kajitori deploy <b> & stg")


async def test_shift_enter_breaks_the_line_and_arrow_up_recalls_what_was_sent(page: Page, chat: CannedChat):
    await page.locator("#channel-box").press_sequentially("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    assert (await chat.request_to("/client/say"))["text"] == "one\ntwo"
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#channel-box")).to_have_value("one\ntwo")


async def test_a_command_that_fails_is_told_to_its_author_in_slacks_words(page: Page, chat: CannedChat):
    chat.answers["/client/command"] = {"ok": False, "error": "operation_timeout"}
    await page.locator("#channel-box").fill("/status stg")
    await page.keyboard.press("Enter")
    notice = page.locator(".message.ephemeral").last
    await expect(notice).to_contain_text('/status failed with the error "operation_timeout"')
    await expect(notice).to_contain_text("Only visible to you")
    await notice.get_by_role("button", name="Dismiss message").click()
    await expect(page.locator("#log")).not_to_contain_text("operation_timeout")


async def test_an_unknown_command_is_explained_as_slack_does(page: Page, chat: CannedChat):
    chat.answers["/client/command"] = {"ok": False, "error": "unknown_command"}
    await page.locator("#channel-box").fill("/deplyo stg")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.ephemeral").last).to_contain_text("/deplyo is not a valid command")


async def test_a_thread_opens_takes_replies_and_closes_with_escape(page: Page, chat: CannedChat):
    opener = page.get_by_role("button", name="2 replies")
    await opener.click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator(".message")).to_have_count(3)
    await expect(thread.locator("#thread-box")).to_be_focused()
    await page.keyboard.type("@Kajitori abort")
    await page.keyboard.press("Enter")
    sent = await chat.request_to("/client/say")
    card = chat.messages["C0STG"][4]
    assert (sent["thread_ts"], sent["text"]) == (card["ts"], "<@U0KAJITORI> abort")
    await expect(thread.locator(".message")).to_have_count(4)
    await page.keyboard.type("/deploy stg admin")
    await page.keyboard.press("Enter")
    await expect(thread.locator(".message").last).to_contain_text("/deploy is not supported in threads")
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    await expect(opener).to_be_focused()


async def test_an_edit_changes_the_message_in_place_and_keeps_the_focus(page: Page, chat: CannedChat):
    details = page.get_by_role("button", name="Details")
    await details.focus()
    card = chat.messages["C0STG"][4]
    blocks = [
        dict(card["blocks"][0]) | {"text": {"type": "mrkdwn", "text": "5 of 5 pods updated"}},
        *card["blocks"][1:],
    ]
    await chat.tell({"type": "message_changed", "channel": "C0STG", "message": card | {"blocks": blocks}})
    row = page.locator(f'.message[data-ts="{card["ts"]}"]')
    await expect(row).to_contain_text("5 of 5 pods updated")
    await expect(row).to_have_count(1)
    await expect(details).to_be_focused()
    await chat.tell({"type": "message_deleted", "channel": "C0STG", "ts": card["ts"]})
    await expect(row).to_have_count(0)


async def test_a_message_elsewhere_marks_its_channel_until_it_is_read(page: Page, chat: CannedChat):
    general = page.get_by_role("button", name="general")
    await expect(general).not_to_have_class("room unread")
    message = chat.say("C0GENERAL", text="lunch?", user="U0BOB", bot_id=None)
    await chat.tell({"type": "message", "channel": "C0GENERAL", "message": message})
    await expect(general).to_have_class("room unread")
    await expect(general).to_contain_text("1")
    await general.click()
    await expect(page.locator("#log")).to_contain_text("lunch?")
    await expect(page.locator("#channel-head")).to_contain_text("Kajitori is not in this channel")
    await expect(general).to_have_class("room")


async def test_alt_and_arrows_walk_through_the_channels(page: Page):
    await page.locator("#channel-box").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.locator("#channel-head")).to_contain_text("deploys")
    await expect(page.locator("#log")).to_contain_text("Monday 23 November")
    await page.keyboard.press("Alt+ArrowUp")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.locator("#channel-head")).to_contain_text("Kajitori")


async def test_the_apps_home_is_a_tab_of_its_direct_message(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="Kajitori", exact=True).click()
    await chat.request_to("/client/home")
    await expect(page.locator("#channel").get_by_role("tab")).to_have_count(0)
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Nothing* waits for you"}}
    buttons = {"type": "actions", "block_id": "acts", "elements": [button("My releases", "mine")]}
    await chat.tell({"type": "home", "view": {"id": "V0HOME", "type": "home", "blocks": [section, buttons]}})
    await page.get_by_role("tab", name="Home").click()
    await expect(page.locator("#home strong")).to_have_text("Nothing")
    await page.get_by_role("button", name="My releases").click()
    assert (await chat.request_to("/client/click"))["view_id"] == "V0HOME"
    await page.get_by_role("tab", name="Messages").click()
    await expect(page.locator("#channel-box")).to_be_visible()


async def test_another_persona_acts_in_their_own_name(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="You are").click()
    menu = page.get_by_role("menu")
    await expect(menu.get_by_role("menuitemradio", name="alice")).to_have_attribute("aria-checked", "true")
    await page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitemradio", name="bob")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="You are bob")).to_be_visible()
    await page.locator("#channel-box").fill("hello")
    await page.keyboard.press("Enter")
    assert (await chat.request_to("/client/say"))["user"] == "U0BOB"


async def test_after_a_cut_the_page_connects_again_and_reads_what_it_missed(page: Page, chat: CannedChat):
    await expect(page.locator(".presence")).to_contain_text("Kajitori is connected")
    chat.say("C0STG", text="said while nobody listened")
    await chat.drop_streams()
    await expect(page.locator("#log")).to_contain_text("said while nobody listened")
    message = chat.say("C0STG", text="and said after")
    await chat.tell({"type": "message", "channel": "C0STG", "message": message})
    await expect(page.locator("#log")).to_contain_text("and said after")
    await expect(page.locator("#log").get_by_text("said while nobody listened")).to_have_count(1)


async def test_what_is_said_while_the_channel_is_being_read_is_not_lost(page: Page, chat: CannedChat):
    chat.gates["/client/history"] = asyncio.Event()
    async with page.expect_request("**/client/history**channel=C0GENERAL**"):
        await page.get_by_role("button", name="general").click()
    message = chat.say("C0GENERAL", text="said meanwhile")
    await chat.tell({"type": "message", "channel": "C0GENERAL", "message": message})
    await expect(page.locator("#log")).to_contain_text("said meanwhile")
    chat.messages["C0GENERAL"].clear()
    async with page.expect_response("**/client/history**channel=C0GENERAL**"):
        chat.gates["/client/history"].set()
    message = chat.say("C0GENERAL", text="said after")
    await chat.tell({"type": "message", "channel": "C0GENERAL", "message": message})
    await expect(page.locator("#log")).to_contain_text("said after")
    await expect(page.locator("#log")).to_contain_text("said meanwhile")


async def test_the_presence_follows_the_bot(page: Page, chat: CannedChat):
    await chat.tell({"type": "bot", "connected": 0, "state": "restarting"})
    await expect(page.locator(".presence")).to_contain_text("Kajitori is restarting")
    await chat.tell({"type": "bot", "connected": 2, "state": "running"})
    await expect(page.locator(".presence")).to_contain_text("Kajitori is connected")


async def test_the_theme_follows_the_system_until_a_person_chooses(browser: Browser, chat: CannedChat):
    async with visit(browser, chat.address, color_scheme="dark") as page:
        root = page.locator("html")
        await expect(root).to_have_attribute("data-theme", "dark")
        await page.get_by_role("button", name="Switch to light").click()
        await expect(root).to_have_attribute("data-theme", "light")
        await page.reload()
        await expect(root).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_words_are_readable_on_their_ground(browser: Browser, chat: CannedChat, theme: str):
    """WCAG AA: 4.5 to 1, measured on what the browser really paints (text colour against the nearest opaque ground)."""
    async with visit(browser, chat.address, color_scheme=theme, reduced_motion="reduce") as page:
        await page.locator(".troubles li").first.wait_for()
        poor = await page.evaluate(POOR_CONTRAST)
        await page.get_by_role("button", name="deploys 1 unread").click()
        await page.locator(".block-table").wait_for()
        await page.locator("#channel-box").press_sequentially("/")
        poor += await page.evaluate(POOR_CONTRAST)
    assert poor == []


async def test_a_phone_shows_one_section_at_a_time_and_never_scrolls_sideways(browser: Browser, chat: CannedChat):
    async with visit(browser, chat.address, viewport=PHONE, has_touch=True) as page:
        tabs = page.get_by_role("navigation", name="Sections")
        await expect(page.locator("#log")).to_be_visible()
        await expect(page.locator("#sidebar")).to_be_hidden()
        await expect(page.locator("#clusters")).to_be_hidden()
        for name, shown in [("Clusters", "#clusters"), ("Channels", "#sidebar"), ("Chat", "#channel")]:
            await tabs.get_by_role("button", name=name).click()
            await expect(page.locator(shown)).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await tabs.get_by_role("button", name="Channels").click()
        await page.get_by_role("button", name="deploys", exact=False).nth(1).click()
        await expect(page.locator("#log")).to_contain_text("Monday 23 November")


async def test_the_page_is_served_under_a_policy_of_its_own_origin_only(page: Page, chat: CannedChat):
    answer = await page.request.get(chat.address + "/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    module = await page.request.get(chat.address + "/app.js")
    assert module.headers["content-type"].startswith("text/javascript")
    outside = await page.request.get(chat.address + "/../page_files.py")
    assert outside.status == 404


POOR_CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== 'none') return null;
      const colour = rgba(style.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.textContent.trim()) continue;
    if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (node.closest(':disabled,.unseen,.skip,noscript')) continue;
    const under = ground(node);
    if (!under) continue;
    const [a, b] = [light(over(rgba(getComputedStyle(node).color), under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${text.textContent.trim().slice(0, 40)} (${node.className}): ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
