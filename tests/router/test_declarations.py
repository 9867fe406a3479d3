"""One declaration per command: help, the app manifest, the README and the reference say what it says."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from bot.cards.help import help_card
from bot.domain.catalog import Role
from bot.domain.release import ReleasePhase
from bot.manifest import slack_manifest
from bot.router import Call, Reply, Router
from bot.slack.scopes import bot_scopes
from handlers import router
from handlers.help import help_
from tests.cards.hostile import must_be_fit_to_send
from tests.chat import plain
from tests.router.test_binding import CATALOG

ROOT = Path(__file__).parents[2]
HANDLERS: list[Any] = [*router.commands.values(), *router.buttons.values()]
# docs.slack.dev/reference/app-manifest: the longest that Slack takes.
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_BOT_NAME = 35, 140, 80
LONGEST_COMMAND, LONGEST_COMMAND_DESCRIPTION, LONGEST_HINT, MOST_COMMANDS = 32, 2000, 1000, 50
READABLE_DESCRIPTION = 100
"""More does not fit into the line of Slack's command completion."""


@pytest.mark.parametrize("route", HANDLERS, ids=lambda route: getattr(route, "name", "") or route.action_id)
def test_every_handler_says_what_it_does_in_one_sentence(route) -> None:
    doc = inspect.getdoc(route.handler)
    assert doc is not None
    first = doc.splitlines()[0]
    assert first.endswith(".")
    assert first[0].isupper()
    assert len(first) <= 120


def test_every_route_needs_a_role_of_the_catalogue() -> None:
    assert {route.role for route in HANDLERS} <= set(Role)
    reading = {"status", "releases", "release.details", "pods", "jobs", "alerts", "oncall"} | {
        "whoami",
        "freezes",
        "queue",
        "reviews",
    }
    open_to_all = {getattr(r, "name", None) or r.action_id for r in HANDLERS if r.role is Role.ANYONE}
    assert open_to_all == reading, "what everybody may do only reads"


def test_usage_is_the_commands_signature() -> None:
    usages = {command.usage for command in router.commands.values()}
    assert "/deploy ENV SERVICE [VERSION]" in usages
    assert "/status [ENV] [SERVICE]" in usages
    assert "/kajitori abort ENV SERVICE" in usages


def test_help_shows_every_command_and_the_names_that_are_known() -> None:
    card = help_(router, CATALOG)
    must_be_fit_to_send(card.body())
    told = plain(card.body())
    for command in router.commands.values():
        assert f"`{command.usage}`" in told
        assert command.summary in told.replace("\u200b", "")
    for name in (*CATALOG.environments, *CATALOG.services):
        assert f"`{name}`" in told


def test_help_of_a_company_with_many_services_is_still_taken() -> None:
    lines = [(command.usage, command.summary) for command in router.commands.values()] * 30
    must_be_fit_to_send(help_card(lines, CATALOG).body())


def test_two_handlers_of_one_name_fail_at_the_start() -> None:
    mine, theirs = Router(), Router()

    async def handler(call: Call) -> Reply:
        """Do something."""
        raise NotImplementedError

    mine.command("/same", role=Role.ANYONE)(handler)
    theirs.command("/same", role=Role.ANYONE)(handler)
    with pytest.raises(ValueError, match="same is declared twice"):
        Router().include(mine, theirs)


def test_a_handler_without_a_docstring_fails_at_the_start() -> None:
    async def handler(call: Call) -> Reply:
        raise NotImplementedError

    with pytest.raises(ValueError, match="needs a docstring"):
        Router().command("/mute", role=Role.ANYONE)(handler)


# The app manifest


@pytest.fixture(params=[None, "https://bot.example.com"], ids=["socket", "http"])
def manifest(request: pytest.FixtureRequest) -> dict:
    return slack_manifest(router, http_url=request.param)


def test_the_manifest_has_every_slash_command_and_kajitori_itself(manifest: dict) -> None:
    commands = {command["command"]: command for command in manifest["features"]["slash_commands"]}
    declared = {f"/{command.name}": command for command in router.commands.values() if command.slash}
    assert commands.keys() == {*declared, "/kajitori"}
    for name, command in declared.items():
        assert commands[name]["description"] == command.summary
        assert commands[name].get("usage_hint", "") == command.hint
        assert commands[name]["should_escape"] is False, "words are read as they were typed"


def test_the_manifest_keeps_to_slacks_lengths(manifest: dict) -> None:
    shown = manifest["display_information"]
    assert len(shown["name"]) <= LONGEST_NAME
    assert len(shown["description"]) <= LONGEST_DESCRIPTION
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])
    assert len(manifest["features"]["bot_user"]["display_name"]) <= LONGEST_BOT_NAME
    commands = manifest["features"]["slash_commands"]
    assert len(commands) <= MOST_COMMANDS
    for command in commands:
        assert re.fullmatch(r"/[a-z0-9_-]+", command["command"])
        assert len(command["command"]) <= LONGEST_COMMAND
        assert 0 < len(command["description"]) <= min(READABLE_DESCRIPTION, LONGEST_COMMAND_DESCRIPTION)
        assert len(command.get("usage_hint", "")) <= LONGEST_HINT


def test_the_manifest_asks_for_no_more_than_the_calls_need(manifest: dict) -> None:
    assert set(manifest["oauth_config"]["scopes"]) == {"bot"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == {*bot_scopes(), "commands", "app_mentions:read"}
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == ["app_mention"]


def test_addresses_stand_in_the_manifest_in_http_mode_alone() -> None:
    assert "url" not in str(slack_manifest(router))
    manifest = slack_manifest(router, http_url="https://bot.example.com/")
    url = "https://bot.example.com/slack/events"
    assert manifest["settings"]["interactivity"]["request_url"] == url
    assert manifest["settings"]["event_subscriptions"]["request_url"] == url
    assert all(command["url"] == url for command in manifest["features"]["slash_commands"])


# The documents


def command_table() -> str:
    """The README's table, from the declarations."""
    rows = [(command.usage, command.summary, command.role.value) for command in router.commands.values()]
    rows += [(f"/kajitori {each.name}", each.summary, Role.ANYONE.value) for each in router.instants.values()]
    lines = ["| command | does | needs |", "|---|---|---|"]
    return "\n".join(lines + [f"| `{usage}` | {summary} | {role} |" for usage, summary, role in rows])


def test_the_readmes_table_is_what_the_handlers_declare() -> None:
    found = re.search(r"<!-- commands -->\n(.*?)\n<!-- /commands -->", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None, "the README lost its markers"
    assert found[1] == command_table(), f"put this between the markers:\n{command_table()}"


def rows_of(document: str) -> list[list[str]]:
    """The cells of every table row."""
    text = (ROOT / "docs" / "reference" / document).read_text()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_the_reference_names_every_command_with_its_role() -> None:
    told = {(row[0], row[1]) for row in rows_of("commands.md") if row[0].startswith("`/")}
    declared = {(f"`{command.usage}`", command.role.value) for command in router.commands.values()}
    assert told == declared | {(f"`/kajitori {name}`", "anyone") for name in router.instants}


def test_the_reference_names_every_scope_and_none_besides() -> None:
    told = {scope for row in rows_of("slack-scopes.md") for scope in re.findall(r"`([a-z_:.]+)`", row[0])}
    assert told == set(slack_manifest(router)["oauth_config"]["scopes"]["bot"])


def test_the_reference_names_every_phase() -> None:
    told = {row[0].strip("`") for row in rows_of("message-metadata.md")}
    assert {phase.value for phase in ReleasePhase} <= told
