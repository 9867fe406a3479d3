"""/oncall: from a rota, from Datadog's team and schedule; and what is said when nobody can be asked."""

from collections.abc import Callable
from pathlib import Path

from bot.sandbox.datadog.on_call import SCHEDULE_ID, TEAM_ID
from bot.sandbox.kube import Options
from tests.chat import Chat, open_chat

PEOPLE = "  people: [{datadog: alice@growlio.example, slack: U0ALICE}, {datadog: bob@growlio.example, slack: U0BOB}]\n"
ROTA = "  default: {rota: [U0ALICE, U0BOB], first_day: 2026-11-02}\n"
TEAM = f"  services: {{web: {{team: {TEAM_ID}}}}}\n"
SCHEDULE = f"  default: {{schedule: {SCHEDULE_ID}}}\n"


def with_oncall(*lines: str) -> Callable[[str], str]:
    return lambda text: text + "oncall:\n" + "".join(lines)


async def test_without_a_plan_it_is_said_that_nobody_is_on_call(chat: Chat) -> None:
    await chat.dave.says("/oncall")
    heard = await chat.dave.hears("Nobody is on call")
    assert "`oncall`" in heard


async def test_a_rota_says_who_has_the_turn_and_who_is_next(tmp_path: Path) -> None:
    async with open_chat(tmp_path, cluster_options=Options(), change=with_oncall(ROTA)) as chat:
        await chat.dave.says("/oncall web")
        heard = await chat.dave.hears("web")
        now, _, later = heard.partition("next:")
        assert {name for name in ("U0ALICE", "U0BOB") if name in now} != {
            name for name in ("U0ALICE", "U0BOB") if name in later
        }
        assert "known from the rota" in heard


async def test_datadogs_team_and_schedule_are_asked_and_people_matched_by_address(tmp_path: Path) -> None:
    async with open_chat(tmp_path, cluster_options=Options(), change=with_oncall(PEOPLE, TEAM, SCHEDULE)) as chat:
        await chat.dave.says("/oncall")
        heard = await chat.dave.hears("Datadog On-Call")
        default, _, web = heard.partition("*web*")
        assert "*Everything else*: <@U0ALICE>" in default
        assert "next: <@U0BOB>" in default
        assert "<@U0ALICE>" in web
        assert "then called: <@U0BOB>, Carol" in web, "who is not in `people` is named"


async def test_a_datadog_that_does_not_know_the_schedule_is_quoted_and_nothing_is_guessed(tmp_path: Path) -> None:
    unknown = "  default: {schedule: 00000000-0000-0000-0000-000000000000}\n"
    async with open_chat(tmp_path, cluster_options=Options(), change=with_oncall(unknown)) as chat:
        await chat.dave.says("/oncall")
        heard = await chat.dave.hears("can't be asked")
        assert "Datadog" in heard
