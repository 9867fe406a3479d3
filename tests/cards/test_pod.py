"""The card of pods that fall and heal, in every state, with text that wants to be markup in every place."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.pod import story_card, story_note
from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.pods import Cause, NearAlert, NearRelease, Recovery, Story, Subject, SubjectKind
from tests.cards.hostile import CORPUS, must_be_fit_to_send
from tests.chat import plain
from tests.domain.story_worlds import ALERT, NOW, closed, near_release, story

ALICE = UserId("U0ALICE")
MANY = settings(max_examples=60, deadline=None)


def hostile_story(seed: int) -> Story:
    """A story in some state, each text of which is hostile."""
    dice = Random(seed)

    def word() -> str:
        if dice.random() < 0.5:
            return dice.choice(CORPUS)
        return "".join(dice.choice("<>&`*_~@!#|:/ \n\u202ea1") for _ in range(dice.choice((3, 30, 1500))))

    def times() -> int:
        return dice.choice((0, 1, 2, 7, 12_345))

    release = near_release(version=word(), from_version=word(), may_roll_back=dice.random() < 0.5)
    return story(
        environment=EnvironmentName(word()),
        service=dice.choice([None, ServiceName(word())]),
        subject=Subject(dice.choice(list(SubjectKind)), word(), word()),
        cause=dice.choice(list(Cause)),
        also=tuple(word() for _ in range(dice.randrange(4))),
        log_tail=tuple(word() for _ in range(dice.randrange(60))),
        serving=times(),
        desired=times(),
        release=dice.choice([None, release]),
        alert=dice.choice([None, NearAlert(word(), word(), word())]),
        silenced_until=dice.choice([None, NOW + timedelta(hours=1)]),
        silenced_by=dice.choice([None, UserId("U0DAVE")]),
        healed_at=dice.choice([None, NOW]),
        closed_at=dice.choice([None, NOW]),
        recovery=dice.choice([None, *Recovery]),
        mended_by=dice.choice([None, release]),
        **{name: word() for name in ("text", "remedy", "pod", "container", "version", "node", "node_trouble")},
        **{name: word() for name in ("healed_by_pod", "healed_by_node")},
        **{name: times() for name in ("falls", "falls_today", "pods_affected", "flaps", "away_falls")},
    )


@given(st.integers(0, 2**32).map(hostile_story))
@MANY
def test_no_story_makes_a_card_that_slack_refuses_or_that_pings(shown: Story) -> None:
    must_be_fit_to_send(story_card(shown, NOW).body())
    must_be_fit_to_send(story_note(shown).body())


def words(shown: Story) -> str:
    return plain(story_card(shown, NOW).body())


def first_line(shown: Story) -> str:
    return words(shown).split("\n")[0]


def buttons(shown: Story) -> list[str]:
    last = story_card(shown, NOW).blocks[-1]
    return [element["text"]["text"] for element in last["elements"]] if last["type"] == "actions" else []


def test_it_opens_with_what_fell_and_how_many_still_serve() -> None:
    assert first_line(story()).startswith(
        "🟠 *web* in *prd*: 1 of 6 pods ran out of memory · 5 still serve · since <!date^"
    )
    assert "limit of 512Mi" in words(story())


def test_it_counts_while_it_lasts() -> None:
    looping = story(cause=Cause.CRASH_LOOP, pods_affected=4, falls=12, serving=2)
    assert "4 of 6 pods crash again and again, 12 times so far · 2 still serve" in first_line(looping)


def test_it_is_red_and_says_so_when_nothing_serves() -> None:
    down = story(cause=Cause.CRASH_LOOP, pods_affected=6, falls=6, serving=0)
    assert first_line(down).startswith("🔴")
    assert "*none serves*" in first_line(down)


@pytest.mark.parametrize("cause", Cause)
def test_the_lock_screen_gets_whole_sentences_without_marks(cause: Cause) -> None:
    for shown in (story(cause=cause), closed(cause=cause), story(cause=cause, healed_at=NOW)):
        told = story_card(shown, NOW).body()["text"]
        assert "web in prd" in told or "web of prd" in told
        assert not {"*", "`", "<"} & set(told)


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (closed(), "healed by itself after 0:41: restarted by the kubelet, 1 restart"),
        (closed(falls=3, pods_affected=3), "healed by itself after 0:41: restarted by the kubelet, 3 restarts"),
        (
            closed(Recovery.REPLACED, healed_by_node="node-3"),
            "healed by itself after 0:41: replaced by a new pod on `node-3`",
        ),
        (
            closed(Recovery.ROLLED_OUT, mended_by=near_release(version="1.4.1", by=ALICE, is_rollback=True)),
            "is well again after 0:41: <@U0ALICE> rolled back to `1.4.1`",
        ),
        (
            closed(Recovery.ROLLED_OUT, mended_by=near_release(version="1.4.1", by=ALICE)),
            "is well again after 0:41: <@U0ALICE> released `1.4.1`",
        ),
        (closed(Recovery.ROLLED_OUT), "is well again after 0:41: pods of another version took over"),
        (closed(Recovery.DELETED), "is over after 0:41: the deployment was deleted"),
        (closed(away_falls=3, falls=3), "ran out of memory 3 times while I was away, ready now"),
    ],
)
def test_it_closes_with_how_it_came_right(shown: Story, line: str) -> None:
    assert first_line(shown) == f"✅ *web* in *prd* {line}"


@pytest.mark.parametrize("recovery", [None, *Recovery])
@pytest.mark.parametrize("cause", Cause)
def test_a_closed_card_has_no_button_that_changes_anything(cause: Cause, recovery: Recovery | None) -> None:
    shown = closed(recovery=recovery, cause=cause, release=near_release())
    assert set(buttons(shown)) <= {"Logs"}


def test_buttons_follow_what_can_be_done() -> None:
    assert buttons(story()) == ["Logs", "Restart", "Silence 1 h"]
    assert buttons(story(release=near_release())) == ["Logs", "Roll back to 2.2.9", "Restart", "Silence 1 h"]
    assert buttons(story(release=near_release(may_roll_back=False))) == ["Logs", "Restart", "Silence 1 h"]
    assert buttons(story(service=None, release=near_release())) == ["Logs", "Silence 1 h"]
    assert buttons(story(cause=Cause.IMAGE_MISSING)) == ["Logs", "Silence 1 h"]
    batch = story(cause=Cause.JOB_FAILED, subject=Subject(SubjectKind.CRONJOB, "batch", "report"))
    assert buttons(batch) == ["Logs", "Run again", "Silence 1 h"]
    silenced = story(silenced_until=NOW + timedelta(minutes=5), silenced_by=UserId("U0DAVE"))
    assert buttons(silenced) == ["Logs", "Restart", "Tell again"]


def test_every_button_is_bound_to_its_story_and_step() -> None:
    shown = story(release=near_release(), step=9)
    for element in story_card(shown, NOW).blocks[-1]["elements"]:
        assert element["value"] == f"{shown.id}:9"


def test_buttons_that_change_pods_ask_first() -> None:
    row = story_card(story(release=near_release()), NOW).blocks[-1]["elements"]
    assert [element["text"]["text"] for element in row if "confirm" in element] == ["Roll back to 2.2.9", "Restart"]


def test_what_happened_around_it_is_named() -> None:
    shown = words(story(release=near_release(), alert=ALERT, node_trouble="node-2 is short of memory."))
    assert "`2.3.0` was released 8 min before by <@U0CAROL>" in shown
    assert "If it began with `2.3.0`, roll back." in shown
    assert "node-2 is short of memory" in shown
    assert "p99 latency of web in prd" in shown


def test_a_release_that_came_after_the_fall_is_told_as_such() -> None:
    late: NearRelease = near_release(at=NOW)
    assert "`2.3.0` was released 2 min after the first fall" in words(story(release=late))


def test_the_thread_gets_all_last_words_and_the_card_only_the_end() -> None:
    shown = story(log_tail=tuple(f"line {number}" for number in range(50)))
    assert "line 0\n" in plain(story_note(shown).body())
    assert "line 0\n" not in words(shown)
    assert "line 49" in words(shown)


def test_the_reference_names_every_cause_recovery_and_field() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/news-of-pods.md").read_text()
    metadata = story_card(story(), NOW).body()["metadata"]
    assert metadata["event_type"] == "kajitori_pods"
    named = [*Cause, *Recovery, *SubjectKind, *metadata["event_payload"]]
    assert [each for each in named if f"`{each}`" not in page] == []
