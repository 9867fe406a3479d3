"""The fence around a child process: limits set in the child itself, which then becomes the program it was asked for.

Run as a script by bot.manifests.children, never imported: `python -I -S fence.py OPTIONS PARENT PROGRAM ARGUMENTS…`.
OPTIONS is `name=number,…`: names of resource limits, and `offline=1`. A fork with code between fork and exec would not
be safe in a process with threads; a small process of its own is.
"""

import os
import resource
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIGKILL = 9


def main() -> None:
    options, parent, *command = sys.argv[1:]
    wanted = dict(option.split("=") for option in options.split(","))
    offline = wanted.pop("offline", "0") == "1"
    if sys.platform == "linux":
        _bind_to_parent(offline)
        if os.getppid() != int(parent):
            return  # it died before we were bound to it
    for name, limit in wanted.items():
        number = getattr(resource, f"RLIMIT_{name.upper()}")
        _, hard = resource.getrlimit(number)
        most = int(limit) if hard == resource.RLIM_INFINITY else min(int(limit), hard)
        with suppress(ValueError, OSError):  # a system that does not know it: the others still hold
            resource.setrlimit(number, (most, most))
    os.execve(command[0], command, dict(os.environ))


def _bind_to_parent(offline: bool) -> None:
    """Die when the parent does; gain no rights; and, where the kernel lets anybody, have no network at all."""
    import ctypes  # noqa: PLC0415 - Linux only, and not every Python has it

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if offline:
        # Refused in many containers: then the dead proxy, the empty PATH and the look through the files must do.
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


main()
