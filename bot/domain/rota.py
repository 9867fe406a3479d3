"""A rota: people who take turns, handed over by the wall clock of a zone. Pure; whoever has turns to share out uses it.

On call asks it who is mentioned. A turn is a whole number of days, or a part of a day that fits into it evenly; both
follow the wall clock, so a handover at 10:00 stays at 10:00 when the clocks change and a turn is an hour longer or
shorter then.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.domain.names import UserId

DAY = timedelta(days=1)
SHORTEST_SHIFT = timedelta(hours=4)


class BadRota(ValueError):
    """Nobody could tell whose turn it is. `args[0]` says what would be right."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One turn of one person: from `start` until `end`, aware, UTC."""

    person: UserId
    start: datetime
    end: datetime
    number: int
    """Turns since the first one, which is 0; negative before it."""


@dataclass(frozen=True, slots=True)
class Rota:
    """Who takes turns, for how long, since when. `shift` as `checked_shift` allows it."""

    people: tuple[UserId, ...]
    """In the order of their turns; one at least."""
    shift: timedelta
    first_day: date
    """A day on which a turn of the first person begins."""
    handover: time
    zone: tzinfo

    def at(self, now: datetime) -> Shift:
        """Whose turn it is at `now` (aware). A handover's own instant belongs to the one who takes over."""
        naive = now.astimezone(self.zone).replace(tzinfo=None)
        number = (naive - datetime.combine(self.first_day, self.handover)) // self.shift
        # Where the clocks change, wall clock and instant can disagree by an hour: the instants decide.
        while now < self.begins(number):
            number -= 1
        while now >= self.begins(number + 1):
            number += 1
        return self.turn(number)

    def turn(self, number: int) -> Shift:
        """The turn of that number."""
        person = self.people[number % len(self.people)]
        return Shift(person, self.begins(number), self.begins(number + 1), number)

    def after(self, shift: Shift) -> Shift:
        """The turn that follows one of this rota."""
        return self.turn(shift.number + 1)

    def begins(self, number: int) -> datetime:
        """When a turn begins, UTC. A wall-clock time that the clocks skip is the same instant an hour on."""
        naive = datetime.combine(self.first_day, self.handover) + number * self.shift
        return naive.replace(tzinfo=self.zone).astimezone(UTC)

    def line(self, now: datetime) -> tuple[UserId, ...]:
        """Everybody in the order in which they are asked: whose turn it is, then who comes next; each once."""
        number = self.at(now).number
        return tuple(dict.fromkeys(self.turn(number + ahead).person for ahead in range(len(self.people))))


def checked_shift(shift: timedelta) -> timedelta:
    """A length that turns may have. Raises BadRota."""
    if shift >= DAY and shift % DAY == timedelta(0):
        return shift
    if SHORTEST_SHIFT <= shift < DAY and DAY % shift == timedelta(0):
        return shift
    raise BadRota("a shift is whole days, or 4h, 6h, 8h or 12h, so that its handover keeps its time of day: `7d`")
