"""The scopes are complete: every Web API method that is called is named with what it needs, and none besides."""

import re
from pathlib import Path

from bot.slack.scopes import APP_SCOPES, BOT_SCOPES, bot_scopes

ROOT = Path(__file__).parents[2] / "bot"
METHOD = re.compile(r'(?:call|call_with_headers|_call)\(\s*"([a-z]+\.[A-Za-z.]+)"')


def called(*folders: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for method in METHOD.findall(path.read_text()):
                found.setdefault(method, set()).add(path.name)
    return found


def test_every_called_method_has_its_scopes_and_no_other_does() -> None:
    assert set(called("slack", "inbound")) == set(BOT_SCOPES) | set(APP_SCOPES)


def test_slack_is_called_from_nowhere_else() -> None:
    others = [
        path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("slack", "inbound", "sandbox")
    ]
    assert called(*others) == {}


def test_only_the_messages_module_speaks() -> None:
    speaking = {file for method, files in called("slack", "inbound").items() if "chat." in method for file in files}
    assert speaking == {"messages.py"}


def test_methods_are_never_called_around_the_client() -> None:
    sources = {path: path.read_text() for folder in ("slack", "inbound") for path in (ROOT / folder).rglob("*.py")}
    assert [path.name for path, text in sources.items() if ".api_call(" in text] == ["client.py"]


def test_the_scopes_are_the_least_and_each_stands_once() -> None:
    scopes = bot_scopes()
    assert len(set(scopes)) == len(scopes)
    assert not {scope for scope in scopes if scope.endswith(("admin", ":write.customize", "files:write"))}
    assert "chat:write.public" not in scopes
