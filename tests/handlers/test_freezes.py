"""Freezes of the configuration: closed for releases, open for rollbacks."""

from pathlib import Path

from tests.chat import STG, open_chat, payload

FROZEN = "stg: {freezes: [{cron: '* * * * *', duration: 2h, reason: 'end of the year'}], "


async def test_a_frozen_environment_refuses_releases_says_until_when_and_still_rolls_back(tmp_path: Path) -> None:
    async with open_chat(tmp_path, change=lambda text: text.replace("stg: {", FROZEN, 1)) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        heard = await chat.alice.hears("`stg` is frozen: end of the year")
        assert "It opens again on" in heard
        assert "Rollbacks still work" in heard
        assert chat.patches() == []
        await chat.alice.says("/rollback stg admin", channel=STG)
        card = await chat.card(phase="Succeeded", service="admin")
        assert payload(card)["kind"] == "rollback"
