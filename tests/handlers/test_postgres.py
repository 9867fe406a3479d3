"""A release with everything kept in PostgreSQL instead of SQLite: the same conversation."""

from pathlib import Path

import pytest

from tests.chat import open_chat, payload
from tests.handlers.test_alerts import crowd_presses
from tests.postgres import NoServer, running_server


@pytest.mark.postgres
async def test_a_release_and_its_rollback_on_postgresql(tmp_path: Path) -> None:
    try:
        with running_server() as url:
            await release_and_return(tmp_path, url)
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.mark.postgres
async def test_of_a_crowd_that_acknowledges_one_has_it_on_postgresql(tmp_path: Path) -> None:
    try:
        with running_server() as url:
            async with open_chat(tmp_path, environment={"DATABASE_URL": url}) as chat:
                await crowd_presses(chat, times=8)
    except NoServer as reason:
        pytest.skip(str(reason))


async def release_and_return(folder: Path, url: str) -> None:
    """Deploy, see it in the history, roll back."""
    async with open_chat(folder, environment={"DATABASE_URL": url}) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        done = await chat.card(phase="Succeeded", text="`1.4.2` runs")
        await chat.alice.says("/releases stg admin")
        await chat.alice.hears("`1.4.1` → `1.4.2`")
        await chat.alice.presses("Roll back", done)
        back = await chat.card(phase="Succeeded", text="`1.4.1` runs")
        assert payload(back)["kind"] == "rollback"
        assert len(chat.patches()) == 2
    assert not list(folder.glob("*.db"))
