"""Odd changes to living objects: every kind the simulated API serves, by PUT and all four patches; never a 500, and the
controllers live on.
"""

import copy
import random
from typing import Any

import pytest

from bot.sandbox.kube.kinds import RESOURCES, Obj, Resource
from bot.sandbox.kube.protobuf import MAGIC, MEDIA_TYPE
from tests.sandbox.kube_client import APPS, CORE, Json, Kube, deployment, is_rolled_out, served
from tests.sandbox.test_kube_odd_input import APPLY, JSON_PATCH, MERGE, ODD, STRATEGIC, spoiled

CHANGED = [resource for resource in RESOURCES if "patch" in resource.verbs]
PLAUSIBLE: list[Any] = ["1", "50%", "-5%", "2026-11-20T00:00:00Z", "Always", "Never", "a.b/c", 1, 2**31, -(2**40),
                        ["a"], {"a": "b"}, {"name": "x"}, [{"name": "x"}, {"name": "x"}], {"$patch": "delete"},
                        {"$patch": "replace"}, {"$retainKeys": ["x"]}, "5.5", "1e400", "0x", "🙂", "10Ei"]  # fmt: skip
RECORDED = ("field not declared in schema", "strconv.ParseUint")  # the 500s of a real server


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an object but its name and namespace."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            if (*path, key) not in (("metadata", "name"), ("metadata", "namespace")):
                found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def put_at(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    whole = copy.deepcopy(whole)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return whole


def nested(path: tuple[Any, ...], value: Any) -> Any:
    """A merge patch of one place; a list on the way is taken as one item."""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    return value


def pointer(path: tuple[Any, ...]) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def path_of(resource: Resource, obj: Obj) -> str:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    namespace = obj["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{resource.plural}/{obj['metadata']['name']}"


async def furnish(kube: Kube) -> None:
    """Something of the kinds that are not there by themselves."""
    made = deployment("db")
    parts = {"selector": made["spec"]["selector"], "template": made["spec"]["template"]}
    pod = {**made["spec"]["template"]["spec"], "restartPolicy": "Never"}
    await kube.post(f"{APPS}/deployments", deployment("web", replicas=1))
    await kube.post(f"{APPS}/statefulsets", {"metadata": {"name": "db"}, "spec": {**parts, "replicas": 1}})
    await kube.post(f"{APPS}/daemonsets", {"metadata": {"name": "agent"}, "spec": parts})
    jobs = "/apis/batch/v1/namespaces/shop"
    await kube.post(f"{jobs}/jobs", {"metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}})
    job = {"spec": {"template": {"spec": pod}}}
    cron = {"schedule": "* * * * *", "timeZone": "Asia/Tokyo", "jobTemplate": job}
    await kube.post(f"{jobs}/cronjobs", {"metadata": {"name": "report"}, "spec": cron})
    await kube.post(f"{CORE}/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    await kube.post(f"{CORE}/resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "90"}}})
    await kube.post(f"{CORE}/secrets", {"metadata": {"name": "key"}, "data": {"a": "Yg=="}})
    leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
    await kube.post(leases, {"metadata": {"name": "turn"}, "spec": {"holderIdentity": "me"}})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    scaler = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    await kube.post(path, {"metadata": {"name": "web"}, "spec": scaler})
    budget = {"minAvailable": "50%", "selector": {"matchLabels": {"app.kubernetes.io/name": "web"}}}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    await kube.post(path, {"metadata": {"name": "web"}, "spec": budget})
    rules = [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}]
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"
    await kube.post(path, {"metadata": {"name": "web"}, "spec": {"parentRefs": [{"name": "edge"}], "rules": rules}})
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    await kube.post(f"{roles}/roles", {"metadata": {"name": "look"}, "rules": [rule]})
    bound = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"},
             "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}]}  # fmt: skip
    await kube.post(f"{roles}/rolebindings", {"metadata": {"name": "look"}, **bound})


def a_change(chance: random.Random, whole: Json) -> tuple[str, str, Any]:
    """Method, content type and body of one odd change of an object."""
    path = chance.choice(places(whole))
    value = chance.choice([*ODD, *PLAUSIBLE])
    match chance.randrange(6):
        case 0:
            operation: Json = {"op": chance.choice(["add", "replace", "remove", "test", "move", "copy"]),
                               "path": pointer(path), "value": value}  # fmt: skip
            operation["from"] = pointer(chance.choice(places(whole)))
            return "PATCH", JSON_PATCH, [operation]
        case 1:
            return "PATCH", MERGE, nested(path, value)
        case 2:
            return "PATCH", STRATEGIC, nested(path, value)
        case 3:
            intent = put_at(whole, path, value)
            metadata = intent.get("metadata")
            if isinstance(metadata, dict) and chance.random() < 0.9:
                metadata.pop("managedFields", None)
            return "PATCH", APPLY, intent
        case 4:
            return "PUT", "application/json", put_at(whole, path, value)
        case _:
            return "PUT", "application/json", spoiled(chance, whole)


@pytest.mark.parametrize("seed", range(3))
async def test_no_change_of_a_living_object_is_answered_500_or_stops_the_controllers(seed: int) -> None:
    chance = random.Random(seed)
    async with served() as kube:
        await furnish(kube)
        for _ in range(200):
            resource = chance.choice(CHANGED)
            living = kube.cluster.store.all_of(resource)
            if not living:
                continue
            obj = chance.choice(living)
            method, kind, body = a_change(chance, {"kind": resource.kind, "apiVersion": resource.api_version, **obj})
            sub = chance.choice(["", "", "", *(f"/{each}" for each in resource.subresources)])
            query = chance.choice(["", "?fieldManager=x", "?fieldManager=x&force=true", "?dryRun=All",
                                   "?fieldValidation=Strict"])  # fmt: skip
            answer = await kube.send(method, f"{path_of(resource, obj)}{sub}{query}", body, kind=kind)
            told = f"{method} {path_of(resource, obj)}{sub}{query} {kind} {body!r} -> {answer}"
            assert answer.status < 500 or any(word in told for word in RECORDED), told
            assert kube.cluster.crashed() is None, told
            for accept in ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"):
                shown = await kube.send("GET", path_of(resource, obj), headers={"Accept": accept})
                assert shown.status in (200, 404, 405), told
        await kube.post("/api/v1/namespaces", {"metadata": {"name": "calm"}})
        calm = "/apis/apps/v1/namespaces/calm/deployments"
        for node in kube.cluster.nodes():
            await kube.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None, "taints": None}})
        assert (await kube.send("POST", calm, deployment("last", replicas=1))).status == 201
        await kube.until(f"{calm}/last", lambda d: "spec" in d and (is_rolled_out(d) or d["status"].get("replicas")))
        assert kube.cluster.crashed() is None


@pytest.mark.parametrize("seed", range(2))
async def test_no_spoiled_protobuf_is_answered_500(seed: int) -> None:
    chance = random.Random(seed)
    kind, group = b"SelfSubjectAccessReview", b"authorization.k8s.io/v1"
    spec = b"\x12\x0e\n\x0c\x12\x05patch*\x03abc"
    head = b"\n" + bytes([len(group)]) + group + b"\x12" + bytes([len(kind)]) + kind
    whole = MAGIC + b"\n" + bytes([len(head)]) + head + b"\x12" + bytes([len(spec)]) + spec
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    async with served() as kube:
        right = await kube.send("POST", path, whole, kind=MEDIA_TYPE)
        assert (right.status, right.body["spec"]["resourceAttributes"]["verb"]) == (201, "patch")
        for _ in range(200):
            raw = bytearray(whole[: chance.randrange(len(whole) + 1)])
            for _ in range(chance.randrange(4)):
                if raw:
                    raw[chance.randrange(len(raw))] = chance.randrange(256)
            where = chance.choice([path, f"{CORE}/configmaps", "/apis/batch/v1/namespaces/shop/jobs"])
            answer = await kube.send("POST", where, bytes(raw), kind=MEDIA_TYPE)
            assert answer.status < 500, (where, bytes(raw), answer)
