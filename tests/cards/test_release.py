"""The release card in every phase, with text that wants to be markup in every place."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.release import duration, release_card, trouble_note
from bot.cards.status import details_card, history_card
from bot.domain.names import UserId
from bot.domain.release import Outcome, Progress, Release, ReleasePhase
from bot.domain.rollout import PodTrouble
from tests.cards.hostile import CORPUS, hostile, hostile_releases, must_be_fit_to_send
from tests.domain.release_worlds import NOW, plan, release

MANY = settings(max_examples=60, deadline=None)
KEYS = {"release", "environment", "service", "from_version", "to_version", "phase", "kind"}
"""What other apps are promised, but for `outbox_id`, which the outbox adds."""


@given(hostile_releases)
@MANY
def test_no_release_makes_a_card_that_slack_refuses_or_that_pings(shown: Release) -> None:
    must_be_fit_to_send(release_card(shown, NOW).body())
    must_be_fit_to_send(details_card(shown).body())
    for trouble in shown.troubles:
        must_be_fit_to_send(trouble_note(trouble).body())


@given(st.lists(hostile_releases, max_size=3))
@settings(MANY, max_examples=40)
def test_no_history_makes_a_card_that_slack_refuses_or_that_pings(past: list[Release]) -> None:
    must_be_fit_to_send(history_card(past * 4, NOW).body())


@pytest.mark.parametrize("text", CORPUS)
@pytest.mark.parametrize("phase", ReleasePhase)
def test_each_hostile_text_is_inert_in_each_phase(phase: ReleasePhase, text: str) -> None:
    trouble = PodTrouble(
        "crash_loop", f"It fails: {text}", text, pods=2, pod=text, container=text, log_tail=(text, text)
    )
    shown = release(
        plan(from_version=text, to_version=text + "!", origin=text, from_image=text, to_image=text),
        phase=phase,
        notice=text,
        troubles=(trouble, trouble, trouble),
        outcome=Outcome("crash_loop", text, text),
        progress=Progress(1, 1, 3),
    )
    must_be_fit_to_send(release_card(shown, NOW).body())
    must_be_fit_to_send(details_card(shown).body())
    must_be_fit_to_send(trouble_note(trouble).body())


@given(hostile_releases)
@settings(MANY, max_examples=50)
def test_the_metadata_is_what_other_apps_are_promised(shown: Release) -> None:
    metadata = release_card(shown, NOW).body()["metadata"]
    assert metadata["event_type"] == "kajitori_release"
    told = metadata["event_payload"]
    assert told.keys() == KEYS
    assert told["phase"] == shown.phase.value
    assert (told["from_version"], told["to_version"]) == (shown.plan.from_version, shown.plan.to_version)


@given(hostile_releases)
@MANY
def test_a_card_never_loses_its_buttons_to_long_texts(shown: Release) -> None:
    body = release_card(shown, NOW).body()
    assert body["blocks"][-1]["type"] == "actions"


def buttons(shown: Release) -> list[str]:
    row = release_card(shown, NOW).blocks[-1]
    return [element["text"]["text"] for element in row["elements"]]


@pytest.mark.parametrize(
    ("phase", "labels"),
    [
        (ReleasePhase.AWAITING_APPROVAL, ["Approve", "Reject…", "Withdraw"]),
        (ReleasePhase.QUEUED, ["Abort", "Details"]),
        (ReleasePhase.PROGRESSING, ["Abort", "Details"]),
        (ReleasePhase.PAUSED, ["Abort", "Details"]),
        (ReleasePhase.SUCCEEDED, ["Roll back to 1.4.1", "Details"]),
        (ReleasePhase.FAILED, ["Roll back to 1.4.1", "Retry", "Details"]),
        (ReleasePhase.ABORTED, ["Retry", "Details"]),
        (ReleasePhase.SUPERSEDED, ["Retry", "Details"]),
    ],
)
def test_buttons_follow_the_phase(phase: ReleasePhase, labels: list[str]) -> None:
    assert buttons(release(phase=phase)) == labels


def test_an_abort_under_way_offers_no_second_one() -> None:
    assert buttons(release(abort_by=UserId("U0BOB"), abort_at=NOW)) == ["Details"]


def test_every_button_is_bound_to_its_release_and_step() -> None:
    for phase in ReleasePhase:
        shown = release(phase=phase, step=9)
        for element in release_card(shown, NOW).blocks[-1]["elements"]:
            assert element["value"] == f"{shown.id}:9"


def test_the_bar_is_full_only_when_all_pods_are_new_and_ready() -> None:
    def bar(updated: int, ready: int) -> str:
        text = release_card(release(progress=Progress(updated, ready, 3)), NOW).blocks[1]["text"]["text"]
        return str(text.split()[0])

    assert bar(0, 3) == "▱" * 10
    assert bar(3, 2) != "▰" * 10
    assert bar(3, 3) == "▰" * 10


@given(st.integers(0, 10**7))
def test_durations_read_as_clocks(seconds: int) -> None:
    assert duration(seconds).count(":") == (2 if seconds >= 3600 else 1)
    assert sum(int(part) * 60**place for place, part in enumerate(reversed(duration(seconds).split(":")))) == seconds


@given(hostile)
@MANY
def test_the_lock_screen_gets_a_sentence_without_marks(text: str) -> None:
    shown = release(plan(to_version=text), phase=ReleasePhase.FAILED, outcome=Outcome("deadline", "Too slow."))
    told = release_card(shown, NOW + timedelta(minutes=1)).body()["text"]
    assert "failed in stg" in told or len(told) > 300
    assert "`" not in told
