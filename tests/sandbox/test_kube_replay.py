"""Scenarios recorded from a real 1.36 API server, replayed: the simulated one tells the same stories."""

import pytest

from tests.sandbox.replay.differences import Difference, bodies, sequences
from tests.sandbox.replay.driver import replay
from tests.sandbox.replay.kept import KEPT, sorted_out
from tests.sandbox.replay.recording import FOLDER

SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_recorded_scenario_is_told_the_same_by_the_sandbox(scenario: str) -> None:
    others, needless = sorted_out(scenario, await replay(scenario))
    assert not others, f"{len(others)} differences that no line keeps:\n" + "\n".join(map(str, others[:40]))
    assert not needless, f"differences that are no more and should leave the list: {[k.reason for k in needless]}"


def test_few_differences_are_kept_and_each_names_where_and_why() -> None:
    assert len(KEPT) < 10
    assert all(line.scenarios and line.scenarios <= set(SCENARIOS) and line.reason for line in KEPT)


def test_every_recording_is_replayed() -> None:
    assert len(SCENARIOS) == 12


def test_a_state_may_be_missing_only_where_it_shows_nothing_that_its_neighbours_do_not() -> None:
    before, half, after = {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 2}
    other = {"a": 3, "b": 1}
    assert list(sequences("it", [before, half, after], [before, after])) == []
    assert list(sequences("it", [before, after], [before, half, after])) == []
    assert list(sequences("it", [before, after], [before, other, after])) == [Difference("it", "state 1", None, other)]
    assert list(sequences("it", [before, half], [before])) == [Difference("it", "state 1", half, None)]


def test_bodies_are_compared_to_the_last_field_and_lists_by_the_names_in_them() -> None:
    recorded = {"a": {"b": [{"name": "x", "v": 1}, {"name": "y", "v": 2}]}, "gone": 1}
    sandbox = {"a": {"b": [{"name": "y", "v": 2}, {"name": "x", "v": 3}]}, "new": 1}
    assert {(d.path, d.recorded, d.sandbox) for d in bodies("it", recorded, sandbox)} == {
        ("a.b[x].v", 1, 3), ("gone", 1, None), ("new", None, 1),
    }  # fmt: skip
