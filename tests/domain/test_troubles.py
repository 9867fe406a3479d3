"""Why new pods do not come up: texts of kubelets, schedulers and controllers, and what people are told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import Condition
from bot.domain.troubles import troubles
from tests.domain.rollout_worlds import (
    IMAGE,
    NOW,
    container,
    deadline_passed,
    look,
    pod,
    waiting,
    warning,
    workload,
)


def only(observation):
    """The one trouble of an observation."""
    found = troubles(observation, "admin", now=NOW)
    assert len(found) == 1, found
    return found[0]


def test_healthy_pods_have_no_trouble():
    assert troubles(look(pod(container()), pod(container(), name="admin-new-2")), "admin", now=NOW) == ()


@pytest.mark.parametrize(
    ("words", "code", "hopeless", "told"),
    [
        ("manifest unknown", "image_missing", True, "does not exist"),
        (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": failed to resolve reference '
            f'"{IMAGE}": {IMAGE}: not found',
            "image_missing",
            True,
            "does not exist",
        ),
        ("repository name not known to registry", "image_missing", True, "does not exist"),
        ("unexpected status from HEAD request to https://r/v2/x: 404 Not Found", "image_missing", True, "not exist"),
        ("no match for platform in manifest: not found", "image_missing", True, "processor"),
        ("unexpected status from GET request: 403 Forbidden", "image_pull", False, "may not pull"),
        ("failed to authorize: failed to fetch anonymous token: 401 Unauthorized", "image_pull", False, "may not pull"),
        (
            "pull access denied, repository does not exist or may require authorization: insufficient_scope",
            "image_pull",
            False,
            "may not pull",
        ),
        ("toomanyrequests: You have reached your pull rate limit.", "image_pull", False, "limits"),
        ("dial tcp: lookup registry.example.com on 10.0.0.10:53: no such host", "image_pull", False, "did not answer"),
        ("net/http: request canceled (Client.Timeout exceeded)", "image_pull", False, "did not answer"),
        ("tls: failed to verify certificate: x509: signed by unknown authority", "image_pull", False, "not trust"),
        ("write /var/lib/containerd/x: no space left on device", "image_pull", False, "disk is full"),
        ("something never heard of", "image_pull", False, "something never heard of"),
        ("", "image_pull", False, "can't be pulled."),
    ],
)
def test_what_registries_say_becomes_a_cause(words, code, hopeless, told):
    trouble = only(look(pod(waiting("ErrImagePull", words))))
    assert (trouble.code, trouble.hopeless) == (code, hopeless)
    assert told in trouble.text
    assert trouble.remedy


def test_a_back_off_borrows_its_cause_from_the_event():
    failed = warning("Failed", f'Failed to pull image "{IMAGE}": rpc error: code = NotFound desc = {IMAGE}: not found')
    backing_off = pod(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'))
    assert only(look(backing_off, happenings=(failed,))).code == "image_missing"
    assert only(look(backing_off)).code == "image_pull"


def test_a_back_off_of_newer_kubelets_carries_its_cause():
    words = f'Back-off pulling image "{IMAGE}": ErrImagePull: {IMAGE}: not found'
    assert only(look(pod(waiting("ImagePullBackOff", words)))).code == "image_missing"


def test_pods_with_one_cause_are_counted_together_whichever_state_each_is_in():
    pods = (
        pod(waiting("ErrImagePull", "manifest unknown")),
        pod(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'), name="admin-new-2"),
    )
    trouble = only(look(*pods))
    assert (trouble.code, trouble.pods) == ("image_missing", 2)


def test_a_word_in_the_image_name_is_no_cause():
    image = "registry.example.com/denied-404/not-found:1"
    shown = look(pod(waiting("ErrImagePull", f"{image}: context canceled", image=image)), images={"admin": image})
    assert only(shown).hopeless is False
    assert "may not pull" not in only(shown).text


def test_an_invalid_name_is_hopeless():
    trouble = only(look(pod(waiting("InvalidImageName", "couldn't parse image reference"))))
    assert (trouble.code, trouble.hopeless) == ("image_missing", True)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "exit code 1,"),
        (0, "without an error (exit code 0)"),
        (127, "exit code 127 (command not found)"),
        (134, "exit code 134 (SIGABRT)"),
        (137, "exit code 137 (SIGKILL)"),
        (139, "exit code 139 (SIGSEGV)"),
        (143, "exit code 143 (SIGTERM)"),
        (255, "exit code 255,"),
    ],
)
def test_a_crash_loop_tells_exit_code_and_signal(code, told):
    trouble = only(look(pod(waiting("CrashLoopBackOff", "back-off 10s", exit_code=code, restarts=3))))
    assert trouble.code == "crash_loop"
    assert told in trouble.text
    assert "restarted 3 times" in trouble.text
    assert (trouble.pod, trouble.container) == ("admin-new-1", "admin")


def test_a_container_between_two_crashes_still_crashes():
    between = container(ready=False, restarts=1, exit_code=1, terminated_reason="Error", started=NOW)
    assert only(look(pod(between))).code == "crash_loop"


def test_a_container_that_came_back_is_no_trouble():
    assert (
        troubles(look(pod(container(restarts=2, exit_code=137, terminated_reason="OOMKilled"))), "admin", now=NOW) == ()
    )


def test_crashes_of_several_pods_are_one_cause_with_the_worst_count():
    pods = [
        pod(waiting("CrashLoopBackOff", exit_code=1, restarts=times), name=f"admin-new-{times}") for times in (1, 4, 2)
    ]
    trouble = only(look(*pods))
    assert trouble.pods == 3
    assert "restarted 4 times" in trouble.text
    assert trouble.pod == "admin-new-4"


def test_too_little_memory_is_told_with_the_limit():
    killed = waiting("CrashLoopBackOff", terminated_reason="OOMKilled", exit_code=137, restarts=2)
    assert "limit of 256Mi" in only(look(pod(killed))).text
    assert only(look(pod(replace(killed, memory_limit="")))).code == "oom_killed"


def test_a_failing_liveness_probe_explains_the_crash():
    killed = waiting("CrashLoopBackOff", terminated_reason="Error", exit_code=137, restarts=2)
    probe = warning("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
    trouble = only(look(pod(killed), happenings=(probe,)))
    assert trouble.code == "crash_loop"
    assert "liveness probe fails (HTTP 500)" in trouble.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('configmap "admin-settings" not found', "The ConfigMap admin-settings does not exist"),
        ('secret "db" not found', "The Secret db does not exist"),
        ("couldn't find key DB_URL in Secret growlio/db", "The Secret db has no key DB_URL"),
        ("couldn't find key MODE in ConfigMap growlio/admin-settings", "The ConfigMap admin-settings has no key MODE"),
        ("container has runAsNonRoot and image will run as root (pod: x)", "would run as root"),
        ("something new", "something new"),
    ],
)
def test_missing_configuration_is_named(words, told):
    trouble = only(look(pod(waiting("CreateContainerConfigError", words))))
    assert trouble.code == "config_error"
    assert told in trouble.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('exec: "serve": executable file not found in $PATH: unknown', "serve is not in the image."),
        ('exec: "/app/run.sh": permission denied: unknown', "may not be executed"),
        ("exec /app/run: exec format error", "another processor"),
        ("something new", "something new"),
    ],
)
def test_a_command_that_can_not_run_is_named(words, told):
    trouble = only(look(pod(waiting("RunContainerError", f"failed to create containerd task: {words}"))))
    assert trouble.code == "start_error"
    assert told in trouble.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims "
            "found for incoming pod.",
            "No node has enough free CPU (3 nodes looked at).",
        ),
        ("0/1 nodes are available: 1 Insufficient memory.", "No node has enough free memory (1 node looked at)."),
        ("0/2 nodes are available: 2 Too many pods.", "Every node runs as many pods as it may"),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/3",
            "reserved by the taint dedicated",
        ),
        ("0/3 nodes are available: 3 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate.", "dedicated"),
        ("0/3 nodes are available: 3 node(s) had untolerated taint(s) {a: b}.", "the taint a,"),
        ("0/3 nodes are available: 3 node(s) were unschedulable.", "cordoned"),
        (
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector.",
            "2: no node has the labels that it asks for (nodeSelector or affinity); 1: no node has enough free CPU.",
        ),
        ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", "anti-affinity"),
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "not bound to a volume"),
        ('0/3 nodes are available: persistentvolumeclaim "files" not found.', "PersistentVolumeClaim files"),
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", "volume lies where"),
        ("0/4 nodes are available: 4 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.", "not ready"),
        ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", "enough free nvidia.com/gpu"),
        ("no nodes available to schedule pods", "The cluster has no node"),
        ("something new", "something new"),
    ],
)
def test_the_schedulers_words_are_made_plain(words, told):
    trouble = only(look(pod(phase="Pending", node="", unschedulable=words)))
    assert trouble.code == "unschedulable"
    assert told in trouble.text


QUOTA = (
    'pods "admin-new-x" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=4Gi, '
    "limited: limits.memory=4Gi"
)


def test_a_used_up_quota_is_told_for_the_pods_that_are_missing():
    condition = Condition("ReplicaFailure", "True", "FailedCreate", QUOTA, NOW)
    trouble = only(look(pod(container()), conditions=(condition,)))
    assert trouble.code == "quota"
    assert "quota compute is used up: limits.memory=1Gi wanted, limits.memory=4Gi used" in trouble.text
    assert trouble.pods == 2


def test_a_quota_event_of_the_new_replica_set_counts_and_one_of_an_older_does_not():
    event = warning("FailedCreate", f"Error creating: {QUOTA}", name="admin-new", kind="ReplicaSet")
    assert only(look(happenings=(event,))).code == "quota"
    assert troubles(look(happenings=(replace(event, name="admin-old"),)), "admin", now=NOW) == ()


def test_a_statefulsets_own_event_counts_while_it_is_fresh():
    event = warning("FailedCreate", f"create Pod admin-0 in StatefulSet admin failed error: {QUOTA}", name="admin")
    event = replace(event, kind="StatefulSet")
    ref = WorkloadRef("growlio", WorkloadKind.STATEFULSET, "admin")
    assert only(look(happenings=(event,), ref=ref)).code == "quota"
    old = replace(event, at=NOW - timedelta(hours=1))
    assert troubles(look(happenings=(old,), ref=ref), "admin", now=NOW) == ()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("failed quota: compute: must specify limits.cpu for: admin", "quota", "demands that pods set limits.cpu"),
        ('admission webhook "policy.example.com" denied the request: no latest tag', "admission", "no latest tag"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": x', "admission", "level"),
        ('pods "x" is forbidden: error looking up service account g/bot: serviceaccount "bot" not found',
         "config_error", "service account bot"),
        ("something new", "admission", "something new"),
    ],
)  # fmt: skip
def test_other_refusals_to_create_pods_are_told(words, code, told):
    event = warning("FailedCreate", f"Error creating: {words}", name="admin-new", kind="ReplicaSet")
    trouble = only(look(happenings=(event,)))
    assert trouble.code == code
    assert told in trouble.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Readiness probe failed: HTTP probe failed with statuscode: 503", "readiness probe fails (HTTP 503)."),
        (
            'Readiness probe failed: Get "http://10.1.0.5:8080/": dial tcp 10.1.0.5:8080: connect: connection refused',
            "(nothing listens on its port).",
        ),
        ('Startup probe failed: Get "http://x": context deadline exceeded (Client.Timeout)', "startup probe fails (no"),
        ("Readiness probe failed: command timed out: redis-cli", "readiness probe fails"),
    ],
)
def test_a_failing_probe_says_what_it_got(words, told):
    unready = container(ready=False, started=NOW - timedelta(seconds=3))
    trouble = only(look(pod(unready), happenings=(warning("Unhealthy", words),)))
    assert trouble.code == "not_ready"
    assert told in trouble.text


def test_a_container_that_has_just_started_has_time_to_become_ready():
    young = container(ready=False, started=NOW - timedelta(seconds=9))
    assert troubles(look(pod(young)), "admin", now=NOW) == ()
    old = container(ready=False, started=NOW - timedelta(seconds=11))
    assert "running for 11 s and is not ready" in only(look(pod(old))).text


def test_an_init_container_may_take_its_time():
    migration = container(name="migrate", ready=False, started=NOW - timedelta(minutes=5))
    assert troubles(look(pod(migration, waiting("PodInitializing"))), "admin", now=NOW) == ()


def test_an_init_container_that_crashes_is_named():
    migration = waiting("CrashLoopBackOff", name="migrate", exit_code=1, restarts=1)
    trouble = only(look(pod(migration, waiting("PodInitializing"))))
    assert "The container migrate crashes" in trouble.text


def test_a_volume_that_is_not_there_is_told():
    stuck = pod(waiting("ContainerCreating"), phase="Pending")
    missing = warning("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "admin-files" not found')
    assert only(look(stuck, happenings=(missing,))).code == "config_error"
    attached = warning("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1": already attached')
    assert only(look(stuck, happenings=(attached,))).code == "volume"


def test_an_evicted_pod_says_why():
    gone = pod(phase="Failed", reason="Evicted", message="The node was low on resource: ephemeral-storage. Threshold")
    assert "low on resource: ephemeral-storage" in only(look(gone)).text


def test_the_deadline_comes_last_and_counts_the_pods_that_are_not_ready():
    shown = look(pod(waiting("ErrImagePull", "manifest unknown")), conditions=(deadline_passed(),))
    found = troubles(shown, "admin", now=NOW)
    assert [each.code for each in found] == ["image_missing", "deadline"]
    assert found[1].pods == 1


def test_a_deadline_from_before_these_pods_is_not_theirs():
    shown = look(pod(container()), conditions=(deadline_passed(NOW - timedelta(hours=1)),))
    assert troubles(shown, "admin", now=NOW) == ()


def test_old_and_leaving_pods_do_not_count():
    bad = waiting("ErrImagePull", "manifest unknown")
    shown = look(pod(bad, revision_hash="old"), pod(bad, deleting=True, name="admin-new-2"))
    assert troubles(shown, "admin", now=NOW) == ()


def test_without_a_hash_new_pods_are_told_by_their_image():
    bad = waiting("ErrImagePull", "manifest unknown")
    shown = replace(look(pod(bad), pod(replace(bad, image="other:1"), name="p2")), new_hash="")
    assert only(shown).pods == 1


def test_the_worst_comes_first():
    pods = (
        pod(container(ready=False), name="p1"),
        pod(waiting("CrashLoopBackOff", exit_code=1), name="p2"),
        pod(waiting("ErrImagePull", "manifest unknown", name="sidecar", image="sidecar:1"), name="p3"),
    )
    found = troubles(look(*pods), "admin", now=NOW)
    assert [each.code for each in found] == ["image_missing", "crash_loop", "not_ready"]


words = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "0/3 nodes are available: ",
            "0/3 nodes are available: 3",
            QUOTA,
            "exceeded quota: ",
            "taint {",
            '"',
            "probe",
        ]
    ),
)
reasons = st.sampled_from(
    ["", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff", "CreateContainerConfigError",
     "RunContainerError", "ContainerCreating", "PodInitializing", "NeverHeardOf"]
)  # fmt: skip
containers = st.builds(
    container,
    name=st.sampled_from(["admin", "sidecar"]),
    ready=st.booleans(),
    restarts=st.integers(0, 9),
    waiting_reason=reasons,
    waiting_message=words,
    terminated_reason=st.sampled_from(["", "OOMKilled", "Error", "Completed", "StartError"]),
    exit_code=st.one_of(st.none(), st.integers(-1, 300)),
    started=st.one_of(st.none(), st.just(NOW), st.just(NOW + timedelta(hours=1))),
)
happenings = st.builds(
    warning,
    st.sampled_from(["Failed", "BackOff", "FailedMount", "Unhealthy", "FailedCreate", "FailedCreatePodSandBox"]),
    words,
    kind=st.sampled_from(["Pod", "ReplicaSet"]),
    name=st.sampled_from(["admin-new-1", "admin-new"]),
)


@settings(deadline=None)
@given(st.lists(st.lists(containers, max_size=2), max_size=3), st.lists(happenings, max_size=4), words)
def test_whatever_a_cluster_says_every_trouble_is_whole(pods, said, unschedulable):
    shown = look(
        *(pod(*each, name=f"admin-new-{n}", node="", unschedulable=unschedulable) for n, each in enumerate(pods)),
        happenings=tuple(said),
    )
    for trouble in troubles(shown, "admin", now=NOW):
        assert trouble.text.endswith((".", "…"))
        assert "\n" not in trouble.text
        assert trouble.remedy.endswith((".", ")."))
        assert trouble.pods >= 1
        assert len(trouble.text) <= 600


def test_a_cronjob_has_no_pods_to_wait_for():
    ref = WorkloadRef("growlio", WorkloadKind.CRONJOB, "report")
    shown = replace(look(), workload=replace(workload(), ref=ref))
    assert troubles(shown, "admin", now=NOW) == ()
