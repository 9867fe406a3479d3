"""The error tree: an error's type says who can mend it. Raised everywhere, shown by the router and the loops.

KajitoriError
├── UserError            the person who asked can mend it: refused, with the reason and the next move
├── OutsideError         something outside did not do what we asked; nobody here made a mistake
│   ├── Unreachable      no answer, or "try later": the outcome of a write is unknown
│   ├── TooBusy          it said so itself, and when to come back; surely not carried out
│   ├── Conflict         the object changed since it was read; read again and decide again
│   ├── NotFound         the object is not there
│   └── Refused          it understood and said no: rights, validation, limits
└── StoreUnavailable     our database did not commit in time; nothing was accepted

SDK exceptions never cross an adapter: they become one of these at the call, `raise … from error`.
"""

from datetime import datetime


class KajitoriError(Exception):
    """Root of all errors that Kajitori raises on purpose."""


class UserError(KajitoriError):
    """A refusal: stable `code`, what is the case, and the next move in `hint` (a command or a short sentence).

    `{who}`, `{since}` and `{until}` in the text stand for a person (Slack user id) and aware times: shown in the
    reader's own words, a mention and local times. `offers`: buttons beside the words: label, action id and value each.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        hint: str = "",
        who: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        offers: tuple[tuple[str, str, str], ...] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint
        self.who = who
        self.since = since
        self.until = until
        self.offers = offers
        self.is_recorded = False
        """The audit trail has it already."""


class OutsideError(KajitoriError):
    """An outside system did not do what was asked. `system` is its name in plain words ("stg's API server")."""

    def __init__(self, system: str, text: str) -> None:
        super().__init__(f"{system}: {text}")
        self.system = system
        self.text = text


class Unreachable(OutsideError):
    """No usable answer (timeout, reset, 5xx). A write may or may not have happened: read back before resending."""


class TooBusy(OutsideError):
    """Refused for its load (429), so surely not carried out. Come back after `retry_after_s` seconds."""

    def __init__(self, system: str, text: str, *, retry_after_s: float) -> None:
        super().__init__(system, text)
        self.retry_after_s = retry_after_s


class Conflict(OutsideError):
    """The object changed since it was read (409): read again, decide again."""


class NotFound(OutsideError):
    """The object asked for is not there (404)."""


class Refused(OutsideError):
    """A definite no (401, 403, 422, a Slack error code). `code` is the system's own word for it."""

    def __init__(self, system: str, text: str, *, code: str = "") -> None:
        super().__init__(system, text)
        self.code = code


class StoreUnavailable(KajitoriError):
    """The database could not commit within its budget. Nothing was accepted or changed."""
