"""Raw JSON of Rollouts made into our nouns: strategies, steps, routers, owners of the image, odd values."""

from typing import Any

import pytest

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import ArgoState, Workload
from bot.kube.workloads import parsing, versions

ADMIN = WorkloadRef("x", WorkloadKind.ROLLOUT, "admin")
CONTAINERS = [{"name": "admin", "image": "registry.example.com/growlio/admin:1.4.1"}]


def read(strategy: object = None, status: object = None, *, spec: Any = None, metadata: Any = None) -> Workload:
    template = {"spec": {"containers": CONTAINERS}}
    whole = {"template": template, "strategy": strategy, **(spec or {})}
    return parsing.workload_from(ADMIN, {"metadata": metadata or {}, "spec": whole, "status": status})


def argo(*args: object, **kwargs: Any) -> ArgoState:
    found = read(*args, **kwargs).argo
    assert found is not None
    return found


def test_steps_are_told_in_words_and_kept_as_they_are_written() -> None:
    steps = [
        {"setWeight": 5},
        {"pause": {}},
        {"pause": {"duration": 10}},
        {"pause": {"duration": "1h"}},
        {"analysis": {}},
    ]
    seen = argo({"canary": {"steps": steps}}, {"currentStepIndex": 2, "stableRS": "a", "currentPodHash": "b"})
    assert seen.steps == ("setWeight 5", "pause", "pause 10s", "pause 1h", "analysis")
    assert seen.written_steps.startswith('[{"setWeight":5},{"pause":{}}')
    assert (seen.weight, seen.step, seen.has_router, seen.is_promoted) == (5, "pause 10s", False, False)


def test_a_router_tells_its_own_weight_and_what_it_counts_out_of() -> None:
    weights = {"canary": {"weight": 12}, "stable": {"weight": 88}}
    seen = argo({"canary": {"trafficRouting": {"istio": {}}}}, {"canary": {"weights": weights}})
    assert (seen.has_router, seen.routed_weight, seen.whole) == (True, 12, 100)
    assert argo({"canary": {"trafficRouting": {"maxTrafficWeight": 1000, "nginx": {}}}}).whole == 1000


@pytest.mark.parametrize(
    ("strategy", "spec", "told"),
    [
        ({"canary": {}}, {}, ("canary", "")),
        ({"canary": {}}, {"workloadRef": {"kind": "Deployment", "name": "admin"}}, ("canary", "deployment/admin")),
        ({"blueGreen": {}}, {}, ("blueGreen", "")),
        (None, {}, ("", "")),
        ("odd", {"workloadRef": 7}, ("", "")),
    ],
)
def test_what_cannot_be_released_is_known(strategy: object, spec: object, told: tuple[str, str]) -> None:
    seen = argo(strategy, spec=spec)
    assert (seen.strategy, seen.template_of) == told


@pytest.mark.parametrize("fields", [{}, {'k:{"name":"admin"}': {"f:image": {}}}])
def test_who_wrote_the_image_is_known_where_the_containers_are_one_value_too(fields: dict[str, Any]) -> None:
    way = {"f:spec": {"f:template": {"f:spec": {"f:containers": fields}}}}
    entries = [
        {"manager": "argocd-controller", "time": "2026-11-23T15:00:00Z", "fieldsV1": way},
        {"manager": "rollouts-controller", "time": "2026-11-23T15:01:00Z", "fieldsV1": {"f:status": {}}},
    ]
    assert read({"canary": {}}, metadata={"managedFields": entries}).managers == {"admin": "argocd-controller"}


def test_a_version_is_changed_where_the_template_says_the_one_before() -> None:
    new = "registry.example.com/growlio/admin:1.4.2"
    variables = [{"name": "DD_VERSION", "value": "1.4.1"}, {"name": "DD_VERSION", "valueFrom": {}}]
    labels = {"app.kubernetes.io/version": "2024-a", "tags.datadoghq.com/version": "1.4.1", "app": "1.4.1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{**CONTAINERS[0], "env": variables}]}}
    changed = versions.to_image(template, "admin", new, everywhere=False)
    assert [(each.path.rpartition("/template/")[2], each.new) for each in changed] == [
        ("spec/containers/0/image", new),
        ("metadata/labels/tags.datadoghq.com~1version", "1.4.2"),
        ("spec/containers/0/env/0/value", "1.4.2"),
    ]
    everywhere = versions.to_image(template, "admin", new, everywhere=True)
    assert "/spec/template/metadata/labels/app.kubernetes.io~1version" in [each.path for each in everywhere]
