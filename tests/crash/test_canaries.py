"""kill -9 around each step of a canary; then a restart, and shares, twins and words are counted."""

from pathlib import Path

import pytest

from tests.chat import Json
from tests.crash.canary_torture import COURSES, canary_wishes, left_over, torture_canaries
from tests.crash.crash_site import CrashSite
from tests.rollouts import as_rollout, install, stands

pytestmark = [pytest.mark.process, pytest.mark.slow]

QUICK = "interval: 4s\n      minimum_requests: 20"


async def at_its_share(site: CrashSite) -> Json:
    return await site.chat.card(phase="Progressing", text="gets 25 %")


async def told_nothing_twice(site: CrashSite) -> None:
    await site.calm()
    assert site.doubles() == []
    assert site.ledger.held_locks() == []
    assert left_over(site) == []
    assert await site.ledger.broken_chain() is None


def made(site: CrashSite) -> int:
    """How many Deployments the bot has made."""
    asked = site.chat.sandbox.clusters["stg"].requests
    return sum(1 for each in asked if each.method == "POST" and each.path.endswith("/deployments"))


@pytest.mark.parametrize("failpoint", ["canary.before_write", "canary.after_write"])
async def test_one_twin_is_made_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    await site.bot.start(failpoint=f"{failpoint}:kill")
    await site.chat.alice.says("/canary stg admin 1.4.2 25%")
    await site.bot.killed()
    await site.bot.start()
    card = await at_its_share(site)
    assert made(site) == 1
    await site.chat.alice.presses("Abort", card)
    await site.chat.card(phase="Aborted", text="was taken down")
    await told_nothing_twice(site)


@pytest.mark.parametrize("failpoint", ["canary.before_remove", "canary.after_remove"])
async def test_an_abort_comes_to_its_end_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    await site.bot.start(failpoint=f"{failpoint}:kill")
    await site.chat.alice.says("/canary stg admin 1.4.2 25%")
    await site.chat.alice.presses("Abort", await at_its_share(site))
    await site.bot.killed()
    await site.bot.start()
    await site.chat.card(phase="Aborted", text="was taken down")
    await told_nothing_twice(site)


@pytest.mark.parametrize("failpoint", ["canary.before_promote", "canary.after_promote"])
async def test_a_plan_promotes_once_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    sandbox = site.chat.sandbox
    sandbox.clusters["stg"].traffic.set_rate("admin", "admin", 200.0)
    text = sandbox.config_path.read_text().replace("interval: 30s", QUICK)
    sandbox.config_path.write_text(text.replace("lag: 3s", "lag: 1s"))
    before = site.generation()
    await site.bot.start(failpoint=f"{failpoint}:kill")
    await site.chat.alice.says("/canary stg admin 1.4.2 25%")
    await site.bot.killed()
    await site.bot.start()
    await site.chat.card(phase="Succeeded", text="was promoted: everybody gets it now", within_s=60)
    await told_nothing_twice(site)
    assert [row["kind"] for row in site.ledger.releases()] == ["canary", "promote"]
    assert (site.generation(), site.image()) == (before + 1, "1.4.2")


@pytest.mark.parametrize("failpoint", ["canary.after_write", "canary.after_remove"])
async def test_a_rollouts_canary_begins_and_ends_once_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    sandbox = site.chat.sandbox
    sandbox.config_path.write_text(as_rollout(sandbox.config_path.read_text()))
    await install(site.chat)
    await site.bot.start(failpoint=f"{failpoint}:kill")
    await site.chat.alice.says("/canary stg admin 1.4.2 25%")
    if failpoint == "canary.after_remove":
        await site.chat.alice.presses("Abort", await at_its_share(site))
    await site.bot.killed()
    await site.bot.start()
    if failpoint == "canary.after_write":
        await site.chat.alice.presses("Abort", await at_its_share(site))
    await site.chat.card(phase="Aborted", text="was taken down")
    await told_nothing_twice(site)
    assert stands(site.chat) == ("1.4.1", [], False)
    done = [each for each in sandbox.clusters["stg"].requests if each.method == "PATCH" and each.status < 300]
    # begun, aborted, put back
    assert [each.path.rpartition("/")[2] for each in done] == ["admin", "status", "admin"]


@pytest.mark.timeout(300)
async def test_three_canaries_and_three_kills_leave_nothing_behind(tmp_path: Path) -> None:
    verdict = await torture_canaries(tmp_path, canaries=3, seed=20_261_123)
    assert verdict.faults == [], "\n".join(verdict.lines())
    assert (verdict.canaries, verdict.kills) == (3, 3)


def test_a_seed_gives_the_same_canaries_again() -> None:
    assert canary_wishes(7, 50) == canary_wishes(7, 50)
    assert len({wish.presses for wish in canary_wishes(7, 50)}) == len(COURSES)
