"""The sandbox's image registry: the reading half of the OCI distribution API over images that have only names.

Mounted by the sandbox's server under /v2/; the clusters ask it which images exist. Follows the distribution
specification in paths, pages, media types, error bodies and logins, so that a client that works here works elsewhere.
"""

import base64
import binascii
import hashlib
import json
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
TOKEN_LIFETIME_S = 300
SERVICE = "sandbox-registry"

SEEDS = {
    "growlio/admin": ("1.3.9", "1.4.0", "1.4.1", "1.4.2"),
    "growlio/web": ("2.2.8", "2.2.9", "2.3.0"),
    "growlio/report": ("3.0.0", "3.1.0"),
}
"""What is published at the start, oldest first."""
STALE_LATEST = {"growlio/admin": "1.3.9"}
"""Repositories with a tag `latest` that nobody moved since that version, as happens."""


class Login(StrEnum):
    """What clients must show."""

    NONE = "none"
    BASIC = "basic"
    TOKEN = "token"


@dataclass(slots=True)
class Repository:
    """Tags in the order of publishing, and manifests by digest."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)


class Registry:
    """Images by name. Change `login`, `users`, `page_size`, `available` at any time; `requests` records all."""

    def __init__(self, *, login: Login = Login.NONE, users: dict[str, str] | None = None, page_size: int = 100) -> None:
        self.login = login
        self.users = users or {}
        self.page_size = page_size
        """Most tags on one page, whatever a client asks for."""
        self.available = True
        """False: every answer is 503, as in an outage."""
        self.requests: deque[tuple[str, str]] = deque(maxlen=1000)
        """Method and path with query, in order; the newest thousand."""
        self._repositories: dict[str, Repository] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        for repository, tags in SEEDS.items():
            for tag in tags:
                self.publish(repository, tag)
        for repository, tag in STALE_LATEST.items():
            self._repositories[repository].tags["latest"] = self._repositories[repository].tags[tag]

    def publish(self, repository: str, tag: str, *, build: int = 1) -> str:
        """Make a version exist; answers its digest. Another `build` of a tag that is there moves it. Idempotent."""
        manifest = _manifest(repository, tag, build)
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        into = self._repositories.setdefault(repository, Repository())
        into.tags[tag] = digest
        into.manifests[digest] = manifest
        return digest

    def withdraw(self, repository: str, tag: str) -> None:
        """Remove a tag; nothing happens when it is not there."""
        if repository in self._repositories:
            self._repositories[repository].tags.pop(tag, None)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Tags of a repository, oldest first; empty when there is no such repository."""
        found = self._repositories.get(repository)
        return tuple(found.tags) if found else ()

    def repositories(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._repositories))

    def has(self, image: str) -> bool:
        """Whether a kubelet could pull the image. Any host will do: the sandbox has one registry."""
        return self.digest(image) is not None

    def digest(self, image: str) -> str | None:
        """The digest an image reference resolves to; None when there is no such image."""
        name, at, digest = image.partition("@")
        tag = "latest"
        if name.rfind(":") > name.rfind("/"):
            name, _, tag = name.rpartition(":")
        first, slash, rest = name.partition("/")
        path = rest if slash and ("." in first or ":" in first or first == "localhost") else name
        found = self._repositories.get(path)
        if found is None:
            return None
        if at:
            return digest if digest in found.manifests else None
        return found.tags.get(tag)

    def routes(self) -> list[web.RouteDef]:
        """For `app.add_routes`. GET routes answer HEAD too."""
        return [
            web.get("/v2/", self._ping),
            web.get("/v2/token", self._issue),
            web.get("/v2/{name:.+}/tags/list", self._list),
            web.get("/v2/{name:.+}/manifests/{reference}", self._manifest),
        ]

    async def _ping(self, request: web.Request) -> web.Response:
        refusal = self._gate(request, "")
        return refusal or _json(200, {})

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        refusal = self._gate(request, f"repository:{name}:pull")
        if refusal is not None:
            return refusal
        if name not in self._repositories:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
        tags = sorted(self._repositories[name].tags)
        last = request.query.get("last", "")
        rest = [tag for tag in tags if tag > last]
        wanted = request.query.get("n", str(self.page_size))
        if not (wanted.isascii() and wanted.isdecimal()):
            return _error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", {"n": wanted})
        page = rest[: min(int(wanted), self.page_size)]
        response = _json(200, {"name": name, "tags": page})
        if page and len(page) < len(rest):
            following = request.rel_url.with_query(last=page[-1], n=wanted)
            response.headers["Link"] = f'<{following}>; rel="next"'
        return response

    async def _manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        refusal = self._gate(request, f"repository:{name}:pull")
        if refusal is not None:
            return refusal
        if name not in self._repositories:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
        repository = self._repositories[name]
        digest = repository.tags.get(reference, reference)
        manifest = repository.manifests.get(digest)
        accepts = ",".join(request.headers.getall("Accept", ["*/*"]))
        if manifest is None or not ("*/*" in accepts or MANIFEST_TYPE in accepts):
            # Real registries hide a manifest whose type the client does not accept.
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown", {"tag": reference})
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        return web.Response(body=manifest, headers=headers, content_type=MANIFEST_TYPE)

    async def _issue(self, request: web.Request) -> web.Response:
        """The token server: a token for a scope, to anyone when there are no users, else for a password."""
        self.requests.append((request.method, str(request.rel_url)))
        if self.users and not self._knows(request.headers.get("Authorization", "")):
            return _error(401, "UNAUTHORIZED", "authentication required", None)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (request.query.get("scope", ""), time.monotonic() + TOKEN_LIFETIME_S)
        return _json(200, {"token": token, "access_token": token, "expires_in": TOKEN_LIFETIME_S})

    def _gate(self, request: web.Request, scope: str) -> web.Response | None:
        """None: the request may pass. Every request but those for tokens comes by here."""
        self.requests.append((request.method, str(request.rel_url)))
        if not self.available:
            return _error(503, "UNAVAILABLE", "service unavailable", None)
        shown = request.headers.get("Authorization", "")
        match self.login:
            case Login.NONE:
                return None
            case Login.BASIC:
                challenge, passes = f'Basic realm="{SERVICE}"', self._knows(shown)
            case Login.TOKEN:
                realm = request.url.origin() / "v2" / "token"
                challenge = f'Bearer realm="{realm}",service="{SERVICE}"' + (f',scope="{scope}"' if scope else "")
                granted, ends = self._tokens.get(shown.removeprefix("Bearer "), ("", 0.0))
                passes = shown.startswith("Bearer ") and granted == scope and time.monotonic() < ends
        if passes:
            return None
        refusal = _error(401, "UNAUTHORIZED", "authentication required", None)
        refusal.headers["WWW-Authenticate"] = challenge
        return refusal

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        if scheme != "Basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return user in self.users and secrets.compare_digest(self.users[user].encode(), password.encode())


def _manifest(repository: str, tag: str, build: int) -> bytes:
    """A well-formed manifest whose content, and so its digest, is that of this name alone."""

    def blob(kind: str, media_type: str) -> dict[str, Any]:
        content = f"{kind} of {repository}:{tag}{f', build {build}' if build > 1 else ''}".encode()
        return {
            "mediaType": media_type,
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "size": len(content),
        }

    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": blob("config", CONFIG_TYPE),
        "layers": [blob("layer", LAYER_TYPE)],
        "annotations": {"org.opencontainers.image.title": repository, "org.opencontainers.image.version": tag},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _json(status: int, document: dict[str, Any]) -> web.Response:
    headers = {"Docker-Distribution-API-Version": "registry/2.0"}
    return web.json_response(document, status=status, headers=headers)


def _error(status: int, code: str, message: str, detail: dict[str, str] | None) -> web.Response:
    return _json(status, {"errors": [{"code": code, "message": message, "detail": detail}]})
