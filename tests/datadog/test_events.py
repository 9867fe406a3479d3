"""Events that Datadog is told of."""

from datetime import timedelta

import pytest

from bot.datadog.events import LONGEST_KEY, LONGEST_TITLE
from bot.datadog.words import LONGEST_TEXT, inert
from bot.domain.markers import EventKind
from bot.errors import Refused
from tests.datadog.world import World


async def test_an_event_arrives_with_its_tags_and_colour(world: World) -> None:
    event_id = await world.datadog().events.post(
        "web 1.2.3 runs in stg",
        "Released by alice.",
        tags=["env:stg", "service:web", "version:1.2.3"],
        kind=EventKind.SUCCESS,
        aggregation_key="release:01K8",
        at=world.now - timedelta(minutes=5),
    )
    (event,) = world.desk.datadog.received
    assert (event.id, event.title, event.kind, event.aggregation_key) == (
        event_id,
        "web 1.2.3 runs in stg",
        "success",
        "release:01K8",
    )
    assert event.tags == ("env:stg", "service:web", "version:1.2.3")
    assert event.at_s == int((world.now - timedelta(minutes=5)).timestamp())


async def test_words_of_people_page_nobody_and_fit(world: World) -> None:
    long = "@slack-everybody %%% " * 1000
    await world.datadog().events.post(long, long, tags=[], aggregation_key="k" * 1000)
    (event,) = world.desk.datadog.received
    assert "@" not in event.title + event.text
    assert "%%%" not in event.text
    assert (len(event.title), len(event.text)) == (LONGEST_TITLE, LONGEST_TEXT)
    assert event.aggregation_key == "k" * LONGEST_KEY


async def test_an_event_that_is_too_old_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="too far in the past"):
        await world.datadog().events.post("Old", "Old", tags=[], at=world.now - timedelta(hours=19))


def test_inert_texts_keep_their_words() -> None:
    assert inert("mail bob@example.com: 100 %") == "mail bob＠example.com: 100 %"
    assert "%%%" not in inert("%%%%%%%")
