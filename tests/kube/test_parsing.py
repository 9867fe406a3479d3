"""Raw JSON of a real API server, and of broken ones, made into our nouns."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import Observation, RolloutState, Workload, rollout_status
from bot.domain.troubles import troubles
from bot.kube.workloads import parsing

RECORDINGS = Path(__file__).parent.parent / "recordings" / "kubernetes"
ADMIN = WorkloadRef("x", WorkloadKind.DEPLOYMENT, "admin")


@cache
def story(name: str) -> tuple[dict[str, Any], ...]:
    """Every event of a recording, in order."""
    return tuple(map(json.loads, (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()))


def states(name: str, stream: str) -> list[tuple[float, str, dict[str, Any]]]:
    """Time, type and object of each event that a watch gave."""
    return [
        (event["t"], event["event"]["type"], event["event"]["object"])
        for event in story(name)
        if event["kind"] == "watch" and event["stream"] == stream
    ]


def patches(name: str) -> list[Workload]:
    """What each recorded patch of the Deployment answered."""
    return [
        parsing.workload_from(ADMIN, event["response"])
        for event in story(name)
        if event["kind"] == "request" and event["method"] == "PATCH"
    ]


def verdicts(name: str, generation: int) -> list[RolloutState]:
    """The verdict on every state of the Deployment that the watch showed."""
    seen = [parsing.workload_from(ADMIN, raw) for _, _, raw in states(name, "deployments")]
    return [rollout_status(each, generation=generation).state for each in seen]


def test_a_recorded_rollout_is_done_at_its_very_end_and_not_before():
    [written] = patches("rollout_success")
    found = verdicts("rollout_success", written.generation)
    first = found.index(RolloutState.DONE)
    assert found[first:] == [RolloutState.DONE] * len(found[first:])
    assert RolloutState.FAILED not in found
    last = parsing.workload_from(ADMIN, states("rollout_success", "deployments")[first][2])
    assert (last.updated, last.available, last.total) == (3, 3, 3)
    assert last.images == written.images


def test_a_recorded_image_that_never_comes_fails_by_its_deadline():
    [written] = patches("rollout_image_pull_failure")
    found = verdicts("rollout_image_pull_failure", written.generation)
    assert found[-1] is RolloutState.FAILED
    assert set(found[:-1]) == {RolloutState.WAITING}


def test_a_recorded_rollback_is_done_although_the_rollout_before_it_never_was():
    crashing, back = patches("rollout_crash_loop_and_undo")
    assert back.generation == crashing.generation + 1
    found = verdicts("rollout_crash_loop_and_undo", back.generation)
    assert found[-1] is RolloutState.DONE
    before = [
        rollout_status(each, generation=crashing.generation).state
        for each in (
            parsing.workload_from(ADMIN, r) for _, _, r in states("rollout_crash_loop_and_undo", "deployments")
        )
        if each.generation <= crashing.generation
    ]
    assert RolloutState.DONE not in before


def observations(name: str) -> list[Observation]:
    """What a look would have shown after each event of the recording."""
    workload: Workload | None = None
    pods: dict[str, Any] = {}
    told: dict[str, Any] = {}
    sets: dict[str, Any] = {}
    found = []
    for event in story(name):
        if event["kind"] != "watch":
            continue
        raw, gone = event["event"]["object"], event["event"]["type"] == "DELETED"
        uid = raw["metadata"]["uid"]
        match event["stream"]:
            case "deployments":
                workload = parsing.workload_from(ADMIN, raw)
            case "pods" if gone:
                pods.pop(uid, None)
            case "pods":
                pods[uid] = parsing.pod_from(raw)
            case "events":
                told[uid] = parsing.happening_from(raw)
            case "replicasets":
                sets[uid] = raw
        if workload is None:
            continue
        template = workload.template
        new = [r for r in sets.values() if parsing.same_template(r["spec"]["template"], template)]
        new_hash = new[0]["metadata"]["labels"]["pod-template-hash"] if new else ""
        found.append(Observation(workload, tuple(pods.values()), new_hash, tuple(told.values())))
    return found


def causes(name: str) -> list[str]:
    """Codes of the troubles in the order in which they were first seen."""
    now = datetime(2026, 11, 23, 14, 57, 5, tzinfo=UTC)
    return list(dict.fromkeys(t.code for look in observations(name) for t in troubles(look, "admin", now=now)))


def test_recorded_stories_tell_their_troubles():
    assert causes("rollout_image_pull_failure") == ["image_missing", "image_pull", "deadline"]
    assert causes("rollout_crash_loop_and_undo")[0] == "crash_loop"
    assert causes("pod_crash_and_recovery") == ["oom_killed"]
    assert causes("rollout_success") == []


def test_a_recorded_pod_is_read_whole():
    raw = states("rollout_crash_loop_and_undo", "pods")[-1][2]
    pod = parsing.pod_from(raw)
    [container] = pod.containers
    assert pod.deleting
    assert pod.owner == "admin-55648dd9db"
    assert pod.revision_hash == "55648dd9db"
    assert pod.node.startswith("node-")
    assert (container.restarts, container.exit_code, container.terminated_reason) == (2, 1, "Error")
    assert container.waiting_reason == "CrashLoopBackOff"


def test_recorded_events_of_both_kinds_have_their_time():
    found = [parsing.happening_from(raw) for _, _, raw in states("rollout_success", "events")]
    assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled"} <= {each.reason for each in found}
    assert all(each.at is not None and each.name and each.kind for each in found)


def test_the_manager_of_an_image_is_the_last_to_write_it():
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"admin"}': {"f:image": {}}}}}}
    }
    managed = [
        {"manager": "helm", "time": "2026-11-23T15:00:02Z", "fieldsV1": fields},
        {"manager": "kubectl", "time": "2026-11-23T15:00:01Z", "fieldsV1": fields},
        {"manager": "kube-controller-manager", "time": "2026-11-23T15:00:09Z", "fieldsV1": {"f:status": {}}},
        {"manager": "odd", "time": "2026-11-23T15:00:09Z", "fieldsV1": {"f:spec": None}},
    ]
    raw = {"metadata": {"managedFields": managed}}
    assert parsing.workload_from(ADMIN, raw).managers == {"admin": "helm"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"matchLabels": {"app": "admin"}}, "app=admin"),
        (
            {
                "matchLabels": {"app": "admin"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["a", "b"]},
                    {"key": "track", "operator": "NotIn", "values": ["canary"]},
                    {"key": "x", "operator": "Exists"},
                    {"key": "y", "operator": "DoesNotExist"},
                ],
            },
            "app=admin,tier in (a,b),track notin (canary),x,!y",
        ),
        ({}, ""),
    ],
)
def test_a_selector_takes_the_form_of_a_list_request(raw, text):
    assert parsing.selector(raw) == text


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-23T15:00:00Z", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("2026-11-23T15:00:00.474717Z", datetime(2026, 11, 23, 15, 0, 0, 474717, tzinfo=UTC)),
        ("2026-11-23T15:00:00.474717123Z", datetime(2026, 11, 23, 15, 0, 0, 474717, tzinfo=UTC)),
        ("2026-11-24T00:00:00+09:00", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("2026-11-23T15:00:00", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1763910000, None),
    ],
)
def test_times_of_every_spelling_are_read(value, moment):
    assert parsing.moment(value) == moment


def test_replicas_default_to_one_and_zero_stays_zero():
    assert parsing.workload_from(ADMIN, {"spec": {}}).desired == 1
    assert parsing.workload_from(ADMIN, {"spec": {"replicas": 0}}).desired == 0


def test_templates_are_the_same_whatever_controllers_put_in():
    plain = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
    hashed = {
        "metadata": {"labels": {"a": "b", "pod-template-hash": "x"}, "creationTimestamp": None},
        "spec": {"containers": []},
        "$patch": "replace",
    }
    assert parsing.same_template(plain, hashed)
    assert not parsing.same_template(plain, {**plain, "spec": {"containers": [{"name": "x"}]}})
    assert "pod-template-hash" in hashed["metadata"]["labels"]  # type: ignore[index]


keys = st.sampled_from(
    ["metadata", "spec", "status", "template", "containers", "containerStatuses", "conditions", "labels", "annotations",
     "managedFields", "fieldsV1", "f:spec", "replicas", "state", "waiting", "terminated", "name", "selector", "items",
     "matchLabels", "matchExpressions", "ownerReferences", "operator", "values", "jobTemplate", "updateStrategy",
     "data", "image"]
)  # fmt: skip
leaves = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.floats(allow_nan=False))
garbage = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=30,
)


@settings(deadline=None)
@given(st.dictionaries(keys, garbage, max_size=8), st.sampled_from(list(WorkloadKind)))
def test_no_object_however_broken_raises(raw, kind):
    parsing.workload_from(WorkloadRef("x", kind, "admin"), raw)
    parsing.pod_from(raw)
    parsing.happening_from(raw)
    parsing.revision_of_replica_set(raw)
    parsing.revision_of_controller_revision(raw)


real = st.sampled_from([raw for _, _, raw in states("rollout_crash_loop_and_undo", "pods")])


@settings(deadline=None)
@given(real, st.data())
def test_a_real_pod_with_any_part_gone_or_odd_is_still_read(raw, data):
    broken = json.loads(json.dumps(raw))
    where: Any = broken
    for _ in range(data.draw(st.integers(0, 4))):
        if not isinstance(where, dict) or not where:
            break
        inner = where[data.draw(st.sampled_from(sorted(where)))]
        if not isinstance(inner, dict) or not inner:
            break
        where = inner
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(garbage)
    pod = parsing.pod_from(broken)
    now = datetime(2026, 11, 23, 15, tzinfo=UTC) + timedelta(minutes=1)
    workload = parsing.workload_from(ADMIN, {})
    troubles(Observation(workload, (pod,), pod.revision_hash), "admin", now=now)
