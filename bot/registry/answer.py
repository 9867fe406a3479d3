"""One answer of a registry, and what is read from it: tags, the next page, a token, a refusal.

Used by bot.registry.client. Everything in it is checked: a registry is somebody else's machine.
"""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import aiohttp
import orjson
from multidict import CIMultiDictProxy
from yarl import URL

from bot.domain.images import is_digest, is_tag
from bot.errors import Refused, TooBusy, Unreachable

MAX_BODY_BYTES = 4 << 20
"""Of a manifest, as the specification advises registries to allow; a page of 1,000 tags is far below."""
TOKEN_LIFETIME_S = 60.0
"""When the token server tells none: the token specification's default."""
_BUSY_S = 10.0
_LONGEST_TOKEN_LIFETIME_S = 86_400
_MOST_PARTS = 64
"""Of an index: platforms and their attestations."""
_NEXT_LINK = re.compile(r'<(?P<url>[^<>]*)>[^,<]*;\s*rel\s*=\s*"?next\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the whole body; `system` names the registry in errors."""

    system: str
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def tags(self) -> list[str]:
        """A page of a tag list. Registries add keys of their own (Google's: child, manifest); empty ones say null."""
        document = self._object()
        tags = document.get("tags")
        if tags is None:
            return _tags_of_manifests(document.get("manifest"))
        if not isinstance(tags, list):
            raise Unreachable(self.system, "sent no list of tags")
        return [tag for tag in tags if isinstance(tag, str) and is_tag(tag)]

    def next_page(self, url: URL) -> URL | None:
        """Where the list goes on; None when it does not. Raises Refused when that is another host.

        A page that is full and names no next one is asked for what comes after its last tag: some registries stop at
        the number that was asked for and say nothing. Who knows no `last` sends the same again, which ends it.
        """
        match = _NEXT_LINK.search(", ".join(self.headers.getall("Link", [])))
        if match is None:
            wanted, tags = url.query.get("n", ""), self.tags()
            is_full = (
                bool(tags) and wanted.isdecimal() and len(tags) == int(wanted) and url.query.get("last") != tags[-1]
            )
            return url.update_query(last=tags[-1]) if is_full else None
        following = url.join(URL(match["url"]))
        if following.origin() != url.origin():
            raise Refused(self.system, "continues its list at another host")
        return following

    def parts(self) -> tuple[str, ...]:
        """Digests of the manifests of an index, or of the configuration of a manifest; empty when it is neither."""
        document = self._object()
        manifests = document.get("manifests")
        each = manifests if isinstance(manifests, list) else [document.get("config")]
        told = [part.get("digest") for part in each[:_MOST_PARTS] if isinstance(part, dict)]
        return tuple(digest for digest in told if isinstance(digest, str) and is_digest(digest))

    def token(self) -> tuple[str, float]:
        """A bearer token and its lifetime in seconds."""
        document = self._object()
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unreachable(self.system, "sent no token")
        lifetime = document.get("expires_in")
        if isinstance(lifetime, int | float) and 0 < lifetime < _LONGEST_TOKEN_LIFETIME_S:
            return token, float(lifetime)
        return token, TOKEN_LIFETIME_S

    def refuse(self, path: str) -> NoReturn:
        """Raise what a status other than 200 means; `path` is the repository asked about."""
        if self.status == 429:
            told = self.headers.get("Retry-After", "")
            retry_after_s = float(told) if told.isascii() and told.isdecimal() and len(told) < 6 else _BUSY_S
            raise TooBusy(self.system, "is too busy", retry_after_s=retry_after_s)
        if self.status in (401, 403):
            raise Refused(self.system, f"gives no access to {path}, if that exists", code="DENIED")
        raise Unreachable(self.system, f"answered HTTP {self.status}")

    def _object(self) -> dict[str, Any]:
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Unreachable(self.system, "sent something that is not JSON") from error
        if not isinstance(document, dict):
            raise Unreachable(self.system, "sent JSON of another shape")
        return document


def _tags_of_manifests(manifests: Any) -> list[str]:
    """From Google's map of digests, `{"sha256:…": {"tag": ["1.0"]}}`, where there is no list of tags."""
    if not isinstance(manifests, dict):
        return []
    named = [each.get("tag") for each in manifests.values() if isinstance(each, dict)]
    return [tag for tags in named if isinstance(tags, list) for tag in tags if isinstance(tag, str) and is_tag(tag)]


async def read_answer(system: str, response: aiohttp.ClientResponse) -> Answer:
    """Read the body, counted after decompression. Raises Refused when it is larger than any honest one."""
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise Refused(system, f"sent more than {MAX_BODY_BYTES >> 20} MiB")
        chunks.append(chunk)
    return Answer(system, response.status, response.headers, b"".join(chunks))
