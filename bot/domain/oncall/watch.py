"""A watch over one alert: who was called for it, when to remind, whom to call next, when to ask whether it is in hands.

Kept by bot.store.watches, carried out by bot.reconcile.oncall. `decide` is the whole rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.names import UserId
from bot.domain.oncall.duty import OnCallPlan, Responder

ANSWER_WITHIN = timedelta(minutes=15)
"""How long somebody who took an alert has to say that they still work on it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What was done so far. A new one has done nothing."""

    subject: str
    """Of the card that is watched: `alert:…`."""
    called: tuple[Responder, ...] = ()
    """In order; the last one is waited for."""
    called_at: datetime | None = None
    reminded_at: datetime | None = None
    """Of the last one called; None: not reminded yet."""
    exhausted: bool = False
    """Everybody was called, and that was said."""
    passed: tuple[UserId, ...] = ()
    """Who had it and gave it back: they are called last."""
    asked: UserId | None = None
    """Who was asked whether they still work on it."""
    asked_at: datetime | None = None
    confirmed_at: datetime | None = None
    """When they last said so."""
    due_at: datetime | None = None
    """When to look again at the latest; None: when something happens."""
    row_version: int = 0

    def handed_back(self, by: UserId) -> "Watch":
        """The calls begin anew, with `by` at the end of the line."""
        passed = (*(user for user in self.passed if user != by), by)
        return Watch(self.subject, passed=passed, due_at=None, row_version=self.row_version)

    def confirmed(self, now: datetime) -> "Watch":
        """They still work on it: asked again after as long."""
        return replace(self, asked=None, asked_at=None, confirmed_at=now, due_at=now)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true of the watched alert now."""

    is_open: bool
    wants_people: bool
    """It is bad enough to call somebody: an alert or no data, not a warning."""
    quiet: bool
    """Muted, or its mute is being set."""
    taken_by: UserId | None
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until then (None: until something happens)."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """Mention somebody: for the first time, or as a reminder."""

    who: Responder
    reminder: bool
    instead_of: Responder | None = None
    """Who was called before and did not answer."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Everybody in line was called and nobody took it: say so, once."""


@dataclass(frozen=True, slots=True)
class AskOwner:
    """Ask the one who took it whether they still work on it."""

    who: UserId


@dataclass(frozen=True, slots=True)
class HandBack:
    """They did not answer: it is nobody's again."""

    who: UserId


@dataclass(frozen=True, slots=True)
class End:
    """The alert is over: nothing is watched any more."""


Step = Wait | Call | Exhausted | AskOwner | HandBack | End


def decide(watch: Watch, now_is: Situation, line: Sequence[Responder], plan: OnCallPlan, now: datetime) -> Step:
    """The next step. Made from what was done and what is true alone, so it comes out the same after a restart."""
    if not now_is.is_open:
        return End()
    if now_is.taken_by is not None and now_is.taken_at is not None:
        return _owner(watch, now_is.taken_by, now_is.taken_at, plan, now)
    if now_is.quiet or not now_is.wants_people:
        return Wait(None)
    return _callers(watch, line, plan, now)


def _owner(watch: Watch, owner: UserId, taken_at: datetime, plan: OnCallPlan, now: datetime) -> Step:
    if watch.asked == owner and watch.asked_at is not None and watch.asked_at >= taken_at:
        due = watch.asked_at + ANSWER_WITHIN
        return HandBack(owner) if now >= due else Wait(due)
    since = taken_at if watch.confirmed_at is None else max(taken_at, watch.confirmed_at)
    due = since + plan.still_working_after
    return AskOwner(owner) if now >= due else Wait(due)


def _callers(watch: Watch, line: Sequence[Responder], plan: OnCallPlan, now: datetime) -> Step:
    waited_for = watch.called[-1] if watch.called else None
    if waited_for is not None and watch.called_at is not None:
        due = (watch.reminded_at or watch.called_at) + plan.remind_after
        if now < due:
            return Wait(due)
        if watch.reminded_at is None:
            return Call(waited_for, reminder=True)
    following = _next(watch, line)
    if following is not None:
        return Call(following, reminder=False, instead_of=waited_for)
    return Exhausted() if waited_for is not None and not watch.exhausted else Wait(None)


def _next(watch: Watch, line: Sequence[Responder]) -> Responder | None:
    """The first in line who was not called; who gave it back comes last."""
    order = sorted(line, key=lambda each: watch.passed.index(each.slack) + 1 if each.slack in watch.passed else 0)
    called = {each.key for each in watch.called}
    return next((each for each in order if each.key not in called), None)


def after(watch: Watch, step: Step, now: datetime) -> Watch:
    """The watch when a step has been carried out."""
    match step:
        case Wait(until):
            return replace(watch, due_at=until)
        case Call(who, reminder=True):
            return replace(watch, reminded_at=now, due_at=now)
        case Call(who):
            return replace(watch, called=(*watch.called, who), called_at=now, reminded_at=None, due_at=now)
        case Exhausted():
            return replace(watch, exhausted=True, due_at=None)
        case AskOwner(who):
            return replace(watch, asked=who, asked_at=now, due_at=now + ANSWER_WITHIN)
        case HandBack(who):
            return replace(watch.handed_back(who), due_at=now)
        case End():
            return replace(watch, due_at=None)
