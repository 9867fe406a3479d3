"""/deploy, as people use it."""

from tests.chat import Chat, payload, plain


async def test_a_deploy_moves_one_message_to_success(chat: Chat) -> None:
    answer = await chat.alice.says("/deploy stg admin 1.4.2")
    assert answer == ""
    card = await chat.card(phase="Succeeded", service="admin")
    told = payload(card)
    assert told["from_version"] == "1.4.1"
    assert told["to_version"] == "1.4.2"
    assert told["environment"] == "stg"
    assert told["kind"] == "deploy"
    assert "runs in *stg*" in plain(card)
    assert len(chat.cards()) == 1
    assert len(chat.patches()) == 1
