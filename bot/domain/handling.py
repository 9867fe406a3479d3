"""A handling: what people want of Datadog for one alert (a mute, a page, notes), and how far that has come.

Wished for by bot.usecases.alerts, kept by bot.store.handlings, carried out by bot.reconcile.handlings. What is wanted
and what Datadog confirmed stand apart, so that a card never says more than is known, and every step can be done again:
it is decided from the two of them alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.names import AlertId, UserId

GIVE_UP_AFTER = timedelta(hours=1)
"""For pages and notes: after so long nobody waits for them any more. A mute is tried until its wanted end."""
LONGEST_PAUSE = timedelta(minutes=5)
"""Between two tries, whatever Datadog names as its time to come back: the limit may be lifted sooner."""
MOST_NOTES = 50


class Standing(StrEnum):
    """How a wish stands with Datadog."""

    WANTED = "wanted"
    """Not tried yet, or being tried."""
    TROUBLED = "troubled"
    """Tried, and not confirmed: `problem` says why. Tried again."""
    DONE = "done"
    """Confirmed by Datadog's answer."""
    FAILED = "failed"
    """A definite no, or given up; `problem` says why. Not tried again."""


@dataclass(frozen=True, slots=True)
class Mute:
    """A downtime for this alert's monitor and group. `until` None: it is to be lifted."""

    until: datetime | None
    by: UserId
    at: datetime
    standing: Standing = Standing.WANTED
    confirmed_until: datetime | None = None
    """The end that Datadog's answer named; None while there is no downtime that we know of."""
    downtime_id: str = ""
    problem: str = ""

    def is_quiet(self, now: datetime) -> bool:
        """Whether people asked for quiet and it has not ended."""
        return self.until is not None and self.standing is not Standing.FAILED and now < self.until


@dataclass(frozen=True, slots=True)
class Page:
    """A page of ours in Datadog On-Call. Its id is all that can be known of it: On-Call does not list pages."""

    id: str = ""
    standing: Standing = Standing.WANTED
    """Of making it. TROUBLED is final: nobody knows whether it was made, and a second one would wake somebody twice."""
    acknowledged: Standing | None = None
    """None: not asked for."""
    resolved: Standing | None = None
    escalations: int = 0
    """How often people asked for it."""
    tried: int = 0
    """How often Datadog was asked, or is being asked."""
    escalated: int = 0
    """How often Datadog confirmed it."""
    problem: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Words of a person about an alert, posted to Datadog as an event."""

    by: UserId
    at: datetime
    text: str
    standing: Standing = Standing.WANTED


@dataclass(frozen=True, slots=True)
class Handling:
    """All of it, for one cycle of one alert."""

    alert: AlertId
    mute: Mute | None = None
    page: Page | None = None
    notes: tuple[Note, ...] = ()
    people: tuple[UserId, ...] = ()
    """Who took part, in order, each once."""
    tries: int = 0
    """Failures in a row."""
    due_at: datetime | None = None
    """When the loop looks again; None: nothing is open."""
    row_version: int = 0

    def joined(self, user: UserId) -> "Handling":
        """With somebody who took part."""
        return self if user in self.people else replace(self, people=(*self.people, user))

    def wished(self, now: datetime, **changes: object) -> "Handling":
        """With a new wish: the loop looks at once, whatever kept it waiting."""
        return replace(self, tries=0, due_at=now, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class SetMute:
    """Find the downtime of this alert, or create it, with this end."""

    until: datetime


@dataclass(frozen=True, slots=True)
class LiftMute:
    """Find the downtime of this alert and cancel it."""


@dataclass(frozen=True, slots=True)
class EndMute:
    """Its end has passed, by Datadog's own answer: it is over."""


@dataclass(frozen=True, slots=True)
class SendPage:
    """Page the team. Never done twice."""


@dataclass(frozen=True, slots=True)
class AcknowledgePage:
    """Say in On-Call that somebody has it."""


@dataclass(frozen=True, slots=True)
class EscalatePage:
    """Pass the page on to the next level."""


@dataclass(frozen=True, slots=True)
class ResolvePage:
    """End the page."""


@dataclass(frozen=True, slots=True)
class PostNote:
    """Post the note of that place as an event."""

    place: int


Act = SetMute | LiftMute | EndMute | SendPage | AcknowledgePage | EscalatePage | ResolvePage | PostNote
_OPEN = (Standing.WANTED, Standing.TROUBLED)


def next_act(handling: Handling, now: datetime) -> Act | None:
    """What is to be done now; the mute first, since somebody wants quiet. None: nothing is open."""
    act = _for_mute(handling.mute, now)
    if act is None and handling.page is not None:
        act = _for_page(handling.page)
    if act is not None:
        return act
    place = next((i for i, note in enumerate(handling.notes) if note.standing in _OPEN), None)
    return None if place is None else PostNote(place)


def _for_mute(mute: Mute | None, now: datetime) -> Act | None:
    if mute is None:
        return None
    end = mute.confirmed_until or mute.until
    if mute.until is not None and end is not None and now >= end:
        return EndMute()
    if mute.standing not in _OPEN:
        return None
    return LiftMute() if mute.until is None else SetMute(mute.until)


def _for_page(page: Page) -> Act | None:
    if not page.id:
        return SendPage() if page.standing is Standing.WANTED else None
    if page.resolved in _OPEN:
        return ResolvePage()
    if page.acknowledged in _OPEN:
        return AcknowledgePage()
    return EscalatePage() if page.tried < page.escalations else None


def look_again(handling: Handling, now: datetime) -> datetime | None:
    """When the loop must look again once nothing is open: at the end of a mute."""
    if next_act(handling, now) is not None:
        return now
    mute = handling.mute
    if mute is None or mute.until is None or mute.standing is Standing.FAILED:
        return None
    return mute.confirmed_until or mute.until


def pause_after(tries: int, retry_after_s: float = 0.0) -> timedelta:
    """Until the next try: 2 s, doubled with each failure, or as long as Datadog says; five minutes at most."""
    doubled = timedelta(seconds=2 * 2 ** min(tries - 1, 10))
    return min(LONGEST_PAUSE, max(doubled, timedelta(seconds=retry_after_s)))
