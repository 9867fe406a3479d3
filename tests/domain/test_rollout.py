"""Where a rollout stands: kubectl's rules, case by case and as laws."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalog import WorkloadKind
from bot.domain.rollout import RolloutState, image_of, rollout_status, tag_of
from bot.errors import UserError
from tests.domain.rollout_worlds import NOW, deadline_passed, workload

WAITING, DONE, FAILED = RolloutState.WAITING, RolloutState.DONE, RolloutState.FAILED
STATEFULSET, DAEMONSET, CRONJOB = WorkloadKind.STATEFULSET, WorkloadKind.DAEMONSET, WorkloadKind.CRONJOB


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, DONE, "All 3 pods are new and available."),
        ({"observed_generation": 1}, WAITING, "notice the change"),
        ({"updated": 1}, WAITING, "1 of 3 pods are new."),
        ({"updated": 3, "total": 4}, WAITING, "1 old pod to stop"),
        ({"updated": 3, "total": 5}, WAITING, "2 old pods to stop"),
        ({"available": 2}, WAITING, "2 of 3 new pods are available."),
        ({"updated": 1, "conditions": (deadline_passed(),)}, FAILED, "No progress for 600 s"),
        ({"updated": 1, "paused": True}, WAITING, "Paused by somebody"),
        ({"paused": True}, DONE, "All 3 pods"),
        ({"desired": 0, "updated": 0, "ready": 0, "available": 0, "total": 0}, DONE, "Scaled to 0"),
        ({"desired": 0, "updated": 0, "ready": 0, "available": 0, "total": 2}, WAITING, "2 old pods"),
        ({"desired": 1, "updated": 1, "available": 1, "total": 1}, DONE, "The pod is new"),
        # A surge of new pods, of which only as many as are wanted came up: kubectl waits for them all.
        ({"updated": 4, "total": 4, "available": 3}, WAITING, "3 of 4 new pods"),
    ],
)
def test_a_deployment_is_judged_by_kubectls_rules(changes, state, words):
    status = rollout_status(workload(**changes), generation=2)
    assert status.state is state
    assert words in status.text


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, DONE, "All 3 pods"),
        ({"observed_generation": 1}, WAITING, "notice the change"),
        ({"ready": 2}, WAITING, "2 of 3 pods are ready."),
        ({"updated": 1}, WAITING, "1 of 3 pods are new."),
        ({"current_revision": "admin-a"}, WAITING, "current revision"),
        ({"partition": 2, "updated": 1, "current_revision": "admin-a"}, DONE, "1 pod is new; 2 keep the old version"),
        ({"partition": 2, "updated": 0, "current_revision": "admin-a"}, WAITING, "0 of 1 pods are new."),
        ({"partition": 9, "updated": 0, "current_revision": "admin-a"}, DONE, "0 pods are new; 3 keep"),
        ({"on_delete": True, "updated": 1}, WAITING, "only when somebody deletes it"),
        ({"on_delete": True, "updated": 3, "current_revision": "admin-a"}, DONE, "All 3 pods"),
    ],
)
def test_a_statefulset_must_be_ready_updated_and_at_its_new_revision(changes, state, words):
    status = rollout_status(workload(STATEFULSET, **changes), generation=2)
    assert status.state is state
    assert words in status.text


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, DONE, "All 3 pods"),
        ({"observed_generation": 1}, WAITING, "notice the change"),
        ({"updated": 1}, WAITING, "1 of 3 nodes have the new pod."),
        ({"updated": 1, "on_delete": True}, WAITING, "only when somebody deletes it"),
        ({"available": 1}, WAITING, "1 of 3 new pods are available."),
    ],
)
def test_a_daemonset_must_be_updated_and_available_on_every_node(changes, state, words):
    status = rollout_status(workload(DAEMONSET, **changes), generation=2)
    assert status.state is state
    assert words in status.text


def test_a_cronjob_is_done_once_its_change_is_seen():
    assert rollout_status(workload(CRONJOB, generation=3), generation=3).state is DONE
    assert rollout_status(workload(CRONJOB, generation=2), generation=3).state is WAITING


def test_a_stale_read_from_before_our_write_is_never_the_end():
    healthy_before = workload(generation=2, observed_generation=2)
    assert rollout_status(healthy_before, generation=3).state is WAITING


def test_a_later_change_by_an_autoscaler_must_be_observed_too():
    scaled = workload(generation=4, observed_generation=3)
    assert rollout_status(scaled, generation=3).state is WAITING


def test_a_deadline_left_over_from_an_earlier_rollout_does_not_fail_this_one():
    stuck = workload(updated=0, conditions=(deadline_passed(NOW - timedelta(minutes=30)),))
    assert rollout_status(stuck, generation=2, since=NOW).state is WAITING
    assert rollout_status(stuck, generation=2, since=NOW - timedelta(minutes=41)).state is FAILED
    assert rollout_status(stuck, generation=2).state is FAILED


def test_a_deadline_without_a_time_counts():
    assert rollout_status(workload(conditions=(deadline_passed(None),)), generation=2, since=NOW).state is FAILED


counts = st.integers(0, 6)
worlds = st.builds(
    workload,
    kind=st.sampled_from(list(WorkloadKind)),
    generation=st.integers(1, 5),
    observed_generation=st.integers(0, 5),
    desired=counts,
    updated=counts,
    ready=counts,
    available=counts,
    total=counts,
    partition=st.sampled_from([0, 0, 1, 3]),
    on_delete=st.booleans(),
    paused=st.booleans(),
    current_revision=st.sampled_from(["admin-a", "admin-b"]),
    conditions=st.sampled_from([(), (deadline_passed(),)]),
)


@settings(deadline=None)
@given(worlds, st.integers(1, 5))
def test_nothing_is_done_before_the_controller_saw_our_generation(world, generation):
    status = rollout_status(world, generation=generation)
    if status.state is not WAITING:
        assert world.generation >= generation
        if world.ref.kind is not CRONJOB:
            assert world.observed_generation >= generation


@settings(deadline=None)
@given(worlds, st.integers(1, 5))
def test_done_means_that_every_wanted_pod_is_new_and_up(world, generation):
    if world.ref.kind is CRONJOB or rollout_status(world, generation=generation).state is not DONE:
        return
    kept = world.partition if world.ref.kind is STATEFULSET else 0
    assert world.updated >= world.desired - kept
    if world.ref.kind is STATEFULSET:
        assert world.ready >= world.desired
    else:
        assert world.available >= world.desired


@settings(deadline=None)
@given(worlds, st.integers(1, 5))
def test_the_verdict_shows_the_counts_it_was_made_from(world, generation):
    status = rollout_status(world, generation=generation)
    assert (status.updated, status.ready, status.desired) == (world.updated, world.ready, world.desired)
    assert status.text.endswith(".")


@settings(deadline=None)
@given(worlds)
def test_only_what_has_a_deadline_can_fail_by_it(world):
    if rollout_status(world, generation=1).state is FAILED:
        assert world.ref.kind in (WorkloadKind.DEPLOYMENT, WorkloadKind.ROLLOUT)


def test_a_container_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UserError, match=r"has no container web; it has: admin\."):
        image_of(workload(), "web")
    assert image_of(workload(), "admin").endswith(":1.4.2")
    with pytest.raises(UserError, match="it has: none"):
        image_of(replace(workload(), images={}), "web")


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("admin:1.4.2", "1.4.2"),
        ("registry.example.com:5000/growlio/admin:1.4.2", "1.4.2"),
        ("registry.example.com:5000/growlio/admin", "latest"),
        ("admin:1.4.2@sha256:0123456789abcdef", "1.4.2"),
        ("admin@sha256:0123456789abcdef", "sha256:0123456789ab"),
        ("admin", "latest"),
        ("", "latest"),
    ],
)
def test_the_version_of_an_image_is_its_tag_or_a_short_digest(image, tag):
    assert tag_of(image) == tag
