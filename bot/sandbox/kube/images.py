"""What an image does, told by its tag: the levers by which people and tests break the simulated cluster. Pure."""

from enum import StrEnum


class Behaviour(StrEnum):
    """How a container of an image lives."""

    HEALTHY = "healthy"
    CRASH = "crash"  # exits 1 soon after start, again and again
    OOM = "oom"  # is killed for its memory, 137
    UNREADY = "unready"  # runs, its readiness probe never passes
    SLOW = "slow"  # takes its time to become ready
    FAIL = "fail"  # a job that exits 1 at its end


def tag_of(image: str) -> str:
    """The tag of an image reference; `latest` when it has none, the digest when it has only that."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest or "latest"


def digest_of_name(image: str) -> str:
    """A digest made up from the name alone, for clusters without a registry."""
    return "sha256:" + "".join(f"{byte:02x}" for byte in (image.encode() * 32)[:32])


def behaviour_of(image: str) -> Behaviour:
    tag = tag_of(image)
    return next((b for b in Behaviour if b is not Behaviour.HEALTHY and b.value in tag), Behaviour.HEALTHY)


def error_share(image: str) -> float:
    """The share of requests that a `flaky` or `error` image answers with 500."""
    return 0.05 if any(word in tag_of(image) for word in ("flaky", "error")) else 0.0


def slowness(image: str) -> float:
    """How many times longer than others a `slow` image, or a `laggy` one that starts in good time, takes to answer."""
    return 5.0 if any(word in tag_of(image) for word in (Behaviour.SLOW.value, "laggy")) else 1.0


def is_broken(image: str) -> bool:
    """True for tags that no registry gives out, whatever it says."""
    return "broken" in tag_of(image)


def pull_error(image: str) -> str:
    """What containerd answers for an image that is not there."""
    name = image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )
