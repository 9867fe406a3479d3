"""Rollouts of Argo Rollouts: where one stands, what a release does at its steps, which shares its pods can give."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.canary.scheme import Driver
from bot.domain.canary.setting import share_of
from bot.domain.canary.shares import by_rollout
from bot.domain.catalog import WorkloadKind
from bot.domain.names import UserId
from bot.domain.pods import Subject, SubjectKind
from bot.domain.release import ReleaseKind, ReleasePhase
from bot.domain.rollout import ArgoState, Observation, RolloutState, Workload, rollout_status
from bot.domain.steering import PassSteps, PutBack, Save, decide_progress, decide_start
from bot.sandbox.kube.controllers.rollout_rules import pods_for
from tests.domain.release_worlds import NEW, NOW, OLD, plan, release
from tests.domain.rollout_worlds import deadline_passed, workload

THROUGH = ArgoState(phase="Healthy", strategy="canary", stable_hash="b", current_hash="b")
STEPS = ("setWeight 20", "pause", "setWeight 60", "pause 10m")
AT_PAUSE = ArgoState(
    phase="Paused",
    message="CanaryPauseStep",
    strategy="canary",
    steps=STEPS,
    step_index=1,
    weight=20,
    stable_hash="a",
    current_hash="b",
    pauses=("CanaryPauseStep",),
)
ON_ITS_WAY = replace(AT_PAUSE, phase="Progressing", message="more replicas need to be updated", step_index=2, pauses=())


def rollout(argo: ArgoState, **changes: Any) -> Workload:
    plain: dict[str, Any] = {"generation": 3, "observed_generation": 3, "images": {"admin": NEW}, "argo": argo}
    return workload(WorkloadKind.ROLLOUT, **(plain | changes))


def observed(argo: ArgoState, **changes: Any) -> Observation:
    return Observation(rollout(argo, **changes))


@pytest.mark.parametrize(
    ("argo", "changes", "state", "words"),
    [
        (THROUGH, {}, RolloutState.DONE, "All 3 pods"),
        (THROUGH, {"observed_generation": 2}, RolloutState.WAITING, "notice the change"),
        (AT_PAUSE, {"updated": 1}, RolloutState.WAITING, "pauses at step 2 of 4 (pause), 20 % on the new version"),
        (ON_ITS_WAY, {"updated": 1}, RolloutState.WAITING, "is at step 3 of 4 (setWeight 60)"),
        (replace(AT_PAUSE, pauses=(), is_resuming=True), {"updated": 1}, RolloutState.WAITING, "to go on"),
        (
            replace(THROUGH, phase="Progressing", message="old pods"),
            {},
            RolloutState.WAITING,
            "not through yet: old pods",
        ),
        (
            replace(AT_PAUSE, phase="Degraded", message="RolloutAborted: by revision 2", aborted=True, pauses=()),
            {"updated": 0},
            RolloutState.FAILED,
            "is degraded: RolloutAborted: by revision 2.",
        ),
        (
            replace(ON_ITS_WAY, phase="Degraded", message="RolloutAborted: by revision 2"),
            {"updated": 1},
            RolloutState.WAITING,
            "is at step 3 of 4",
        ),
        (ON_ITS_WAY, {"updated": 1, "conditions": (deadline_passed(),)}, RolloutState.FAILED, "No progress for 600 s"),
    ],
)
def test_where_a_rollout_stands(argo: ArgoState, changes: dict[str, Any], state: RolloutState, words: str) -> None:
    status = rollout_status(rollout(argo, **changes), generation=3)
    assert status.state is state
    assert words in status.text


def test_a_deploy_waits_at_the_rollouts_own_pause_for_ever_and_says_how_it_goes_on() -> None:
    moving = release()
    later = NOW + timedelta(hours=5)
    decision = decide_progress(moving, observed(AT_PAUSE, updated=1), (), later)
    assert isinstance(decision, Save)
    waiting = decision.release
    assert waiting.phase is ReleasePhase.PAUSED
    assert waiting.outcome is not None
    assert "pauses at its own step 2 of 4 (pause), 20 % on the new version" in waiting.outcome.text
    assert "kubectl argo rollouts promote admin -n growlio" in waiting.outcome.remedy
    again = decide_progress(waiting, observed(ON_ITS_WAY, updated=1), (), later)
    assert isinstance(again, Save)
    assert again.release.phase is ReleasePhase.PROGRESSING


@pytest.mark.parametrize("kind", [ReleaseKind.ROLLBACK, ReleaseKind.PROMOTE])
def test_a_rollback_and_a_promotion_pass_the_rollouts_own_steps_once(kind: ReleaseKind) -> None:
    moving = release(plan(kind=kind))
    assert decide_progress(moving, observed(AT_PAUSE, updated=1), (), NOW) == PassSteps()
    told = observed(replace(ON_ITS_WAY, promotes_fully=True), updated=1)
    assert isinstance(decide_progress(moving, told, (), NOW), Save)
    unseen = observed(AT_PAUSE, updated=1, observed_generation=2)
    assert isinstance(decide_progress(moving, unseen, (), NOW), Save)


def test_what_was_put_back_passes_the_steps_too() -> None:
    undoing = release(abort_by=UserId("U0ALICE"), abort_at=NOW, undo_generation=3)
    held = observed(AT_PAUSE, updated=1, images={"admin": OLD})
    assert decide_progress(undoing, held, (), NOW) == PassSteps()
    assert decide_progress(release(abort_by=UserId("U0ALICE")), observed(AT_PAUSE), (), NOW) == PutBack()


def test_a_promotion_adopts_the_version_that_its_canary_brought() -> None:
    promotion = release(plan(kind=ReleaseKind.PROMOTE, workload=rollout(AT_PAUSE).ref), generation=None)
    decision = decide_start(promotion, rollout(AT_PAUSE), NOW)
    assert isinstance(decision, Save)
    assert decision.release.generation == 3
    assert isinstance(decide_start(release(generation=None), rollout(AT_PAUSE), NOW), Save)


@pytest.mark.parametrize("surges", [True, False])
def test_pods_for_a_share_are_those_that_the_controller_makes(surges: bool) -> None:
    for replicas in range(1, 21):
        for percent in range(1, 100):
            share = by_rollout(replicas, percent, surges=surges)
            assert (share.canary, share.stable) == pods_for(percent, replicas, int(surges))


@pytest.mark.parametrize(
    ("driver", "changes", "told"),
    [
        (Driver.ROLLOUT, {"argo": THROUGH}, "1 of 4 pods"),
        (Driver.ROLLOUT, {"argo": replace(THROUGH, has_router=True)}, "None"),
        (Driver.ROLLOUT, {"argo": THROUGH, "desired": 0}, "None"),
        (Driver.PODS, {}, "1 of 4 pods"),
        (Driver.HTTP_ROUTE, {}, "None"),
    ],
)
def test_a_share_is_counted_in_pods_where_pods_give_it(driver: Driver, changes: dict[str, Any], told: str) -> None:
    assert str(share_of(driver, workload(**changes), 20)) == told


def test_stories_know_a_rollout_by_what_it_keeps() -> None:
    ref = rollout(THROUGH).ref
    assert Subject.of(ref) == Subject(SubjectKind.REPLICASET, "growlio", "admin")
    assert Subject.of(workload().ref) == Subject(SubjectKind.DEPLOYMENT, "growlio", "admin")
