"""The client's rules that need no server: the way out, and when to come back."""

import pytest

from bot.slack.client import proxy_for, retry_after_s

PROXY = "http://proxy.internal:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "slack.internal")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://slack.com/api/", PROXY),
        ("wss://wss-primary.slack.com/link/?ticket=1", PROXY),
        ("https://slack.internal/api/", None),
        ("http://slack.com/api/", None),
        ("http://127.0.0.1:8080/api/", None),
        ("https://localhost:8080/api/", None),
        ("", None),
    ],
)
def test_the_proxy_is_the_environments_but_not_for_this_machine(url: str, expected: str | None) -> None:
    assert proxy_for(url) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [("30", 30), ("0", 1), ("-5", 1), ("soon", 30), ("inf", 3600), ("nan", 1), (None, 30), ("1.5", 1.5)],
)
def test_retry_after_is_at_least_a_second_and_never_missing(header: str | None, expected: float) -> None:
    assert retry_after_s({} if header is None else {"Retry-After": header}) == expected
