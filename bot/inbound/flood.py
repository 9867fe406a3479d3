"""The flood gate: how many requests a minute a person, and the whole workspace, may make. Asked by the intake.

It stands on the way to an acknowledgement, so it only counts, in memory: a restart forgets, and each process counts for
itself. Pure: seconds of a monotonic clock are handed in. What stops something is never brought here.
"""

from collections import OrderedDict
from dataclasses import dataclass

from bot.domain.names import UserId
from bot.errors import UserError

BURST_MINUTES = 3
"""Who was quiet may ask for as much as this many minutes' worth at once: a busy quarter of an hour is no flood."""
TELL_EVERY_S = 10.0
"""How often one person's refusals are news: more would fill the audit trail, and Slack's own limits, with a flood."""
REMEMBERED = 5_000
"""Deliveries that get the same verdict when they come again, as what Slack saw no acknowledgement of does."""
_FORGET_ABOVE = 1_000
_ROUNDING = 1e-9


@dataclass(slots=True)
class _Bucket:
    """Requests that are still free, refilled all the time."""

    per_minute: int
    free: float
    at_s: float

    @classmethod
    def full(cls, per_minute: int, now_s: float) -> "_Bucket":
        return cls(per_minute, float(per_minute * BURST_MINUTES), now_s)

    def wait_s(self, now_s: float) -> float:
        """Until one request is free."""
        most = float(self.per_minute * BURST_MINUTES)
        self.free = min(most, self.free + max(0.0, now_s - self.at_s) * self.per_minute / 60)
        self.at_s = now_s
        return max(0.0, (1 - _ROUNDING - self.free) * 60 / self.per_minute)

    def is_full(self, now_s: float) -> bool:
        return self.wait_s(now_s) == 0 and self.free >= self.per_minute * BURST_MINUTES


@dataclass(frozen=True, slots=True)
class Refusal:
    """Too many requests. `is_news`: the person was not told so a moment ago."""

    error: UserError
    is_news: bool


class FloodGate:
    """Two limits, a minute each; 0 is no limit. One per process."""

    def __init__(self, *, person_per_minute: int = 0, workspace_per_minute: int = 0) -> None:
        self._per_person = person_per_minute
        self._people: dict[UserId, _Bucket] = {}
        self._all = _Bucket.full(workspace_per_minute, 0.0) if workspace_per_minute else None
        self._told_at_s: dict[UserId, float] = {}
        self._judged: OrderedDict[str, Refusal | None] = OrderedDict()
        self.refused = 0
        """How many requests were refused."""

    def admit(self, key: str, person: UserId, now_s: float, *, is_shared: bool) -> Refusal | None:
        """None: let in. The same key gets the same answer. `is_shared`: it counts for the workspace too.

        A person who is over their own limit takes nothing from the others.
        """
        if not self._per_person and self._all is None:
            return None
        if key in self._judged:
            return self._judged[key]
        found = self._judge(person, now_s, is_shared=is_shared)
        self._judged[key] = found
        while len(self._judged) > REMEMBERED:
            self._judged.popitem(last=False)
        return found

    def forget(self, key: str) -> None:
        """A refused request that will come again under its key, as a form does: it is judged anew then."""
        self._judged.pop(key, None)

    def _judge(self, person: UserId, now_s: float, *, is_shared: bool) -> Refusal | None:
        own = self._bucket_of(person, now_s) if self._per_person else None
        shared = self._all if is_shared else None
        own_wait_s = own.wait_s(now_s) if own else 0.0
        shared_wait_s = shared.wait_s(now_s) if shared else 0.0
        if not own_wait_s and not shared_wait_s:
            for bucket in (own, shared):
                if bucket is not None:
                    bucket.free -= 1
            return None
        self.refused += 1
        full = own if own is not None and own_wait_s else shared
        assert full is not None
        return Refusal(
            _error(own_wait_s or shared_wait_s, full.per_minute, is_own=full is own), self._news(person, now_s)
        )

    def _news(self, person: UserId, now_s: float) -> bool:
        if now_s - self._told_at_s.get(person, float("-inf")) < TELL_EVERY_S:
            return False
        if len(self._told_at_s) > _FORGET_ABOVE:
            self._told_at_s = {who: at_s for who, at_s in self._told_at_s.items() if now_s - at_s < TELL_EVERY_S}
        self._told_at_s[person] = now_s
        return True

    def _bucket_of(self, person: UserId, now_s: float) -> _Bucket:
        if len(self._people) > _FORGET_ABOVE:
            self._people = {who: bucket for who, bucket in self._people.items() if not bucket.is_full(now_s)}
        return self._people.setdefault(person, _Bucket.full(self._per_person, now_s))


def _error(wait_s: float, per_minute: int, *, is_own: bool) -> UserError:
    whose = "from you" if is_own else "from this workspace"
    wait = max(1, int(wait_s) + (wait_s > int(wait_s)))
    return UserError(
        "slow_down",
        f"Slow down, try in {wait} s: more than {per_minute} requests a minute came {whose}. Nothing was started.",
        hint="What stops something is never held up: the Abort button, and /kajitori abort ENV SERVICE.",
    )
