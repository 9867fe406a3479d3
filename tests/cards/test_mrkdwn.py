"""Foreign text on a card: cut by what it becomes, never amid an escape."""

from hypothesis import given
from hypothesis import strategies as st

from bot.cards.mrkdwn import code, esc, pre


@given(st.text(alphabet="&<>ab", max_size=200), st.integers(10, 60))
def test_text_is_cut_between_characters_and_fits_after_escaping(text: str, limit: int) -> None:
    shown = esc(text, limit)
    assert len(shown) <= limit
    rest = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(rest) & set("&<>")


def test_a_log_full_of_ampersands_keeps_its_closing_fence() -> None:
    shown = pre("&" * 5000)
    assert shown.startswith("```")
    assert shown.endswith("```")
    assert len(shown) < 3000


def test_code_never_ends_early() -> None:
    assert code("a`b") == "`a'b`"
