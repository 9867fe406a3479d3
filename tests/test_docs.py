"""The documents: what they name exists, what they show runs, what they list is complete."""

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.release import ReleaseKind, ReleasePhase
from bot.manifest import slack_manifest
from bot.settings import SettingsError, environment, load
from bot.slack.scopes import APP_SCOPES
from handlers import router

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
# No real secrets: each has the form that Kajitori asks for.
VARIABLES = {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-a", "SLACK_SIGNING_SECRET": "0" * 32}


def blocks(page: Path, *words: str) -> Iterator[tuple[str, str]]:
    """Info string and text of each fenced block whose info string holds `words`."""
    for found in FENCE.finditer(page.read_text()):
        if set(words) <= set(found["info"].split()):
            yield found["info"], re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def prose(text: str) -> str:
    """Without fenced blocks."""
    return FENCE.sub("", text)


# What is run


@pytest.mark.parametrize("name", [name for name in NAMES if any(blocks(ROOT / name, "runs"))])
def test_the_blocks_marked_runs_of_a_page_run_in_order(name, tmp_path):
    for file in ("kajitori.example.yaml", "k8s"):
        (tmp_path / file).symlink_to(ROOT / file)
    commands = Path(sys.executable).parent
    environ = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), **VARIABLES}
    for info, text in blocks(ROOT / name, "runs"):
        if "kubectl" in info.split() and shutil.which("kubectl") is None:
            continue  # the page's other blocks can still be run
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


# What is named


def shell_lines() -> Iterable[tuple[str, str]]:
    """Page and line of every command that a document shows, in a block or as code in a sentence."""
    for name in NAMES:
        text = page(name)
        for _, block in itertools.chain(blocks(ROOT / name, "sh"), blocks(ROOT / name, "console")):
            yield from ((name, line) for line in block.splitlines())
        yield from ((name, code) for code in re.findall(r"`([^`\n]+)`", prose(text)))


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), flags=re.MULTILINE))
    named = {(name, m[1]) for name, line in shell_lines() if (m := re.match(r"make ([a-z]+)\b", line))}
    assert named
    assert {each for each in named if each[1] not in targets} == set()


@pytest.mark.parametrize("option", [[], ["audit"]], ids=["kajitori", "kajitori audit"])
def test_every_command_of_the_command_line_that_is_named_exists(option):
    text = help_of(*option)
    known = set(re.findall(r"^ {4}([a-z]+) ", text, flags=re.MULTILINE))
    start = " ".join(["kajitori", *option])
    named = {(name, m[1]) for name, line in shell_lines() if (m := re.match(rf"{start} ([a-z]+)\b", line))}
    assert known
    assert {each for each in named if each[1] not in known} == set()


def test_every_option_of_kajitori_that_is_named_exists():
    known = {option: set(re.findall(r"--[a-z-]+", help_of(option))) for option in subcommands()}
    known["audit"] |= {
        name for part in ("verify", "export") for name in re.findall(r"--[a-z-]+", help_of("audit", part))
    }
    wrong = set()
    for name, line in shell_lines():
        command = re.match(r"(?:\S+=\S* )*kajitori ([a-z]+)\b(.*)", line)
        if command is not None and command[1] in known:
            options = set(re.findall(r"--[a-z-]+", command[2].split(" -- ")[0]))
            wrong |= {(name, command[1], option) for option in options - known[command[1]]}
    assert wrong == set()


def test_every_slash_command_that_is_named_exists():
    others = {"invite", "healthz", "readyz", "metrics", "socket", "tmp"}
    known = {command["command"] for command in slack_manifest(router)["features"]["slash_commands"]}
    named = {(name, m[0].strip()) for name, line in shell_lines() if (m := re.match(r"/[a-z]+(?: |$)", line))}
    assert known <= {command for _, command in named}
    assert {each for each in named if each[1] not in known and each[1][1:] not in others} == set()


def test_every_relative_link_leads_somewhere():
    broken = []
    for name in NAMES:
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page(name))):
            path, _, anchor = target.partition("#")
            file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{name}: {target}")
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", here.read_text())
        ahead += [(here.parent / link).resolve() for link in links]
    assert {str(each.relative_to(ROOT)) for each in set(PAGES) - seen} == set()


def test_no_page_names_a_place_on_somebodys_machine():
    places = re.compile(r"/(?:home|Users|root|work|tmp)/\w+")
    assert [(name, found[0]) for name in NAMES for found in places.finditer(page(name))] == []


# What is complete


def test_the_reference_has_every_key_of_the_example():
    assert keys_of_the_example() - documented_keys() == set()


def test_the_reference_has_the_keys_that_the_reader_knows_and_no_other(tmp_path):
    assert known_keys(tmp_path) == documented_keys()


def test_the_reference_has_every_variable():
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", page("docs/reference/environment.md")))
    assert set(environment.NAMES) - named == set()


def test_every_code_of_a_refusal_or_an_end_is_explained():
    explained = set(re.findall(r"`([a-z_]+)`", page("docs/how-to/when-something-fails.md")))
    codes = set(codes_in_the_source())
    assert {"target_locked", "image_missing", "superseded"} <= codes
    assert codes - explained == set()


def test_the_metadata_page_has_every_phase_and_kind():
    text = page("docs/reference/message-metadata.md")
    assert [each for each in (*ReleasePhase, *ReleaseKind) if f"`{each.value}`" not in text] == []


def test_the_scopes_explained_are_those_asked_for():
    text = page("docs/reference/slack-scopes.md").partition("Not asked for")[0]
    asked = set(slack_manifest(router)["oauth_config"]["scopes"]["bot"])
    asked |= {scope for scopes in APP_SCOPES.values() for scope in scopes}
    assert set(re.findall(r"`([a-z_.]+:?[a-z.]*)`", text)) == asked


def test_the_permissions_explained_are_those_of_the_role():
    role = next(yaml.safe_load_all(page("k8s/rights/role/role.yaml")))
    ruled = sorted(
        (group or "core", resource, sorted(rule["verbs"]))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    )
    row = re.compile(r"^\| `?([\w.]+)`? \| ([a-z/, ]+) \| ([a-z, ]+) \|", re.MULTILINE)
    told = sorted(
        (group, resource, sorted(verbs.split(", ")))
        for group, resources, verbs in row.findall(page("docs/reference/kubernetes-permissions.md"))
        if group != "group"
        for resource in resources.split(", ")
    )
    assert told == ruled


@pytest.mark.parametrize("name", ["README.md", "docs/reference/commands.md"])
def test_every_command_is_listed_with_its_usage_and_role(name):
    rows = re.findall(r"^\| `(/[^`]+)` \|(.+)\|$", page(name), flags=re.MULTILINE)
    listed = {usage: rest for usage, rest in rows if usage != "/kajitori help"}
    assert set(listed) == {command.usage for command in router.commands.values()}
    assert [c.usage for c in router.commands.values() if c.role.value not in listed[c.usage]] == []


def test_the_picture_in_the_readme_is_there_and_small():
    assert 10_000 < (ROOT / "docs" / "images" / "sandbox.png").stat().st_size < 250_000


# How the above is read


def help_of(*words: str) -> str:
    """What `kajitori WORDS --help` prints."""
    command = [sys.executable, "-m", "bot", *words, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def subcommands() -> list[str]:
    return re.findall(r"^ {4}([a-z]+) ", help_of(), flags=re.MULTILINE)


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    heads = re.findall(r"^#+ (.+)$", prose(file.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def documented_keys() -> set[str]:
    """Keys in the first column of configuration.md's tables; `environments.NAME.freezes[].cron`."""
    rows = re.findall(r"^\| (`[^|]+) \|", page("docs/reference/configuration.md"), flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([\w.\[\]]+)`", row)}


def keys_of_the_example() -> set[str]:
    return set(leaves(yaml.safe_load(page("kajitori.example.yaml"))))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Paths of all values, spelled as in the reference."""
    if isinstance(value, dict):
        for key, part in value.items():
            name = "NAME" if path in ("environments", "services", "oncall.services", "repositories") else key
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            yield from leaves(part, f"{path}[]")
    else:
        yield path


def known_keys(folder: Path) -> set[str]:
    """What the reader itself knows: each documented key alone must be accepted, and a stranger beside it told apart."""
    sections = {
        "slack": "slack: {zzzzzz: 1}",
        "http": "http: {zzzzzz: 1}",
        "environments.NAME": "environments: {stg: {zzzzzz: 1}}",
        "environments.NAME.freezes[]": "environments: {stg: {freezes: [{zzzzzz: 1}]}}",
        "services.NAME": "services: {admin: {zzzzzz: 1}}",
        "repositories.NAME": "repositories: {manifests: {zzzzzz: 1}}",
        "services.NAME.manifests": "services: {admin: {manifests: {zzzzzz: 1}}}",
        "services.NAME.canary": "services: {admin: {canary: {zzzzzz: 1}}}",
        "services.NAME.canary.queries[]": "services: {admin: {canary: {queries: [{zzzzzz: 1}]}}}",
        **{f"roles.{role}": f"roles: {{{role}: {{zzzzzz: 1}}}}" for role in ("deployer", "approver", "operator")},
        "roles": "roles: {zzzzzz: 1}",
        "datadog": "datadog: {zzzzzz: 1}",
        "datadog.numbers": "datadog: {numbers: {zzzzzz: 1}}",
        "datadog.routes[]": "datadog: {routes: [{zzzzzz: 1}]}",
        "pods": "pods: {zzzzzz: 1}",
        "summary": "summary: {zzzzzz: 1}",
        "oncall": "oncall: {zzzzzz: 1}",
        "oncall.people[]": "oncall: {people: [{zzzzzz: 1}]}",
        "oncall.default": "oncall: {default: {zzzzzz: 1}}",
        "oncall.services.NAME": "oncall: {services: {web: {zzzzzz: 1}}}",
        "": "zzzzzz: 1",
    }
    found = set()
    for section, text in sections.items():
        file = folder / "kajitori.yaml"
        file.write_text(text + "\n")
        with pytest.raises(SettingsError) as raised:
            load(file, VARIABLES)
        (fault,) = [each for each in raised.value.faults if each.key.endswith("zzzzzz")]
        assert "Known here" in fault.remedy, fault
        found |= {f"{section}.{key}" if section else key for key in re.findall(r"`(\w+)`", fault.remedy)}
    return {key for key in found if not any(other.startswith((f"{key}.", f"{key}[")) for other in (*found, *sections))}


def codes_in_the_source() -> Iterator[str]:
    """First arguments of refusals, outcomes and sights; `unknown_{…}` is one code per kind of name."""
    yield from ("unknown_environment", "unknown_service")
    for file in (ROOT / "bot").rglob("*.py"):
        if "sandbox" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            code = node.args[0]
            if (
                node.func.id in ("UserError", "Outcome", "Sight", "PodTrouble")
                and isinstance(code, ast.Constant)
                and code.value
            ):
                yield str(code.value)
