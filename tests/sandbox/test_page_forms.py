"""Forms (modal views) on the page: required fields, the app's errors, updates, stacks, closing."""

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit
from tests.sandbox.page_fixture import CannedChat, plain, serve, text
from tests.sandbox.page_showcase import deploy_form, showcase

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
        await opened.locator("#channel-box").fill("/deploy")
        await opened.keyboard.press("Enter")
        await expect(opened.get_by_role("dialog", name="Release a service")).to_be_visible()
        chat.requests.clear()
        yield opened


async def test_a_form_is_filled_and_sent_by_keyboard(page: Page, chat: CannedChat):
    form = page.get_by_role("dialog", name="Release a service")
    await expect(form.get_by_label("Environment")).to_be_focused()
    await page.keyboard.type("stg")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(form.get_by_label("Version")).to_be_focused()
    await page.keyboard.type("1.4.2")
    await page.keyboard.press("Enter")
    sent = await chat.request_to("/client/submit")
    assert sent["view_id"] == "V0DEPLOY"
    assert sent["values"]["environment"]["value"]["selected_option"]["value"] == "stg"
    assert sent["values"]["service"]["value"]["selected_option"]["value"] == "admin"
    assert sent["values"]["version"]["value"] == {"type": "plain_text_input", "value": "1.4.2"}
    assert sent["values"]["how"]["value"] == {"type": "radio_buttons", "selected_option": None}
    await expect(form).to_have_count(0)
    await expect(page.locator("#channel-box")).to_be_focused()


async def test_an_empty_required_field_is_named_before_anything_is_sent(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="Release", exact=True).click()
    field = page.get_by_label("Environment")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(page.get_by_text("Please complete this required field.")).to_have_count(1)
    assert chat.requests == []


async def test_the_apps_errors_stand_at_their_fields(page: Page, chat: CannedChat):
    errors = {"version": "No tag 9.9 of admin."}
    chat.answers["/client/submit"] = {"ok": True, "response_action": "errors", "errors": errors}
    await page.get_by_label("Environment").select_option("stg")
    await page.get_by_label("Version").fill("9.9")
    await page.get_by_role("button", name="Release", exact=True).click()
    await expect(page.locator('.field[data-block-id="version"] .field-error')).to_have_text("No tag 9.9 of admin.")
    await expect(page.get_by_label("Version")).to_have_value("9.9")


async def test_an_app_that_does_not_answer_leaves_the_form_as_it_was(page: Page, chat: CannedChat):
    chat.answers["/client/submit"] = {"ok": False, "error": "operation_timeout"}
    await page.get_by_label("Environment").select_option("prd")
    await page.get_by_role("button", name="Release", exact=True).click()
    await expect(page.locator(".form-error")).to_have_text("We had some trouble connecting. Try again?")
    await expect(page.get_by_label("Environment")).to_have_value("prd")


async def test_an_update_keeps_what_was_typed_and_where_the_focus_was(page: Page, chat: CannedChat):
    await page.get_by_label("Version").fill("1.4.")
    updated = deploy_form()
    updated["blocks"][0]["text"] = text("admin runs 1.4.1 in stg")
    await chat.tell({"type": "view_updated", "view": updated})
    form = page.get_by_role("dialog", name="Release a service")
    await expect(form).to_contain_text("admin runs 1.4.1 in stg")
    await expect(page.get_by_label("Version")).to_have_value("1.4.")
    await expect(page.get_by_label("Version")).to_be_focused()


async def test_a_pushed_form_lies_on_top_and_escape_closes_only_it(page: Page, chat: CannedChat):
    blocks = [{"type": "section", "text": text("really?")}]
    second = {"id": "V0SURE", "type": "modal", "title": plain("Are you sure?"), "blocks": blocks}
    await chat.tell({"type": "view_opened", "view": second})
    await expect(page.get_by_role("dialog", name="Are you sure?")).to_be_visible()
    await page.keyboard.press("Escape")
    assert (await chat.request_to("/client/close"))["view_id"] == "V0SURE"
    await expect(page.get_by_role("dialog", name="Are you sure?")).to_have_count(0)
    await expect(page.get_by_role("dialog", name="Release a service")).to_be_visible()
    await chat.tell({"type": "view_closed", "view_id": "V0DEPLOY"})
    await expect(page.get_by_role("dialog")).to_have_count(0)
