"""Slack's signature: genuine requests pass for five minutes, and nothing makes the check raise."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inbound.slack.signature import signed_at_s

SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1531420618
BODY = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&command=%2Fweather&text=94070"


def sign(secret: bytes = SECRET, timestamp: str = str(NOW), body: bytes = BODY) -> str:
    return "v0=" + hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def test_a_genuine_signature_passes_and_tells_its_time() -> None:
    assert signed_at_s([SECRET], str(NOW), sign(), BODY, NOW + 299.0) == NOW


def test_either_secret_passes_while_they_are_rotated() -> None:
    old = b"the old one"
    assert signed_at_s([SECRET, old], str(NOW), sign(old), BODY, NOW) == NOW
    assert signed_at_s([SECRET], str(NOW), sign(old), BODY, NOW) is None


@pytest.mark.parametrize("offset_s", [-301, 301, 3600])
def test_a_signature_outside_the_window_fails(offset_s: int) -> None:
    assert signed_at_s([SECRET], str(NOW), sign(), BODY, NOW + offset_s) is None


@pytest.mark.parametrize("timestamp", ["", "abc", "-1", "1e9", "１５３１４２０６１８", "9" * 5000, " 1531420618", "٣"])
def test_a_timestamp_that_is_no_number_fails_quietly(timestamp: str) -> None:
    assert signed_at_s([SECRET], timestamp, sign(), BODY, NOW) is None


@given(st.text(), st.text(), st.binary())
def test_nothing_forged_passes_and_nothing_raises(timestamp: str, signature: str, body: bytes) -> None:
    assert signed_at_s([SECRET], timestamp, signature, body, NOW) is None


@given(st.binary(max_size=50), st.binary(min_size=1, max_size=20))
def test_a_signature_fits_one_body_only(body: bytes, more: bytes) -> None:
    signature = sign(body=body)
    assert signed_at_s([SECRET], str(NOW), signature, body, NOW) == NOW
    assert signed_at_s([SECRET], str(NOW), signature, body + more, NOW) is None
