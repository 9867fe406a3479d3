"""What a registry asks for when it answers 401: read from WWW-Authenticate, and where its token may be fetched.

Pure. The answer of a registry must not send us, or our credentials, anywhere we would not go by ourselves.
"""

import ipaddress
import re
from dataclasses import dataclass

from yarl import URL

from bot.domain.hosts import is_loopback

_SCHEME = re.compile(r"\s*(?P<scheme>bearer|basic)\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(?P<name>[A-Za-z_]+)\s*=\s*(?:"(?P<quoted>[^"\\]*)"|(?P<bare>[^",\s]+))')


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password with every request."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, fetched from `realm` for `service` and `scope`."""

    realm: URL
    service: str
    scope: str


def read_challenge(headers: list[str], registry: URL, scope: str) -> Bearer | Basic | None:
    """The first challenge we can meet; None when there is none. `scope` is used when the registry names none."""
    for header in headers:
        match = _SCHEME.match(header)
        if match is None:
            continue
        if match["scheme"].lower() == "basic":
            return Basic()
        told = {m["name"].lower(): m["quoted"] or m["bare"] or "" for m in _PARAMETER.finditer(header, match.end())}
        try:
            realm = URL(told.get("realm", ""))
        except ValueError:
            continue
        if may_ask(realm, registry):
            return Bearer(realm, told.get("service", ""), told.get("scope") or scope)
    return None


def may_ask(url: URL, registry: URL) -> bool:
    """Whether a registry may send us there: over https to a named host; over http or to this machine only from it."""
    if url.user or url.password or not url.host:
        return False
    if is_loopback(url.host):
        return url.scheme in ("http", "https") and is_loopback(registry.host or "")
    try:
        # A bare address that no public registry has: link-local metadata services, private networks.
        address = ipaddress.ip_address(url.host)
    except ValueError:
        return url.scheme == "https"
    return url.scheme == "https" and (address.is_global or url.host == registry.host)
