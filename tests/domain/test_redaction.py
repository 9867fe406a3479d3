"""Secrets in other people's text: none is shown, and what people need to find a fault stays."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.redaction import REDACTED, redact

HERE = Path(__file__).parent
SECRET = re.compile(r"«([^»\n]*)»?")


def lines(name: str) -> list[str]:
    found = (HERE / name).read_text(encoding="utf-8").split("\n")
    return [line for line in found if line.strip() and not line.startswith("#")]


SECRET_LINES = [line.replace("·", "") for line in lines("secret_lines.txt")]
INNOCENT_LINES = lines("innocent_lines.txt")


def test_the_corpus_is_as_large_as_promised():
    assert len(SECRET_LINES) >= 200
    assert all(SECRET.search(line) for line in SECRET_LINES)
    assert len(set(SECRET_LINES)) == len(SECRET_LINES)


@pytest.mark.parametrize("line", SECRET_LINES)
def test_a_secret_is_not_shown(line):
    shown = redact(SECRET.sub(r"\1", line))
    assert REDACTED in shown
    for secret in SECRET.findall(line):
        for part in [secret, *re.findall(r"[A-Za-z0-9]{8,}", secret)]:
            assert part not in shown.replace("redacted", "")


@pytest.mark.parametrize("line", SECRET_LINES)
def test_what_stands_before_a_secret_stays(line):
    before = SECRET.split(line)[0]
    name = re.match(r"[\w$.\- ]*", before)
    assert name is not None
    assert redact(SECRET.sub(r"\1", line)).startswith(name[0])


@pytest.mark.parametrize("line", INNOCENT_LINES)
def test_an_innocent_line_stays_untouched(line):
    assert redact(line) == line


def test_the_corpora_stay_right_as_one_log():
    log = "\n".join(INNOCENT_LINES)
    assert redact(log) == log


def key_block(kind: str) -> str:
    body = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 3)
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_goes_and_its_neighbours_stay(kind):
    assert redact(f"before\n{key_block(kind)}\nafter") == f"before\n{REDACTED}\nafter"


def test_a_private_key_in_json_goes():
    escaped = key_block("").replace("\n", "\\n")
    assert "MIIE" not in redact(f'{{"key_material":"{escaped}","user":"bob"}}')
    assert "bob" in redact(f'{{"key_material":"{escaped}","user":"bob"}}')


def test_the_end_of_a_private_key_whose_start_is_cut_off_goes_too():
    tail = "\n".join(key_block("RSA ").split("\n")[2:])
    assert redact(f"{tail}\nafter") == f"{REDACTED}\nafter"


def test_the_start_of_a_private_key_whose_end_is_cut_off_goes_too():
    start = "\n".join(key_block("RSA ").split("\n")[:3])
    assert "MIIE" not in redact(f"before\n{start}")


def test_colours_and_control_characters_go():
    assert redact("\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 a\x00b\u202ec") == "red bell abc"
    assert redact("one\r\ntwo\rthree\tfour") == "one\ntwo\nthree\tfour"


def test_a_colour_inside_a_secret_does_not_save_it():
    assert "hunter2" not in redact("pass\x1b[1mword=hun\x1b[0mter2")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_redacting_twice_is_redacting_once(text):
    assert redact(redact(text)) == redact(text)


pieces = st.sampled_from(
    ["password", "token", "secret", "api_key", "=", ":", ": ", '"', "'", "\\", "\\\"", " ", "\n", "a1", "hunter2", "://",
     "@", "Bearer ", "Basic ", "Authorization: ", "Cookie: ", "eyJ", ".", "-----BEGIN PRIVATE KEY-----", ",", ";",
     "&", "-----END PRIVATE KEY-----", "key=", REDACTED, "‹", "›", "<", ">", "[", "]", "(", ")", "--",
     "0123456789abcdef" * 2]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(pieces, max_size=14).map("".join))
def test_redacting_the_grammar_of_secrets_twice_is_redacting_it_once(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "piece",
    ["a", "password=", 'password="', 'token \\"', "eyJ", "://", "://a:", "key ", "secret is ", "\x1b[", "\x1b]",
     "--token ", "cookie:", "[?&sig=", "_-.", "a:", "<token>", "Bearer ", "access key", "session.id.", "A.", "x@tcp(",
     "A" * 64 + "\n", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", "password: ", "token=\\", "0/1 "]
)  # fmt: skip
def test_a_long_line_takes_no_longer_than_its_length(piece):
    line = (piece * (100_000 // len(piece) + 1))[:100_000]
    start = time.process_time()
    redact(line)
    # Measured 0.02 to 0.2 s; quadratic time would be minutes.
    assert time.process_time() - start < 3.0


def test_a_long_key_without_an_end_takes_no_longer():
    text = ("A" * 64 + "\n") * 1500 + "-----END PRIVATE KEY-----"
    start = time.process_time()
    assert redact(text) == REDACTED
    assert time.process_time() - start < 2.0
