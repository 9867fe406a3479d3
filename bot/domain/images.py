"""Image references by the OCI grammar: `registry.example.com/growlio/admin:1.4.2@sha256:…`.

Used wherever a reference comes in (configuration, clusters, people) or goes out. Never splits one by hand elsewhere:
the grammar decides what is host, path, tag and digest, so that no clever text can move one into another.
Source: github.com/distribution/reference (the grammar docker, containerd and Kubernetes share).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

DEFAULT_HOST = "docker.io"
MAX_NAME_LENGTH = 255

_HOST = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
    r"(?::[0-9]{1,5})?",
    re.ASCII,
)
_PATH_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}", re.ASCII)
_HEX_64 = re.compile(r"[a-f0-9]{64}", re.ASCII)

MOVING_TAGS = (
    "latest",
    "stable",
    "edge",
    "nightly",
    "rolling",
    "current",
    "head",
    "main",
    "master",
    "develop",
    "trunk",
)
"""Names that are given to another image with each build: nobody could say later which one was meant."""
LONGEST_VERSION = 128
"""Of a tag, by the OCI distribution specification. Kubernetes takes anything for an image."""


class BadImageReference(ValueError):
    """The text is no image reference; the message says which part is wrong, in plain words."""


@dataclass(frozen=True, slots=True, order=True)
class ImageRepository:
    """Where the images of one name lie: registry host (with its port) and path, without tag or digest."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"

    def at(self, tag: str) -> "ImageRef":
        """This repository's image with that tag. Raises BadImageReference when the text can't be a tag."""
        if not is_tag(tag):
            raise BadImageReference(f"`{_shown(tag)}` is no image tag (letters, digits, `_ . -`; 128 at most)")
        return ImageRef(self.host, self.path, tag, None)


@dataclass(frozen=True, slots=True, order=True)
class ImageRef:
    """One image. With a digest the content is fixed; a tag alone may point elsewhere tomorrow."""

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def repository(self) -> ImageRepository:
        """The reference without tag and digest: what an allow-list compares."""
        return ImageRepository(self.host, self.path)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.path}{tag}{digest}"


def deployable(
    text: str, repository: ImageRepository, *, by_digest: bool = False, moving: Collection[str] = MOVING_TAGS
) -> ImageRef:
    """The image that a reference names, when it may be released as one of `repository`'s. Raises BadImageReference.

    The repository must be that one, host, port and path; a tag must be there, and be none that moves unless a digest
    fixes the content; `by_digest` asks for the digest.
    """
    reference = parse_image(text)
    if reference.repository != repository:
        raise BadImageReference(f"it is an image of `{_shown(str(reference.repository))}`, not of `{repository}`")
    if reference.tag is None:
        raise BadImageReference("it has no tag, and a release is told by its tag")
    if reference.digest is None and is_moving(reference.tag, moving):
        raise BadImageReference(f"`{reference.tag}` is given to another image with each build")
    if by_digest and reference.digest is None:
        raise BadImageReference("it has no digest, and images are taken by digest there")
    return reference


def is_moving(tag: str, moving: Collection[str]) -> bool:
    """Whether the tag is one of those that move, in whatever case."""
    return tag.lower() in {"latest", *(each.lower() for each in moving)}


def digest_of(image: str) -> str:
    """The digest of an image; empty when it has none, or when the text is no image."""
    try:
        return parse_image(image).digest or ""
    except BadImageReference:
        return ""


def without_digest(image: str) -> str:
    """`repo:tag` of `repo:tag@sha256:…`, spelled as it was."""
    return image.partition("@")[0]


def shortened(image: str) -> str:
    """An image as people read it: `repo:tag@sha256:0123456789ab…`."""
    name, at, digest = image.partition("@")
    return f"{name}{at}{digest[:19]}…" if len(digest) > 19 else image


def is_tag(text: str) -> bool:
    """Whether the text can stand behind the colon."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether the text is a sha256 or sha512 digest, lower case and complete."""
    return _DIGEST.fullmatch(text) is not None


def parse_image(text: str) -> ImageRef:
    """Read a reference; hosts and short names become full (`nginx` is `docker.io/library/nginx`).

    Raises BadImageReference. Nothing is trimmed or lower-cased: a reference that needs mending is refused.
    """
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise BadImageReference(f"`{_shown(digest)}` is no digest (sha256: and 64 lower-case hex digits)")
    # The last colon starts a tag only behind the last slash; before it, it is a port.
    slash = rest.rfind("/")
    name, colon, tag = rest, "", ""
    if rest.rfind(":") > slash:
        name, colon, tag = rest.rpartition(":")
    if colon and not is_tag(tag):
        raise BadImageReference(f"`{_shown(tag)}` is no image tag (letters, digits, `_ . -`; 128 at most)")
    host, path = _split_name(name)
    return ImageRef(host, path, tag or None, digest or None)


def parse_repository(text: str) -> ImageRepository:
    """Read a repository: a reference without tag and digest. Raises BadImageReference."""
    reference = parse_image(text)
    if reference.tag or reference.digest:
        raise BadImageReference("a repository has no tag and no digest; the version is chosen at each release")
    return reference.repository


def _split_name(name: str) -> tuple[str, str]:
    if not name:
        raise BadImageReference("the name is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise BadImageReference(f"the name is longer than {MAX_NAME_LENGTH} characters")
    if _HEX_64.fullmatch(name):
        raise BadImageReference("64 hex digits alone are an image id, not a name")
    first, slash, rest = name.partition("/")
    # docker's rule: a first part with a dot or a colon is a host, and so is localhost.
    if slash and ("." in first or ":" in first or first.lower() == "localhost"):
        host, path = first.lower(), rest
        if not _HOST.fullmatch(host) or not _port_fits(host):
            raise BadImageReference(f"`{_shown(first)}` is no registry host")
    else:
        host, path = DEFAULT_HOST, name
    if host in ("index.docker.io", "registry-1.docker.io"):
        host = DEFAULT_HOST
    if host == DEFAULT_HOST and "/" not in path:
        path = f"library/{path}"
    for part in path.split("/"):
        if not part:
            raise BadImageReference("a part of the name is empty: two slashes, or one at its end")
        if not _PATH_PART.fullmatch(part):
            raise BadImageReference(
                f"`{_shown(part)}` is no part of an image name (lower-case letters and digits, with `. _ -` between)"
            )
    return host, path


def _port_fits(host: str) -> bool:
    _, colon, port = host.rpartition(":")
    return not colon or host.endswith("]") or 0 < int(port) <= 65535


def _shown(text: str) -> str:
    """What a refusal may quote of an input: short and printable."""
    clean = "".join(character if character.isprintable() and character != "`" else "?" for character in text)
    return clean if len(clean) <= 40 else f"{clean[:40]}…"


def version_of(image: str) -> str:
    """The tag of an image; its digest, shortened; of a text that is no image, as much as a row can hold."""
    try:
        parsed = parse_image(image)
    except BadImageReference:
        return image[:LONGEST_VERSION]
    return parsed.tag or (parsed.digest or "latest")[:19]
