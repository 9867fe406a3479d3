"""Cards of freezes, reviews, approvals and roles: whatever people wrote, they can be sent and ping nobody by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.approvals import called_note, rejected_note, reminder_note, waiting_card
from bot.cards.card import Card
from bot.cards.freezes import closure_card, freezes_card, opened_card
from bot.cards.mrkdwn import Mrkdwn, group
from bot.cards.review import loud_note, review_card, reviews_card
from bot.cards.standing import standing_card
from bot.domain.catalog import Grant, Role, Target
from bot.domain.freezes import Closure
from bot.domain.names import EnvironmentName, ReleaseId, UserId
from bot.domain.review import Review
from tests.cards.hostile import hostile, hostile_release, must_be_fit_to_send
from tests.domain.release_worlds import NOW

PEOPLE = st.sampled_from([UserId("U0BOB"), UserId("<!here>")])
CLOSURES = st.builds(
    Closure,
    environment=hostile,
    reason=hostile,
    since=st.just(NOW),
    until=st.none() | st.just(NOW + timedelta(hours=1)),
    by=st.none() | PEOPLE,
    id=st.just("01K" + "A" * 23),
)
REVIEWS = st.builds(
    Review,
    release_id=st.just(ReleaseId("01K" + "A" * 23)),
    target=st.builds(Target, hostile, hostile),
    version=hostile,
    by=PEOPLE,
    reason=hostile,
    passed=hostile,
    opened_at=st.just(NOW),
    closed_at=st.none() | st.just(NOW),
    closed_by=st.none() | PEOPLE,
    words=hostile,
)
GRANTS = st.builds(
    Grant,
    users=st.lists(PEOPLE, max_size=2).map(tuple),
    groups=st.lists(hostile, max_size=2).map(tuple),
    environments=st.lists(hostile, max_size=2).map(tuple),
    services=st.lists(hostile, max_size=2).map(tuple),
)
FEW = settings(max_examples=25)


@dataclass(frozen=True, slots=True)
class Windows:
    """What the list of freezes needs to know of one environment."""

    environment: EnvironmentName
    now: tuple[Closure, ...]
    next: tuple[Closure, ...]


def must_be_fit(cards: Sequence[Card]) -> None:
    for card in cards:
        must_be_fit_to_send(card.body())


@given(CLOSURES)
@FEW
def test_no_freeze_makes_a_card_that_slack_refuses_or_that_pings(closure: Closure) -> None:
    windows = Windows(closure.environment, (closure,), (closure,))
    must_be_fit([closure_card(closure), opened_card(closure, "kajitori", NOW), freezes_card([windows] * 9)])


@given(REVIEWS)
@FEW
def test_no_review_makes_a_card_that_slack_refuses_or_that_pings(review: Review) -> None:
    many = [replace(review, release_id=ReleaseId(f"01K{n:023}")) for n in range(12)]
    must_be_fit([review_card(review), loud_note(review, "#deploys"), reviews_card(many), reviews_card([])])


@given(st.integers(0, 2**32), hostile)
@FEW
def test_no_release_makes_words_to_approvers_that_slack_refuses_or_that_ping(seed: int, name: str) -> None:
    found = [replace(hostile_release(seed + n), id=ReleaseId(f"01K{n:023}")) for n in range(12)]
    approvers = group(name)
    words = [called_note(found[0], approvers), reminder_note(found[0], Mrkdwn("")), rejected_note(found[0])]
    must_be_fit([*words, waiting_card(found), waiting_card([])])


@given(st.lists(GRANTS, max_size=3).map(tuple))
@FEW
def test_no_role_makes_a_card_that_slack_refuses_or_that_pings(grants: tuple[Grant, ...]) -> None:
    given_out = {Role.DEPLOYER: grants, Role.APPROVER: (), Role.OPERATOR: grants}
    must_be_fit([standing_card("U0BOB", given_out, given_out), standing_card("U0BOB", {Role.OPERATOR: ()}, given_out)])


def test_a_group_is_called_by_its_id_alone() -> None:
    assert group("S0LEADS") == "<!subteam^S0LEADS>"
    assert "<" not in group("S0LEADS|<!here>")
