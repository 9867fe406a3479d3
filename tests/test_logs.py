"""Log lines: one each, as JSON, and without secrets, whoever writes them and however."""

import io
import json
import logging
import unicodedata
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import logs
from bot.settings.secret import Secret

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"
SECRETS = {
    "bot token": ("xoxb-123456789012-canaryCANARY", "canaryCANARY"),
    "app token": ("xapp-1-A012-345-canary0123456789", "canary0123456789"),
    "rotated token": ("xoxe.xoxb-1-canaryMi0yLTEyMw", "canaryMi0y"),
    "command's response_url": ("https://hooks.slack.com/commands/T012/3456/canaryXYZ", "canaryXYZ"),
    "button's response_url": ("https://hooks.slack.com/actions/T012/3456/canaryXYZ", "canaryXYZ"),
    "webhook": ("https://hooks.slack.com/services/T012/B345/canaryXYZ", "canaryXYZ"),
    "socket's ticket": ("wss://wss.slack.example/link/?ticket=canary-9f&app_id=1", "canary-9f"),
    "DSN": ("postgresql://kajitori:canary@db.example/kajitori", "canary"),
    "DSN with odd password": ("postgresql://kajitori:c@n/ary@db.example:5432/kajitori", "n/ary"),
    "DSN in words": ("host=db.example user=kajitori password=canary dbname=kajitori", "canary"),
    "bearer": ("Authorization: Bearer canary.0123~45+6/7=", "canary.0123"),
    "basic": ("authorization: basic Y2FuYXJ5OmNhbmFyeQ==", "Y2FuYXJ5"),
    "JWT": (f"token refused: {JWT}", "c2lnbmF0dXJlY2FuYXJ5"),
    "client secret": ('{"client_secret": "canary-secret", "code": 1}', "canary-secret"),
    "registry token": ("{'access_token': 'canaryopaque', 'expires_in': 300}", "canaryopaque"),
    "API key": ("DD-API-KEY: canary0123", "canary0123"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIcanary\n-----END RSA PRIVATE KEY-----", "MIIcanary"),
    "half a private key": ("-----BEGIN PRIVATE KEY-----\nMIIcanary\nMII", "MIIcanary"),
}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict]]]:
    """What stands on standard output, line by line, as JSON; logging is put back afterwards."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("DEBUG")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


class Odd:
    """An object that shows a secret when it is printed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Odd({self.text})"


def raised(text: str) -> RuntimeError:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_is_written_whichever_way_it_comes(written: Callable[[], list[dict]], kind: str) -> None:
    text, canary = SECRETS[kind]
    log, library = structlog.get_logger(), logging.getLogger("aiohttp.client")
    log.info("sent", url=text)
    log.info(text)
    log.info("sent", nested={"a": [{"b": (text,)}]}, parts={text}, odd=Odd(text), error=raised(text))
    log.info("sent", raw=text.encode())
    log.error("failed", exc_info=raised(text))
    library.warning("could not send %s", text)
    library.error("failed", exc_info=raised(text))
    library.info("%r", {"headers": {"x": text}})
    structlog.contextvars.bind_contextvars(where=text)
    try:
        log.info("bound")
    finally:
        structlog.contextvars.unbind_contextvars("where")
    lines = written()
    assert len(lines) == 9
    for line in lines:
        assert canary not in json.dumps(line, ensure_ascii=False), line
        assert "hidden" in str(line), line


@pytest.mark.parametrize("name", ["token", "bot_token", "password", "signing_secret", "response_url", "Authorization"])
def test_what_is_named_a_secret_is_hidden_whatever_it_looks_like(written: Callable[[], list[dict]], name: str) -> None:
    structlog.get_logger().info("sent", **{name: "plain words", "nested": {name: "plain words"}})
    assert "plain words" not in str(written())


def test_a_secret_of_the_settings_hides_itself(written: Callable[[], list[dict]]) -> None:
    structlog.get_logger().info("loaded", value=Secret("canary"), many=[Secret("canary")])
    assert "canary" not in str(written())


def test_what_is_no_secret_stays(written: Callable[[], list[dict]]) -> None:
    structlog.get_logger().info(
        "release.over", release="01KAAA", target="stg/admin", took_s=12.5, ok=True, why=None, url="http://stg:8080/x"
    )
    line = written()[0]
    assert (line["event"], line["level"]) == ("release.over", "info")
    assert (line["target"], line["took_s"], line["ok"], line["why"]) == ("stg/admin", 12.5, True, None)
    assert line["url"] == "http://stg:8080/x"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "text",
    [
        'one\ntwo {"event": "forged"}',
        "one\r\ntwo",
        "one\x0btwo\x0cthree\x1c\x1d\x1e",
        "one\x85two\u2028three\u2029four",
        "\x1b[2J\x1b[31mred",
        "\x9b31mred",
        "\u202egnp.exe",
        "\x00\x07\x08\x7f",
        "日本語 é 👩‍💻",
    ],
    ids=ascii,
)
def test_a_line_stays_one_line_and_moves_no_cursor(
    capsys: pytest.CaptureFixture[str], written: Callable[[], list[dict]], text: str
) -> None:
    structlog.get_logger().info(text, key=text, **{"odd key": text})
    logging.getLogger("library").warning("%s", text)
    lines = written()
    assert len(lines) == 2
    assert lines[0]["event"] == lines[0]["key"] == text


@given(st.recursive(st.text() | st.integers() | st.binary(max_size=9), lambda inner: st.lists(inner, max_size=3)))
@settings(max_examples=100)
def test_whatever_is_logged_is_one_harmless_line(value: object) -> None:
    line = logs._one_line({"event": value}, default=repr)
    assert len(line.splitlines()) == 1
    line.encode()
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


def test_half_a_character_can_still_be_written() -> None:
    assert logs._one_line({"event": "\ud800"}).encode() == b'{"event": "\\ud800"}'


def test_an_endless_nesting_is_written_all_the_same(written: Callable[[], list[dict]]) -> None:
    nest: list = []
    for _ in range(500):
        nest = [nest]
    structlog.get_logger().info("deep", nest=nest)
    assert written()[0]["event"] == "deep"


def test_libraries_that_log_payloads_are_kept_at_info(written: Callable[[], list[dict]]) -> None:
    for name in ("slack_bolt", "slack_sdk", "aiohttp", "kubernetes", "sqlalchemy.engine"):
        logging.getLogger(name).debug("payload")
    assert written() == []


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown level loud"):
        logs.configure("loud")
