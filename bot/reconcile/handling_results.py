"""What an act at Datadog made of a handling: functions from the row as it is by then to the row as it should be.

Called by bot.reconcile.handlings. People may have wished for something else while Datadog was asked: a result settles
only what it was for.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.domain.handling import (
    GIVE_UP_AFTER,
    AcknowledgePage,
    Act,
    EscalatePage,
    Handling,
    LiftMute,
    Page,
    PostNote,
    ResolvePage,
    SendPage,
    SetMute,
    Standing,
    pause_after,
)

Result = Callable[[Handling], Handling]
CUT_SHORT = "the bot was stopped while it asked"


def muted(until: datetime, downtime_id: str, end: datetime) -> Result:
    """Datadog confirmed a mute that was wanted until `until`; it ends at `end`."""

    def apply(found: Handling) -> Handling:
        mute = found.mute
        if mute is None:
            return found
        confirmed = replace(mute, downtime_id=downtime_id, confirmed_until=end, problem="")
        if mute.until == until:
            confirmed = replace(confirmed, standing=Standing.DONE)
        return replace(found, mute=confirmed, tries=0)

    return apply


def unmuted(found: Handling) -> Handling:
    """Datadog confirmed that the mute is lifted."""
    if found.mute is None or found.mute.until is not None:
        return found
    return replace(found, mute=None, tries=0)


def paged(page_id: str) -> Result:
    """The page went out."""
    return with_page(id=page_id, standing=Standing.DONE, problem="")


def escalated(found: Handling) -> Handling:
    """The page went on to the next level."""
    page = found.page
    if page is None:
        return found
    return replace(found, page=replace(page, escalated=page.escalated + 1, problem=""), tries=0)


def with_page(**changes: object) -> Result:
    """Something about the page was confirmed."""

    def apply(found: Handling) -> Handling:
        if found.page is None:
            return found
        return replace(found, page=replace(found.page, **changes), tries=0)  # type: ignore[arg-type]

    return apply


def noted(place: int, standing: Standing) -> Result:
    """How a note stands."""

    def apply(found: Handling) -> Handling:
        notes = tuple(replace(each, standing=standing) if i == place else each for i, each in enumerate(found.notes))
        return replace(found, notes=notes, tries=0)

    return apply


def marked(act: Act) -> Result:
    """Before an act that must not be done twice: should we die amid it, it counts as tried."""

    def apply(found: Handling) -> Handling:
        page = found.page
        if page is None:
            return found
        if isinstance(act, SendPage):
            return replace(found, page=replace(page, standing=Standing.TROUBLED, problem=CUT_SHORT))
        return replace(found, page=replace(page, tried=page.tried + 1))

    return apply


def failed(act: Act, problem: str) -> Result:
    """A definite no."""
    return _settled(act, Standing.FAILED, problem, undo=False)


def put_off(act: Act, problem: str, *, now: datetime, retry_after_s: float | None) -> Result:
    """Not confirmed: again later. `retry_after_s` None: nobody knows whether it was done; else it surely was not."""

    def apply(found: Handling) -> Handling:
        tries = found.tries + 1
        since = _asked_at(found, act)
        if since is not None and now - since > GIVE_UP_AFTER:
            return failed(act, problem)(found)
        troubled = _settled(act, Standing.TROUBLED, problem, undo=retry_after_s is not None)(found)
        return replace(troubled, tries=tries, due_at=now + pause_after(tries, retry_after_s or 0.0))

    return apply


def _asked_at(found: Handling, act: Act) -> datetime | None:
    """Since when something is tried that is given up one day; None: it ends by itself."""
    match act:
        case LiftMute():
            return found.mute.at if found.mute else None
        case PostNote(place):
            return found.notes[place].at
        case SetMute():
            return None
        case _:
            return found.page.at if found.page else None


def _settled(act: Act, standing: Standing, problem: str, *, undo: bool) -> Result:
    """The part of a handling that an act is for, with how it stands. `undo`: what `marked` noted did not happen."""

    def apply(found: Handling) -> Handling:
        mute, page = found.mute, found.page
        match act:
            case SetMute(until) if mute is not None and mute.until == until:
                return replace(found, mute=replace(mute, standing=standing, problem=problem))
            case LiftMute() if mute is not None and mute.until is None:
                return replace(found, mute=replace(mute, standing=standing, problem=problem))
            case PostNote(place):
                return replace(noted(place, standing)(found), tries=found.tries)
            case SendPage() | AcknowledgePage() | ResolvePage() | EscalatePage() if page is not None:
                return replace(found, page=_page(page, act, standing, problem, undo=undo))
            case _:
                return found

    return apply


def _page(page: Page, act: Act, standing: Standing, problem: str, *, undo: bool) -> Page:
    match act:
        case SendPage():
            return replace(page, standing=Standing.WANTED if undo else standing, problem=problem)
        case EscalatePage() if undo:
            return replace(page, tried=page.tried - 1, problem=problem)
        case EscalatePage() if standing is Standing.FAILED:
            return replace(page, tried=page.tried - 1, escalations=page.tried - 1, problem=problem)
        case AcknowledgePage():
            return replace(page, acknowledged=standing, problem=problem)
        case ResolvePage():
            return replace(page, resolved=standing, problem=problem)
        case _:
            return replace(page, problem=problem)
