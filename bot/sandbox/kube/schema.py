"""Fields and types of the served kinds, and what the API server says of a body that does not fit them.

`fields.json` maps each type to its fields: a scalar name, another type, `[T` (list) or `{T` (map), and `!` after those
that must be there. It is derived from the models of the official Python client; a test keeps the two equal. The kinds
that it does not know stand in `gateway_fields.json` (Gateway API) and `argo_fields.json` (Argo Rollouts). Called by the
registry before anything is stored.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.sandbox.kube.clock import parse_stamp
from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.status import ApiError, bad_request

CUSTOM_TYPES: dict[str, dict[str, str]] = {
    name: fields
    for file in ("gateway_fields.json", "argo_fields.json")
    for name, fields in json.loads(Path(__file__).with_name(file).read_text()).items()
}
_DECLARED = json.loads(Path(__file__).with_name("fields.json").read_text()) | CUSTOM_TYPES
TYPES = {name: {field: kind.rstrip("!") for field, kind in fields.items()} for name, fields in _DECLARED.items()}
REQUIRED = {name: [f for f, kind in fields.items() if kind.endswith("!")] for name, fields in _DECLARED.items()}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_GO = {"str": "string", "int": "int32", "bool": "bool", "float": "float64", "time": "string"}
_ROOTS = {
    "Event": "CoreV1Event",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
    "HTTPRoute": "GatewayHTTPRoute",
    "Gateway": "GatewayGateway",
    "Rollout": "ArgoRollout",
}


def root_type(kind: str) -> str:
    return _ROOTS.get(kind, f"V1{kind}")


class _Walk:
    """One pass over one body: collects unknown fields, stops at the first wrong type."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def value(self, declared: str, value: Any, path: str, owner: str) -> Any:
        """The value without unknown fields."""
        if value is None or declared == "any":
            return value
        if declared.startswith("["):
            self._must(isinstance(value, list), value, owner, path, f"[]{_go(declared[1:])}")
            items = [item for item in value if item is not None]
            return [self.value(declared[1:], item, f"{path}[{i}]", owner) for i, item in enumerate(items)]
        if declared.startswith("{"):
            self._must(isinstance(value, dict), value, owner, path, f"map[string]{_go(declared[1:])}")
            return {k: self.value(declared[1:], v, f"{path}.{k}", owner) for k, v in value.items()}
        if declared in TYPES:
            self._must(isinstance(value, dict), value, owner, path, _go(declared))
            return self.struct(declared, value, path)
        fits = {
            "str": isinstance(value, str),
            "time": isinstance(value, str),
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63,
            "float": isinstance(value, int | float) and not isinstance(value, bool),
            "intstr": isinstance(value, int | str) and not isinstance(value, bool),
        }[declared]
        self._must(fits, value, owner, path, _GO.get(declared, "intstr.IntOrString"))
        if declared == "time" and not _is_time(value):
            raise TypeError(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"')
        return value

    def struct(self, name: str, value: Obj, path: str) -> Obj:
        declared = TYPES[name]
        kept: Obj = {}
        for field, item in value.items():
            where = f"{path}.{field}" if path else field
            if item is None:
                continue  # as Go drops it; otherwise equal templates would differ
            if field in declared:
                kept[field] = self.value(declared[field], item, where, _go(name))
            else:
                self.unknown.append(where)
        return kept

    @staticmethod
    def _must(fits: bool, value: Any, owner: str, path: str, wanted: str) -> None:
        if not fits:
            field = f"{owner}.{_without_indexes(path)}"
            raise TypeError(f"json: cannot unmarshal {_json_name(value)} into Go struct field {field} of type {wanted}")


def _is_time(text: str) -> bool:
    """RFC 3339 and a day that exists."""
    if not _TIME.fullmatch(text):
        return False
    try:
        parse_stamp(text)
    except ValueError:
        return False
    return True


def _without_indexes(path: str) -> str:
    return "".join(part.split("]", 1)[-1] for part in path.split("["))


def _go(declared: str) -> str:
    if declared in _GO:
        return _GO[declared]
    package = "v1." if declared in TYPES else ""
    return package + declared.removeprefix("Core").removeprefix("V1")


def _json_name(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def missing(kind: str, obj: Obj) -> list[str]:
    """Paths of required fields that an object does not have."""
    return list(_missing(root_type(kind), obj, ""))


def _missing(declared: str, value: Any, path: str) -> Iterator[str]:
    if declared.startswith("[") and isinstance(value, list):
        for i, item in enumerate(value):
            yield from _missing(declared[1:], item, f"{path}[{i}]")
    elif declared.startswith("{") and isinstance(value, dict):
        for key, item in value.items():
            yield from _missing(declared[1:], item, f"{path}.{key}")
    elif declared in TYPES and isinstance(value, dict):
        for field in REQUIRED[declared]:
            if value.get(field) is None:
                yield f"{path}.{field}" if path else field
        for field, item in value.items():
            if field in TYPES[declared]:
                yield from _missing(TYPES[declared][field], item, f"{path}.{field}" if path else field)


def decode(resource: Resource, body: Obj, field_validation: str, kind: str = "") -> tuple[Obj, list[str]]:
    """The body without unknown fields, and warnings about them; under `Strict` they are refused."""
    kind = kind or resource.kind
    walk = _Walk()
    prefix = f'{kind} in version "{resource.version}" cannot be handled as a {kind}: '
    try:
        kept = walk.struct(root_type(kind), body, "")
    except TypeError as error:
        raise bad_request(prefix + str(error).replace("v1.", "", 1)) from error
    messages = [f'unknown field "{path}"' for path in walk.unknown]
    if messages and field_validation == "Strict":
        raise bad_request(f"{prefix}strict decoding error: {', '.join(messages)}")
    return kept, messages if field_validation == "Warn" else []


def check_declared(resource: Resource, name: str, namespace: str, body: Obj) -> None:
    """Refuse a server-side apply that names a field the kind does not have; a real server answers 500 here."""
    for path in _undeclared(body, root_type(resource.kind)):
        raise ApiError(
            500,
            None,
            f"failed to create typed patch object ({namespace if namespace else ''}/{name}; {resource.api_version}, "
            f"Kind={resource.kind}): .{path}: field not declared in schema",
        )


def _undeclared(body: Obj, name: str) -> Iterator[str]:
    walk = _Walk()
    try:
        walk.struct(name, body, "")
    except TypeError as error:
        raise bad_request(str(error)) from error
    yield from walk.unknown
