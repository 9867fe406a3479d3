"""Label and field selectors: parsing with the API server's error texts, and matching. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.status import bad_request

Matcher = Callable[[Obj], bool]

_TOKEN = re.compile(r"\s*(?:(==|!=|=|!|\(|\)|,|<|>)|([^\s=!(),<>]+))")
FIELDS = {
    "pods": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
             "status.podIP", "status.nominatedNodeName"},
    "events": {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"},
    "secrets": {"type"},
    "namespaces": {"status.phase"},
    "nodes": {"spec.unschedulable"},
    "jobs": {"status.successful"},
    "replicasets": {"status.replicas"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requirement:
    """One comma-separated part of a label selector."""

    key: str
    operator: str  # in, notin, exists, missing, lt, gt
    values: tuple[str, ...] = ()

    def matches(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "missing":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case _:
                if value is None or not value.lstrip("-").isdigit():
                    return False
                return int(value) < int(self.values[0]) if self.operator == "lt" else int(value) > int(self.values[0])


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [m.group(1) or m.group(2) for m in _TOKEN.finditer(text)]
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def fail(self, expected: str) -> Exception:
        return bad_request(f"found '{self.peek()}', expected: {expected}")

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self.peek():
            found.append(self._requirement())
            if self.peek() == ",":
                self.take()
                if not self.peek():
                    raise self.fail("identifier after ','")
            elif self.peek():
                raise self.fail("',' or 'end of string'")
        return found

    def _requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.take(), "missing")
        if self.peek() in ("=", "==", "!=", "(", ")", ",", "<", ">"):
            raise self.fail("!, identifier, or 'end of string'")
        key = self.take()
        match self.peek():
            case "" | ",":
                return Requirement(key, "exists")
            case "=" | "==":
                self.take()
                return Requirement(key, "in", (self._value(),))
            case "!=":
                self.take()
                return Requirement(key, "notin", (self._value(),))
            case "<" | ">" as sign:
                self.take()
                return Requirement(key, "lt" if sign == "<" else "gt", (self._value(),))
            case "in" | "notin" as word:
                self.take()
                return Requirement(key, word, self._values())
            case _:
                raise self.fail("in, notin, =, ==, !=, gt, lt")

    def _value(self) -> str:
        return "" if self.peek() in ("", ",") else self.take()

    def _values(self) -> tuple[str, ...]:
        if self.take() != "(":
            self._at -= 1
            raise self.fail("'('")
        values = []
        while self.peek() not in (")", ""):
            token = self.take()
            if token != ",":
                values.append(token)
        if self.take() != ")":
            raise self.fail("',', or ')'")
        return tuple(values)


def label_selector(text: str) -> Matcher:
    """Compile `a=b,c in (d,e),!f`."""
    parsed = _Parser(text).requirements()
    return lambda obj: all(r.matches(obj["metadata"].get("labels") or {}) for r in parsed)


def object_selector(selector: Obj) -> Callable[[dict[str, str]], bool]:
    """Compile a LabelSelector object (matchLabels, matchExpressions) into a test of labels."""
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "missing"}
    parts = [Requirement(k, "in", (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        operator = operators.get(expression.get("operator", ""), "missing")
        parts.append(Requirement(expression["key"], operator, tuple(expression.get("values") or ())))
    return lambda labels: all(part.matches(labels) for part in parts)


def selector_text(selector: Obj) -> str:
    """A LabelSelector in its string form, as /scale and tables show it."""
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        values = ",".join(expression.get("values") or [])
        match expression["operator"]:
            case "In":
                parts.append(f"{expression['key']} in ({values})")
            case "NotIn":
                parts.append(f"{expression['key']} notin ({values})")
            case "Exists":
                parts.append(expression["key"])
            case _:
                parts.append(f"!{expression['key']}")
    return ",".join(parts) or "<none>"


def _field(resource: Resource, obj: Obj, path: str) -> str:
    if resource.plural == "events" and path == "source":
        return str((obj.get("source") or {}).get("component", ""))
    value: object = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def named_by(query: Mapping[str, str]) -> str:
    """The one name that `fieldSelector=metadata.name=…` asks for; access rules treat it as the request's."""
    found = re.search(r"(?:^|,)\s*metadata\.name\s*==?\s*([^,\s]+)", query.get("fieldSelector", ""))
    return found[1] if found else ""


def field_selector(resource: Resource, text: str) -> Matcher:
    """Compile `status.phase=Running,metadata.name!=x`; a field the resource does not index is refused."""
    allowed = {"metadata.name", "metadata.namespace"} | FIELDS.get(resource.plural, set())
    tests: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"\s*([^=!]+?)\s*(!=|==|=)\s*(.*?)\s*", part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = found.groups()
        if path not in allowed:
            raise bad_request(f"field label not supported: {path}")
        tests.append((path, operator != "!=", value))
    return lambda obj: all((_field(resource, obj, path) == value) is equal for path, equal, value in tests)
