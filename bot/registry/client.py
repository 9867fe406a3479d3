"""The client of the OCI distribution API: tags of a repository, digest of a tag. Bearer and basic logins.

Raises bot.errors: Unreachable (no usable answer), TooBusy (429), Refused (no access), NotFound (no such repository).
All of them mean to a release that the registry could not be asked. One question takes `TIMEOUT_S` at most, logins and
pages included. Source: github.com/opencontainers/distribution-spec, and the token flow of distribution.github.io.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from bot.domain.hosts import is_loopback
from bot.domain.images import DEFAULT_HOST, ImageRepository, is_digest, is_tag
from bot.errors import NotFound, Refused, Unreachable
from bot.registry.answer import TOKEN_LIFETIME_S, Answer, read_answer
from bot.registry.challenge import Basic, may_ask, read_challenge
from bot.registry.credentials import read_credentials

TIMEOUT_S = 5.0
"""For one question: people wait for the answer to their command meanwhile."""
MAX_PAGES = 20
PAGE_SIZE = 1000
"""What we ask for; registries give less as they please, or everything at once."""
MAX_REDIRECTS = 3

MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
# A token is renewed this long before its end: clocks differ, and requests travel.
_TOKEN_MARGIN_S = 10


class Registry:
    """All registries, over one HTTP session that the caller owns and closes."""

    def __init__(
        self, session: aiohttp.ClientSession, docker_config: Path | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._docker_config = docker_config
        # (host, path) → Authorization header and when it ends on the monotonic clock; one entry per service.
        self._logins: dict[tuple[str, str], tuple[str, float]] = {}

    async def tags(self, repository: ImageRepository) -> tuple[str, ...]:
        """All tags, in no order. Raises NotFound when there is no such repository, or see the module."""
        found: dict[str, None] = {}
        async with self._question(repository) as origin:
            url: URL | None = (origin / "v2" / repository.path / "tags" / "list").with_query(n=PAGE_SIZE)
            for _ in range(MAX_PAGES):
                if url is None:
                    break
                answer = await self._ask("GET", url, repository, "application/json")
                if answer.status == 404:
                    raise NotFound(_system(repository), f"has no repository {repository.path}")
                if answer.status != 200:
                    answer.refuse(repository.path)
                found.update(dict.fromkeys(answer.tags()))
                url = answer.next_page(url)
            if url is not None:
                raise Refused(_system(repository), f"lists more tags of {repository.path} than can be gone through")
        return tuple(found)

    async def digest(self, repository: ImageRepository, tag: str) -> str | None:
        """The digest that the tag (or digest) points at, an index's where there is one; None when it is not there."""
        if not is_tag(tag) and not is_digest(tag):
            return None
        async with self._question(repository) as origin:
            url = origin / "v2" / repository.path / "manifests" / tag
            answer = await self._ask("HEAD", url, repository, MANIFEST_TYPES)
            told = answer.headers.get("Docker-Content-Digest", "")
            if answer.status == 200 and is_digest(told):
                return told
            if answer.status != 404:
                # The header is optional, and some registries don't know HEAD; the digest is the content's either way.
                answer = await self._ask("GET", url, repository, MANIFEST_TYPES)
            if answer.status == 404:
                return None
            if answer.status != 200:
                answer.refuse(repository.path)
            return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"

    async def names(self, repository: ImageRepository, digest: str) -> tuple[str, ...]:
        """The digests by which nodes may report that image: its own, and those of an index's platforms or of a plain
        manifest's configuration. Empty when it is not there, or can't be read as either."""
        async with self._question(repository) as origin:
            url = origin / "v2" / repository.path / "manifests" / digest
            answer = await self._ask("GET", url, repository, MANIFEST_TYPES)
            if answer.status == 404:
                return ()
            if answer.status != 200:
                answer.refuse(repository.path)
            if digest.startswith("sha256:") and hashlib.sha256(answer.body).hexdigest() != digest[7:]:
                return ()
            parts = answer.parts()
            return (digest, *parts) if parts else ()

    @asynccontextmanager
    async def _question(self, repository: ImageRepository) -> AsyncIterator[URL]:
        """The registry's origin, for requests that share one deadline and have their errors told in our words."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield _origin(repository)
        except TimeoutError as error:
            raise Unreachable(_system(repository), f"did not answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(_system(repository), _reason(error)) from error

    async def _ask(self, method: str, url: URL, repository: ImageRepository, accept: str) -> Answer:
        """One request, with the login that is at hand; on 401 once more with a fresh one."""
        key = (repository.host, repository.path)
        login, ends = self._logins.get(key, ("", -math.inf))
        if time.monotonic() >= ends:
            login = ""
        answer = await self._send(method, url, repository, accept, login)
        if answer.status != 401:
            return answer
        login, lifetime_s = await self._log_in(repository, answer.headers.getall("WWW-Authenticate", []))
        self._logins[key] = (login, time.monotonic() + lifetime_s - _TOKEN_MARGIN_S)
        return await self._send(method, url, repository, accept, login)

    async def _send(self, method: str, url: URL, repository: ImageRepository, accept: str, login: str) -> Answer:
        origin = _origin(repository)
        for _ in range(MAX_REDIRECTS + 1):
            headers = {"Accept": accept}
            if login and url.origin() == origin:
                headers["Authorization"] = login
            asking = self._session.request(method, url, headers=headers, allow_redirects=False, proxy=_proxy_for(url))
            async with asking as response:
                if response.status not in (301, 302, 303, 307, 308):
                    return await read_answer(_system(repository), response)
                url = url.join(URL(response.headers.get("Location", "")))
            if not may_ask(url, origin):
                raise Refused(_system(repository), "sends us to an address that it may not send us to")
        raise Unreachable(_system(repository), "redirects in circles")

    async def _log_in(self, repository: ImageRepository, challenges: list[str]) -> tuple[str, float]:
        """An Authorization header that meets one of the challenges, and its lifetime in seconds. Raises Refused."""
        system = _system(repository)
        challenge = read_challenge(challenges, _origin(repository), f"repository:{repository.path}:pull")
        if challenge is None:
            raise Refused(system, "wants a login of a kind that is not supported", code="UNAUTHORIZED")
        credentials = None
        if self._docker_config is not None:
            credentials = await asyncio.to_thread(read_credentials, self._docker_config, repository.host)
        if isinstance(challenge, Basic):
            if credentials is None or not credentials.password:
                text = "wants a login, and docker's config.json has none for it"
                raise Refused(system, text, code="UNAUTHORIZED")
            return credentials.header, TOKEN_LIFETIME_S
        query = {name: value for name, value in (("service", challenge.service), ("scope", challenge.scope)) if value}
        if credentials is not None and credentials.identity_token:
            form = query | {
                "grant_type": "refresh_token",
                "client_id": "kajitori",
                "refresh_token": credentials.identity_token,
            }
            asking = self._session.post(
                challenge.realm, data=form, allow_redirects=False, proxy=_proxy_for(challenge.realm)
            )
        else:
            headers = {"Authorization": credentials.header} if credentials else {}
            url = challenge.realm.update_query(query)
            asking = self._session.get(url, headers=headers, allow_redirects=False, proxy=_proxy_for(url))
        async with asking as response:
            answer = await read_answer(system, response)
        if answer.status != 200:
            answer.refuse(repository.path)
        token, lifetime_s = answer.token()
        return f"Bearer {token}", lifetime_s


def _system(repository: ImageRepository) -> str:
    return f"the registry {repository.host}"


def _origin(repository: ImageRepository) -> URL:
    """Where its API is: https, but plain http on this machine, as docker has it."""
    # Docker Hub's API has a name of its own.
    host = "registry-1.docker.io" if repository.host == DEFAULT_HOST else repository.host
    secure = URL(f"https://{host}")
    return URL(f"http://{host}") if is_loopback(secure.host or "") else secure


def _proxy_for(url: URL) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) names; None: go straight, as to ourselves."""
    host = url.host or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(url.scheme) or None


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "has a certificate that is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return "has a name that can't be looked up"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "can't be reached through the proxy"
        case aiohttp.ClientConnectionError():
            return "can't be reached"
        case _:
            return "sent an answer that can't be read"
