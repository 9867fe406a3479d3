"""Images that do not come: what registries and kubelets say, and what it means."""

import re

from bot.domain.troubles.sights import Sight, short

PULL_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ErrImageInspect",
        "SignatureValidationFailed",
    }
)

_PLATFORM = re.compile(r"no match for platform|no matching manifest", re.IGNORECASE)
_LIMITED = re.compile(r"toomanyrequests|too many requests|rate limit|\b429\b", re.IGNORECASE)
_DENIED = re.compile(
    r"denied|unauthori[sz]ed|forbidden|\b40[13]\b|authentication required|no basic auth|insufficient_scope|may require",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"not found|manifest[ _]unknown|name[ _]unknown|does not exist|not known to registry|\b404\b", re.IGNORECASE
)
_CERTIFICATE = re.compile(r"x509|certificate|tls:|server gave HTTP response", re.IGNORECASE)
_DISK = re.compile(r"no space left", re.IGNORECASE)
_UNREACHED = re.compile(
    r"timeout|timed out|deadline exceeded|no such host|connection (?:refused|reset)|dial tcp|i/o|EOF|\b50[0234]\b"
    r"|unavailable|misbehaving|no route",
    re.IGNORECASE,
)


def pull_trouble(image: str, reason: str, words: str) -> Sight:
    """`words`: all that waiting messages and events say about this image, newest last; may be empty."""
    if reason == "InvalidImageName":
        return Sight(
            "image_missing",
            f"{image} is not a valid image name.",
            "Check `image` of the service in kajitori.yaml and the version's spelling.",
            hopeless=True,
        )
    if reason == "ErrImageNeverPull":
        return Sight(
            "image_pull",
            f"The node does not have {image}, and imagePullPolicy Never forbids to pull it.",
            "Set imagePullPolicy to IfNotPresent.",
        )
    if reason == "SignatureValidationFailed":
        return Sight("image_pull", f"The signature of {image} was not accepted.", "Sign the image as the cluster asks.")
    if _PLATFORM.search(words):
        return Sight(
            "image_missing",
            f"{image} is not built for the processor of the node.",
            "Build the image for it too (docker buildx build --platform), then push it again.",
            hopeless=True,
        )
    if _LIMITED.search(words):
        return Sight(
            "image_pull",
            f"The registry limits how often images are pulled, and refused {image}.",
            "Kubernetes keeps trying; log in to the registry with a pull secret, or use a mirror.",
        )
    return _refused_or_absent(image, words)


def _refused_or_absent(image: str, words: str) -> Sight:
    # Docker Hub says "repository does not exist or may require authorization": denied, the weaker claim, is first.
    if _DENIED.search(words):
        return Sight(
            "image_pull",
            f"The cluster may not pull {image}: the registry denied it.",
            "Check imagePullSecrets of the workload or its service account, and that the repository exists.",
        )
    if _MISSING.search(words):
        return Sight(
            "image_missing",
            f"The image {image} does not exist in its registry.",
            "Check that this version was built and pushed, or deploy one that was.",
            hopeless=True,
        )
    if _CERTIFICATE.search(words):
        return Sight(
            "image_pull",
            f"The node does not trust the registry's certificate, so {image} was not pulled.",
            "Those who run the cluster must renew the certificate or give its authority to the nodes.",
        )
    if _DISK.search(words):
        return Sight(
            "image_pull",
            f"The node's disk is full, so {image} could not be pulled.",
            "Those who run the cluster must free space on the node.",
        )
    if _UNREACHED.search(words):
        return Sight(
            "image_pull",
            f"The registry did not answer when {image} was pulled.",
            "Kubernetes keeps trying; look whether the registry is up and the nodes reach it.",
        )
    detail = short(words.rpartition("\n")[2]) if words else ""
    return Sight(
        "image_pull",
        f"{image} can't be pulled{f': {detail}' if detail else ''}.",
        "Kubernetes keeps trying; check the version's spelling and that it was pushed.",
        cause=image,
    )
