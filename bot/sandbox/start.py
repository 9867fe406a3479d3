"""`kajitori sandbox`: start the sandbox, say where it is, run until it is told to stop.

Called by `bot.__main__` only. The first line that it prints is the page's address.
"""

import asyncio
import errno
import fcntl
import os
import signal
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import IO

from bot.sandbox.kube import Options
from bot.sandbox.server import Sandbox

DEFAULT_FOLDER = Path(".sandbox")
TO_WATCH_S = 0.7
"""From a bound pod to its running container: slow enough to see a rollout move, and to kill the bot half-way."""


async def main(port: int, state_dir: Path | None, open_browser: bool) -> int:
    """Run until SIGINT or SIGTERM; the exit code. `state_dir` None: .sandbox here, or a temporary folder."""
    folder = _writable_folder(state_dir)
    if folder is None:
        print(f"Can't write to {state_dir}. Name another folder with --state.", file=sys.stderr)
        return 1
    lock = _claim(folder)
    if lock is None:
        print(f"Another sandbox runs in {folder}. Stop it, or name another folder with --state.", file=sys.stderr)
        return 1
    sandbox = Sandbox(
        folder,
        port=port,
        cluster_options=Options(start_s=TO_WATCH_S),
        with_shop=True,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    with lock:
        try:
            await sandbox.start()
        except OSError as err:
            await sandbox.stop()
            print(_why_not(err, port), file=sys.stderr)
            return 1
        try:
            print(f"Kajitori sandbox: {sandbox.url}")
            print(f"  kubectl:  KUBECONFIG={sandbox.kubeconfig_path} kubectl --context stg get pods -A")
            print(f"  the bot's words: {sandbox.state_dir / 'bot.log'}")
            print("  Stop with Ctrl-C. Each start is a fresh world.", flush=True)
            if open_browser and _has_a_screen():
                await asyncio.to_thread(webbrowser.open, sandbox.url)
            await _told_to_stop()
        finally:
            await sandbox.stop()
    return 0


def _writable_folder(state_dir: Path | None) -> Path | None:
    """The state folder, made; None when the one that was asked for can't be written."""
    wanted = state_dir or DEFAULT_FOLDER
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        usable = os.access(wanted, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if usable:
        return wanted.resolve()
    return None if state_dir is not None else Path(tempfile.mkdtemp(prefix="kajitori-sandbox-"))


def _claim(folder: Path) -> IO[bytes] | None:
    """A lock on the folder, held while the file is open; None when somebody else has it."""
    lock = (folder / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _why_not(err: OSError, port: int) -> str:
    if err.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program (another sandbox?). Choose one with --port {port + 1}, "
            "or any free one with --port 0."
        )
    if err.errno == errno.EACCES:
        return f"Port {port} may not be used by you. Choose one above 1023 with --port."
    return f"The sandbox can't start: {err}"


def _has_a_screen() -> bool:
    """Whether a browser can appear; without a screen `webbrowser` would take over the terminal with a text browser."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def _told_to_stop() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, told.set)
    try:
        await told.wait()
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(sign)
