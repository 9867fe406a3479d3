"""kill -9 while falling pods are judged: nothing that fell is lost, and nothing is said twice."""

import pytest

from tests.chat import DEADLINE_S, plain
from tests.crash.crash_site import CrashSite

pytestmark = [pytest.mark.process, pytest.mark.slow]
ALERTS = "C0ALERTS"


async def crashed(site: CrashSite, name: str, restarts: int) -> None:
    """End a pod's container, and wait until the kubelet has it ready again."""
    stg = site.chat.sandbox.clusters["stg"]
    stg.crash_pod("admin", name)

    def is_back() -> bool | None:
        rows = [row for row in stg.pods_view() if row["name"] == name]
        return (rows[0]["restarts"] == restarts and rows[0]["ready"]) or None

    await site.chat.until(is_back, DEADLINE_S, lambda: str(stg.pods_view()))


@pytest.mark.parametrize("failpoint", ["pods.before_save:kill", "pods.in_save:kill@2", "pods.after_save:kill"])
async def test_crashes_are_told_once_and_all_of_them_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    sandbox = site.chat.sandbox
    text = sandbox.config_path.read_text()
    sandbox.config_path.write_text(text.replace("pods: {", "pods: {healed_after: 1s, "))
    name = next(row["name"] for row in sandbox.clusters["stg"].pods_view() if row["namespace"] == "admin")
    await site.bot.start()

    def is_watching() -> bool | None:
        scopes = site.ledger.rows("SELECT scope FROM pod_watches WHERE environment = 'stg' AND scope = 'pods/admin'")
        return bool(scopes) or None

    await site.chat.until(is_watching, DEADLINE_S, site.bot.last_words)
    await site.bot.kill()
    await crashed(site, name, 1)
    await crashed(site, name, 2)
    await site.bot.start(failpoint=failpoint, ready=False)
    await site.bot.killed()
    await crashed(site, name, 3)
    await site.bot.start()

    def knows_all() -> bool | None:
        # what was to be said before the last death may be said before the new life has looked at the pods
        stories = site.ledger.rows("SELECT body FROM pod_stories")
        return any('"falls":3' in story["body"] for story in stories) or None

    await site.chat.until(knows_all, DEADLINE_S, site.bot.last_words)
    await site.chat.says("ready now|healed", channel=ALERTS)
    await site.calm()
    roots = [m for m in site.chat.messages(ALERTS) if m.get("thread_ts") in (None, m["ts"])]
    assert len(roots) == 1, [plain(m) for m in roots]
    assert len(site.ledger.rows("SELECT id FROM pod_stories")) == 1
    assert site.ledger.dead_letters() == []
