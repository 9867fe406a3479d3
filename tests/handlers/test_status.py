"""/status, /releases, Details and help."""

from bot.sandbox.kube import Fault, FaultKind
from tests.chat import Chat


async def test_status_shows_every_target_with_version_and_health(chat: Chat) -> None:
    await chat.dave.says("/status")
    heard = await chat.dave.hears("\\*stg\\*")
    assert "✅ *admin* `1.4.1` · 3 of 3 pods ready" in heard
    assert "*prd*" in heard
    assert "*report* `3.0.0`" in heard


async def test_status_of_one_service_may_leave_the_environment_out(chat: Chat) -> None:
    await chat.dave.says("/status web")
    heard = await chat.dave.hears("web")
    assert heard.count("*web*") == 2
    assert "*admin*" not in heard


async def test_status_tells_since_when_and_by_whom(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded")
    await chat.bob.says("/status stg admin")
    heard = await chat.bob.hears("`1.4.2`")
    assert "by <@U0ALICE>" in heard


async def test_status_of_a_cluster_that_is_away_says_so_and_shows_the_rest(chat: Chat) -> None:
    chat.sandbox.clusters["prd"].faults.add(Fault(FaultKind.STATUS, count=None))
    await chat.bob.says("/status")
    heard = await chat.bob.hears("can't be asked")
    assert "✅ *admin* `1.4.1`" in heard


async def test_releases_lists_what_was_released_with_its_end(chat: Chat) -> None:
    await chat.bob.says("/releases")
    await chat.bob.hears("Nothing has been released here yet")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded")
    await chat.bob.says("/releases stg")
    heard = await chat.bob.hears("stg/admin")
    assert "`1.4.1` → `1.4.2`" in heard


async def test_details_show_images_and_ids_to_the_one_who_asks(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    card = await chat.card(phase="Succeeded")
    await chat.dave.presses("Details", card)
    heard = await chat.dave.hears("Workload")
    assert "growlio/admin:1.4.2" in heard


async def test_help_comes_with_the_acknowledgement_and_lists_every_command(chat: Chat) -> None:
    text = await chat.dave.says("/kajitori help")
    for usage in ("/deploy ENV SERVICE [VERSION]", "/rollback", "/status", "/releases", "/kajitori abort"):
        assert usage in text
    assert await chat.dave.says("/kajitori") == text
