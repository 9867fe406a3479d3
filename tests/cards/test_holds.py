"""Cards of locks, lines and emergencies with text that wants to be markup, in every state."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards import emergency as emergencies
from bot.cards import holds as locks
from bot.cards import queue as lines
from bot.domain.catalog import Target
from bot.domain.emergency import Emergency, Node, Risk, Scene, Standing, risks
from bot.domain.holds import Hold, HoldKind
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.queue import Ticket, TicketState
from tests.cards.hostile import hostile, must_be_fit_to_send, must_be_inert
from tests.domain.release_worlds import NOW

MANY = settings(max_examples=60, deadline=None)
HOUR = timedelta(hours=1)
PEOPLE = st.sampled_from(["U0ALICE", "U0BOB"])
MOMENTS = st.none() | st.just(NOW)
HOLDS = st.builds(
    Hold,
    id=st.just("1" * 26),
    kind=st.sampled_from(HoldKind),
    environment=st.just("stg"),
    service=st.none() | st.just("admin"),
    owner=PEOPLE,
    reason=hostile,
    since=st.just(NOW - HOUR),
    until=st.sampled_from([NOW + HOUR, NOW - HOUR / 2]),
    version=hostile,
    ended_at=MOMENTS,
    ended_by=st.none() | PEOPLE,
    ended_why=hostile,
)
TICKETS = st.builds(
    Ticket,
    id=st.integers(0, 9).map(lambda number: f"{number:026}"),
    target=st.just(Target(EnvironmentName("stg"), ServiceName("admin"))),
    user=PEOPLE,
    version=hostile,
    since=st.just(NOW),
    state=st.sampled_from(TicketState),
    until=st.just(NOW + HOUR),
    release=st.none() | st.just("1" * 26),
)
SCENES = st.builds(
    Scene,
    nodes=st.lists(st.builds(Node, hostile, hostile, st.booleans(), st.booleans(), st.booleans()), max_size=30).map(
        tuple
    ),
    nodes_unseen=st.just("") | hostile,
    is_forbidden=st.booleans(),
    services=st.lists(
        st.builds(
            Standing,
            service=hostile,
            wanted=st.none() | st.integers(0, 3),
            ready=st.integers(0, 3),
            nodes=st.lists(hostile, max_size=2).map(tuple),
            stuck=st.lists(hostile, max_size=2).map(tuple),
            problem=st.just("") | hostile,
        ),
        max_size=30,
    ).map(tuple),
)
EMERGENCIES = st.builds(
    Emergency,
    id=st.just("1" * 26),
    environment=st.just("stg"),
    by=PEOPLE,
    reason=hostile,
    since=st.just(NOW),
    risks=st.lists(st.builds(Risk, hostile, hostile), max_size=30).map(tuple),
    scene=st.none() | SCENES,
    ended_at=MOMENTS,
    ended_by=st.none() | PEOPLE,
    ended_why=st.just("") | hostile,
)


@given(HOLDS)
@MANY
def test_whatever_a_lock_is_for_its_messages_are_inert_and_fit(hold: Hold) -> None:
    for card in (
        locks.hold_card(hold, NOW),
        locks.reminder_note(hold, NOW),
        locks.ended_note(hold),
        locks.taken_note(hold),
        locks.unlocked_card([hold]),
        locks.locked_card(hold),
    ):
        must_be_fit_to_send(card.body())
    must_be_inert(locks.hold_line(hold))


@given(st.lists(TICKETS, min_size=1, max_size=8))
@MANY
def test_whatever_people_wait_for_their_messages_are_inert_and_fit(tickets: list[Ticket]) -> None:
    for card in (
        lines.ticket_card(tickets[0], len(tickets)),
        lines.turn_note(tickets[0]),
        lines.joined_card(tickets[0], 1),
        lines.lines_card(tickets, tickets[0].user),
    ):
        must_be_fit_to_send(card.body())


@given(EMERGENCIES)
@MANY
def test_whatever_an_emergency_shows_its_messages_are_inert_and_fit(emergency: Emergency) -> None:
    scene = emergency.scene or Scene()
    for card in (
        emergencies.emergency_card(emergency),
        emergencies.status_card(emergency, "stg", scene, risks(scene)),
        emergencies.calm_note(emergency),
        emergencies.started_card(emergency),
        emergencies.ended_card(emergency),
    ):
        must_be_fit_to_send(card.body())
