"""/deploy, as people use it."""

import pytest

from bot.store import inbox
from tests.chat import DEADLINE_S, GENERAL, PRD, STG, Chat, payload, plain


async def test_a_deploy_moves_one_message_to_success(chat: Chat) -> None:
    answer = await chat.alice.says("/deploy stg admin 1.4.2")
    assert answer == ""
    card = await chat.card(phase="Succeeded", service="admin")
    told = payload(card)
    assert (told["from_version"], told["to_version"]) == ("1.4.1", "1.4.2")
    assert (told["environment"], told["service"], told["kind"]) == ("stg", "admin", "deploy")
    assert set(told) == {
        "release",
        "environment",
        "service",
        "from_version",
        "to_version",
        "phase",
        "kind",
        "outbox_id",
    }
    assert "runs in *stg*" in plain(card)
    assert "<@U0ALICE>" in plain(card)
    assert len(chat.cards()) == 1
    assert len(chat.patches()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "/deploy admin stg 1.4.2",
        "/deploy STG Admin 1.4.2",
        "/deploy stg:admin 1.4.2",
        "/deploy ｓｔｇ　ａｄｍｉｎ １.４.２",
        "/deploy “stg” ‘admin’ 1.4.2",
        "/kajitori deploy stg admin 1.4.2",
        "/deploy stg admin v1.4.2",
    ],
)
async def test_names_are_forgiving(chat: Chat, line: str) -> None:
    assert await chat.alice.says(line) == ""
    card = await chat.card(service="admin")
    assert payload(card)["to_version"] == "1.4.2"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/deploy stg admn", "No service `admn`. Did you mean `admin`?"),
        ("/deploy stag admin", "No environment `stag`. Did you mean `stg`?"),
        ("/deploy stg", "Which service?"),
        ("/deploy stg admin 1.4.2 now please", "That is more than I understand: `now please`"),
        ("/deploy stg admin 1.4/2", "`1.4/2` is no version."),
        ("/kajitori deplyo stg admin", "I don't know `deplyo`. Did you mean `deploy`?"),
        ("/deploy stg <!channel>", "No service `!channel`."),
    ],
)
async def test_a_slip_of_the_hand_is_answered_at_once_with_what_was_meant(chat: Chat, line: str, answer: str) -> None:
    assert answer in (await chat.alice.says(line)).replace("&lt;", "<").replace("&gt;", ">")
    assert chat.cards() == []


async def test_without_a_version_the_newest_tag_is_taken_and_the_card_says_so(chat: Chat) -> None:
    await chat.alice.says("/deploy stg web")
    card = await chat.card(service="web", phase="Succeeded")
    assert payload(card)["to_version"] == "2.3.0"
    assert "newest tag of the registry" in plain(card)


async def test_without_a_version_prd_takes_what_runs_healthy_in_stg(chat: Chat) -> None:
    await chat.alice.says("/deploy prd admin", channel=PRD)
    card = await chat.card(service="admin", phase="AwaitingApproval")
    assert payload(card)["to_version"] == "1.4.1"
    assert "runs healthy in stg" in plain(card)


async def test_a_version_that_the_registry_lacks_is_refused_with_the_nearest(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.7")
    heard = await chat.alice.hears("The registry has no `admin` `1.4.7`")
    assert "`1.4.2`" in heard
    assert chat.cards() == []
    assert chat.patches() == []


async def test_a_version_that_runs_already_is_not_released_again(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.1")
    await chat.alice.hears("`admin` `1.4.1` already runs in `stg`, 3 of 3 pods ready")
    assert chat.patches() == []


async def test_somebody_without_the_role_is_refused_and_told_who_has_it(chat: Chat) -> None:
    await chat.dave.says("/deploy stg admin 1.4.2")
    heard = await chat.dave.hears("You need the role `deployer`")
    assert "@engineers" in heard
    assert chat.cards() == []


async def test_a_guest_is_refused(chat: Chat) -> None:
    await chat.guest.says("/deploy stg admin 1.4.2")
    await chat.guest.hears("Guests and people of other workspaces")


async def test_a_second_release_of_a_target_learns_who_holds_it(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", service="admin")
    await chat.bob.says("/deploy stg admin 1.4.2")
    heard = await chat.bob.hears("is locked")
    assert "<@U0ALICE> is releasing `1.4.3-slow`" in heard
    assert len(chat.cards()) == 1


async def test_a_release_asked_for_elsewhere_points_to_its_card(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2", channel=GENERAL)
    await chat.alice.hears("Follow it in #deploys-stg")
    await chat.card(phase="Succeeded")


async def test_a_mention_works_as_the_command_does(chat: Chat) -> None:
    await chat.alice.says("<@U0KAJITORI> deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")


async def test_in_a_releases_thread_its_target_is_understood(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    card = await chat.card(phase="Succeeded", service="admin")
    await chat.alice.says("<@U0KAJITORI> rollback", thread_ts=card["ts"])
    back = await chat.card(phase="Succeeded", text="`1.4.1` runs")
    assert payload(back)["kind"] == "rollback"
    reply = await chat.says("Rolling back to")
    assert reply["thread_ts"] == card["ts"]


async def test_deploy_alone_opens_a_form_that_releases(chat: Chat) -> None:
    await chat.alice.says("/deploy")
    view = await chat.alice.form()
    answer = await chat.alice.submits(view, environment="stg", service="web", version="2.3.0")
    assert answer["ok"]
    card = await chat.card(service="web", phase="Succeeded")
    assert payload(card)["to_version"] == "2.3.0"


async def test_choosing_a_service_in_the_form_offers_its_versions_newest_first(chat: Chat) -> None:
    await chat.alice.says("/deploy")
    view = await chat.alice.form()
    await chat.alice.chooses(view, "service", "web")
    view = await chat.until(
        lambda: chat.alice.forms[-1] if len(chat.alice.forms) > 1 else None,
        DEADLINE_S,
        lambda: "the form was not updated",
    )
    offered = next(b["element"]["options"] for b in view["blocks"] if b.get("block_id") == "version@web")
    assert [option["value"] for option in offered][:2] == ["2.3.0", "2.2.9"]
    await chat.alice.submits(view, environment="stg", service="web", version="2.3.0")
    await chat.card(phase="Succeeded", service="web")


async def test_a_form_with_a_bad_version_says_so_at_its_field(chat: Chat) -> None:
    await chat.alice.says("/deploy")
    view = await chat.alice.form()
    answer = await chat.alice.submits(view, environment="stg", service="web", version="no way")
    assert answer["response_action"] == "errors"
    assert "no version" in answer["errors"]["version"]


async def test_a_cronjob_is_released_for_its_next_run(chat: Chat) -> None:
    await chat.alice.says("/deploy stg report 3.1.0")
    card = await chat.card(service="report", phase="Succeeded")
    assert payload(card)["from_version"] == "3.0.0"


async def test_when_the_registry_is_away_a_named_version_goes_ahead_unchecked(chat: Chat) -> None:
    chat.sandbox.registry.available = False
    await chat.alice.says("/deploy stg admin 1.4.2")
    card = await chat.card(service="admin")
    assert "not checked" in plain(card)
    await chat.alice.says("/deploy stg web")
    await chat.alice.hears("could not be asked for the newest `web`")


async def test_prd_waits_for_a_second_person(chat: Chat) -> None:
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    card = await chat.card(phase="AwaitingApproval")
    await chat.alice.presses("Approve", card)
    await chat.alice.hears("You need the role `approver`")
    assert chat.patches("prd") == []
    await chat.bob.presses("Approve", card)
    done = await chat.card(phase="Succeeded", service="admin")
    assert "approved by <@U0BOB>" in plain(done)
    assert len(chat.patches("prd")) == 1


async def test_nobody_approves_their_own_release(chat: Chat) -> None:
    await chat.bob.says("/deploy prd admin 1.4.1", channel=PRD)
    card = await chat.card(phase="AwaitingApproval")
    await chat.bob.presses("Approve", card)
    await chat.bob.hears("A second person must approve")
    assert chat.patches("prd") == []
    assert STG != PRD


async def test_a_request_that_runs_again_after_a_crash_is_not_refused_for_what_it_made_itself(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow", channel=GENERAL)
    await chat.alice.hears("Follow it in #deploys-stg")
    await chat.card(phase="Progressing", service="admin")
    chat.alice.forget()
    assert chat.bot is not None
    ctx = chat.bot.ctx
    async with ctx.database.write() as connection:
        await inbox.put_off(connection, 1, until=ctx.clock(), why="as a killed process leaves it")
    ctx.bells.inbox.ring()
    assert "Releasing *admin* `1.4.3-slow`" in await chat.alice.hears(".")
    assert len(chat.cards()) == 1
    assert len(chat.patches()) == 1
