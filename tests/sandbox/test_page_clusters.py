"""The clusters' column and the row of mischief: tiles by version and state, live, and what each button does."""

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.sandbox.page_browser import NEEDS_CHROMIUM, chromium, visit
from tests.sandbox.page_fixture import CannedChat, pod, serve
from tests.sandbox.page_showcase import clusters, showcase

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
        await expect(opened.locator(".cluster")).to_have_count(2)
        yield opened


async def test_pods_are_tiles_with_version_and_state_in_words(page: Page):
    admin = page.get_by_role("group", name="Pods of admin in stg")
    await expect(admin.get_by_role("button")).to_have_count(7)
    await expect(admin.get_by_role("button", name="1.4.1, ready")).to_have_count(3)
    await expect(admin.get_by_role("button", name="1.4.2, ready")).to_have_count(2)
    await expect(admin.get_by_role("button", name="1.4.2, starting: ContainerCreating")).to_have_count(1)
    await expect(admin.get_by_role("button", name="terminating")).to_have_count(1)
    web = page.get_by_role("group", name="Pods of web in stg")
    await expect(web.get_by_role("button", name="failing: ImagePullBackOff")).to_have_count(1)
    await expect(page.locator(".troubles li")).to_have_text("1 pod: ImagePullBackOff")


async def test_one_version_has_one_colour_on_all_clusters_and_two_versions_have_two(page: Page):
    def colour(cluster: str, version: str):
        tiles = page.get_by_role("group", name=f"Pods of admin in {cluster}")
        tile = tiles.get_by_role("button", name=f"{version}, ready").first
        return tile.evaluate("node => getComputedStyle(node).backgroundColor")

    assert await colour("stg", "1.4.1") == await colour("prd", "1.4.1")
    assert await colour("stg", "1.4.1") != await colour("stg", "1.4.2")


async def test_tiles_follow_the_cluster_without_losing_focus_or_tooltip(page: Page, chat: CannedChat):
    report = page.get_by_role("group", name="Pods of report in stg")
    tiles = report.get_by_role("button")
    await tiles.first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(tiles.nth(1)).to_be_focused()
    tooltip = page.get_by_role("tooltip")
    await expect(tooltip).to_contain_text("3.1.0")
    now = clusters()
    gone = [each for each in now[0]["pods"] if each["workload"] != "report"]
    now[0]["pods"] = [
        *gone,
        pod("report", "report-0", "3.1.0"),
        pod("report", "report-1", "3.2.0", ready=False, reason="CrashLoopBackOff", restarts=4),
        pod("report", "report-2", "3.2.0"),
    ]
    await chat.tell_clusters(now)
    await expect(tiles).to_have_count(3)
    await expect(tiles.nth(1)).to_be_focused()
    await expect(tooltip).to_contain_text("failing: CrashLoopBackOff")
    await expect(tooltip).to_contain_text("restarts4")
    await page.keyboard.press("Escape")
    await expect(tooltip).to_be_hidden()


async def test_after_a_cut_the_clusters_are_read_afresh(page: Page, chat: CannedChat):
    chat.clusters = clusters()
    chat.clusters[1]["workloads"][0]["ready"] = 1
    await chat.drop_streams()
    await expect(page.get_by_label("Cluster prd").locator(".counts").first).to_have_text("1 of 5 ready")


async def test_the_bot_is_killed_and_its_return_is_told(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="Kill the bot").click()
    assert await chat.request_to("/sandbox/mischief/kill-bot") == {}
    result = page.locator(".mischief-result")
    await expect(result).to_contain_text("The bot was killed")
    await chat.tell({"type": "bot", "connected": 0, "state": "restarting"})
    await chat.tell({"type": "bot", "connected": 2, "state": "running"})
    await expect(result).to_have_text("The bot is back and connected.")


async def test_a_broken_image_is_published_and_the_line_to_type_is_one_click_away(page: Page, chat: CannedChat):
    chat.images = {"growlio/admin": ["1.4.10", "1.4.2", "latest", "1.4.11-broken"]}
    await page.get_by_role("button", name="Publish a broken image").click()
    await page.get_by_role("menuitem", name="growlio/admin").click()
    asked = await chat.request_to("/sandbox/mischief/publish-image")
    assert asked == {"repository": "growlio/admin", "tag": "1.4.12-broken"}
    await page.locator(".mischief-result").get_by_role("button", name="Write it for me").click()
    await expect(page.locator("#channel-box")).to_have_value("/deploy stg admin 1.4.12-broken")


async def test_a_pod_crashes_and_a_node_pauses_where_the_menu_says(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="Crash a pod").click()
    await page.get_by_role("menuitem", name="prd / web runs out of memory").click()
    asked = await chat.request_to("/sandbox/mischief/crash-pod")
    assert asked == {"cluster": "prd", "namespace": "growlio", "workload": "web", "reason": "OOMKilled"}
    await expect(page.locator(".mischief-result")).to_contain_text("A pod of web in prd crashes")
    await page.get_by_role("button", name="Pause a node").click()
    await page.get_by_role("menuitem", name="stg / stg-node-2").click()
    asked = await chat.request_to("/sandbox/mischief/pause-node")
    assert asked == {"cluster": "stg", "node": "stg-node-2", "paused": True}
    now = clusters()
    now[0]["nodes"][1]["paused"] = True
    await chat.tell_clusters(now)
    await expect(page.get_by_role("button", name="1 node paused")).to_be_visible()
    await expect(page.locator(".node-chip.paused")).to_have_text("stg-node-2 paused")


async def test_slack_answers_429_with_a_countdown(page: Page, chat: CannedChat):
    await page.get_by_role("button", name="Slack answers 429").click()
    assert await chat.request_to("/sandbox/mischief/slack-429") == {"seconds": 30}
    await expect(page.locator('[data-mischief="slack-429"]')).to_contain_text("s more")


async def test_mischief_that_fails_says_why(page: Page, chat: CannedChat):
    chat.answers["/sandbox/mischief/kill-bot"] = {"ok": False, "error": "no bot runs here"}
    await page.get_by_role("button", name="Kill the bot").click()
    await expect(page.locator(".mischief-result")).to_have_text("That did not work: no bot runs here.")


async def test_the_column_can_be_put_away_and_stays_away(page: Page):
    await page.get_by_role("button", name="Hide the clusters").first.click()
    await expect(page.locator("#clusters")).to_be_hidden()
    await page.reload()
    await expect(page.locator(".message").first).to_be_visible()
    await expect(page.locator("#clusters")).to_be_hidden()
    await page.get_by_role("button", name="Show the clusters").click()
    await expect(page.locator("#clusters")).to_be_visible()
