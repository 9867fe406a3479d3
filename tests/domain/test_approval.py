"""What approvals bind to besides the plan, and when approvers are called."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.approval import VALID, Due, due, rules_of
from bot.domain.catalog import Catalog, Environment, Freeze, Grant, Role, Target
from bot.domain.names import EnvironmentName, ServiceName

PRD, ADMIN, WEB = EnvironmentName("prd"), ServiceName("admin"), ServiceName("web")
TARGET = Target(PRD, ADMIN)
LEADS = Grant(groups=("@leads",))
CATALOG = Catalog({PRD: Environment(PRD, None, None, approvals=1)}, {}, {Role.APPROVER: (LEADS,)})
NIGHT = Freeze("0 0 * * *", timedelta(hours=1), "night")
ASKED = datetime(2026, 11, 2, 12, tzinfo=UTC)


def with_prd(**changes: object) -> Catalog:
    return replace(CATALOG, environments={PRD: replace(CATALOG.environments[PRD], **changes)})  # type: ignore[arg-type]


def with_roles(*approvers: Grant) -> Catalog:
    return replace(CATALOG, roles={Role.APPROVER: approvers})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (with_prd(approvals=2), "it needs 2 approvals now, not 1"),
        (
            with_prd(freezes=(Freeze("0 0 * * *", timedelta(hours=1), "night"),)),
            "the environment freezes at other times",
        ),
        (with_roles(), "the roles for it are given to other people"),
        (with_roles(LEADS, Grant(users=("U0EVE",))), "the roles for it are given to other people"),
        (with_roles(Grant(groups=("@leads",), services=(WEB,))), "the roles for it are given to other people"),
    ],
)
def test_other_rules_are_another_plan_and_what_is_different_is_told(changed: Catalog, told: str) -> None:
    before, now = rules_of(CATALOG, TARGET), rules_of(changed, TARGET)
    assert before.version != now.version
    assert before.changes_to(now) == (told,)


@pytest.mark.parametrize(
    "changed",
    [
        CATALOG,
        with_prd(channel="#elsewhere", context="other"),
        with_roles(LEADS, Grant(users=("U0EVE",), services=(WEB,))),
        with_roles(Grant(groups=("@leads",), environments=(PRD,))),
    ],
)
def test_what_does_not_concern_the_target_changes_no_rule_of_it(changed: Catalog) -> None:
    assert rules_of(CATALOG, TARGET).changes_to(rules_of(changed, TARGET)) == ()


def test_approvers_are_called_at_once_again_before_the_end_and_no_more() -> None:
    late, end = ASKED + VALID - timedelta(minutes=5), ASKED + VALID
    assert due(ASKED, None, None, ASKED) is Due.CALL
    assert due(ASKED, ASKED, None, late - timedelta(seconds=1)) is Due.NOTHING
    assert due(ASKED, ASKED, None, late) is Due.REMIND
    assert due(ASKED, ASKED, late, late) is Due.NOTHING
    assert due(ASKED, None, None, end) is Due.EXPIRE
    assert due(ASKED, ASKED, late, end) is Due.EXPIRE
