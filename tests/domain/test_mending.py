"""Who brought pods right: the release that other pods came with, after the first fall."""

from datetime import timedelta

import pytest

from bot.domain.names import UserId
from bot.domain.pods.quiet import mending_release
from bot.domain.release import ReleaseKind, ReleasePhase
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
