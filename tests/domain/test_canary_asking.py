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


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        ("10%", (10,)),
        ("10", (10,)),
        ("10 %", (10,)),
        ("１０％", (10,)),
        ("１０ ％", (10,)),
        ("10％", (10,)),
        ("10﹪", (10,)),
        ("010%", (10,)),
        ("1%", (1,)),
        ("99%", (99,)),
        ("10% 25% 50%", (10, 25, 50)),
        ("10 25 50", (10, 25, 50)),
        ("10%, 25%, 50%", (10, 25, 50)),
        ("10%,25%,50%", (10, 25, 50)),
        ("10% → 25% → 50%", (10, 25, 50)),
        ("10%->25%->50%", (10, 25, 50)),
        ("１０％、２５％、５０％", (10, 25, 50)),
        ("10 % 25 % 50 %", (10, 25, 50)),
    ],
)
def test_shares_may_be_typed_in_many_ways(typed: str, steps: tuple[int, ...]) -> None:
    asked = understand(typed.split(), CATALOG)
    assert (asked.steps, asked.version, asked.every) == (steps, None, None)


@pytest.mark.parametrize(
    ("typed", "every"),
    [
        ("10m", timedelta(minutes=10)),
        ("10min", timedelta(minutes=10)),
        ("１０m", timedelta(minutes=10)),
        ("90s", timedelta(seconds=90)),
        ("1H", timedelta(hours=1)),
        ("24h", timedelta(hours=24)),
        ("10s", timedelta(seconds=10)),
    ],
)
def test_the_time_between_steps(typed: str, every: timedelta) -> None:
    asked = understand(["10%", "25%", "every", typed], CATALOG)
    assert (asked.steps, asked.every) == ((10, 25), every)


@pytest.mark.parametrize("version", ["1.5", "1.5.0", "4711", "20261123", "12345e7", "9e12345", "v1", "sha-12.5"])
def test_a_number_beside_a_share_with_its_sign_is_a_version(version: str) -> None:
    asked = understand(["stg", "admin", version, "10%"], CATALOG)
    assert (asked.version, asked.steps) == (version, (10,))


@pytest.mark.parametrize("typed", ["10% 25%", "10%, 25% every 10m", "１０％", "99"])
def test_what_was_understood_can_be_written_down_and_read_again(typed: str) -> None:
    asked = understand(typed.split(), CATALOG)
    assert understand(asked.shares.split(), CATALOG) == asked


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
        ("1e2%", "`1e2%` is no share", "PERCENT"),
        ("NaN", "`NaN` is no share", "PERCENT"),
        ("NaN%", "`NaN%` is no share", "PERCENT"),
        ("inf%", "`inf%` is no share", "PERCENT"),
        ("12.5%", "`12.5%` is no share", "PERCENT"),
        ("12,5%", "`12,5%` is no share", "PERCENT"),
        ("1.5", "`1.5` is no share", "PERCENT"),
        ("0", "A canary of 0 % is none at all.", "/canary abort"),
        ("000%", "A canary of 0 % is none at all.", "/canary abort"),
        ("０％", "A canary of 0 % is none at all.", "/canary abort"),
        ("１００％", "100 % is no canary any more.", "/canary promote"),
        ("10% 25% 100%", "100 % is no canary any more.", "/canary promote"),
        ("101%", "`101%` is no share", "PERCENT"),
        ("１０００％", "`1000%` is no share", "PERCENT"),
        ("99999999999999999999%", "is no share", "PERCENT"),
        ("－５％", "`-5%` is no share", "PERCENT"),
        ("+5%", "`+5%` is no share", "PERCENT"),
        ("−5%", "`−5%` is no share", "PERCENT"),
        ("10-50%", "`10-50%` is no share", "PERCENT"),
        ("10%%", "`10%%` is no share", "PERCENT"),
        ("%", "`%` is no share", "PERCENT"),
        ("%10", "`%10` is no share", "PERCENT"),
        ("½%", "is no share", "PERCENT"),
        ("١٠%", "is no share", "PERCENT"),
        ("10% 10%", "The steps of a canary rise.", "10%?"),
        ("10% 25% every 10", "`10` is no time", "10m"),
        ("10% 25% every -5m", "`-5m` is no time", "10m"),
        ("10% 25% every 25h", "`25h` is no time", "24h"),
        ("10% 25% every 10m every 5m", "more than I understand: `5m`", "PERCENT"),
        ("1% 2% 3% 4% 5% 6% 7% 8% 9% 10% 11%", "10 steps at most", "PERCENT"),
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
