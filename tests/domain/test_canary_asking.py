"""What people type after `/canary`."""

from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.domain.canary.asking import Act, understand
from bot.domain.catalog import Catalog, Environment, Service, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ServiceName
from bot.errors import UserError

CATALOG = Catalog(
    environments=MappingProxyType(
        {EnvironmentName(name): Environment(EnvironmentName(name), name, None) for name in ("stg", "prd")}
    ),
    services=MappingProxyType(
        {
            ServiceName(name): Service(ServiceName(name), WorkloadRef(name, WorkloadKind.DEPLOYMENT, name), name, name)
            for name in ("admin", "web")
        }
    ),
)


@pytest.mark.parametrize("typed", ["10%", "10", "10 %", "１０％", "１０ %", "10％"])
def test_a_share_may_be_typed_in_many_ways(typed: str) -> None:
    assert understand(typed.split(), CATALOG).steps == (10,)


def test_everything_may_be_said_at_once_in_any_order() -> None:
    asked = understand("admin 1.5.0 stg 10% 25% 50% every 10m".split(), CATALOG)
    assert (asked.environment, asked.service, asked.version) == ("stg", "admin", "1.5.0")
    assert (asked.steps, asked.every) == ((10, 25, 50), timedelta(minutes=10))


@pytest.mark.parametrize("act", ["promote", "pause", "resume", "abort", "status", "ABORT"])
def test_an_act_takes_a_place(act: str) -> None:
    asked = understand([act, "stg", "admin"], CATALOG)
    assert (asked.act, asked.environment, asked.service) == (Act(act.lower()), "stg", "admin")


@pytest.mark.parametrize(
    ("typed", "text", "hint"),
    [
        ("0%", "A canary of 0 % is none at all.", "/canary abort"),
        ("100", "100 % is no canary any more.", "/canary promote"),
        ("1000%", "`1000%` is no share", "PERCENT"),
        ("-5%", "`-5%` is no share", "PERCENT"),
        ("1e2", "`1e2` is no share", "PERCENT"),
        ("NaN", "`NaN` is no share", "PERCENT"),
        ("12.5%", "`12.5%` is no share", "PERCENT"),
        ("", "How many per cent", "PERCENT"),
        ("stg admin", "How many per cent", "PERCENT"),
        ("stg amdin 10%", "Did you mean `admin`?", "PERCENT"),
        ("50% 25% 10%", "The steps of a canary rise.", "10% 25% 50%"),
        ("10% every", "Every how long?", "10m"),
        ("10% every never", "`never` is no time", "10m"),
        ("10% every 1s", "`1s` is no time", "10s"),
        ("promote 10%", "takes an environment and a service", "promote"),
        ("stg admin 1.5.0 1.6.0 10%", "more than I understand: `1.6.0`", "PERCENT"),
        ("stg admin ; 10%", "`;` is no version", "1.42.0"),
    ],
)
def test_a_slip_is_answered_with_what_was_probably_meant(typed: str, text: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        understand(typed.split(), CATALOG)
    assert text in refused.value.text
    assert hint in refused.value.hint
