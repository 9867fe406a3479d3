"""/rollback: to the version before, twice, by name; and when there is none."""

from tests.chat import Chat, payload


async def test_rollback_without_a_version_goes_back_one_and_never_forward_again(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", text="`1.4.2` runs")
    await chat.alice.says("/rollback stg admin")
    back = await chat.card(phase="Succeeded", text="`1.4.1` runs")
    assert payload(back)["kind"] == "rollback"
    await chat.alice.says("/rollback stg admin")
    further = await chat.card(phase="Succeeded", text="`1.4.0` runs")
    assert payload(further)["from_version"] == "1.4.1"


async def test_rollback_to_a_named_version_that_is_kept(chat: Chat) -> None:
    await chat.alice.says("/rollback stg admin 1.4.0")
    card = await chat.card(phase="Succeeded", service="admin")
    assert payload(card)["to_version"] == "1.4.0"
    assert len(chat.patches()) == 1


async def test_a_rollback_offers_no_way_back_to_what_was_left_on_purpose(chat: Chat) -> None:
    await chat.alice.says("/rollback stg admin 1.4.0")
    card = await chat.card(phase="Succeeded", service="admin")
    labels = [e["text"]["text"] for block in card["blocks"] for e in block.get("elements", ()) if e["type"] == "button"]
    assert labels == ["Details"]


async def test_rollback_to_a_version_that_is_not_kept_names_those_that_are(chat: Chat) -> None:
    await chat.alice.says("/rollback stg admin 1.2.0")
    heard = await chat.alice.hears("no longer keeps")
    assert "`1.4.0`" in heard
    assert "/deploy stg admin 1.2.0" in heard


async def test_rollback_in_prd_needs_no_approval(chat: Chat) -> None:
    await chat.alice.says("/rollback prd admin")
    card = await chat.card(phase="Succeeded", service="admin")
    assert payload(card)["environment"] == "prd"


async def test_the_roll_back_button_of_an_older_release_is_refused(chat: Chat) -> None:
    await chat.alice.says("/deploy stg web 2.3.0")
    first = await chat.card(phase="Succeeded", text="`2.3.0` runs")
    await chat.alice.says("/deploy stg web 2.2.9")
    await chat.card(phase="Succeeded", text="`2.2.9` runs")
    await chat.alice.presses("Roll back", first)
    await chat.alice.hears("now has `2.2.9`, not the `2.3.0`")


async def test_a_cronjob_goes_back_to_what_ran_before(chat: Chat) -> None:
    await chat.alice.says("/deploy stg report 3.1.0")
    await chat.card(phase="Succeeded", text="`3.1.0` runs")
    await chat.alice.says("/rollback stg report")
    card = await chat.card(phase="Succeeded", text="`3.0.0` runs")
    assert payload(card)["kind"] == "rollback"
