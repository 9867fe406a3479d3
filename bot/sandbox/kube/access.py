"""Who asks and what they may do: bearer tokens, the two sentences of refusal, access reviews.

Users of the kubeconfig may do everything; a service account that asked for a token may do nothing yet.
"""

from bot.sandbox.kube.kinds import SELF_ACCESS_REVIEWS, Obj
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.status import forbidden, unauthorized

ANONYMOUS = "system:anonymous"
_SERVICE_ACCOUNT = "system:serviceaccount:"


class Access:
    """Tokens of one cluster. `users` maps token to user name and may be changed while the cluster runs."""

    def __init__(self, users: dict[str, str]) -> None:
        self.users = users

    def user_of(self, authorization: str | None) -> str:
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        user = self.users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user

    @staticmethod
    def is_allowed(user: str) -> bool:
        return user != ANONYMOUS and not user.startswith(_SERVICE_ACCOUNT)

    def authorize(self, user: str, verb: str, target: Target) -> None:
        """Raise the 403 of a real server unless the user may do this."""
        if self.is_allowed(user) or (user != ANONYMOUS and target.resource is SELF_ACCESS_REVIEWS):
            return
        resource = target.resource
        what = f"{resource.plural}/{target.subresource}" if target.subresource else resource.plural
        where = f' in the namespace "{target.namespace}"' if target.namespace else " at the cluster scope"
        why = f'User "{user}" cannot {verb} resource "{what}" in API group "{resource.group}"{where}'
        raise forbidden(resource, target.name or None, why)

    def review(self, user: str, body: Obj) -> Obj:
        """The answer to a SelfSubjectAccessReview."""
        return {
            "kind": SELF_ACCESS_REVIEWS.kind, "apiVersion": SELF_ACCESS_REVIEWS.api_version, "metadata": {},
            "spec": body.get("spec") or {}, "status": {"allowed": self.is_allowed(user)},
        }  # fmt: skip
