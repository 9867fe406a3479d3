"""What is installed in a cluster: rendered by kubectl as operators do it, and held to what was promised about power."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.kube.objects import RESOURCES
from bot.settings import load

ROOT = Path(__file__).parent.parent
OVERLAYS = ("dev", "stg", "prd")
RECOMMENDED = ("name", "instance", "component", "part-of", "version", "managed-by")
READ = {"get", "list", "watch"}
RIGHTS = {
    ("argoproj.io", "rollouts"): {"get", "list", "patch"},
    ("argoproj.io", "rollouts/status"): {"patch"},
    ("apps", "deployments"): READ | {"patch", "create", "delete"},
    ("apps", "statefulsets"): READ | {"patch"},
    ("apps", "daemonsets"): READ | {"patch"},
    ("batch", "cronjobs"): READ | {"patch"},
    ("batch", "jobs"): READ | {"create"},
    ("autoscaling", "horizontalpodautoscalers"): READ,
    ("apps", "replicasets"): READ,
    ("apps", "controllerrevisions"): READ,
    ("", "pods"): READ,
    ("", "events"): READ,
    ("", "pods/log"): {"get"},
    ("", "services"): {"get", "list", "create", "delete"},
    ("discovery.k8s.io", "endpointslices"): {"list"},
    ("gateway.networking.k8s.io", "httproutes"): {"get", "list", "patch"},
    ("networking.k8s.io", "ingresses"): {"get", "list", "create", "patch", "delete"},
    ("policy", "poddisruptionbudgets"): {"list"},
}

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="needs kubectl, which renders kustomize overlays"
)


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def objects(overlay) -> list[dict[str, Any]]:
    return render(f"k8s/overlays/{overlay}")


def render(folder: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(ROOT / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = of_kind(objects, kind)
    return found


def pod_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = only(objects, "Deployment")["spec"]["template"]["spec"]
    return pod


def test_the_pod_passes_the_restricted_standard(objects):
    pod = pod_of(objects)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"] + pod.get("initContainers", []):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security
    assert all(not {"hostPath"} & volume.keys() for volume in pod["volumes"])
    namespace = only(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_has_limits_probes_and_time_to_drain(objects):
    pod = pod_of(objects)
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["terminationGracePeriodSeconds"] >= 30


def test_one_pod_at_a_time_writes_the_database(objects):
    deployment = only(objects, "Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    claim = only(objects, "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert {"name": "database", "persistentVolumeClaim": {"claimName": "kajitori"}} in pod_of(objects)["volumes"]


def test_the_rights_are_exactly_what_a_release_needs(objects):
    roles = of_kind(objects, "Role")
    assert {role["metadata"]["namespace"] for role in roles} == {"admin", "web", "batch"}
    for role in roles:
        granted: dict[tuple[str, str], set[str]] = {}
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    granted.setdefault((group, resource), set()).update(rule["verbs"])
        assert granted == RIGHTS


def test_nothing_is_granted_cluster_wide_nor_to_anyone_else(objects):
    assert not of_kind(objects, "ClusterRole")
    assert not of_kind(objects, "ClusterRoleBinding")
    for binding in of_kind(objects, "RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "kajitori", "namespace": "kajitori"}]
        assert binding["roleRef"]["kind"] == "Role"


def test_no_secret_is_in_the_repository_and_none_is_readable_by_the_bot(objects):
    assert not of_kind(objects, "Secret")
    granted = [
        resource for role in of_kind(objects, "Role") for rule in role["rules"] for resource in rule["resources"]
    ]
    assert not [resource for resource in granted if "secret" in resource or "exec" in resource or "*" in resource]
    (container,) = pod_of(objects)["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "kajitori"}}]
    assert all(variable["name"] == "KUBECONFIG" for variable in container.get("env", []))


def test_the_configuration_in_the_overlay_is_accepted_and_reachable_in_a_pod(objects, overlay, tmp_path):
    text = only(objects, "ConfigMap")["data"]["kajitori.yaml"]
    (tmp_path / "kajitori.yaml").write_text(text)
    settings = load(tmp_path / "kajitori.yaml", {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    assert overlay in settings.catalog.environments
    assert (settings.listen.host, settings.listen.port) == ("0.0.0.0", 8080)
    bound = {binding["metadata"]["namespace"] for binding in of_kind(objects, "RoleBinding")}
    assert {service.workload.namespace for service in settings.catalog.services.values()} == bound


def test_the_image_is_pinned_and_the_configuration_s_change_restarts_the_bot(objects):
    (container,) = pod_of(objects)["containers"]
    assert container["image"] == "registry.example.com/kajitori:0.1.0"
    (mounted,) = [v["configMap"]["name"] for v in pod_of(objects)["volumes"] if "configMap" in v]
    assert mounted == only(objects, "ConfigMap")["metadata"]["name"] != "kajitori"


def test_the_network_lets_in_one_port_and_out_names_and_tls(objects):
    policy = only(objects, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == ["http"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 6443}


def test_every_object_bears_the_recommended_labels(objects, overlay):
    for each in objects:
        labels = each["metadata"]["labels"]
        assert {f"app.kubernetes.io/{label}" for label in RECOMMENDED} <= labels.keys(), each["kind"]
        assert labels["app.kubernetes.io/instance"] == f"kajitori-{overlay}"


def test_selectors_find_the_pod_and_a_node_s_drain_is_never_blocked(objects):
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for selector in (
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert only(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_the_optional_right_on_nodes_is_to_read_them_and_no_more():
    objects = render("k8s/rights/nodes")
    assert only(objects, "ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
    ]
    assert only(objects, "ClusterRoleBinding")["roleRef"]["name"] == "kajitori-nodes"


def test_the_optional_rights_for_overlays_are_those_of_the_kinds_that_are_applied():
    role = only(render("k8s/rights/manifests"), "Role")
    applied = {(version.rpartition("/")[0], resource) for (version, _), resource in RESOURCES.items()}
    granted = {
        (group, resource) for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]
    }
    assert granted == applied
    assert {frozenset(rule["verbs"]) for rule in role["rules"]} == {
        frozenset({"get", "list", "create", "patch", "delete"})
    }


def test_the_rights_can_be_given_in_a_cluster_where_the_bot_does_not_run():
    kinds = {each["kind"] for each in render("k8s/rights")}
    assert kinds == {"Role", "RoleBinding"}
