"""Role-based access: which rules a user holds through bindings, whether one allows an act, what may be granted further.

Called by `access` and `reviews`. Reads roles and bindings from the store at each question, so that a change holds at
once. Pure but for that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.kube.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Obj,
    Resource,
)
from bot.sandbox.kube.selectors import object_selector
from bot.sandbox.kube.status import ApiError, forbidden
from bot.sandbox.kube.store import Store

MASTERS = "system:masters"  # this group may do everything, without a look at any role
SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """What is asked for: a verb on a resource, or on a path that is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Rules that a binding gives to a user; `told` is how an allowed review describes it."""

    rules: tuple[Obj, ...]
    told: str


class Roles:
    """Roles and bindings of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def decide(self, user: User, act: Act) -> tuple[bool, str]:
        """Whether the user may, and why, in the words of a review; a refusal names roles that do not exist."""
        if MASTERS in user.groups:
            return True, ""
        lost: list[str] = []
        for grant in self.grants(user, act.namespace, lost):
            if any(allows(rule, act) for rule in grant.rules):
                return True, f"RBAC: allowed by {grant.told}"
        return False, f"RBAC: {_several(lost)}" if lost else ""

    def grants(self, user: User, namespace: str, lost: list[str] | None = None) -> Iterator[Grant]:
        """What a user holds at the cluster scope and, if one is named, in a namespace."""
        for resource, kept in ((CLUSTER_ROLE_BINDINGS, ""), (ROLE_BINDINGS, namespace)):
            if resource is ROLE_BINDINGS and not namespace:
                return
            for binding in self._store.all_of(resource, kept):
                subject = next((s for s in binding.get("subjects") or [] if _is(s, user, kept)), None)
                if subject is None:
                    continue
                ref, named = binding["roleRef"], binding["metadata"]["name"]
                rules = self.rules_of(ref, kept)
                if rules is None:
                    if lost is not None:
                        lost.append(f'{ref["kind"].lower()}.rbac.authorization.k8s.io "{ref["name"]}" not found')
                    continue
                where = f"{named}/{kept}" if kept else named
                told = f'{binding["kind"]} "{where}" of {ref["kind"]} "{ref["name"]}" to {_subject(subject, kept)}'
                yield Grant(tuple(rules), told)

    def rules_of(self, ref: Obj, namespace: str) -> list[Obj] | None:
        """The rules of a role that a binding refers to; None when it does not exist."""
        if ref["kind"] == "Role":
            role = self._store.get(ROLES, namespace, ref["name"])
        else:
            role = self._store.get(CLUSTER_ROLES, "", ref["name"])
        if role is None:
            return None
        rules = list(role.get("rules") or [])
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or []:
            chosen = object_selector(selector)
            for other in self._store.all_of(CLUSTER_ROLES):
                if other is not role and chosen(other["metadata"].get("labels") or {}):
                    rules += other.get("rules") or []
        return rules

    def check_grant(self, user: User, resource: Resource, obj: Obj) -> None:
        """Refuse a role or binding that gives away more than its author holds, unless he may `escalate` or `bind`."""
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"].get("name", "")
        if resource in (ROLES, CLUSTER_ROLES):
            verb, group_resource, named = "escalate", resource.plural, name
            rules = list(obj.get("rules") or [])
        elif resource in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS):
            ref = obj["roleRef"]
            verb, named = "bind", ref["name"]
            group_resource = ROLES.plural if ref["kind"] == "Role" else CLUSTER_ROLES.plural
            rules = self.rules_of(ref, namespace) or []
        else:
            return
        act = Act(verb, resource.group, group_resource, "", namespace, named)
        if self.decide(user, act)[0]:
            return
        held = [rule for grant in self.grants(user, namespace) for rule in grant.rules]
        missing = [part for rule in rules for part in _parts(rule) if not any(allows(h, part) for h in held)]
        if missing:
            groups = " ".join(json.dumps(group) for group in user.groups)
            told = f"user {json.dumps(user.name)} (groups=[{groups}]) is attempting to grant RBAC permissions not "
            raise forbidden(resource, name, told + "currently held:\n" + "\n".join(_described(missing)))


def allows(rule: Obj, act: Act) -> bool:
    """Whether one PolicyRule covers an act."""
    verbs = rule.get("verbs") or ()
    if act.verb not in verbs and "*" not in verbs:
        return False
    if act.path:
        return any(_covers(pattern, act.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if act.group not in groups and "*" not in groups:
        return False
    wanted = {"*", f"{act.resource}/{act.subresource}", f"*/{act.subresource}"} if act.subresource else {
        "*", act.resource}  # fmt: skip
    if wanted.isdisjoint(rule.get("resources") or ()):
        return False
    names = rule.get("resourceNames") or ()
    return not names or act.name in names


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _is(subject: Obj, user: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            home = subject.get("namespace") or namespace
            return user.name == f"{SERVICE_ACCOUNT}{home}:{subject['name']}"
        case _:
            return False


def _subject(subject: Obj, namespace: str) -> str:
    named = subject["name"]
    if subject["kind"] == "ServiceAccount":
        named = f"{named}/{subject.get('namespace') or namespace}"
    return f'{subject["kind"]} "{named}"'


def _several(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _parts(rule: Obj) -> Iterator[Act]:
    """A rule as single acts."""
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield Act(verb, path=path)
        for group in rule.get("apiGroups") or ():
            for whole in rule.get("resources") or ():
                resource, _, subresource = whole.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Act(verb, group, resource, subresource, name=name)


def _described(acts: list[Act]) -> list[str]:
    """Missing acts, those of one resource on one line."""
    lines: dict[str, list[str]] = {}
    for act in acts:
        if act.path:
            head = f'NonResourceURLs:["{act.path}"]'
        else:
            whole = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
            head = f'APIGroups:["{act.group}"], Resources:["{whole}"]'
            head += f', ResourceNames:["{act.name}"]' if act.name else ""
        verbs = lines.setdefault(head, [])
        if act.verb not in verbs:
            verbs.append(act.verb)
    return sorted(f"{{{head}, Verbs:[{' '.join(json.dumps(v) for v in verbs)}]}}" for head, verbs in lines.items())


def forbidden_path(user: User, verb: str, path: str, why: str) -> ApiError:
    """The 403 for a path that is no resource."""
    told = f'forbidden: User "{user.name}" cannot {verb} path "{path}"' + (f": {why}" if why else "")
    return ApiError(403, "Forbidden", told, {})
