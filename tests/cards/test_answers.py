"""Refusals, notes, status and forms with text that wants to be markup."""

from dataclasses import dataclass
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.answers import failure_card, marked, outside_card, refusal_card
from bot.cards.card import Card, context, section
from bot.cards.forms import command_form, open_form_card
from bot.cards.mrkdwn import Mrkdwn, bold, channel, code, esc, person, pre
from bot.cards.status import status_card
from bot.domain.catalog import Catalog, Environment, Service, Target, WorkloadKind, WorkloadRef
from bot.domain.emergency import Emergency
from bot.domain.holds import Hold
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.queue import Ticket
from bot.domain.release import Release
from bot.domain.rollout import RolloutState, RolloutStatus
from bot.errors import OutsideError, UserError
from bot.sandbox.slack.blocks import view_faults
from handlers import router
from tests.cards.hostile import hostile, hostile_releases, must_be_fit_to_send, must_be_inert
from tests.domain.release_worlds import NOW

MANY = settings(max_examples=60, deadline=None)


@given(hostile, hostile, st.none() | st.just("U0BOB"), st.booleans())
@MANY
def test_a_refusal_quotes_people_without_pinging_anyone(text: str, hint: str, who: str | None, timed: bool) -> None:
    quoted = UserError(
        "odd", f"No service `{text}`. {{who}} {{since}}", hint=hint, who=who, since=NOW if timed else None
    )
    must_be_fit_to_send(refusal_card(quoted).body())
    must_be_fit_to_send(refusal_card(UserError("odd", text or "No.", hint=f"/deploy {hint}")).body())


@given(hostile, hostile)
@MANY
def test_an_outside_failure_quotes_systems_without_pinging_anyone(system: str, text: str) -> None:
    must_be_fit_to_send(outside_card(OutsideError(system, text)).body())


@given(st.lists(hostile, max_size=3).map("`".join))
def test_names_between_backticks_become_code_and_nothing_else(text: str) -> None:
    must_be_inert(marked(text))


def test_a_failure_of_ours_tells_nothing_but_a_reference() -> None:
    body = failure_card("7F3A").body()
    must_be_fit_to_send(body)
    assert "7F3A" in body["text"]


@given(hostile)
@MANY
def test_foreign_text_is_inert_however_it_is_set(text: str) -> None:
    for shown in (esc(text), code(text), pre(text), bold(text), person(text), channel(text)):
        must_be_inert(shown)
    assert code(text).count("`") in (0, 2)
    assert pre(text).count("```") == 2
    assert bold(text)[1:-1].count("*") == 0


@given(st.text("*_~` a\n", max_size=30))
def test_no_formatting_mark_of_foreign_text_can_open_or_close(text: str) -> None:
    shown = esc(text)
    for place, mark in enumerate(shown):
        if mark in "*_~`":
            inside = shown[place - 1 : place].isalnum() and shown[place + 1 : place + 2].isalnum()
            assert inside or shown[place + 1 : place + 2] == "\u200b"


@dataclass
class Line:
    """What the status card needs to know of one target."""

    target: Target
    version: str
    status: RolloutStatus | None
    paused: bool
    problem: str
    moving: Release | None
    last: Release | None
    since: datetime | None
    holds: tuple[Hold, ...] = ()
    waiting: tuple[Ticket, ...] = ()
    emergency: Emergency | None = None


lines = st.builds(
    Line,
    target=st.builds(Target, st.sampled_from(["stg", "prd"]), hostile),
    version=hostile,
    status=st.none()
    | st.builds(
        RolloutStatus, st.sampled_from(RolloutState), hostile, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
    ),
    paused=st.booleans(),
    problem=hostile,
    moving=st.none() | hostile_releases,
    last=st.none() | hostile_releases,
    since=st.none() | st.just(NOW),
)


@given(st.lists(lines, max_size=4))
@settings(MANY, max_examples=60)
def test_no_status_makes_a_card_that_slack_refuses_or_that_pings(found: list[Line]) -> None:
    must_be_fit_to_send(status_card(found, NOW).body())


def test_three_hundred_services_still_fit_into_a_status() -> None:
    status = RolloutStatus(RolloutState.DONE, "All 3 pods are new and available.", 3, 3, 3)
    found = [
        Line(Target(EnvironmentName(env), ServiceName(f"service-{n}")), "1.4.2", status, False, "", None, None, None)
        for env in ("stg", "prd")
        for n in range(150)
    ]
    body = status_card(found, NOW).body()
    must_be_fit_to_send(body)
    shown = str(body["blocks"])
    assert "did not fit" in shown or all(f"service-{n}*" in shown for n in range(150))


def test_of_eighty_blocks_forty_five_are_sent_and_the_rest_is_counted() -> None:
    body = Card(Mrkdwn("Eighty"), tuple(section(Mrkdwn(str(n))) for n in range(80))).body()
    must_be_fit_to_send(body)
    assert "more parts did not fit" in str(body["blocks"][-1])


def test_an_empty_paragraph_is_still_one_that_slack_takes() -> None:
    must_be_fit_to_send(Card(Mrkdwn("Nothing"), (section(Mrkdwn("")), context(Mrkdwn("")))).body())


def big_catalog(count: int) -> Catalog:
    environments = {EnvironmentName(f"env-{n}"): Environment(EnvironmentName(f"env-{n}"), None, None) for n in range(3)}
    workload = WorkloadRef("ns", WorkloadKind.DEPLOYMENT, "app")
    services = {
        ServiceName(f"svc-{n}"): Service(ServiceName(f"svc-{n}"), workload, "app", "example.com/app")
        for n in range(count)
    }
    return Catalog(environments, services)


@given(
    st.dictionaries(st.sampled_from(["environment", "service", "version"]), hostile),
    st.lists(st.text("abc.1", min_size=1, max_size=128), max_size=150, unique=True),
    st.integers(1, 150),
)
@settings(MANY, max_examples=40)
def test_slack_takes_every_commands_form(chosen: dict[str, str], offered: list[str], services: int) -> None:
    for command in router.commands.values():
        view = command_form(
            command.name,
            command.summary,
            command.fields,
            big_catalog(services),
            chosen=chosen,
            place="C0STG::deploys-stg",
            offered=offered,
        )
        assert view_faults(view) == []
        must_be_fit_to_send(open_form_card(command.name).body())
