"""What graphs are told of a release."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from bot.domain.markers import OLDEST, EventKind, Moment, markers_of
from bot.domain.release import Outcome, Release, ReleaseKind, ReleasePhase
from tests.domain.release_worlds import NOW, plan, release


def over(phase: ReleasePhase, kind: ReleaseKind = ReleaseKind.DEPLOY) -> Release:
    ended = Outcome("crash_loop", "The new pods crash.", "Look at their logs.")
    return replace(release(plan(kind=kind)), phase=phase, finished_at=NOW, outcome=ended)


def test_a_release_that_moves_is_told_as_started() -> None:
    (marker,) = markers_of(release(), NOW)
    assert (marker.moment, marker.kind, marker.title) == (
        Moment.STARTED,
        EventKind.INFO,
        "Deploying admin 1.4.2 to stg",
    )
    assert {"env:stg", "service:admin", "version:1.4.2", "kind:deploy", "moment:started"} <= set(marker.tags)
    assert "1.4.1 → 1.4.2" in marker.text
    assert marker.at == release().started_at


def test_a_release_that_has_not_begun_is_not_told() -> None:
    assert markers_of(replace(release(), phase=ReleasePhase.QUEUED, started_at=None), NOW) == ()


def test_a_release_that_was_stopped_before_it_began_is_not_told() -> None:
    assert markers_of(replace(over(ReleasePhase.ABORTED), started_at=None), NOW) == ()


@pytest.mark.parametrize(
    ("phase", "kind", "title"),
    [
        (ReleasePhase.SUCCEEDED, EventKind.SUCCESS, "admin 1.4.2 runs in stg"),
        (ReleasePhase.FAILED, EventKind.ERROR, "admin 1.4.2 failed in stg"),
        (ReleasePhase.ABORTED, EventKind.WARNING, "admin 1.4.2 was stopped in stg"),
        (ReleasePhase.SUPERSEDED, EventKind.WARNING, "admin 1.4.2 was overtaken in stg"),
    ],
)
def test_an_end_is_told_with_its_colour_and_reason(phase: ReleasePhase, kind: EventKind, title: str) -> None:
    started, finished = markers_of(over(phase), NOW)
    assert (finished.kind, finished.title) == (kind, title)
    assert "The new pods crash. Look at their logs." in finished.text
    assert f"phase:{phase.value.lower()}" in finished.tags
    assert started.key == finished.key


def test_a_release_that_was_stopped_leaves_the_version_before() -> None:
    assert "version:1.4.1" in markers_of(over(ReleasePhase.ABORTED), NOW)[-1].tags
    assert "version:1.4.2" in markers_of(over(ReleasePhase.SUCCEEDED), NOW)[-1].tags


def test_a_rollback_says_so() -> None:
    marker = markers_of(over(ReleasePhase.SUCCEEDED, ReleaseKind.ROLLBACK), NOW)[-1]
    assert (marker.kind, marker.title) == (EventKind.WARNING, "admin was rolled back to 1.4.2 in stg")


@pytest.mark.parametrize(("kind", "phase"), list(product(ReleaseKind, [each for each in ReleasePhase if each.is_over])))
def test_every_kind_and_end_has_its_words(kind: ReleaseKind, phase: ReleasePhase) -> None:
    started, finished = markers_of(over(phase, kind), NOW)
    assert "admin" in started.title
    assert "admin" in finished.title
    assert "stg" in finished.title


def test_what_datadog_would_refuse_as_too_old_is_not_told() -> None:
    told = markers_of(over(ReleasePhase.SUCCEEDED), NOW + OLDEST - timedelta(milliseconds=500))
    assert [each.moment for each in told] == [Moment.FINISHED]
    assert markers_of(over(ReleasePhase.SUCCEEDED), NOW + OLDEST) == ()
