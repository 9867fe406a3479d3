"""The three client-made patches: JSON Patch, JSON merge patch, strategic merge patch. Pure: every function returns a
new object. Server-side apply lives in `apply`.
"""

import copy
from typing import Any

from bot.sandbox.kube.kinds import SETS, Obj, merge_keys
from bot.sandbox.kube.status import ApiError, bad_request

DIRECTIVES = ("$patch", "$retainKeys")


def json_patch(target: Obj, operations: Any) -> Obj:
    """RFC 6902. A failed `test` or a missing path is answered as a real server does: 422 without a word why."""
    if not isinstance(operations, list) or not all(isinstance(op, dict) for op in operations):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result = copy.deepcopy(target)
    try:
        for operation in operations:
            result = _operate(result, operation)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {}) from error
    return result


def _pointer(path: Any) -> list[str]:
    if path == "":
        return []
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(path)
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _find(document: Any, parts: list[str]) -> Any:
    for part in parts:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _operate(document: Any, operation: Obj) -> Any:
    parts = _pointer(operation["path"])
    kind = operation["op"]
    if kind == "test":
        if _find(document, parts) != operation.get("value"):
            raise ValueError("testing value failed")
        return document
    if kind in ("move", "copy"):
        source = _pointer(operation["from"])
        value = copy.deepcopy(_find(document, source))
        if kind == "move":
            _remove(document, source)
    else:
        value = copy.deepcopy(operation["value"]) if kind in ("add", "replace") else None
    if not parts:
        return value
    if kind == "remove":
        _remove(document, parts)
    elif kind in ("add", "move", "copy"):
        _add(document, parts, value)
    elif kind == "replace":
        parent = _find(document, parts[:-1])
        if isinstance(parent, list):
            parent[int(parts[-1])] = value
        else:
            if parts[-1] not in parent:
                raise LookupError(parts[-1])
            parent[parts[-1]] = value
    else:
        raise ValueError(kind)
    return document


def _add(document: Any, parts: list[str], value: Any) -> None:
    parent = _find(document, parts[:-1])
    if isinstance(parent, list):
        index = len(parent) if parts[-1] == "-" else int(parts[-1])
        if not 0 <= index <= len(parent):
            raise LookupError(parts[-1])
        parent.insert(index, value)
    else:
        parent[parts[-1]] = value


def _remove(document: Any, parts: list[str]) -> None:
    parent = _find(document, parts[:-1])
    del parent[int(parts[-1]) if isinstance(parent, list) else parts[-1]]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(target: Any, patch: Any, field: str = "") -> Any:
    """Kubernetes' merge: lists with a merge key are merged item by item, directives are obeyed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {k: copy.deepcopy(v) for k, v in patch.items() if k != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if isinstance(patch.get("$retainKeys"), list):
        result = {k: v for k, v in result.items() if k in patch["$retainKeys"]}
    for key, value in patch.items():
        if key in DIRECTIVES or key.startswith("$setElementOrder/"):
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.split("/", 1)[1]
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(result.get(key) or [], value, field, key)
        else:
            result[key] = strategic_merge(result.get(key), value, key)
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            name = key.split("/", 1)[1]
            if isinstance(result.get(name), list):
                result[name] = _ordered(result[name], order, _patch_key(field, name))
    return result


def _patch_key(parent: str, field: str) -> str | None:
    keys = merge_keys(parent, field)
    return keys[0] if keys else None


def _merge_list(current: list[Any], patch: list[Any], parent: str, field: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(i) for i in patch if not (isinstance(i, dict) and i.get("$patch") == "replace")]
    key = _patch_key(parent, field)
    if field in SETS:
        return [*current, *(item for item in patch if item not in current)]
    if key is None:
        return copy.deepcopy(patch)
    result = list(current)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, c in enumerate(result) if isinstance(c, dict) and c.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [c for c in result if c.get(key) != item[key]]
        elif at is None:
            result.append(strategic_merge({}, item, field))
        else:
            result[at] = strategic_merge(result[at], item, field)
    return result


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    known = [item for item in items if identity(item) in wanted]
    known.sort(key=lambda item: wanted.index(identity(item)))
    return [*known, *(item for item in items if identity(item) not in wanted)]
