"""Writes to the simulated API: conflicts, patches, field ownership, validation, deletion."""

from typing import Any

from bot.sandbox.kube.merge import strategic_merge
from tests.sandbox.kube_client import APPS, CORE, deployment, served

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
ADMIN = f"{APPS}/deployments/admin"
MODIFIED = (
    'Operation cannot be fulfilled on deployments.apps "admin": the object has been modified; please apply your '
    "changes to the latest version and try again"
)


def managers(obj: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """fieldsV1 by manager and operation."""
    return {(e["manager"], e["operation"]): e["fieldsV1"] for e in obj["metadata"]["managedFields"]}


async def test_a_patch_with_an_old_version_is_a_conflict_and_changes_nothing() -> None:
    async with served() as kube:
        created = await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        version = created["metadata"]["resourceVersion"]
        stale = {"metadata": {"resourceVersion": version}, "spec": {"replicas": 9}}
        for kind in (MERGE, STRATEGIC):
            answer = await kube.send("PATCH", ADMIN, stale, kind=kind)
            assert answer.told == (409, "Conflict", MODIFIED)
        operations = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/replicas", "value": 9},
        ]
        answer = await kube.send("PATCH", ADMIN, operations, kind=JSON_PATCH)
        assert answer.told[:2] == (422, "Invalid")
        assert (await kube.get(ADMIN))["metadata"]["generation"] == 1


async def test_a_write_with_the_fresh_version_goes_through_and_counts_one_generation() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        fresh = await kube.rolled_out("admin")
        change = {"metadata": {"resourceVersion": fresh["metadata"]["resourceVersion"]}, "spec": {"replicas": 4}}
        changed = await kube.merge(ADMIN, change)
        assert changed["metadata"]["generation"] == 2
        assert changed["metadata"]["resourceVersion"] != fresh["metadata"]["resourceVersion"]


async def test_a_patch_that_changes_nothing_makes_no_new_version() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        before = await kube.rolled_out("admin")
        after = await kube.merge(ADMIN, {"spec": {"replicas": 3}})
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_managed_fields_name_who_changed_the_image_last() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments?fieldManager=helm", deployment())
        await kube.set_image("admin", "registry.local/admin:1.0.1", manager="argocd")
        image = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"admin"}', "f:image")

        def owns(fields: Any) -> bool:
            for part in image:
                fields = fields.get(part) if isinstance(fields, dict) else None
            return fields is not None

        owners = [manager for (manager, _), fields in managers(await kube.get(ADMIN)).items() if owns(fields)]
        assert owners == ["argocd"]


async def test_a_dry_run_shows_the_result_and_stores_nothing() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        shown = await kube.send("PATCH", f"{ADMIN}?dryRun=All", {"spec": {"replicas": 8}}, kind=MERGE)
        assert shown.body["spec"]["replicas"] == 8
        assert shown.body["metadata"]["generation"] == 2
        assert (await kube.get(ADMIN))["spec"]["replicas"] == 3
        created = await kube.send("POST", f"{APPS}/deployments?dryRun=All", deployment("web"))
        assert created.status == 201
        assert (await kube.send("GET", f"{APPS}/deployments/web")).status == 404
        deleted = await kube.send("DELETE", f"{ADMIN}?dryRun=All")
        assert deleted.status == 200
        assert await kube.get(ADMIN)


async def test_unknown_fields_are_refused_strictly_and_else_warned_of_and_dropped() -> None:
    async with served() as kube:
        body = deployment()
        body["spec"]["replicaz"] = 1
        strict = await kube.send("POST", f"{APPS}/deployments?fieldValidation=Strict", body)
        assert strict.told == (
            400,
            "BadRequest",
            'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field '
            '"spec.replicaz"',
        )
        warned = await kube.send("POST", f"{APPS}/deployments", body)
        assert warned.status == 201
        assert warned.headers["Warning"] == '299 - "unknown field \\"spec.replicaz\\""'
        assert "replicaz" not in warned.body["spec"]


async def test_a_wrong_type_is_told_as_go_tells_it() -> None:
    async with served() as kube:
        body = deployment()
        body["spec"]["replicas"] = "3"
        answer = await kube.send("POST", f"{APPS}/deployments", body)
        assert answer.told == (
            400,
            "BadRequest",
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
            "struct field DeploymentSpec.spec.replicas of type int32",
        )


async def test_protobuf_is_refused_clearly() -> None:
    async with served() as kube:
        kind = "application/vnd.kubernetes.protobuf"
        answer = await kube.send("POST", f"{CORE}/configmaps", b"k8s\0", kind=kind)
        assert answer.status == 415
        assert "accepted media types include: application/json" in answer.body["message"]


def test_strategic_merge_follows_merge_keys_and_directives() -> None:
    live: dict[str, Any] = {
        "containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}], "args": ["one", "two"]},
            {"name": "b", "image": "b:1"},
        ],
        "tolerations": [{"key": "old"}],
    }
    change = {
        "containers": [
            {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}], "args": ["three"]},
            {"name": "b", "$patch": "delete"},
            {"name": "c", "image": "c:1"},
        ],
        "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
        "tolerations": [{"key": "new"}],
    }
    merged = strategic_merge(live, change)
    env = [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]
    assert merged == {
        "containers": [
            {"name": "c", "image": "c:1"},
            {"name": "a", "image": "a:2", "env": env, "args": ["three"]},
        ],
        "tolerations": [{"key": "new"}],
    }
    assert live["containers"][0]["image"] == "a:1"


async def test_an_apply_takes_fields_only_by_force_and_drops_what_it_no_longer_names() -> None:
    async with served() as kube:
        maps = f"{CORE}/configmaps/settings"

        def intent(**data: str) -> dict[str, Any]:
            return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}

        await kube.send("PATCH", f"{maps}?fieldManager=ours", intent(a="1", b="2"), kind=APPLY)
        other = await kube.send("PATCH", f"{maps}?fieldManager=other", intent(a="9"), kind=APPLY)
        assert other.told == (409, "Conflict", 'Apply failed with 1 conflict: conflict with "ours": .data.a')
        forced = await kube.send("PATCH", f"{maps}?fieldManager=other&force=true", intent(a="9"), kind=APPLY)
        assert forced.body["data"] == {"a": "9", "b": "2"}
        dropped = await kube.send("PATCH", f"{maps}?fieldManager=ours", intent(), kind=APPLY)
        assert dropped.body["data"] == {"a": "9"}
        no_manager = await kube.send("PATCH", maps, intent(), kind=APPLY)
        assert no_manager.status == 422


async def test_deleting_an_owner_takes_its_dependents_along_unless_they_are_orphaned() -> None:
    async with served() as kube:
        for name in ("admin", "web"):
            await kube.post(f"{APPS}/deployments", deployment(name, replicas=1))
            await kube.rolled_out(name)
        gone = await kube.send("DELETE", ADMIN)
        assert gone.body["status"] == "Success"
        assert gone.body["details"]["kind"] == "deployments"
        orphan = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"}
        await kube.send("DELETE", f"{APPS}/deployments/web", orphan)
        await kube.until(f"{APPS}/deployments", lambda found: not found["items"])
        sets = await kube.until(f"{APPS}/replicasets", lambda found: len(found["items"]) == 1)
        assert "ownerReferences" not in sets["items"][0]["metadata"]
        await kube.until(f"{CORE}/pods", lambda pods: len(pods["items"]) == 1)


async def test_foreground_deletion_waits_for_the_dependents() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        await kube.rolled_out("admin")
        answer = await kube.send("DELETE", ADMIN, {"propagationPolicy": "Foreground"})
        assert answer.body["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert answer.body["metadata"]["deletionTimestamp"]
        await kube.until(ADMIN, lambda body: body.get("code") == 404)
        assert (await kube.get(f"{CORE}/pods"))["items"] == []


async def test_a_finalizer_holds_an_object_until_it_is_taken_off() -> None:
    async with served() as kube:
        body = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
        await kube.post(f"{CORE}/configmaps", body)
        await kube.send("DELETE", f"{CORE}/configmaps/held")
        held = await kube.get(f"{CORE}/configmaps/held")
        assert held["metadata"]["deletionTimestamp"]
        await kube.send("PATCH", f"{CORE}/configmaps/held", {"metadata": {"finalizers": None}}, kind=MERGE)
        assert (await kube.send("GET", f"{CORE}/configmaps/held")).status == 404


async def test_a_deletion_with_another_uid_is_a_conflict() -> None:
    async with served() as kube:
        await kube.post(f"{CORE}/configmaps", {"metadata": {"name": "a"}})
        answer = await kube.send("DELETE", f"{CORE}/configmaps/a", {"preconditions": {"uid": "other"}})
        assert answer.told[:2] == (409, "Conflict")


async def test_a_namespace_is_emptied_before_it_goes() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        await kube.post(f"{CORE}/configmaps", {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
        await kube.send("DELETE", "/api/v1/namespaces/shop")
        refused = await kube.send("POST", f"{CORE}/configmaps", {"metadata": {"name": "late"}})
        assert refused.told[:2] == (403, "Forbidden")
        await kube.send("PATCH", f"{CORE}/configmaps/held", {"metadata": {"finalizers": None}}, kind=MERGE)
        await kube.until("/api/v1/namespaces/shop", lambda body: body.get("code") == 404)
        missing = await kube.send("POST", f"{CORE}/configmaps", {"metadata": {"name": "late"}})
        assert missing.told == (404, "NotFound", 'namespaces "shop" not found')


async def test_a_lease_is_never_written_blindly() -> None:
    async with served() as kube:
        leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
        await kube.post(leases, {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"}})
        blind = await kube.send("PUT", f"{leases}/leader", {"metadata": {"name": "leader"}, "spec": {}})
        assert blind.told[:2] == (422, "Invalid")
