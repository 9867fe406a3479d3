"""Discovery documents: versions, resources (plain and aggregated), the OpenAPI that kubectl needs to apply. Pure."""

import base64
import hashlib
from typing import Any

from bot.sandbox.kube.kinds import GROUPS, RESOURCES, Obj, Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION: Obj = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "$Format:%H$", "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip
_SUB_VERBS = {"scale": ["get", "patch", "update"], "status": ["get", "patch", "update"], "log": ["get"],
              "eviction": ["create"], "binding": ["create"], "token": ["create"], "finalize": ["update"]}  # fmt: skip
_SUB_KINDS = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction"),
              "token": ("authentication.k8s.io", "v1", "TokenRequest"), "binding": ("", "", "Binding")}  # fmt: skip


def api_versions(host: str) -> Obj:
    return {"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]}  # fmt: skip


def _group(group: str, version: str) -> Obj:
    named = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [named], "preferredVersion": named}


def group_list() -> Obj:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(g, v) for g, v in GROUPS]}


def group_document(group: str) -> Obj | None:
    found = next(((g, v) for g, v in GROUPS if g == group), None)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(*found)} if found else None


def resource_list(group: str, version: str) -> Obj | None:
    """The APIResourceList of a group version."""
    served = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    if not served:
        return None
    rows: list[Obj] = []
    for resource in sorted(served, key=lambda r: r.plural):
        row: Obj = {"name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
                    "kind": resource.kind, "verbs": list(resource.verbs)}  # fmt: skip
        if resource.short_names:
            row["shortNames"] = list(resource.short_names)
        if resource.categories:
            row["categories"] = list(resource.categories)
        if "get" in resource.verbs:
            row["storageVersionHash"] = _storage_hash(resource)
        rows.append(row)
        for sub in sorted(resource.subresources):
            row = {"name": f"{resource.plural}/{sub}", "singularName": "", "namespaced": resource.namespaced}
            if sub in _SUB_KINDS:
                other_group, other_version, kind = _SUB_KINDS[sub]
                row |= {"group": other_group, "version": other_version} if other_group else {}
                row["kind"] = kind
            else:
                row["kind"] = resource.kind
            rows.append(row | {"verbs": _SUB_VERBS[sub]})
    document: Obj = {"kind": "APIResourceList", "groupVersion": f"{group}/{version}" if group else version}
    if group:
        document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{version}"}
    return document | {"resources": rows}


def _storage_hash(resource: Resource) -> str:
    """As a real server tells in which version objects are kept."""
    digest = hashlib.sha256(f"{resource.group}/{resource.version}/{resource.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def aggregated(core: bool) -> Obj:
    """All groups of /api or /apis in one document."""
    groups = [("", "v1")] if core else list(GROUPS)
    items = []
    for group, version in groups:
        served = sorted((r for r in RESOURCES if r.group == group), key=lambda r: r.plural)
        items.append({
            "metadata": {"name": group} if group else {},
            "versions": [{"version": version, "resources": [_aggregated(r) for r in served], "freshness": "Current"}],
        })  # fmt: skip
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(resource: Resource) -> Obj:
    row: Obj = {
        "resource": resource.plural, "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster", "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }  # fmt: skip
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    subs = []
    for sub in sorted(resource.subresources):
        group, version, kind = _SUB_KINDS.get(sub, ("", "", resource.kind))
        subs.append({"subresource": sub, "responseKind": {"group": group, "version": version, "kind": kind},
                     "verbs": _SUB_VERBS[sub]})  # fmt: skip
    if subs:
        row["subresources"] = subs
    return row


def openapi_index() -> Obj:
    paths: Obj = {}
    for name in ["api/v1", *(f"apis/{g}/{v}" for g, v in GROUPS)]:
        digest = hashlib.sha512(name.encode()).hexdigest().upper()
        paths[name] = {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"}
    return {"paths": paths}


def openapi_document(path: str) -> Obj | None:
    """OpenAPI v3 of one group version: no schemas, but what tells kubectl that PATCH validates fields.

    Strategic merge patch is left out of the request bodies on purpose: kubectl then uses its own merge keys.
    """
    served = [r for r in RESOURCES if path == (f"apis/{r.group}/{r.version}" if r.group else f"api/{r.version}")]
    if not served:
        return None
    paths: Obj = {}
    for resource in served:
        base = f"/{path}/namespaces/{{namespace}}" if resource.namespaced else f"/{path}"
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        paths[f"{base}/{resource.plural}/{{name}}"] = {
            "get": _operation("get", kind),
            "patch": _operation("patch", kind),
            "put": _operation("put", kind),
        }
        paths[f"{base}/{resource.plural}"] = {"get": _operation("list", kind), "post": _operation("post", kind)}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"}, "paths": paths,
            "components": {"schemas": {}}}  # fmt: skip


def _operation(action: str, kind: dict[str, Any]) -> Obj:
    names = ["dryRun", "fieldManager", "fieldValidation"] if action in ("patch", "put", "post") else ["pretty"]
    operation: Obj = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind,
        "parameters": [{"name": n, "in": "query", "schema": {"type": "string"}} for n in names],
        "responses": {"200": {"description": "OK"}},
    }
    if action == "patch":
        types = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
        operation["requestBody"] = {"content": {name: {"schema": {"type": "object"}} for name in types}}
    return operation
