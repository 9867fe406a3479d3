"""Storms: when alerts come so fast that one card tells of many. Decided per channel, when an alert opens.

Two sizes: one monitor with many groups at once gets a card for that monitor; a channel that fills with cards of
whatever monitors gets one card for everything that comes then. Nothing is dropped: each state of each member is a
row in the thread of its card. Saved by bot.store.storms, drawn by bot.reconcile.alerts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.alert.alert import Alert

WINDOW = timedelta(seconds=60)
MONITOR_SCOPES = 10
"""So many groups of one monitor in WINDOW are a storm."""
CHANNEL_CARDS = 6
"""So many cards in one channel in WINDOW are a storm: nobody reads more, and Slack takes one message a second."""
OWN_CARDS = 3
"""Critical alerts that still get a card of their own in a channel's storm, per WINDOW."""
QUIET = timedelta(minutes=5)
"""Without a new member for so long a storm takes no more: the next alert is news again."""
ROWS = 50
"""Rows in one reply of the thread."""
PATIENCE = timedelta(seconds=8)
"""How long rows wait for others to fill a reply."""
NEWS_EVERY = timedelta(seconds=3)
"""Between two edits of an alert's own card when its state changes. Told again, it waits for CARD_EVERY."""
CARD_EVERY = timedelta(seconds=10)
STORM_CARD_EVERY = timedelta(seconds=45)
"""Between two edits of a storm's card, and of the card of an alert whose channel has a storm: edits of the whole
workspace share forty a minute."""
PATIENT_CARDS = 40
"""Above so many members a storm's card is edited at the slower pace."""


@dataclass(frozen=True, slots=True)
class Storm:
    """Alerts that one card tells of. Its members are the alerts that name it."""

    id: str
    """A ULID."""
    channel: str
    monitor_id: str
    """Empty: whatever comes to the channel."""
    title: str
    opened_at: datetime
    last_at: datetime
    """When the newest member came."""
    members: int = 0
    """How many have joined."""
    takes_new: bool = True
    closed_at: datetime | None = None
    """When its last member was over."""
    card_at: datetime | None = None
    card_due: datetime | None = None
    """When the loop looks at it again."""
    redraw_at: datetime | None = None
    """When its card must be written again; None: what was written is what is."""
    listed_at: datetime | None = None
    """When rows were last told in its thread."""
    step: int = 0

    @property
    def open_key(self) -> str:
        """By what new alerts find it."""
        return open_key(self.channel, self.monitor_id)


def open_key(channel: str, monitor_id: str) -> str:
    """Unique among storms that take new alerts."""
    return f"{channel}\n{monitor_id}"


def storm_subject(storm_id: str) -> str:
    """Outbox subject of a storm's card."""
    return f"storm:{storm_id}"


@dataclass(slots=True)
class Recent:
    """What came to a channel in the last WINDOW: counted from rows, and on with each alert that is placed."""

    cards: Counter[str] = field(default_factory=Counter)
    """Channel → cards of single alerts and of storms."""
    scopes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(channel, monitor) → alerts."""
    critical: Counter[str] = field(default_factory=Counter)
    """Channel → cards that critical alerts got during a storm."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an alert goes: into a storm, one that is there (`id`) or one to be opened (`monitor_id`); or neither."""

    storm: Storm | None = None
    opens: str | None = None
    """Monitor of a storm to be opened for it; empty for the channel's."""


def place(alert: Alert, crowd: "Crowd", recent: Recent, open_storms: Mapping[str, Storm]) -> Placed:
    """Where a new alert is told; counts it in `recent`."""
    channel, monitor = alert.channel, (alert.channel, alert.monitor_id)
    recent.scopes[monitor] += 1
    whole = open_storms.get(open_key(channel, ""))
    single = open_storms.get(open_key(channel, alert.monitor_id))
    is_crowded = recent.cards[channel] + crowd.cards[channel] >= CHANNEL_CARDS
    is_many = recent.scopes[monitor] + crowd.scopes[monitor] >= MONITOR_SCOPES
    stormy = whole is not None or single is not None or is_crowded or is_many
    if stormy and alert.is_critical and recent.critical[channel] < OWN_CARDS:
        recent.critical[channel] += 1
        return Placed()
    if single is not None or whole is not None:
        return Placed(single or whole)
    if is_crowded:
        return Placed(opens="")
    if is_many:
        recent.cards[channel] += 1
        return Placed(opens=alert.monitor_id)
    recent.cards[channel] += 1
    return Placed()


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a batch brings that is not placed yet: a crowd that arrives together is seen as one from its first alert."""

    cards: Counter[str]
    """Channel → alerts, each monitor's counted up to what makes a storm of its own."""
    scopes: Counter[tuple[str, str]]

    @classmethod
    def of(cls, alerts: Iterable[Alert]) -> "Crowd":
        """The crowd of these new alerts."""
        scopes = Counter((alert.channel, alert.monitor_id) for alert in alerts)
        cards: Counter[str] = Counter()
        for (channel, _), count in scopes.items():
            cards[channel] += 1 if count >= MONITOR_SCOPES else count
        return cls(cards, scopes)

    def without(self, alert: Alert) -> "Crowd":
        """After one of them was placed."""
        self.scopes[(alert.channel, alert.monitor_id)] -= 1
        if self.cards[alert.channel] > 0:
            self.cards[alert.channel] -= 1
        return self


@dataclass(frozen=True, slots=True)
class Tally:
    """Members of a storm: how many, in which state, and the worst few."""

    members: int
    by_state: Mapping[str, int]
    unlisted: int
    """Whose state the thread has not told."""
    worst: Sequence[Alert]

    @property
    def open(self) -> int:
        """How many are not over."""
        return self.members - self.by_state.get("Recovered", 0)


def card_pause(members: int) -> timedelta:
    """Between two edits of the card of a storm of that size."""
    return STORM_CARD_EVERY if members > PATIENT_CARDS else CARD_EVERY
