"""Who brought pods right: the release that other pods came with, after the first fall."""

from datetime import timedelta

import pytest

from bot.domain.names import UserId
from bot.domain.pods import Recovery
from bot.domain.pods.quiet import mending_release
from bot.domain.release import ReleaseKind, ReleasePhase
from tests.domain.pod_worlds import Teller, pod, seconds
from tests.domain.release_worlds import NOW, plan, release


@pytest.mark.parametrize(
    ("after", "phase", "is_found"),
    [
        (timedelta(minutes=1), ReleasePhase.SUCCEEDED, True),
        (timedelta(minutes=-10), ReleasePhase.SUCCEEDED, False),
        (timedelta(minutes=1), ReleasePhase.FAILED, False),
        (timedelta(minutes=1), ReleasePhase.PROGRESSING, False),
    ],
)
def test_only_a_release_that_began_later_and_succeeded_is_credited(
    after: timedelta, phase: ReleasePhase, is_found: bool
) -> None:
    back = release(plan(kind=ReleaseKind.ROLLBACK), started_at=NOW + after, phase=phase, requested_by=UserId("U0BOB"))
    found = mending_release([back], NOW)
    assert (found is not None) is is_found
    if found is not None:
        assert (found.by, found.version, found.is_rollback) == ("U0BOB", "1.4.2", True)


def test_a_pod_that_came_before_the_other_was_known_to_be_lost_has_replaced_it() -> None:
    born = pod(3, created=seconds(98), ready=True, ready_since=seconds(99), node="node-3")
    lost = pod(1, phase="Failed", ready=False, disruption="DeletionByTaintManager", deleting=True)
    teller = Teller(wanted=2).at(0, pod(1), pod(2)).at(100, born, lost).at(101, gone=("uid-1",)).at(200)
    story = teller.only.story
    assert (story.is_open, story.recovery, story.healed_by_node) == (False, Recovery.REPLACED, "node-3")
