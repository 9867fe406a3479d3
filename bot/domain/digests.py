"""Digests: which image pods really run, told by what their nodes report, against the one that was planned.

Read by bot.domain.steering before it says that a release went well, and by bot.usecases.promotion. Nodes report an
index or one platform's manifest of it, as their runtime has it; a bare id (`sha256:…` without a repository) is one that
the runtime made, and proves nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable

from bot.domain.images import is_digest
from bot.domain.rollout import Observation, Pod

SHORT = 12
"""Hex digits that people are shown."""


def reported(image_id: str) -> str:
    """The digest in a container status' imageID: `repo@sha256:…`, `docker-pullable://…`, a bare id; else empty."""
    _, at, behind = image_id.partition("@")
    digest = behind if at else image_id.removeprefix("docker://")
    return digest if is_digest(digest) else ""


def names_content(image_id: str) -> bool:
    """Whether it is the digest of a manifest, which a registry knows, and not the id that a runtime made."""
    return "@" in image_id and bool(reported(image_id))


def current_pods(seen: Observation) -> list[Pod]:
    """The pods of the present template, without those that go."""
    return [pod for pod in seen.pods if not pod.deleting and (not seen.new_hash or pod.revision_hash == seen.new_hash)]


def image_ids(pods: Iterable[Pod], container: str) -> list[str]:
    """What nodes report for that container of each pod; without pods that have not started it."""
    return [each.image_id for pod in pods for each in pod.containers if each.name == container and each.image_id]


def strangers(image_ids: Iterable[str], digest: str, names: Collection[str]) -> Counter[str]:
    """Digests that are not the planned one, with how many pods run each.

    `names`: the digests by which nodes may report it; without them nothing but its own digest is known, and what an
    image is told by may then be another of its names: no stranger is told.
    """
    if not digest or not names:
        return Counter()
    known = {digest, *names}
    return Counter(reported(each) for each in image_ids if names_content(each) and reported(each) not in known)


def short(digest: str) -> str:
    """`sha256:0123456789ab`."""
    algorithm, colon, hexes = digest.partition(":")
    return f"{algorithm}{colon}{hexes[:SHORT]}"


def moved(before: str, after: str) -> str:
    """`sha256:0123456789ab→ba9876543210`."""
    return f"{short(before)}→{short(after).partition(':')[2]}"
