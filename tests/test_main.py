"""The command line, as an operator meets it."""

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.__main__ import main
from bot.store import audit
from bot.store.db import Database
from bot.store.migrate import migrate
from tests.store.unguarded import take_guards_off

ROOT = Path(__file__).parent.parent
SECRETS = {"SLACK_BOT_TOKEN": "xoxb-1-canary", "SLACK_APP_TOKEN": "xapp-1-canary"}
GOOD = """\
environments:
  stg: {}
services:
  admin: {namespace: admin, workload: deployment/admin, container: admin, image: registry.example.com/admin}
"""
BAD = """\
environments:
  stg: {colour: blue}
services:
  admin: {workload: deployment/admin, container: admin, image: "registry.example.com/admin:1.0"}
timezone: Mars/Olympus
"""
TAMPERING = {
    "changed": "UPDATE audit SET actor = 'U0EVE' WHERE seq = 2",
    "deleted": "DELETE FROM audit WHERE seq = 2",
    "reordered": "UPDATE audit SET seq = CASE seq WHEN 2 THEN 93 WHEN 3 THEN 2 ELSE seq END",
    "truncated": "DELETE FROM audit WHERE seq >= 3",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with secrets and a database of its own in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("KAJITORI_CONFIG", "KUBECONFIG", "LOG_LEVEL", "SLACK_API_URL", "SLACK_SIGNING_SECRET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'kajitori.db'}")
    return tmp_path


def test_help_names_every_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], capture_output=True, text=True, timeout=120, cwd=ROOT, check=True
    ).stdout
    for command in ("run", "sandbox", "check", "manifest", "migrate", "audit"):
        assert f"    {command} " in told


@pytest.mark.parametrize("words", [[], ["dance"], ["audit"], ["run", "--colour"], ["sandbox", "--port", "many"]])
def test_a_wrong_command_line_exits_2_with_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "usage: kajitori" in capsys.readouterr().err


def test_check_says_what_it_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    assert main(["check"]) == 0
    assert "no faults. Environments: stg. Services: admin." in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "run"])
def test_faults_are_told_all_at_once_with_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (folder / "odd.yaml").write_text(BAD)
    monkeypatch.delenv("SLACK_APP_TOKEN")
    assert main([command, "--config", "odd.yaml"]) == 2
    told = capsys.readouterr().err
    for fault in ("odd.yaml:2", "colour", "namespace", "1.0", "odd.yaml:5", "Mars/Olympus", "SLACK_APP_TOKEN"):
        assert fault in told
    assert "Traceback" not in told
    assert "canary" not in told


def test_a_missing_file_is_told_and_not_a_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_an_unknown_log_level_exits_2(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    monkeypatch.setenv("LOG_LEVEL", "loud")
    assert main(["run"]) == 2
    assert "LOG_LEVEL: unknown level loud" in capsys.readouterr().err


def test_the_manifest_is_json_and_needs_no_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert main(["manifest", "--http-url", "https://bot.example.com/"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["settings"]["socket_mode_enabled"] is False
    urls = [command["url"] for command in manifest["features"]["slash_commands"]]
    assert set(urls) == {"https://bot.example.com/slack/events"}


def test_the_webhook_for_datadog_is_json_with_the_secrets_name_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", "datadog", "--http-url", "https://bot.example.com/"]) == 0
    webhook = json.loads(capsys.readouterr().out)
    assert webhook["url"] == "https://bot.example.com/datadog/webhook"
    assert webhook["encode_as"] == "json"
    assert webhook["custom_headers"] == {"X-Kajitori-Secret": "$KAJITORI_SECRET"}
    assert all(isinstance(value, str) and value.startswith("$") for value in webhook["payload"].values())
    assert [variable["is_secret"] for variable in webhook["custom_variables"]] == [True]


def test_migrating_twice_is_migrating_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    assert main(["migrate"]) == 0
    first = capsys.readouterr().out
    assert "at revision" in first
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == first


async def _trail(url: str, *, tampering: str = "") -> None:
    """A database with four audit rows, and what somebody did to them."""
    database = Database(url)
    try:
        await migrate(database)
        async with database.write() as connection:
            for number in range(4):
                at = datetime(2026, 11, 23, 9, number, tzinfo=UTC)
                entry = audit.Entry(
                    at, f"U{number}", "release.deploy", "stg/admin", audit.AuditPhase.REQUEST, "=1+1\n\x1b[31m"
                )
                await audit.append(connection, entry)
        if tampering:
            async with database.write() as connection:
                await take_guards_off(connection)
                await connection.execute(text(tampering))
    finally:
        await database.close()


def test_verify_counts_the_rows_of_a_sound_trail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    asyncio.run(_trail(f"sqlite:///{folder / 'kajitori.db'}"))
    assert main(["audit", "verify"]) == 0
    assert "4 rows" in capsys.readouterr().out


@pytest.mark.parametrize("kind", TAMPERING)
def test_verify_exits_1_when_somebody_touched_a_row(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    asyncio.run(_trail(f"sqlite:///{folder / 'kajitori.db'}", tampering=TAMPERING[kind]))
    assert main(["audit", "verify"]) == 1
    assert "broken" in capsys.readouterr().out


def test_verify_tells_the_last_hash_and_asks_for_one_of_earlier(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_trail(f"sqlite:///{folder / 'kajitori.db'}"))
    assert main(["audit", "verify"]) == 0
    anchor = capsys.readouterr().out.split()[-1]
    assert main(["audit", "verify", "--anchor", anchor]) == 0
    assert main(["audit", "verify", "--anchor", "0" * 63 + "1"]) == 1
    assert "no row has the anchor's hash" in capsys.readouterr().out
    assert main(["audit", "verify", "--anchor", "c0ffee"]) == 2


def test_the_trail_is_printed_as_lines_that_prove_themselves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_trail(f"sqlite:///{folder / 'kajitori.db'}"))
    capsys.readouterr()  # the lines of the log
    assert main(["audit", "export"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert rows[1] | {"hash": "", "prev_hash": ""} == {
        "seq": 2,
        "at": "2026-11-23T09:01:00.000+00:00",
        "actor": "U1",
        "action": "release.deploy",
        "target": "stg/admin",
        "phase": "request",
        "reason": "=1+1\n\u001b[31m",
        "release_id": "",
        "plan_hash": "",
        "prev_hash": "",
        "hash": "",
    }
    assert [row["prev_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    assert main(["audit", "export", "--since", "2026-11-23T18:02+09:00"]) == 0
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [3, 4]
    assert main(["audit", "export", "--since", "yesterday"]) == 2


def test_the_trail_as_a_table_holds_nothing_that_a_spreadsheet_calculates(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_trail(f"sqlite:///{folder / 'kajitori.db'}"))
    capsys.readouterr()  # the lines of the log
    assert main(["audit", "export", "--format", "csv"]) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["seq"] for row in table] == ["1", "2", "3", "4"]
    assert {row["reason"] for row in table} == {"'=1+1\\u000a\\u001b[31m"}


def test_verify_without_a_database_makes_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    assert main(["audit", "verify"]) == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    assert not (folder / "kajitori.db").exists()


def test_a_database_that_is_none_is_told_with_exit_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    (folder / "kajitori.db").write_bytes(b"this is no database " * 100)
    for command in (["migrate"], ["audit", "verify"]):
        assert main(command) == 1
        assert "kajitori.db" in capsys.readouterr().err


def overwritten(content: bytes) -> bytes:
    """All pages but the first, which says that it is a database."""
    return content[:4096] + b"\xa5" * (len(content) - 4096)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2 // 4096 * 4096]


def beheaded(content: bytes) -> bytes:
    return b"\x00" * 4096 + content[4096:]


@pytest.mark.parametrize("damage", [overwritten, cut_off, beheaded], ids=lambda damage: damage.__name__)
def test_a_damaged_database_is_named_with_what_to_do_and_left_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
) -> None:
    (folder / "kajitori.yaml").write_text(GOOD)
    assert main(["migrate"]) == 0
    file = folder / "kajitori.db"
    file.write_bytes(damage(file.read_bytes()))
    before = file.read_bytes()
    capsys.readouterr()
    assert main(["migrate"]) == 1
    said = capsys.readouterr().err
    assert re.search(r"kajitori\.db is damaged: .*restore the newest backup to this path", said)
    assert file.read_bytes() == before


def test_the_bot_does_not_start_on_a_damaged_database_nor_make_a_new_one(folder: Path) -> None:
    (folder / "kajitori.yaml").write_text(GOOD + "http: {listen: 127.0.0.1:0}\n")
    assert main(["migrate"]) == 0
    file = folder / "kajitori.db"
    file.write_bytes(overwritten(file.read_bytes()))
    before = file.read_bytes()
    command = [sys.executable, "-m", "bot", "run", "--config", str(folder / "kajitori.yaml")]
    nowhere = {"SLACK_API_URL": "http://127.0.0.1:9/", "PYTHONPATH": str(ROOT)}
    variables = os.environ | SECRETS | nowhere
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert re.search(r"kajitori\.db is damaged: .*restore the newest backup to this path", done.stderr)
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == before
    assert sorted(each.name for each in folder.glob("*.db")) == ["kajitori.db"]
