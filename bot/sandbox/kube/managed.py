"""Field ownership (metadata.managedFields): which manager last set which field. Pure.

A path is a tuple of fieldsV1 keys: `f:name`, `k:{...}` for an item of a keyed list, `v:...` for a member of a set, and
a last `.` for the thing itself. The registry records updates here; `apply` decides conflicts with it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.kube.kinds import SETS, Obj, merge_keys

Path = tuple[str, ...]

_UNOWNED = frozenset({
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "selfLink", "managedFields",
})  # fmt: skip
_ATOMIC_MAPS = frozenset({"selector", "nodeSelector", "securityContext/seLinuxOptions", "claimRef", "involvedObject"})
_ATOMIC_ITEMS = frozenset({"ownerReferences"})  # found by their key, but owned as a whole
_DOTTED = frozenset({
    "labels", "annotations", "rollingUpdate", "conditions", "ownerReferences", "finalizers", "data", "env", "volumes",
    "volumeMounts", "ports", "limits", "requests", "readinessProbe", "livenessProbe", "httpGet", "podIPs",
    "uncountedTerminatedPods", "resourceAttributes", "nonResourceAttributes",
})  # fmt: skip


@dataclass(slots=True)
class Owned:
    """One entry of managedFields."""

    manager: str
    operation: str  # Update or Apply
    api_version: str
    time: str
    subresource: str = ""
    paths: set[Path] = field(default_factory=set)

    def is_of(self, manager: str, operation: str, subresource: str) -> bool:
        return (self.manager, self.operation, self.subresource) == (manager, operation, subresource)


def leaves(obj: Obj) -> dict[Path, Any]:
    """Every ownable leaf of an object with its value."""
    found: dict[Path, Any] = {}
    for key, value in obj.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            for name, item in value.items():
                if name not in _UNOWNED:
                    _collect(found, ("f:metadata", f"f:{name}"), item, "metadata", name)
        elif key == "status" and obj.get("kind") == "Job":
            for name, item in value.items():
                if name == "conditions":  # a Job's are owned as one
                    found["f:status", "f:conditions"] = item
                else:
                    _collect(found, ("f:status", f"f:{name}"), item, "status", name)
        else:
            _collect(found, (f"f:{key}",), value, "", key)
    return found


def sign(obj: Obj, manager: str, api_version: str, time: str, subresource: str = "") -> Obj:
    """The entry of an object of which one manager owns everything."""
    return encode([Owned(manager, "Update", api_version, time, subresource, set(leaves(obj)))])[0]


def item_key(item: Any, keys: tuple[str, ...]) -> str:
    """`k:{"name":"admin"}`, with the API's default for a port without a protocol."""
    if not isinstance(item, dict):  # in what the API keeps as it came, e.g. the data of a ControllerRevision
        return "v:" + json.dumps(item)
    chosen = {k: item.get(k, "TCP" if k == "protocol" else None) for k in sorted(keys)}
    return "k:" + json.dumps({k: v for k, v in chosen.items() if v is not None}, separators=(",", ":"))


def _collect(found: dict[Path, Any], path: Path, value: Any, parent: str, name: str) -> None:
    if isinstance(value, dict) and value and name not in _ATOMIC_MAPS:
        if name in _DOTTED:
            found[(*path, ".")] = None
        for key, item in value.items():
            _collect(found, (*path, f"f:{key}"), item, name, key)
        return
    if isinstance(value, list) and value:
        keys = merge_keys(parent, name)
        if name in SETS:
            found[(*path, ".")] = None
            for item in value:
                found[(*path, "v:" + json.dumps(item))] = item
            return
        if keys and all(isinstance(item, dict) for item in value):
            if name in _DOTTED:
                found[(*path, ".")] = None
            for item in value:
                at = (*path, item_key(item, keys))
                if name in _ATOMIC_ITEMS:
                    found[at] = item
                    continue
                found[(*at, ".")] = None
                for key, inner in item.items():
                    _collect(found, (*at, f"f:{key}"), inner, name, key)
            return
    if name != "metadata" or value:  # a template's empty metadata is no field of anybody's
        found[path] = value


def decode(obj: Obj) -> list[Owned]:
    """The entries of an object; entries that make no sense are dropped, as a real server resets them."""
    entries = []
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("manager") and isinstance(entry.get("fieldsV1"), dict):
            paths: set[Path] = set()
            _flatten(entry["fieldsV1"], (), paths)
            entries.append(
                Owned(entry["manager"], entry.get("operation", "Update"), entry.get("apiVersion", ""),
                      entry.get("time", ""), entry.get("subresource", ""), paths)
            )  # fmt: skip
    return entries


def _flatten(tree: Obj, prefix: Path, into: set[Path]) -> None:
    for key, child in tree.items():
        path = (*prefix, key)
        if child and isinstance(child, dict):
            _flatten(child, path, into)
        else:
            into.add(path)


def encode(entries: list[Owned]) -> list[Obj]:
    encoded = []
    for entry in entries:
        row: Obj = {
            "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version,
            "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": _tree(entry.paths),
        }  # fmt: skip
        if entry.subresource:
            row["subresource"] = entry.subresource
        if entry.subresource == "scale":
            del row["time"]  # a real server forgets it
        encoded.append(row)
    return encoded


def _tree(paths: set[Path]) -> Obj:
    tree: Obj = {}
    for path in sorted(paths):
        node = tree
        for part in path:
            node = node.setdefault(part, {})
    return tree


def record_update(old: Obj | None, new: Obj, manager: str, api_version: str, subresource: str, time: str) -> None:
    """Write into `new` who owns what after `manager` turned `old` into it by create, update or patch."""
    before = leaves(old) if old else {}
    after = leaves(new)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    removed = before.keys() - after.keys()
    source = new if new["metadata"].get("managedFields") is not None else old
    entries = decode(source) if source else []
    if changed or removed:
        for entry in entries:
            if not entry.is_of(manager, "Update", subresource):
                entry.paths -= {path for path in changed if path[-1] != "."}
            entry.paths -= removed
    if changed:
        mine = next((e for e in entries if e.is_of(manager, "Update", subresource)), None)
        if mine is None:
            mine = Owned(manager, "Update", api_version, time, subresource)
            entries.append(mine)
        mine.paths |= changed
        mine.time = time
    kept = [entry for entry in entries if entry.paths]
    if kept:
        new["metadata"]["managedFields"] = encode(kept)
    else:
        new["metadata"].pop("managedFields", None)


def dotted(path: Path) -> str:
    """A path as conflict messages show it: `.spec.template.spec.containers[name="admin"].image`."""
    text = ""
    for part in path:
        kind, _, name = part.partition(":")
        if kind == "f":
            text += f".{name}"
        elif kind == "k":
            inner = ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(name).items())
            text += f"[{inner}]"
        elif kind == "v":
            text += f"[={name}]"
    return text
