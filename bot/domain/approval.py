"""What an approval binds to besides the plan: the rules that apply at the target; and when approvers are called. Pure.

A release that waits keeps the rules it was asked under. Other rules, another plan: people said yes to what held then.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.catalog import Catalog, Place, Role, Target

VALID = timedelta(minutes=30)
"""How long a release waits for its approvals: a plan that is older no longer is what people looked at."""
REMIND_BEFORE = timedelta(minutes=5)
"""How long before that the approvers are called once more."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a target, the long ones as digests."""

    approvals: int
    roles: str
    """Who may release, approve and break the glass there."""
    freezes: str
    """The windows that the configuration freezes."""

    @property
    def version(self) -> str:
        """One word for all of them, part of the plan's hash."""
        return f"{self.approvals}:{self.roles}:{self.freezes}"

    def changes_to(self, now: "Rules") -> tuple[str, ...]:
        """What is different now, in words; nothing when the same rules hold."""
        told = []
        if self.approvals != now.approvals:
            told.append(f"it needs {now.approvals} approvals now, not {self.approvals}")
        if self.roles != now.roles:
            told.append("the roles for it are given to other people")
        if self.freezes != now.freezes:
            told.append("the environment freezes at other times")
        return tuple(told)


def rules_of(catalog: Catalog, target: Target) -> Rules:
    """The rules that apply there now. Who is in a group is no rule: that is asked at each yes."""
    place = Place.of(target)
    roles = [
        (role.value, sorted(grant.users), sorted(grant.groups))
        for role in (Role.DEPLOYER, Role.APPROVER, Role.OPERATOR)
        for grant in catalog.roles.get(role, ())
        if grant.reaches(place)
    ]
    environment = catalog.environments[target.environment]
    freezes = [(each.cron, each.duration.total_seconds(), each.reason) for each in environment.freezes]
    return Rules(environment.approvals, _digest(roles), _digest(freezes))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:16]


class Due(StrEnum):
    """What a release that waits for approval needs now."""

    NOTHING = "nothing"
    CALL = "call"
    REMIND = "remind"
    EXPIRE = "expire"


def due(requested_at: datetime, called_at: datetime | None, reminded_at: datetime | None, now: datetime) -> Due:
    """The next word to the approvers: one at the start, one before the end; and the end."""
    left = requested_at + VALID - now
    if left <= timedelta(0):
        return Due.EXPIRE
    if called_at is None:
        return Due.CALL
    if left <= REMIND_BEFORE and reminded_at is None:
        return Due.REMIND
    return Due.NOTHING
