"""Who may do what in the simulated cluster: bound tokens, roles and bindings, reviews, and the words of refusals."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.kube_client import APPS, CORE, Json, Kube, deployment, served

RBAC = "/apis/rbac.authorization.k8s.io/v1"
IN_SHOP = f"{RBAC}/namespaces/shop"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHO = "system:serviceaccount:shop:bot"
DEPLOYMENTS = f"{APPS}/deployments"


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served() as running:
        await running.post(f"{CORE}/serviceaccounts", {"metadata": {"name": "bot"}})
        yield running


async def token_of(kube: Kube, **spec: Any) -> str:
    answer = await kube.post(f"{CORE}/serviceaccounts/bot/token", {"spec": {"expirationSeconds": 600, **spec}})
    return str(answer["status"]["token"])


async def give(kube: Kube, *rules: Json, name: str = "r", subjects: list[Json] | None = None) -> None:
    """Bind a Role of these rules to the service account `bot`."""
    await kube.post(f"{IN_SHOP}/roles", {"metadata": {"name": name}, "rules": list(rules)})
    await bind(kube, {"kind": "Role", "name": name}, subjects, name)


async def bind(kube: Kube, role: Json, subjects: list[Json] | None = None, name: str = "r") -> None:
    chosen = subjects or [{"kind": "ServiceAccount", "name": "bot", "namespace": "shop"}]
    await kube.post(f"{IN_SHOP}/rolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": chosen})


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> Json:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group], **more}


async def may(kube: Kube, token: str, method: str, path: str, body: Any = None) -> bool:
    """Whether the answer is anything but 403."""
    answer = await kube.send(method, path, body, kind="application/merge-patch+json" if method == "PATCH" else
                             "application/json", token=token)  # fmt: skip
    return answer.status != 403


async def test_an_account_without_rights_is_told_what_it_cannot_do_and_on_what(kube: Kube) -> None:
    token = await token_of(kube)
    answer = await kube.send("GET", f"{DEPLOYMENTS}/admin/scale", token=token)
    assert answer.told == (
        403, "Forbidden",
        f'deployments.apps "admin" is forbidden: User "{WHO}" cannot get resource "deployments/scale" in API group '
        '"apps" in the namespace "shop"',
    )  # fmt: skip
    nodes = await kube.send("GET", "/api/v1/nodes", token=token)
    assert nodes.told[2] == (
        f'nodes is forbidden: User "{WHO}" cannot list resource "nodes" in API group "" at the cluster scope'
    )


async def test_a_role_allows_its_verbs_and_resources_in_its_namespace_and_nothing_else(kube: Kube) -> None:
    token = await token_of(kube)
    await give(kube, rule("get list", "deployments", "apps"))
    kube.cluster.create_namespace("bank")
    assert (await kube.send("GET", DEPLOYMENTS, token=token)).status == 200
    assert await may(kube, token, "GET", f"{DEPLOYMENTS}/x")
    assert not await may(kube, token, "GET", f"{DEPLOYMENTS}?watch=1")
    assert not await may(kube, token, "PATCH", f"{DEPLOYMENTS}/x", {})
    assert not await may(kube, token, "GET", f"{DEPLOYMENTS}/x/scale")
    assert not await may(kube, token, "GET", "/apis/apps/v1/deployments")
    assert not await may(kube, token, "GET", "/apis/apps/v1/namespaces/bank/deployments")
    await kube.send("DELETE", f"{IN_SHOP}/rolebindings/r")
    assert not await may(kube, token, "GET", DEPLOYMENTS)


async def test_subresources_and_names_are_told_apart(kube: Kube) -> None:
    token = await token_of(kube)
    await give(
        kube, rule("patch", "deployments/scale", "apps"), rule("get", "*/status", "apps"),
        rule("get list", "configmaps", resourceNames=["one"]),
    )  # fmt: skip
    assert await may(kube, token, "PATCH", f"{DEPLOYMENTS}/x/scale", {})
    assert not await may(kube, token, "PATCH", f"{DEPLOYMENTS}/x", {})
    assert await may(kube, token, "GET", f"{DEPLOYMENTS}/x/status")
    assert await may(kube, token, "GET", f"{CORE}/configmaps/one")
    assert not await may(kube, token, "GET", f"{CORE}/configmaps/two")
    assert not await may(kube, token, "GET", f"{CORE}/configmaps")
    assert await may(kube, token, "GET", f"{CORE}/configmaps?fieldSelector=metadata.name%3Done")


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "Group", "name": "system:serviceaccounts:shop"},
        {"kind": "Group", "name": "system:serviceaccounts"},
        {"kind": "Group", "name": "system:authenticated"},
        {"kind": "User", "name": WHO},
    ],
)
async def test_groups_and_user_names_of_an_account_are_subjects_too(kube: Kube, subject: Json) -> None:
    token = await token_of(kube)
    await bind(kube, {"kind": "ClusterRole", "name": "view"}, [subject])
    assert (await kube.send("GET", DEPLOYMENTS, token=token)).status == 200
    assert not await may(kube, token, "PATCH", f"{DEPLOYMENTS}/x", {})
    assert not await may(kube, token, "GET", f"{CORE}/secrets")


async def test_a_cluster_role_binding_reaches_every_namespace(kube: Kube) -> None:
    token = await token_of(kube)
    everything = {"kind": "ClusterRole", "name": "cluster-admin"}
    who = [{"kind": "ServiceAccount", "name": "bot", "namespace": "shop"}]
    body = {"metadata": {"name": "system:all"}, "roleRef": everything, "subjects": who}
    await kube.post(f"{RBAC}/clusterrolebindings", body)
    assert (await kube.send("GET", "/api/v1/pods", token=token)).status == 200
    assert (await kube.send("POST", DEPLOYMENTS, deployment(), token=token)).status == 201


async def test_a_binding_to_a_role_that_is_not_there_is_named_in_the_refusal(kube: Kube) -> None:
    token = await token_of(kube)
    await bind(kube, {"kind": "Role", "name": "lost"})
    told = (await kube.send("GET", DEPLOYMENTS, token=token)).told[2]
    assert told.endswith('in the namespace "shop": RBAC: role.rbac.authorization.k8s.io "lost" not found')


async def test_documents_that_are_no_resources_have_rules_of_their_own(kube: Kube) -> None:
    assert (await kube.send("GET", "/version", token=None)).status == 200
    assert (await kube.send("GET", "/apis", token=await token_of(kube))).status == 200
    answer = await kube.send("GET", "/apis", token=None)
    assert answer.told == (403, "Forbidden", 'forbidden: User "system:anonymous" cannot get path "/apis"')


async def test_a_token_dies_with_its_account_its_time_and_its_pod(kube: Kube) -> None:
    await kube.post(f"{CORE}/configmaps", {"metadata": {"name": "c"}})
    pod = await kube.post(f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [
        {"name": "p", "image": "registry.local/p:1"}]}})  # fmt: skip
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod["metadata"]["uid"]}
    bound, free = await token_of(kube, boundObjectRef=ref), await token_of(kube)
    assert (await kube.send("GET", DEPLOYMENTS, token=bound)).status == 403
    await kube.send("DELETE", f"{CORE}/pods/p?gracePeriodSeconds=0")
    assert (await kube.send("GET", DEPLOYMENTS, token=bound)).told == (401, "Unauthorized", "Unauthorized")
    assert (await kube.send("GET", DEPLOYMENTS, token=free)).status == 403
    kube.cluster.clock.skip_wall(601)
    assert (await kube.send("GET", DEPLOYMENTS, token=free)).status == 401
    young = await token_of(kube)
    await kube.send("DELETE", f"{CORE}/serviceaccounts/bot")
    assert (await kube.send("GET", DEPLOYMENTS, token=young)).status == 401
    await kube.post(f"{CORE}/serviceaccounts", {"metadata": {"name": "bot"}})
    assert (await kube.send("GET", DEPLOYMENTS, token=young)).status == 401


async def test_a_token_must_live_ten_minutes_and_be_bound_to_something_that_is(kube: Kube) -> None:
    path = f"{CORE}/serviceaccounts/bot/token"
    short = await kube.send("POST", path, {"spec": {"expirationSeconds": 60}})
    assert short.told == (
        422, "Invalid",
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify '
        "a duration less than 10 minutes",
    )  # fmt: skip
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "nope"}
    assert (await kube.send("POST", path, {"spec": {"boundObjectRef": ref}})).told == (
        404, "NotFound", 'pods "nope" not found',
    )  # fmt: skip


async def review(kube: Kube, token: str, **about: str) -> Json:
    body = {"spec": {"resourceAttributes": {"namespace": "shop", **about}}}
    answer = await kube.send("POST", f"{REVIEWS}/selfsubjectaccessreviews", body, token=token)
    assert answer.status == 201
    status: Json = answer.body["status"]
    return status


async def test_a_review_says_what_a_request_would_meet(kube: Kube) -> None:
    token = await token_of(kube)
    assert await review(kube, token, verb="patch", group="apps", resource="deployments") == {"allowed": False}
    await give(kube, rule("patch", "deployments", "apps", resourceNames=["admin"]))
    asked = {"verb": "patch", "group": "apps", "resource": "deployments"}
    assert await review(kube, token, **asked, name="admin") == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "r/shop" of Role "r" to ServiceAccount "bot/shop"',
    }
    assert await review(kube, token, **asked) == {"allowed": False}
    assert await review(kube, token, verb="*", resource="*") == {"allowed": False}
    assert await review(kube, "a-token", verb="*", resource="*") == {"allowed": True}


async def test_a_review_of_nothing_is_refused(kube: Kube) -> None:
    answer = await kube.send("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {}})
    assert answer.told[:2] == (422, "Invalid")
    assert "exactly one of nonResourceAttributes or resourceAttributes must be specified" in answer.told[2]


async def test_the_rules_of_a_user_are_listed(kube: Kube) -> None:
    token = await token_of(kube)
    await give(kube, rule("get", "pods"))
    answer = await kube.send(
        "POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": "shop"}}, token=token
    )  # fmt: skip
    status = answer.body["status"]
    assert {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]} in status["resourceRules"]
    assert any("/apis" in r["nonResourceURLs"] for r in status["nonResourceRules"])
    assert status["incomplete"] is False


async def test_nobody_gives_away_what_he_does_not_hold(kube: Kube) -> None:
    token = await token_of(kube)
    await give(kube, rule("create", "roles rolebindings", "rbac.authorization.k8s.io"), rule("get", "pods"))
    wide = {"metadata": {"name": "wide"}, "rules": [rule("get delete list", "pods")]}
    answer = await kube.send("POST", f"{IN_SHOP}/roles", wide, token=token)
    assert answer.told == (
        403, "Forbidden",
        f'roles.rbac.authorization.k8s.io "wide" is forbidden: user "{WHO}" (groups=["system:serviceaccounts" '
        '"system:serviceaccounts:shop" "system:authenticated"]) is attempting to grant RBAC permissions not currently '
        'held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete" "list"]}',
    )  # fmt: skip
    narrow = {"metadata": {"name": "narrow"}, "rules": [rule("get", "pods")]}
    assert (await kube.send("POST", f"{IN_SHOP}/roles", narrow, token=token)).status == 201
    binding = {"metadata": {"name": "up"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    assert (await kube.send("POST", f"{IN_SHOP}/rolebindings", binding, token=token)).status == 403


async def test_a_role_of_a_binding_never_changes(kube: Kube) -> None:
    await give(kube, rule("get", "pods"))
    answer = await kube.send("PATCH", f"{IN_SHOP}/rolebindings/r", {"roleRef": {"name": "other"}},
                             kind="application/merge-patch+json")  # fmt: skip
    assert answer.told[:2] == (422, "Invalid")
    assert answer.told[2].endswith("cannot change roleRef")


async def test_another_user_can_be_tried_on(kube: Kube) -> None:
    await give(kube, rule("list", "deployments", "apps"))
    asks = {"Impersonate-User": WHO}
    assert (await kube.send("GET", DEPLOYMENTS, headers=asks)).status == 200
    assert (await kube.send("GET", f"{CORE}/pods", headers=asks)).status == 403
    denied = await kube.send("GET", DEPLOYMENTS, token=await token_of(kube), headers={"Impersonate-User": "alice"})
    told = f'users "alice" is forbidden: User "{WHO}" cannot impersonate resource "users" in API group "" at the'
    assert denied.told[2] == f"{told} cluster scope"


async def test_applying_something_new_needs_the_right_to_create_it(kube: Kube) -> None:
    token = await token_of(kube)
    await give(kube, rule("patch", "configmaps"))
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}})
    path = f"{CORE}/configmaps/c?fieldManager=bot"
    refused = await kube.send("PATCH", path, body, kind="application/apply-patch+yaml", token=token)
    assert 'cannot create resource "configmaps"' in refused.told[2]
    await kube.post(f"{CORE}/configmaps", {"metadata": {"name": "c"}})
    assert (await kube.send("PATCH", path, body, kind="application/apply-patch+yaml", token=token)).status == 200
