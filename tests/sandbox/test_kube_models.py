"""The official Python client, models strict, reads what the simulated cluster serves; its field table is ours too."""

import types
import typing
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from kubernetes.aio import client as official

from bot.sandbox.kube import schema
from bot.sandbox.kube.kinds import RESOURCES
from tests.sandbox.kube_client import APPS, CORE, TOKEN, Kube, deployment, served

READERS: list[tuple[str, str]] = [
    ("AppsV1Api", "deployment"), ("AppsV1Api", "replica_set"), ("AppsV1Api", "stateful_set"),
    ("AppsV1Api", "daemon_set"), ("AppsV1Api", "controller_revision"), ("BatchV1Api", "job"),
    ("BatchV1Api", "cron_job"), ("CoreV1Api", "pod"), ("CoreV1Api", "event"), ("CoreV1Api", "service"),
    ("CoreV1Api", "config_map"), ("CoreV1Api", "service_account"), ("CoreV1Api", "resource_quota"),
    ("CoordinationV1Api", "lease"), ("CoreV1Api", "endpoints"), ("DiscoveryV1Api", "endpoint_slice"),
    ("NetworkingV1Api", "ingress"), ("PolicyV1Api", "pod_disruption_budget"),
    ("AutoscalingV2Api", "horizontal_pod_autoscaler"), ("RbacAuthorizationV1Api", "role"),
    ("RbacAuthorizationV1Api", "role_binding"),
]  # fmt: skip


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    """A cluster with something of every kind, some of it broken."""
    async with served() as running:
        await running.post(f"{APPS}/deployments", deployment(replicas=2))
        for name, tag in (("b", "1-broken"), ("c", "1-crash"), ("o", "1-oom"), ("u", "1-unready")):
            await running.post(f"{APPS}/deployments", deployment(name, f"registry.local/x:{tag}", replicas=1))
        spec = deployment("s")["spec"]
        both = {"selector": spec["selector"], "template": spec["template"]}
        await running.post(f"{APPS}/statefulsets", {"metadata": {"name": "s"}, "spec": {**both, "replicas": 1}})
        await running.post(f"{APPS}/daemonsets", {"metadata": {"name": "s"}, "spec": both})
        pod = {"restartPolicy": "Never", "containers": [{"name": "j", "image": "registry.local/j:1"}]}
        job = {"template": {"spec": pod}}
        batch = "/apis/batch/v1/namespaces/shop"
        await running.post(f"{batch}/jobs", {"metadata": {"name": "j"}, "spec": job})
        cron = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
        await running.post(f"{batch}/cronjobs", {"metadata": {"name": "j"}, "spec": cron})
        await running.post(f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
        await running.post(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "50"}}})
        lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "renewTime": "2026-11-23T00:00:00.000000Z"}}
        await running.post("/apis/coordination.k8s.io/v1/namespaces/shop/leases", lease)
        await add_policies(running)
        await running.until(
            f"{CORE}/pods",
            lambda pods: all(word in str(pods) for word in ("CrashLoopBackOff", "ErrImagePull", "OOMKilled")),
        )
        await running.until(f"{batch}/jobs/j", lambda j: j["status"].get("succeeded"))
        yield running


async def add_policies(kube: Kube) -> None:
    """Something of every kind around workloads, each with a status that a controller wrote."""
    rbac, selector = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop", {"app.kubernetes.io/name": "admin"}
    ports = [{"port": 80, "targetPort": 8080}]
    await kube.post(f"{CORE}/services", {"metadata": {"name": "admin"}, "spec": {"selector": selector, "ports": ports}})
    backend = {"service": {"name": "admin", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    ingress: Any = {"metadata": {"name": "i"}, "spec": {"rules": [{"host": "a.example", "http": {"paths": [path]}}]}}
    await kube.post("/apis/networking.k8s.io/v1/namespaces/shop/ingresses", ingress)
    budget = {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": selector}, "minAvailable": "50%"}}
    await kube.post("/apis/policy/v1/namespaces/shop/poddisruptionbudgets", budget)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "admin"}
    metrics = [
        {"type": "Resource", "resource": {"name": "memory", "target": {
            "type": "AverageValue", "averageValue": "48Mi"}}},
        {"type": "Pods", "pods": {"metric": {"name": "requests_per_second"}, "target": {
            "type": "AverageValue", "averageValue": 50}}},
    ]  # fmt: skip
    spec: Any = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 2, "metrics": metrics}
    autoscalers = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    await kube.post(autoscalers, {"metadata": {"name": "h"}, "spec": spec})
    await kube.post(f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"], "resourceNames": ["a"]}]})  # fmt: skip
    binding: Any = {"metadata": {"name": "r"}, "roleRef": {"kind": "Role", "name": "r"},
                    "subjects": [{"kind": "Group", "name": "g"}]}  # fmt: skip
    await kube.post(f"{rbac}/rolebindings", binding)
    await kube.until(f"{autoscalers}/h", lambda h: len(h["status"].get("currentMetrics") or []) == 2)
    await kube.until(f"{CORE}/endpoints/admin", lambda e: "addresses" in str(e))


async def test_every_kind_is_read_without_a_complaint(kube: Kube) -> None:
    configuration = official.Configuration(host=kube.url, api_key={"authorization": f"Bearer {TOKEN}"})
    async with official.ApiClient(configuration) as api:
        for group, kind in READERS:
            found = await getattr(getattr(official, group)(api), f"list_namespaced_{kind}")("shop", _request_timeout=60)
            assert found.items, kind
        core = official.CoreV1Api(api)
        assert len((await core.list_node(_request_timeout=60)).items) == 3
        assert (await core.list_namespace(_request_timeout=60)).items
        scale = await official.AppsV1Api(api).read_namespaced_deployment_scale("admin", "shop", _request_timeout=60)
        assert scale.spec is not None
        assert scale.spec.replicas == 2
        rbac = official.RbacAuthorizationV1Api(api)
        assert (await rbac.list_cluster_role(_request_timeout=60)).items
        assert (await rbac.list_cluster_role_binding(_request_timeout=60)).items
        custom = official.CustomObjectsApi(api)
        routes: Any = await custom.list_namespaced_custom_object(
            "gateway.networking.k8s.io", "v1", "shop", "httproutes", _request_timeout=60)  # fmt: skip
        assert routes["kind"] == "HTTPRouteList"


async def test_reviews_and_tokens_are_read_without_a_complaint(kube: Kube) -> None:
    configuration = official.Configuration(host=kube.url, api_key={"authorization": f"Bearer {TOKEN}"})
    async with official.ApiClient(configuration) as api:
        reviews = official.AuthorizationV1Api(api)
        about = official.V1ResourceAttributes(verb="get", resource="pods", namespace="shop")
        asked = official.V1SelfSubjectAccessReview(
            spec=official.V1SelfSubjectAccessReviewSpec(resource_attributes=about)
        )  # fmt: skip
        verdict = await reviews.create_self_subject_access_review(asked, _request_timeout=60)
        assert verdict.status is not None
        assert verdict.status.allowed
        listed = await reviews.create_self_subject_rules_review(
            official.V1SelfSubjectRulesReview(spec=official.V1SelfSubjectRulesReviewSpec(namespace="shop")),
            _request_timeout=60,
        )
        assert listed.status is not None
        assert listed.status.resource_rules
        token = await official.CoreV1Api(api).create_namespaced_service_account_token(
            "default", "shop", official.AuthenticationV1TokenRequest(
                spec=official.V1TokenRequestSpec(audiences=[])), _request_timeout=60)  # fmt: skip
        assert token.status is not None
        assert token.status.token


async def test_its_errors_carry_the_status(kube: Kube) -> None:
    configuration = official.Configuration(host=kube.url, api_key={"authorization": f"Bearer {TOKEN}"})
    async with official.ApiClient(configuration) as api:
        apps = official.AppsV1Api(api)
        with pytest.raises(official.ApiException) as refused:
            await apps.read_namespaced_deployment("nope", "shop", _request_timeout=60)
        assert refused.value.status == 404
        assert '"reason":"NotFound"' in (refused.value.body or "")


ROOTS = [getattr(official, schema.root_type(r.kind)) for r in RESOURCES if not r.custom] + [official.V1Scale]
QUANTITIES = {"limits", "requests", "hard", "used", "capacity", "allocatable", "allocatedResources", "default",
              "min", "max", "overhead", "sizeLimit", "divisor", "averageValue", "tolerance"}  # fmt: skip


def test_the_field_table_says_what_the_official_models_say() -> None:
    seen: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        model = waiting.pop()
        if model.__name__ in seen:
            continue
        seen.add(model.__name__)
        fields = {f.serialization_alias or f.alias or n: f for n, f in model.model_fields.items()}
        assert fields.keys() == schema.TYPES[model.__name__].keys(), model.__name__
        required = {name for name, field in fields.items() if field.is_required()}
        assert required == set(schema.REQUIRED[model.__name__]), model.__name__
        for name, field in fields.items():
            declared = _declared(field.annotation, waiting)
            if name not in QUANTITIES and not (name == "value" and model.__name__.startswith("V2Metric")):
                assert declared == schema.TYPES[model.__name__][name], f"{model.__name__}.{name}"
    assert seen | schema.CUSTOM_TYPES.keys() == schema.TYPES.keys()


def _declared(annotation: Any, models: list[Any]) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _declared(arguments[0], models)
    if origin in (typing.Union, types.UnionType):
        kinds = [_declared(a, models) for a in arguments if a is not type(None)]
        return kinds[0] if len(kinds) == 1 else "intstr" if "int" in kinds else "any"
    if origin is list:
        return "[" + _declared(arguments[0], models)
    if origin is dict:
        return "{" + _declared(arguments[1], models)
    if hasattr(annotation, "model_fields"):
        models.append(annotation)
        return str(annotation.__name__)
    return {str: "str", bool: "bool", int: "int", float: "float", datetime: "time"}.get(annotation, "any")
