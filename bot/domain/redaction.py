"""Secrets in other people's text, replaced before anybody sees them."""


def redact(text: str) -> str:
    return text
