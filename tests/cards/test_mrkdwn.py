"""Foreign text on a card: cut by what it becomes, never amid an escape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.mrkdwn import code, esc, leads_to, link, pre


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


DATADOG = frozenset({"datadoghq.com"})


@pytest.mark.parametrize(
    "url",
    [
        "http://app.datadoghq.com/monitors/1",
        "https://datadoghq.com.evil.example/",
        "https://evildatadoghq.com/",
        "https://app.datadoghq.com@evil.example/",
        "https://evil.example\\@app.datadoghq.com/",
        "https://evil.example/#.datadoghq.com",
        "https://app.datadoghq.com:8443/",
        "https://app.datadoghq.com/|Runbook",
        "https://app.datadoghq.com/><!channel>",
        "https://app.datadoghq.com/ x",
        "https://169.254.169.254/latest",
        "javascript:alert(1)//app.datadoghq.com",
        "//app.datadoghq.com/",
    ],
)
def test_an_address_that_leads_elsewhere_is_text_and_no_link(url: str) -> None:
    assert not leads_to(url, DATADOG)
    assert link(url, "Monitor", DATADOG) == code(url)


def test_a_link_leads_to_an_allowed_host_and_its_label_stays_a_label() -> None:
    told = link("https://app.datadoghq.com/monitors/1?from=2&to=3", "a|b> <!here>", DATADOG)
    assert told == "<https://app.datadoghq.com/monitors/1?from=2&amp;to=3|a/b&gt; &lt;!here&gt;>"
    assert link("", "Monitor", DATADOG) == ""
