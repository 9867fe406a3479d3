"""Child processes behind a fence: limits on memory, time, files and output, no shell, no environment but the given one.

Used by bot.manifests.git and bot.manifests.render, for programs that read what people wrote. When this process dies, so
do they (Linux); when the caller is cancelled or the time is up, they are killed with all that they started.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FENCE = Path(__file__).with_name("fence.py")
MOST_ERROR_BYTES = 64 * 1024
MIB = 1 << 20


class ChildTooSlow(Exception):
    """The time was up; it was killed."""


class ChildTooLoud(Exception):
    """It wrote more than it may; it was killed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use."""

    wall_s: float
    cpu_s: int
    memory: int
    """Bytes that it may write to (RLIMIT_DATA)."""
    address_space: int
    """Bytes (RLIMIT_AS). A second line: Go reserves a gigabyte and uses a few megabytes, git maps whole packs."""
    file: int
    """Bytes of the largest file it may write."""
    output: int
    """Bytes on its standard output."""
    offline: bool

    @property
    def options(self) -> str:
        """For the fence. No limit on processes: it counts all of the user's, not the child's."""
        return (
            f"cpu={self.cpu_s},data={self.memory},as={self.address_space},fsize={self.file},nofile=512,core=0,"
            f"offline={int(self.offline)}"
        )


@dataclass(frozen=True, slots=True)
class Done:
    """How a child ended."""

    code: int
    """Below 0: by that signal."""
    output: bytes
    error: str
    """What it wrote to standard error, 64 KiB at most."""


async def run(
    command: list[str], environment: Mapping[str, str], cwd: Path, limits: Limits, *, given: bytes = b""
) -> Done:
    """Run `command`, whose first word is an absolute path, with `given` on its standard input.

    Raises ChildTooSlow, ChildTooLoud, and OSError when it can't be started.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(FENCE),
        limits.options,
        str(os.getpid()),
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=cwd,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.wall_s):
            return await _converse(child, given, limits.output)
    except TimeoutError as error:
        raise ChildTooSlow from error
    finally:
        await _end(child)


async def _converse(child: asyncio.subprocess.Process, given: bytes, most: int) -> Done:
    assert child.stdin is not None, "a pipe was asked for"
    assert child.stdout is not None, "a pipe was asked for"
    assert child.stderr is not None, "a pipe was asked for"
    writing = asyncio.ensure_future(_write(child.stdin, given))
    complaining = asyncio.ensure_future(_read_start(child.stderr))
    try:
        output = await _read_all(child.stdout, most)
        error = await complaining
        code = await child.wait()
    finally:
        writing.cancel()
        complaining.cancel()
        await asyncio.gather(writing, complaining, return_exceptions=True)
    return Done(code, output, error.decode(errors="replace"))


async def _write(stream: asyncio.StreamWriter, given: bytes) -> None:
    # A child that does not read to the end has its reasons, and says them elsewhere.
    with suppress(ConnectionError):
        stream.write(given)
        await stream.drain()
    stream.close()


async def _read_all(stream: asyncio.StreamReader, most: int) -> bytes:
    parts: list[bytes] = []
    left = most
    while part := await stream.read(256 * 1024):
        left -= len(part)
        if left < 0:
            raise ChildTooLoud
        parts.append(part)
    return b"".join(parts)


async def _read_start(stream: asyncio.StreamReader) -> bytes:
    """The beginning; the rest is read too, so that the child does not wait for us, and dropped."""
    kept = b""
    while part := await stream.read(64 * 1024):
        kept += part[: MOST_ERROR_BYTES - len(kept)]
    return kept


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill what is left of it and of its children, and take its exit."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
