"""Slim rows of real objects, and of objects that no API server should send."""

import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pods import Ending, PodSight, Subject, SubjectKind
from bot.kube import sights

RECORDINGS = Path(__file__).parent.parent / "recordings" / "kubernetes"
PROJECTIONS = (
    sights.pod_sight,
    sights.job_sight,
    sights.cronjob_sight,
    sights.node_sight,
    sights.autoscaler_sight,
    sights.event_sight,
)


def told(name: str, stream: str) -> list[dict[str, Any]]:
    """The objects of a stream of a recording, in order."""
    lines = (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [each["event"]["object"] for each in events if each["kind"] == "watch" and each["stream"] == stream]


def pods(name: str) -> list[PodSight]:
    return [sights.pod_sight(raw) for raw in told(name, "pods")]


def at(second: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{second}+00:00")


def test_a_recorded_crash_shows_the_deployment_the_limit_and_how_the_container_ended():
    seen = [pod for pod in pods("pod_crash_and_recovery") if pod.restarts == 1 and pod.ready]
    pod = seen[0]
    [container] = pod.containers
    assert pod.workload == Subject(SubjectKind.DEPLOYMENT, "pod-crash-and-recovery", "admin")
    assert (pod.phase, pod.node, pod.deleting, pod.job) == ("Running", "node-1", False, "")
    assert pod.revision_hash == "f8f6bd97c"
    assert container.ending is not None
    assert (container.ending.reason, container.ending.exit_code) == ("OOMKilled", 137)
    assert container.image == "registry.local/admin:1.0.0"
    assert container.running_since is not None
    assert not container.has_ended
    assert (container.deaths, container.is_init) == (1, False)


def test_between_two_runs_a_death_counts_although_no_restart_has_followed():
    down = [pod for pod in pods("pod_crash_and_recovery") if pod.containers and pod.containers[0].has_ended]
    assert down
    assert all(pod.containers[0].deaths == pod.restarts + 1 for pod in down)
    assert all(pod.containers[0].running_since is None for pod in down)


def test_a_recorded_eviction_is_a_disruption():
    assert "EvictionByEvictionAPI" in {pod.disruption for pod in pods("pod_crash_and_recovery")}


def test_recorded_jobs_belong_to_their_cronjob_and_tell_their_end():
    seen = {(job.name, job.is_over): job for job in map(sights.job_sight, told("jobs_and_cronjobs", "jobs"))}
    good = [job for (_, is_over), job in seen.items() if is_over and job.has_completed]
    bad = [job for (_, is_over), job in seen.items() if is_over and job.has_failed]
    assert good
    assert bad
    assert {job.cronjob for job in [*good, *bad]} == {"batch"}
    assert bad[0].reason == "BackoffLimitExceeded"
    assert (bad[0].failed, bad[0].backoff_limit, bad[0].by_hand) == (2, 1, True)
    assert bad[0].started is not None
    assert bad[0].finished is not None
    assert good[0].finished is not None


def test_the_pods_of_a_recorded_job_name_it():
    seen = [pod for pod in pods("jobs_and_cronjobs") if pod.job == "batch-bad"]
    assert seen
    assert {pod.workload.kind for pod in seen} == {SubjectKind.JOB}
    assert any(c.ending and c.ending.exit_code == 1 for pod in seen for c in pod.containers)


def test_events_about_other_things_than_pods_are_nobodys_business():
    seen = [sights.event_sight(raw) for raw in told("jobs_and_cronjobs", "events")]
    assert None in seen
    about = [event for event in seen if event is not None]
    assert about
    assert all(event.pod and event.pod_uid and event.reason and event.at for event in about)


def pod_of(kind: str, name: str, **labels: str) -> Subject:
    owner = {"kind": kind, "name": name, "controller": True}
    metadata = {"namespace": "shop", "name": "p", "labels": labels, "ownerReferences": [owner] if kind else []}
    return sights.pod_sight({"metadata": metadata}).workload


def test_a_pod_belongs_to_whoever_would_replace_it():
    hashed = {"pod-template-hash": "7d4b9"}
    assert pod_of("ReplicaSet", "admin-7d4b9", **hashed) == Subject(SubjectKind.DEPLOYMENT, "shop", "admin")
    assert pod_of("ReplicaSet", "by-hand") == Subject(SubjectKind.REPLICASET, "shop", "by-hand")
    argo = {"rollouts-pod-template-hash": "7d4b9"}
    assert pod_of("ReplicaSet", "admin-7d4b9", **argo) == Subject(SubjectKind.REPLICASET, "shop", "admin")
    assert pod_of("StatefulSet", "db") == Subject(SubjectKind.STATEFULSET, "shop", "db")
    assert pod_of("DaemonSet", "agent") == Subject(SubjectKind.DAEMONSET, "shop", "agent")
    assert pod_of("CloneSet", "x") == Subject(SubjectKind.REPLICASET, "shop", "x")
    assert pod_of("Node", "node-1") == Subject(SubjectKind.POD, "shop", "p")
    assert pod_of("", "") == Subject(SubjectKind.POD, "shop", "p")


def test_init_containers_come_first_and_sidecars_are_none():
    spec = {
        "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "admin", "resources": {"limits": {"memory": "256Mi"}}}],
    }
    ended = {"terminated": {"exitCode": 139, "signal": 11, "reason": "Error", "message": "x" * 5000}}
    status = {"initContainerStatuses": [{"name": "migrate", "restartCount": 2, "state": ended}]}
    migrate, proxy, admin = sights.pod_sight({"spec": spec, "status": status}).containers
    assert (migrate.is_init, proxy.is_init, admin.is_init) == (True, False, False)
    assert (migrate.restarts, migrate.deaths, migrate.has_ended) == (2, 3, True)
    assert migrate.ending == Ending("Error", 139, 11, message="x" * sights.LONGEST_MESSAGE)
    assert (admin.memory_limit, admin.ready, admin.ending) == ("256Mi", False, None)


def test_a_pod_without_a_place_tells_since_when_and_why():
    condition = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available",
        "lastTransitionTime": "2026-11-23T15:00:00Z",
    }  # fmt: skip
    pod = sights.pod_sight({"status": {"phase": "Pending", "conditions": [condition]}})
    assert (pod.unschedulable, pod.unschedulable_since) == ("0/3 nodes are available", at("15:00:00"))
    placed = sights.pod_sight({"status": {"conditions": [{**condition, "status": "True"}]}})
    assert (placed.unschedulable, placed.unschedulable_since) == ("", None)


def test_a_schedule_tells_its_rules_and_when_they_were_written():
    fields: dict[str, object] = {"f:spec": {"f:schedule": {}, "f:suspend": {}}}
    raw = {
        "metadata": {
            "namespace": "shop", "name": "batch",
            "managedFields": [
                {"manager": "kubectl", "time": "2026-11-23T14:00:00Z", "fieldsV1": fields},
                {"manager": "kube-controller-manager", "time": "2026-11-23T15:00:00Z", "fieldsV1": {"f:status": {}}},
            ],
        },
        "spec": {
            "schedule": "0 3 * * *", "timeZone": "Asia/Tokyo", "suspend": True, "startingDeadlineSeconds": 0,
            "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "batch", "image": "r/batch:1"}]}}}},
        },
        "status": {"lastScheduleTime": "2026-11-22T18:00:00Z", "active": [{"name": "batch-1"}, {}]},
    }  # fmt: skip
    seen = sights.cronjob_sight(raw)
    assert (seen.schedule, seen.timezone, seen.suspended, seen.concurrency) == (
        "0 3 * * *",
        "Asia/Tokyo",
        True,
        "Allow",
    )
    assert (seen.active, seen.images, seen.starting_deadline_s) == (("batch-1",), ("r/batch:1",), 0)
    assert seen.last_scheduled == datetime(2026, 11, 22, 18, tzinfo=UTC)
    assert seen.changed_at == at("14:00:00")


def test_a_node_tells_whether_its_kubelet_speaks():
    condition = {
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-11-23T15:00:00Z",
    }  # fmt: skip
    raw = {"metadata": {"name": "node-1"}, "spec": {"unschedulable": True}, "status": {"conditions": [condition]}}
    node = sights.node_sight(raw)
    assert (node.ready, node.reason, node.unschedulable, node.since) == (
        False, "NodeStatusUnknown", True, at("15:00:00"),
    )  # fmt: skip


def test_an_autoscaler_tells_that_it_wants_more_than_it_may_have():
    limited = {
        "type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas",
        "message": "the desired replica count is more than the maximum replica count",
    }  # fmt: skip
    raw = {
        "metadata": {"namespace": "shop", "name": "admin"},
        "spec": {"maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "admin"}},
        "status": {"currentReplicas": 4, "desiredReplicas": 4, "conditions": [limited]},
    }
    seen = sights.autoscaler_sight(raw)
    assert seen.target == Subject(SubjectKind.DEPLOYMENT, "shop", "admin")
    assert (seen.least, seen.most, seen.current, seen.limited_reason) == (1, 4, 4, "TooManyReplicas")


keys = st.sampled_from(
    """metadata spec status containers initContainers containerStatuses initContainerStatuses conditions labels
    annotations ownerReferences controller kind name type reason message state lastState waiting terminated running
    restartCount exitCode resources limits memory involvedObject series scaleTargetRef maxReplicas active managedFields
    fieldsV1 f:spec time jobTemplate template startedAt pod-template-hash""".split()
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.floats(allow_nan=False))
garbage = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=30,
)


@given(st.dictionaries(keys, garbage, max_size=8))
def test_no_object_however_broken_raises(raw):
    for projection in PROJECTIONS:
        projection(raw)


REAL = [
    *told("pod_crash_and_recovery", "pods")[-8:],
    *told("jobs_and_cronjobs", "jobs")[-4:],
    *told("jobs_and_cronjobs", "events")[-4:],
]


@given(st.sampled_from(REAL), st.data())
def test_a_real_object_with_any_part_gone_or_odd_is_still_read(raw, data):
    broken = json.loads(json.dumps(raw))
    where: Any = broken
    for _ in range(data.draw(st.integers(0, 5))):
        inner = where[data.draw(st.sampled_from(sorted(where)) if isinstance(where, dict) else st.just(0))]
        if not isinstance(inner, dict | list) or not inner:
            break
        where = inner
    where[data.draw(st.sampled_from(sorted(where)) if isinstance(where, dict) else st.just(0))] = data.draw(garbage)
    for projection in PROJECTIONS:
        projection(broken)


def test_the_rows_of_5000_pods_take_less_than_20_mib():
    """Each pod with a name, uid and times of its own, 250 workloads in 10 namespaces, all restarted."""
    [raw] = [
        each
        for each in told("pod_crash_and_recovery", "pods")
        if sights.pod_sight(each).restarts and "deletionTimestamp" not in each["metadata"]
    ][-1:]
    body = json.dumps(raw)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        rows = []
        for number in range(5000):
            one = json.loads(body.replace("15:00:", f"{number // 60 % 24:02}:{number % 60:02}:"))
            service = f"service-{number % 250:03}"
            one["metadata"] |= {"name": f"{service}-f8f6bd97c-{number:05}", "uid": f"406c2c56-4998-4fbd-{number:017}"}
            one["metadata"]["namespace"] = f"team-{number % 10}"
            one["metadata"]["ownerReferences"][0]["name"] = f"{service}-f8f6bd97c"
            rows.append(sights.pod_sight(one))
            del one
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len({pod.workload for pod in rows}) == 250
    assert taken < 20 * 2**20, f"{taken / 2**20:.1f} MiB, {taken // 5000} bytes a pod"
