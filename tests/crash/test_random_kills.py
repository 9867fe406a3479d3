"""The short form of `make torture`: a few releases, each with a kill -9 of the bot at a random moment of it."""

from pathlib import Path

import pytest

from tests.crash.torture import torture, wishes

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.mark.timeout(400)
async def test_five_releases_and_five_kills_end_in_five_truths_told_once(tmp_path: Path) -> None:
    verdict = await torture(tmp_path, releases=5, seed=20_260_304)
    assert verdict.faults == [], "\n".join(verdict.lines())
    assert (verdict.releases, verdict.kills) == (5, 5)
    assert verdict.bumps == verdict.expected_bumps


def test_a_seed_gives_the_same_wishes_again() -> None:
    assert wishes(7, 50) == wishes(7, 50)
    assert wishes(7, 50) != wishes(8, 50)
    assert {wish.expected for asked in wishes(7, 50).values() for wish in asked} == {"Succeeded", "Failed", "Aborted"}
