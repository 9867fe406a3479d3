"""What pods really run, against the image that was planned."""

from datetime import timedelta

import pytest

from bot.domain.digests import current_pods, image_ids, moved, reported, short, strangers
from bot.domain.release import ReleasePhase
from bot.domain.rollout import Observation, Pod, PodContainer
from bot.domain.steering import Save, decide_progress
from tests.domain.release_worlds import NEW, NOW, REPOSITORY, plan, release
from tests.domain.rollout_worlds import workload

INDEX, AMD64, ARM64, OTHER = (f"sha256:{letter * 64}" for letter in "abcd")
NAMES = (INDEX, AMD64, ARM64)


def pod(name: str, image_id: str, *, container: str = "admin", deleting: bool = False, revision: str = "new") -> Pod:
    held = PodContainer(container, NEW, ready=True, restarts=0, image_id=image_id)
    return Pod(name, name, "Running", "admin-new", NOW, True, deleting, revision_hash=revision, containers=(held,))


def of(digest: str) -> str:
    return f"{REPOSITORY}@{digest}"


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (of(INDEX), INDEX),
        (f"docker-pullable://{of(INDEX)}", INDEX),
        (f"docker://{INDEX}", INDEX),
        (INDEX, INDEX),
        ("", ""),
        ("sha256:abc", ""),
        (f"{REPOSITORY}:1.4.2", ""),
        (f"{REPOSITORY}@evil", ""),
    ],
)
def test_the_digest_is_read_as_runtimes_spell_it(image_id: str, digest: str) -> None:
    assert reported(image_id) == digest


@pytest.mark.parametrize("told", [of(INDEX), of(AMD64), of(ARM64), f"docker-pullable://{of(AMD64)}"])
def test_a_platform_of_the_planned_image_is_that_image(told: str) -> None:
    assert not strangers([told], INDEX, NAMES)


def test_another_digest_is_a_stranger_and_counted() -> None:
    assert strangers([of(INDEX), of(OTHER), of(OTHER)], INDEX, NAMES) == {OTHER: 2}


@pytest.mark.parametrize("told", [OTHER, f"docker://{OTHER}", ""])
def test_an_id_that_a_runtime_made_proves_nothing(told: str) -> None:
    assert not strangers([told], INDEX, NAMES)


def test_without_the_names_of_its_platforms_nothing_is_called_a_stranger() -> None:
    assert not strangers([of(OTHER)], INDEX, ())
    assert not strangers([of(OTHER)], "", NAMES)


def test_only_the_container_that_is_released_in_pods_that_stay_counts() -> None:
    seen = Observation(
        workload(),
        pods=(
            pod("new", of(INDEX)),
            pod("going", of(OTHER), deleting=True),
            pod("old", of(OTHER), revision="old"),
            pod("sidecar", of(OTHER), container="proxy"),
        ),
        new_hash="new",
    )
    assert image_ids(current_pods(seen), "admin") == [of(INDEX)]


def test_people_are_shown_the_beginning_of_a_digest() -> None:
    assert short(INDEX) == "sha256:aaaaaaaaaaaa"
    assert moved(INDEX, OTHER) == "sha256:aaaaaaaaaaaa→dddddddddddd"


# At the end of a release


def ended(*told: str, digest: str = INDEX, names: tuple[str, ...] = NAMES) -> tuple[ReleasePhase, str, str]:
    """Phase and outcome when all pods are ready, and nodes report these images."""
    moving = release(plan(to_digest=digest, to_names=names))
    pods = tuple(pod(f"admin-{number}", each) for number, each in enumerate(told))
    here = workload(generation=3, observed_generation=3, images={"admin": NEW})
    decision = decide_progress(moving, Observation(here, pods=pods, new_hash="new"), (), NOW + timedelta(seconds=1))
    assert isinstance(decision, Save)
    outcome = decision.release.outcome
    assert outcome is not None
    return decision.release.phase, outcome.code, outcome.text


def test_it_went_well_when_all_pods_run_the_planned_image() -> None:
    assert ended(of(INDEX), of(AMD64), of(ARM64))[:2] == (ReleasePhase.SUCCEEDED, "done")


def test_it_did_not_when_some_run_another_one_however_ready_they_are() -> None:
    phase, code, text = ended(of(INDEX), of(OTHER), of(OTHER))
    assert (phase, code) == (ReleasePhase.FAILED, "other_image")
    assert text == ("2 of 3 pods run another image than the one planned: sha256:dddddddddddd, not sha256:aaaaaaaaaaaa.")


def test_what_the_registry_never_told_is_not_compared() -> None:
    assert ended(of(OTHER), digest="", names=())[0] is ReleasePhase.SUCCEEDED
    assert ended(of(OTHER), names=())[0] is ReleasePhase.SUCCEEDED
