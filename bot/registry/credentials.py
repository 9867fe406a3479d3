"""Registry credentials from docker's config.json: the file that `docker login` writes and pull secrets hold.

Read anew for each login, since some clouds rotate them twice a day. Credential helpers are programs; they are not run.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

_LARGEST_FILE = 1 << 20
# Docker Hub goes by several names; `docker login` writes the first.
_DOCKER_HUB = ("index.docker.io", "docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password or token for one registry."""

    user: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)
    """In place of a password: what `docker login` keeps of a cloud's single sign-on. Only token services take it."""

    @property
    def header(self) -> str:
        """Value of an Authorization header, scheme Basic."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def docker_config_file(environ: Mapping[str, str]) -> Path:
    """Where docker keeps its configuration: DOCKER_CONFIG is a folder; without it, ~/.docker."""
    folder = environ.get("DOCKER_CONFIG", "").strip()
    home = environ.get("HOME", "").strip() or os.path.sep
    return Path(folder) / "config.json" if folder else Path(home) / ".docker" / "config.json"


def read_credentials(file: Path, host: str) -> Credentials | None:
    """What the file holds for a registry host (with its port); None when it holds nothing usable. Never raises."""
    try:
        with file.open("rb") as opened:
            config = orjson.loads(opened.read(_LARGEST_FILE))
    except (OSError, ValueError):
        return None
    entries = config.get("auths") if isinstance(config, dict) else None
    if not isinstance(entries, dict):
        return None
    names = _DOCKER_HUB if host in _DOCKER_HUB else (host,)
    for key, entry in entries.items():
        if _host_of(key) in names and isinstance(entry, dict):
            found = _credentials(entry)
            if found is not None:
                return found
    return None


def _host_of(key: str) -> str:
    # Keys are hosts, or addresses as old dockers wrote them: https://index.docker.io/v1/
    return urlsplit(key if "://" in key else f"//{key}").netloc.lower()


def _credentials(entry: dict[str, Any]) -> Credentials | None:
    user, password = entry.get("username"), entry.get("password")
    encoded = entry.get("auth")
    if isinstance(encoded, str) and encoded:
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().rstrip("\0").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    identity_token = entry.get("identitytoken")
    if isinstance(identity_token, str) and identity_token:
        return Credentials(user if isinstance(user, str) else "", "", identity_token)
    if isinstance(user, str) and user and isinstance(password, str) and password:
        return Credentials(user, password)
    return None
