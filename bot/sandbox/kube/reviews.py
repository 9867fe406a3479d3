"""Access reviews: what a user is told when asking what may be done. Called by the write side; nothing is stored."""

from bot.sandbox.kube.access import Access
from bot.sandbox.kube.kinds import ACCESS_REVIEWS, SELF_RULES_REVIEWS, Obj, Resource
from bot.sandbox.kube.rbac import MASTERS, Act, User
from bot.sandbox.kube.status import Cause, invalid

_EVERYTHING = ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]})


def answer(access: Access, resource: Resource, user: User, body: Obj) -> Obj:
    """The answer to a SelfSubjectAccessReview, SubjectAccessReview or SelfSubjectRulesReview."""
    given = body.get("spec")
    spec = given if isinstance(given, dict) else {}
    status = _rules(access, user, spec) if resource is SELF_RULES_REVIEWS else _verdict(access, resource, user, spec)
    return {
        "kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}, "spec": spec, "status": status,
    }  # fmt: skip


def _verdict(access: Access, resource: Resource, user: User, spec: Obj) -> Obj:
    about, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(isinstance(about, dict)) == bool(isinstance(path, dict)):
        told = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(resource, "", [Cause.invalid("spec.resourceAttributes", None, told)])
    if resource is ACCESS_REVIEWS:
        listed = spec.get("groups")
        groups = tuple(g for g in listed if isinstance(g, str)) if isinstance(listed, list) else ()
        if not spec.get("user") and not groups:
            raise invalid(
                resource, "", [Cause.invalid("spec.user", "", "at least one of user or group must be specified")]
            )
        user = User(str(spec.get("user") or ""), groups)
    if isinstance(about, dict):
        fields = ("verb", "group", "resource", "subresource", "namespace", "name")
        act = Act(**{name: str(about.get(name) or "") for name in fields})
    else:
        act = Act(str((path or {}).get("verb") or ""), path=str((path or {}).get("path") or "/"))
    allowed, why = access.roles.decide(user, act)
    return {"allowed": allowed} | ({"reason": why} if why else {})


def _rules(access: Access, user: User, spec: Obj) -> Obj:
    namespace = str(spec.get("namespace") or "")
    if not namespace:
        raise invalid(SELF_RULES_REVIEWS, "", [Cause.required("spec.namespace", "no namespace on request")])
    if MASTERS in user.groups:
        rules = list(_EVERYTHING)
    else:
        rules = [rule for grant in access.roles.grants(user, namespace) for rule in grant.rules]
    names = ("verbs", "apiGroups", "resources", "resourceNames")
    return {
        "resourceRules": [{n: r[n] for n in names if r.get(n)} for r in rules if r.get("resources")],
        "nonResourceRules": [{"verbs": r["verbs"], "nonResourceURLs": r["nonResourceURLs"]}
                             for r in rules if r.get("nonResourceURLs")],
        "incomplete": False,
    }  # fmt: skip
