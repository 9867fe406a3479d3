"""Who asks and what they may do: bearer tokens, bound tokens of service accounts, impersonation, the 401 and the 403.

The door asks for each request. The user of the kubeconfig is in `system:masters`; everybody else holds what roles and
bindings give them (`rbac`).
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.kube.clock import Clock, stamp
from bot.sandbox.kube.kinds import BY_KIND, SERVICE_ACCOUNTS, Obj, Resource
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.rbac import MASTERS, SERVICE_ACCOUNT, Act, Roles, User, forbidden_path
from bot.sandbox.kube.status import ApiError, Cause, conflict, forbidden, not_found, unauthorized
from bot.sandbox.kube.store import Store

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
AUTHENTICATED = "system:authenticated"
AUDIENCE = "https://kubernetes.default.svc"
LEAST_S, MOST_S = 600, 2**32
_BOUND = frozenset({"Pod", "Secret", "Node"})


@dataclass(frozen=True, slots=True)
class BoundToken:
    """A token of a service account; it dies with the account, with what it is bound to, and with its time."""

    namespace: str
    account: str
    uid: str
    expires: datetime
    bound: tuple[Resource, str, str] | None  # resource, name, uid


class Access:
    """Tokens of one cluster. `users` maps token to user name and may be changed while the cluster runs; `groups` maps
    user name to groups beside `system:authenticated`.
    """

    def __init__(self, users: dict[str, str], store: Store, clock: Clock) -> None:
        self.users = users
        self.groups: dict[str, tuple[str, ...]] = dict.fromkeys(users.values(), (MASTERS,))
        self.roles = Roles(store)
        self._store = store
        self._clock = clock
        self._tokens: dict[str, BoundToken] = {}

    def user_of(self, authorization: str | None) -> User:
        """The user of an Authorization header; ApiError 401 when the token is none of ours or has died."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise unauthorized()
        name = self.users.get(token)
        if name is not None:
            return self.named(name)
        bound = self._tokens.get(token)
        if bound is None or not self._lives(bound):
            raise unauthorized()
        return self.named(f"{SERVICE_ACCOUNT}{bound.namespace}:{bound.account}")

    def named(self, name: str) -> User:
        """A user with the groups that its name implies."""
        if name == ANONYMOUS.name:
            return ANONYMOUS
        if name.startswith(SERVICE_ACCOUNT):
            namespace = name.removeprefix(SERVICE_ACCOUNT).partition(":")[0]
            implied: tuple[str, ...] = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        else:
            implied = ()
        return User(name, (*self.groups.get(name, ()), *implied, AUTHENTICATED))

    def impersonated(self, user: User, headers: Mapping[str, str], groups: list[str]) -> User:
        """The user that `kubectl --as` asks to be; ApiError 403 unless the real one may."""
        wanted = headers.get("Impersonate-User")
        if not wanted:
            return user
        if wanted.startswith(SERVICE_ACCOUNT) and wanted.count(":") == 3:
            _, _, namespace, name = wanted.split(":")
            self._must(user, Act("impersonate", "", "serviceaccounts", "", namespace, name))
        else:
            self._must(user, Act("impersonate", "", "users", name=wanted))
        for group in groups:
            self._must(user, Act("impersonate", "", "groups", name=group))
        whole = self.named(wanted)
        return User(whole.name, (*groups, AUTHENTICATED)) if groups else whole

    def authorize(self, user: User, verb: str, target: Target, selected_name: str = "") -> None:
        """Raise the 403 of a real server unless the user may do this. `selected_name` is that of a field selector
        `metadata.name=…`, which stands for the name where a list or watch has none.
        """
        resource = target.resource
        name = target.name or selected_name
        self._must(user, Act(verb, resource.group, resource.plural, target.subresource, target.namespace, name))

    def authorize_path(self, user: User, method: str, path: str) -> None:
        """The same for a path that is no resource."""
        verb = {"HEAD": "get"}.get(method, method.lower())
        allowed, why = self.roles.decide(user, Act(verb, path=path))
        if not allowed:
            raise forbidden_path(user, verb, path, why)

    def _must(self, user: User, act: Act) -> None:
        allowed, why = self.roles.decide(user, act)
        if allowed:
            return
        what = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
        where = f' in the namespace "{act.namespace}"' if act.namespace else " at the cluster scope"
        told = f'User "{user.name}" cannot {act.verb} resource "{what}" in API group "{act.group}"{where}'
        about = Resource(act.group, "v1", act.resource, "", "")
        raise forbidden(about, act.name or None, told + (f": {why}" if why else ""))

    def _lives(self, token: BoundToken) -> bool:
        account = self._store.get(SERVICE_ACCOUNTS, token.namespace, token.account)
        if account is None or account["metadata"]["uid"] != token.uid or self._clock.now() >= token.expires:
            return False
        if token.bound is None:
            return True
        resource, name, uid = token.bound
        found = self._store.get(resource, token.namespace if resource.namespaced else "", name)
        return found is not None and found["metadata"]["uid"] == uid

    def issue(self, namespace: str, name: str, body: Obj) -> Obj:
        """Answer a TokenRequest: a bearer token bound to a service account and, if asked, to a pod, secret or node."""
        account = self._store.get(SERVICE_ACCOUNTS, namespace, name)
        if account is None:
            raise not_found(SERVICE_ACCOUNTS, name)
        given = body.get("spec")
        spec = given if isinstance(given, dict) else {}
        lifetime_s = spec.get("expirationSeconds") or 3600
        _check_lifetime(lifetime_s)
        now = self._clock.now()
        expires = now + timedelta(seconds=lifetime_s)
        bound = self._bound(namespace, spec.get("boundObjectRef"))
        uid = account["metadata"]["uid"]
        audiences = spec.get("audiences") or [AUDIENCE]
        claims: Obj = {
            "aud": audiences, "exp": int(expires.timestamp()), "iat": int(now.timestamp()), "iss": AUDIENCE,
            "jti": secrets.token_hex(16), "kubernetes.io": {
                "namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
            "nbf": int(now.timestamp()), "sub": f"{SERVICE_ACCOUNT}{namespace}:{name}",
        }  # fmt: skip
        if bound:
            claims["kubernetes.io"][bound[0].singular] = {"name": bound[1], "uid": bound[2]}
        token = f"{_part({'alg': 'RS256', 'kid': 'sandbox'})}.{_part(claims)}.{secrets.token_urlsafe(256)}"
        self._tokens[token] = BoundToken(namespace, name, uid, expires, bound)
        return {
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": stamp(now)},
            "spec": {"audiences": audiences, "expirationSeconds": lifetime_s,
                     "boundObjectRef": spec.get("boundObjectRef")},
            "status": {"token": token, "expirationTimestamp": stamp(expires)},
        }  # fmt: skip

    def _bound(self, namespace: str, ref: object) -> tuple[Resource, str, str] | None:
        if not isinstance(ref, dict) or not ref:
            return None
        kind, name = str(ref.get("kind")), str(ref.get("name") or "")
        resource = BY_KIND.get((str(ref.get("apiVersion") or "v1"), kind))
        if resource is None or kind not in _BOUND:
            told = f"cannot bind token for serviceaccount to object of type {ref.get('apiVersion')}, Kind={kind}"
            raise ApiError(400, "BadRequest", told)
        found = self._store.get(resource, namespace if resource.namespaced else "", name)
        if found is None:
            raise not_found(resource, name)
        uid = found["metadata"]["uid"]
        if ref.get("uid") not in (None, "", uid):
            told = (
                f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise conflict(resource, name, told)
        return resource, name, uid


def _check_lifetime(seconds: object) -> None:
    whole = seconds if isinstance(seconds, int) and not isinstance(seconds, bool) else 0
    if LEAST_S <= whole <= MOST_S:
        return
    least = whole < LEAST_S
    told = "may not specify a duration less than 10 minutes" if least else (
        "may not specify a duration larger than 2^32 seconds")  # fmt: skip
    cause = Cause.invalid("spec.expirationSeconds", seconds, told)
    details = {
        "group": "authentication.k8s.io", "kind": "TokenRequest",
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field}],
    }  # fmt: skip
    message = f'TokenRequest.authentication.k8s.io "" is invalid: {cause.field}: {cause.message}'
    raise ApiError(422, "Invalid", message, details)


def _part(value: Obj) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
