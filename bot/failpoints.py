"""Failpoints: named places where tests have the process killed, stopped or failed. Inert unless FAILPOINT is set.

`FAILPOINT=name:kill` ends the process at once, as kill -9 would; `name:raise` raises; `name:sleep=2.5` blocks the event
loop. `name:kill@3` acts on the third pass only. Several are separated by commas. Set by tests only; a set failpoint is
logged at start-up, so that it can't stay unnoticed.
"""

import os
import signal
import time
from collections import Counter

_ARMED = {
    part.split(":", 1)[0]: part.split(":", 1)[1] for part in os.environ.get("FAILPOINT", "").split(",") if ":" in part
}
_PASSES: Counter[str] = Counter()


class FailpointReached(Exception):
    """Raised by `name:raise`."""


def armed() -> tuple[str, ...]:
    """Names of the failpoints that are set."""
    return tuple(_ARMED)


def reach(name: str) -> None:
    """Do here what the environment says; nothing without it."""
    action = _ARMED.get(name)
    if action is None:
        return
    _PASSES[name] += 1
    what, _, passing = action.partition("@")
    if passing and _PASSES[name] != int(passing):
        return
    verb, _, argument = what.partition("=")
    match verb:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointReached(name)
        case "sleep":
            time.sleep(float(argument))
        case other:
            raise ValueError(f"FAILPOINT={name}:{other}: kill, raise or sleep=SECONDS")
