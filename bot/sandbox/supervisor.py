"""The supervisor of the bot: runs `kajitori run` as a child process, starts it again when it dies, ends it with us.

Used by `bot.sandbox.server`. It knows the bot only as a command with an environment; the bot does not know it at all.
"""

import asyncio
import contextlib
import ctypes
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

EXIT_BAD_CONFIGURATION = 2  # what `kajitori run` promises for faults in its configuration
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
SETTLED_S = 10.0  # a bot that ran this long did not die at once; the next pause is short again
PATIENCE_S = 25.0  # how long the bot may take to drain after SIGTERM
LOG_TAIL_BYTES = 4_000
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class BotState(StrEnum):
    """What the page shows of the bot's process."""

    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class Supervisor:
    """One child process, kept alive.

    `on_change` is called whenever `status` has changed; `say` gets lines for the terminal.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_path: Path,
        *,
        on_change: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._log_path = log_path
        self._on_change = on_change
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._state = BotState.STOPPED
        self._restarts = 0
        self._started_at: float | None = None
        self._reason = ""
        self._was_killed = False

    def status(self) -> dict[str, Any]:
        """State, pid (None when there is no process), restarts, start time (Unix seconds) and why it stopped."""
        process = self._process
        return {
            "state": self._state.value,
            "pid": process.pid if process is not None and process.returncode is None else None,
            "restarts": self._restarts,
            "started_at": self._started_at,
            "reason": self._reason,
        }

    async def start(self) -> None:
        """Start the bot; OSError when the command can't be run. A bot that runs already is left alone."""
        if self._watch is None or self._watch.done():
            await self._launch()
            self._watch = asyncio.create_task(self._keep_alive())

    def kill(self) -> bool:
        """SIGKILL, as a crash would; False when there was nothing to kill."""
        process = self._process
        if process is None or process.returncode is not None:
            return False
        self._was_killed = True
        process.kill()
        return True

    async def stop(self) -> None:
        """End the bot: SIGTERM, and SIGKILL when it has not drained in time."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await process.wait()
            except TimeoutError:
                self._say(f"The bot did not end within {PATIENCE_S:.0f} s of SIGTERM; killing it.")
                process.kill()
                await process.wait()
        self._change(BotState.STOPPED)

    async def _launch(self) -> None:
        with _appending(self._log_path) as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                # Ctrl-C in the terminal is for us: we end the bot by SIGTERM, so that it drains.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self._started_at = time.time()
        self._was_killed = False
        self._change(BotState.RUNNING)

    async def _keep_alive(self) -> None:
        """Start it again whenever it ends, with a growing pause while it dies at once."""
        pause_s = FIRST_PAUSE_S
        while self._process is not None:
            begun = time.monotonic()
            code = await self._process.wait()
            if code == EXIT_BAD_CONFIGURATION:
                self._reason = self._last_words() or "faults in its configuration"
                self._say(f"The bot can't run with this configuration:\n{self._reason}")
                self._change(BotState.STOPPED)
                return
            lived_s = time.monotonic() - begun
            if self._was_killed or lived_s >= SETTLED_S:
                pause_s = FIRST_PAUSE_S
            self._reason = _how_it_ended(code)
            self._say(f"The bot {self._reason}; starting it again in {pause_s:.0f} s. Its words: {self._log_path}")
            self._change(BotState.RESTARTING)
            await asyncio.sleep(pause_s)
            if not self._was_killed:
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self._restarts += 1
            await self._launch()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), self._log_path.open("rb") as log:
            log.seek(max(0, self._log_path.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()
        return ""

    def _change(self, state: BotState) -> None:
        self._state = state
        if state is BotState.RUNNING:
            self._reason = ""
        self._on_change()


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


@contextlib.contextmanager
def _appending(path: Path) -> Any:
    log: IO[bytes]
    with path.open("ab") as log:
        yield log


# Loaded before any fork: between fork and exec nothing may be imported or loaded.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """In the child, before exec: the kernel ends it when the sandbox dies, however it dies (prctl(2))."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
