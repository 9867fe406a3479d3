"""The section `oncall`: rotas, schedules, teams, people; and what each fault says."""

from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.names import ServiceName
from bot.domain.oncall import Duty, OnCallPlan
from bot.domain.rota import Rota
from bot.settings import SettingsError, load

SOCKET = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
LEAST = """\
timezone: Europe/Berlin
environments: {stg: {}}
services: {web: {namespace: web, workload: deployment/web, container: web, image: registry.example.com/web}}
"""
TEAM = "65fb1aa8-2a3b-4d26-8b5e-b5b1a6d4a6f1"


def read(folder: Path, section: str) -> OnCallPlan:
    file = folder / "k.yaml"
    file.write_text(LEAST + section)
    plan = load(file, SOCKET).oncall
    assert plan is not None
    return plan


def faults(folder: Path, section: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(folder, section)
    return "\n".join(f"{fault.key} {fault.problem} {fault.remedy}" for fault in raised.value.faults)


def test_a_rota_has_turns_of_a_week_at_ten_unless_told_otherwise(tmp_path: Path) -> None:
    plan = read(tmp_path, "oncall: {default: {rota: [U0ALICE, U0BOB], first_day: 2026-11-02}}\n")
    berlin = ZoneInfo("Europe/Berlin")
    rota = Rota(("U0ALICE", "U0BOB"), timedelta(days=7), date(2026, 11, 2), time(10), berlin)  # type: ignore[arg-type]
    assert plan.default == Duty(rota=rota)
    assert (plan.remind_after, plan.still_working_after) == (timedelta(minutes=5), timedelta(hours=1))


def test_a_service_has_a_duty_of_its_own_and_the_rest_has_the_default(tmp_path: Path) -> None:
    services = f"services: {{web: {{team: {TEAM}, page: true}}}}"
    plan = read(tmp_path, f"oncall: {{default: {{schedule: {TEAM}}}, {services}}}\n")
    assert plan.duty_of(ServiceName("web")) == Duty(team=TEAM, page=True)
    assert plan.duty_of(ServiceName("other")) == plan.duty_of(None) == Duty(schedule=TEAM)
    assert list(plan.duties) == ["", "web"]


def test_people_are_found_by_their_address_in_any_case(tmp_path: Path) -> None:
    plan = read(tmp_path, "oncall: {people: [{datadog: Alice@Example.com, slack: U0ALICE}]}\n")
    assert plan.people == {"alice@example.com": "U0ALICE"}


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("{default: {shift: 7d}}", "oncall.default names nobody Write one of rota, schedule, team"),
        (f"{{default: {{rota: [U0A], first_day: 2026-11-02, team: {TEAM}}}}}", "names rota and team"),
        ("{default: {rota: [U0A]}}", "first_day is missing"),
        ("{default: {rota: [alice], first_day: 2026-11-02}}", "people are named by id"),
        ("{default: {rota: [U0A], first_day: 2026-13-02}}", "first_day is `2026-13-02`"),
        ("{default: {rota: [U0A], first_day: 2026-11-02, shift: 25h}}", "whole days"),
        ("{default: {schedule: ../../v1/users}}", "hexadecimal digits"),
        (f"{{default: {{schedule: {TEAM}, page: true}}}}", "has no team to page"),
        (f"{{default: {{team: {TEAM}, page: maybe}}}}", "page is `maybe`"),
        (f"{{services: {{wbe: {{team: {TEAM}}}}}}}", "oncall.services.wbe is no service Did you mean `web`?"),
        ("{people: [{datadog: alice, slack: U0ALICE}]}", "somebody@example.com"),
        ("{people: [{datadog: a@b.c, slack: U0A1}, {datadog: A@b.c, slack: U0B1}]}", "twice"),
        ("{remind_after: soon}", "remind_after is `soon`"),
    ],
)
def test_each_fault_says_what_would_be_right(tmp_path: Path, section: str, told: str) -> None:
    assert told.lower() in faults(tmp_path, f"oncall: {section}\n").lower()
