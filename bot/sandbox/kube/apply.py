"""Server-side apply: merges a manager's intent into the live object, finds conflicts, drops fields it gave up. Pure."""

import copy
import json
from typing import Any

from bot.sandbox.kube.kinds import SETS, Obj, merge_keys
from bot.sandbox.kube.managed import Owned, Path, decode, dotted, encode, item_key, leaves
from bot.sandbox.kube.status import ApiError


def apply(live: Obj | None, intent: Obj, manager: str, api_version: str, force: bool, time: str) -> Obj:
    """The object after `manager` applied `intent`, with managedFields; raises the 409 of a real server on conflict."""
    base = live or {"metadata": {}}
    # Only items of keyed lists are owned for themselves by who applies, not the maps and lists around fields.
    wanted = {p: v for p, v in leaves(intent).items() if p[-1] != "." or p[-2].startswith("k:")}
    current = leaves(base)
    entries = decode(base)
    mine = next((e for e in entries if e.is_of(manager, "Apply", "")), None)
    conflicts = [
        (entry, path)
        for entry in entries
        if entry is not mine
        for path in sorted(entry.paths & wanted.keys())
        if path[-1] != "." and current.get(path) != wanted[path]
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    for entry, path in conflicts:
        entry.paths.discard(path)
    merged = copy.deepcopy(_merge(base, intent, "", ""))
    if mine is None:
        mine = Owned(manager, "Apply", api_version, time)
        entries.append(mine)
    given_up = mine.paths - wanted.keys()
    others: set[Path] = set().union(*(e.paths for e in entries if e is not mine))
    for path in sorted(given_up, key=len, reverse=True):
        if path in others or path == ("f:metadata",):  # never the whole, whatever a client's managedFields say
            continue
        if path[-1] != ".":
            _drop(merged, path)
        elif path[-2].startswith("k:") and not any(other[: len(path) - 1] == path[:-1] for other in others):
            _drop(merged, path[:-1])
    if mine.paths != wanted.keys():
        mine.paths = set(wanted)
        mine.time = time
    elif conflicts or any(current.get(path) != value for path, value in wanted.items()):
        mine.time = time
    merged["metadata"]["managedFields"] = encode([entry for entry in entries if entry.paths])
    result: Obj = merged
    return result


def _conflict(conflicts: list[tuple[Owned, Path]]) -> ApiError:
    by_manager: dict[str, list[str]] = {}
    causes = []
    for entry, path in conflicts:
        told = _named(entry)
        by_manager.setdefault(told, []).append(dotted(path))
        causes.append({"reason": "FieldManagerConflict", "message": f"conflict with {told}", "field": dotted(path)})
    count = len(conflicts)
    if count == 1:
        told, paths = next(iter(by_manager.items()))
        text = f"Apply failed with 1 conflict: conflict with {told}: {paths[0]}"
    else:
        word = "conflict" if len(by_manager) == 1 else "conflicts"
        parts = [f"{word} with {told}:" + "".join(f"\n- {p}" for p in paths) for told, paths in by_manager.items()]
        text = f"Apply failed with {count} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", text, {"causes": causes})


def _named(entry: Owned) -> str:
    name = json.dumps(entry.manager)
    if entry.operation == "Apply":
        return name
    if entry.subresource:
        return f'{name} with subresource "{entry.subresource}" using {entry.api_version}'
    return f"{name} using {entry.api_version}" + (f" at {entry.time}" if entry.time else "")


def _merge(live: Any, intent: Any, parent: str, name: str) -> Any:
    if isinstance(intent, dict):
        if not isinstance(live, dict):
            live = {}
        merged = dict(live)
        for key, value in intent.items():
            merged[key] = _merge(live.get(key), value, name, key)
        return merged
    if isinstance(intent, list) and isinstance(live, list):
        if name in SETS:
            return [*live, *(item for item in intent if item not in live)]
        keys = merge_keys(parent, name)
        if keys:
            known = {item_key(item, keys): item for item in live}
            ours = {item_key(item, keys): item for item in intent}
            merged_items = [_merge(item, ours[k], parent, name) if k in ours else item for k, item in known.items()]
            return [*merged_items, *(item for k, item in ours.items() if k not in known)]
    return intent


def _drop(document: Any, path: Path) -> None:
    """Remove what a path points at, and the maps that its removal leaves empty stay, as on a real server."""
    node = document
    for part in path[:-1]:
        node = _child(node, part)
        if node is None:
            return
    kind, _, name = path[-1].partition(":")
    if kind == "f" and isinstance(node, dict):
        node.pop(name, None)
    elif kind == "v" and isinstance(node, list):
        node[:] = [item for item in node if json.dumps(item) != name]
    elif kind == "k" and isinstance(node, list):
        wanted = json.loads(name)
        node[:] = [item for item in node if not _has(item, wanted)]


def _child(node: Any, part: str) -> Any:
    kind, _, name = part.partition(":")
    if kind == "f":
        return node.get(name) if isinstance(node, dict) else None
    wanted = json.loads(name)
    return next((item for item in node if _has(item, wanted)), None) if isinstance(node, list) else None


def _has(item: Any, wanted: Obj) -> bool:
    return isinstance(item, dict) and all(
        item.get(k, "TCP" if k == "protocol" else None) == v for k, v in wanted.items()
    )
