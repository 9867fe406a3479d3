"""What people's keyboards do to a command, and what is understood all the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.words import MAX_WORDS, find, nearest, split

PLAIN = ("stg", "admin", "1.4.2")


@pytest.mark.parametrize(
    "typed",
    [
        "stg admin 1.4.2",
        "  stg   admin\t1.4.2  ",
        "stg\u00a0admin\u00a01.4.2",
        "stg\u202fadmin\u20091.4.2",
        "stg\u3000admin\u30001.4.2",
        "stg\nadmin\n1.4.2",
        "stg\r\nadmin 1.4.2\r\n",
        "stg\u2028admin\u20291.4.2",
        "“stg” „admin“ ‘1.4.2’",
        "«stg» \"admin\" '1.4.2'",
        "‹stg› ‚admin‛ ′1.4.2′",
        "`stg` `admin` `1.4.2`",
        "＂stg＂ ＇admin＇ ｀1.4.2｀",
        "ｓｔｇ　ａｄｍｉｎ　１.４.２",
        "𝐬𝐭𝐠 𝗮𝗱𝗺𝗶𝗻 𝟏.𝟒.𝟐",
        "stg:admin 1.4.2",
        "stg：admin 1.4.2",
        "stg:admin:1.4.2",
        "stg, admin, 1.4.2",
        "stg admin 1.4.2,",
        "\ufeffstg admin 1.4.2",
        "stg ad\u200bmin 1.4.2\u200b",
        "stg \u202eadmin\u202c 1.4.2",
        "stg\u2060 ad\u00admin 1.4.2",
        "stg\x00 admin\x1b 1.4.2\x07",
    ],
)
def test_harmless_differences_are_undone(typed: str) -> None:
    assert split(typed) == PLAIN


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", ()),
        (" \u00a0\u200b\n", ()),
        ("2026–01–31", ("2026-01-31",)),
        ("1.4.2—rc1", ("1.4.2-rc1",)),
        ("v1.4.2－rc1", ("v1.4.2-rc1",)),
        ("1.4.2-RC1", ("1.4.2-RC1",)),
        ("registry.example.com:5000/admin:1.4.2", ("registry.example.com:5000/admin:1.4.2",)),
        ("admin@sha256:abcd", ("admin@sha256:abcd",)),
        ("stg:", ("stg:",)),
        (":tada:", (":tada:",)),
        ("stg::admin", ("stg::admin",)),
        ("; rm -rf /", (";", "rm", "-rf", "/")),
        ("$(reboot)", ("$(reboot)",)),
        ("../../etc/passwd", ("../../etc/passwd",)),
        ("--force", ("--force",)),
    ],
)
def test_what_carries_meaning_stays(typed: str, words: tuple[str, ...]) -> None:
    assert split(typed) == words


anything = st.text(max_size=200) | st.text("stg:“”‘’ '`—-:/@\u200b\u0301e\u00e9ﷺ", max_size=60)


@given(anything)
def test_understanding_twice_changes_nothing(typed: str) -> None:
    words = split(typed)
    assert split(" ".join(words)) == words


@given(anything)
def test_words_hold_nothing_invisible_and_are_never_empty(typed: str) -> None:
    for word in split(typed):
        assert word
        for character in word:
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"), repr(word)


@given(st.text("a: ", min_size=0, max_size=400))
def test_no_line_has_more_words_than_are_looked_at(typed: str) -> None:
    assert len(split(typed)) <= MAX_WORDS


def test_a_book_is_cut_before_it_is_read() -> None:
    assert sum(map(len, split("word " * 100_000))) < 4000


# Names


def test_a_name_is_found_whatever_its_case() -> None:
    assert find("STG", ["stg", "prd"]) == "stg"
    assert find("stg", ["STG", "Stg", "stg"]) == "stg"
    assert find("sTG", ["STG", "stg"]) is None
    assert find("dev", ["stg", "prd"]) is None


@pytest.mark.parametrize(
    ("word", "meant"), [("admn", "admin"), ("ADMIM", "admin"), ("wbe", "web"), ("repotr", "report"), ("zzz", None)]
)
def test_the_nearest_name_is_guessed_and_nothing_far_fetched(word: str, meant: str | None) -> None:
    assert nearest(word, ["admin", "web", "report"]) == meant


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_a_guess_is_always_one_of_the_names(word: str, names: list[str]) -> None:
    assert nearest(word, names) in [None, *names]
    assert find(word, names) in [None, *names]
