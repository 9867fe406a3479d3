"""Containers that do not start, or do not stay: configuration, commands, crashes, memory, probes."""

import re
import signal

from bot.domain.rollout import PodContainer
from bot.domain.troubles.sights import Sight, short

CONFIG_REASONS = frozenset({"CreateContainerConfigError"})
START_REASONS = frozenset(
    {"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun", "PostStartHookError"}
)

_ABSENT = re.compile(r"(configmap|secret)s? \"(?P<name>[^\"]+)\" (?:not found|is forbidden)", re.IGNORECASE)
_NO_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?:[^\s/]+/)?(?P<name>\S+)")
_COMMAND = re.compile(r"exec: \"(?P<command>[^\"]+)\"")
_PROBE = re.compile(r"(?P<kind>Readiness|Liveness|Startup) probe (?:failed|errored)[^:]*:?\s*(?P<detail>.*)", re.DOTALL)
_STATUS = re.compile(r"HTTP probe failed with statuscode: (?P<status>\d+)")
_SPELLING = {"configmap": "ConfigMap", "secret": "Secret"}


def config_trouble(container: PodContainer) -> Sight:
    """CreateContainerConfigError: something the container's settings name is not there."""
    words = container.waiting_message
    if match := _NO_KEY.search(words):
        kind, name, key = match["kind"], match["name"].rstrip(".,"), match["key"]
        return Sight(
            "config_error",
            f"The {kind} {name} has no key {key}, which the container needs.",
            f"Add the key to the {kind} in this environment, or mend its name in the manifest.",
            container=container.name,
        )
    if match := _ABSENT.search(words):
        kind = _SPELLING[match[1].lower()]
        return Sight(
            "config_error",
            f"The {kind} {match['name']} does not exist in this namespace.",
            f"Create the {kind} in this environment, or mend its name in the manifest.",
            container=container.name,
        )
    if "runAsNonRoot" in words:
        return Sight(
            "config_error",
            "The image would run as root, which the workload forbids (runAsNonRoot).",
            "Set USER to a number in the Dockerfile, or runAsUser in the manifest.",
            container=container.name,
        )
    return Sight(
        "config_error",
        f"The container's configuration does not hold: {short(words) or container.waiting_reason}.",
        "Mend what it names in the manifest or create it in this environment.",
        container=container.name,
    )


def start_trouble(container: PodContainer) -> Sight:
    """The container was made but its command could not be run."""
    words = container.waiting_message
    command = match["command"] if (match := _COMMAND.search(words)) else "its command"
    remedy = "Check `command` and `args` of the manifest and the image's ENTRYPOINT."
    if "exec format error" in words:
        text = "The image is built for another processor than the node's (exec format error)."
        remedy = "Build the image for the node's processor, then push it again."
    elif "permission denied" in words:
        text = f"{command} may not be executed (permission denied)."
        remedy = "Make the file executable in the image (chmod +x)."
    elif "not found" in words or "no such file" in words:
        text = f"{command} is not in the image."
    else:
        text = f"The container could not be started: {short(words) or container.waiting_reason}."
    return Sight("start_error", text, remedy, container=container.name)


def memory_trouble(container: PodContainer) -> Sight:
    """OOMKilled."""
    if container.memory_limit:
        text = (
            f"The container {container.name} used more memory than its limit of {container.memory_limit} and was "
            "killed (OOMKilled)."
        )
    else:
        text = f"The container {container.name} was killed because memory ran out (OOMKilled)."
    return Sight(
        "oom_killed",
        text,
        "Raise resources.limits.memory, or find out why this version needs more memory than the one before.",
        container=container.name,
        weight=container.restarts,
    )


def crash_trouble(container: PodContainer, liveness: str) -> Sight:
    """A container that ended. `liveness`: message of a failed liveness or startup probe, empty when none failed."""
    if liveness:
        kind, detail = probe_words(liveness)
        return Sight(
            "crash_loop",
            f"The container {container.name} is killed again and again because its {kind} probe fails{detail}.",
            "Check the probe's path, port and delays; an app that starts slowly needs a startupProbe.",
            container=container.name,
            weight=container.restarts,
        )
    code, times = container.exit_code, container.restarts
    again = f", restarted {times} {'time' if times == 1 else 'times'}" if times else ""
    if code is None:
        text = f"The container {container.name} keeps ending{again}."
    elif code == 0:
        text = f"The container {container.name} ends by itself without an error (exit code 0){again}."
    else:
        text = f"The container {container.name} crashes: exit code {code}{code_meaning(code)}{again}."
    return Sight(
        "crash_loop",
        text,
        crash_remedy(code),
        cause=f"{container.name} {code}",
        container=container.name,
        weight=times,
    )


def probe_trouble(container: PodContainer, message: str, waited_s: int) -> Sight:
    """A running container that is not ready. `message`: what the last failed probe said, or empty."""
    if message:
        kind, detail = probe_words(message)
        text = f"The container {container.name} runs, but its {kind} probe fails{detail}."
    else:
        text = f"The container {container.name} has been running for {waited_s} s and is not ready."
    return Sight(
        "not_ready",
        text,
        "Check the readiness probe's path and port, and that the app reaches what it needs (database, settings).",
        cause=f"{container.name} {message}",
        container=container.name,
        weight=waited_s,
    )


def probe_words(message: str) -> tuple[str, str]:
    """Kind of probe ("readiness") and what it got, as the end of a sentence (" (HTTP 503)")."""
    match = _PROBE.search(message)
    if match is None:
        return "readiness", f": {short(message)}" if message else ""
    kind, detail = match["kind"].lower(), match["detail"]
    if status := _STATUS.search(detail):
        return kind, f" (HTTP {status['status']})"
    if "connection refused" in detail:
        return kind, " (nothing listens on its port)"
    if "timeout" in detail.lower() or "deadline exceeded" in detail.lower():
        return kind, " (no answer in time)"
    return kind, f": {short(detail)}" if detail.strip() else ""


def code_meaning(code: int) -> str:
    """What an exit code says beyond its number."""
    match code:
        case 126:
            return " (command can't be executed)"
        case 127:
            return " (command not found)"
        case _ if 128 < code < 128 + 65:
            try:
                return f" ({signal.Signals(code - 128).name})"
            except ValueError:
                return ""
        case _:
            return ""


def crash_remedy(code: int | None) -> str:
    match code:
        case 0:
            return "A service must keep running: check its command. Something that ends belongs in a Job."
        case 126 | 127:
            return "Check `command` of the manifest and that the file is in the image and executable."
        case 137:
            return "Something killed it: often too little memory, or a liveness probe that gets no answer."
        case 143:
            return "Something asked it to stop: often a failing liveness probe."
        case 132 | 134 | 135 | 136 | 139:
            return "It broke in native code: check libraries and the processor that the image is built for."
        case _:
            return "Read its last log lines: often a missing setting, or a database that it can't reach."
