"""The bare clone of one branch: made, fetched, and made anew when something is wrong with it.

Used by bot.manifests.repository only. The clone holds nothing that can't be fetched again. Killed at any moment it is
either whole or made anew. One process at a time works on it.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

import structlog

from bot.errors import OutsideError, Refused, Unreachable
from bot.manifests.children import Done
from bot.manifests.git import MOST_REPOSITORY_BYTES, Git, GitLogin

FETCH_S = 30.0
CLONE_S = 300.0
"""The first fetch brings everything."""
MOST_PACKS = 200
"""Each fetch leaves one; with more of them every look-up is slow."""
SAME_ANSWER_S = 5.0
"""A fetch that failed is not tried again sooner: who asks meanwhile gets the same answer at once."""
TIP = "refs/kajitori/tip"
log = structlog.get_logger()


class Clone:
    """`branch` empty: the one that the repository has checked out itself. `home` is ours alone."""

    def __init__(self, name: str, url: str, branch: str, login: GitLogin, home: Path, program: Path | None) -> None:
        self.system = f"the repository {name}"
        self.branch = branch
        self._name = name
        self._url = url
        # A clone of another address or branch is another clone.
        mark = hashlib.sha256(f"{url}\n{branch}".encode()).hexdigest()[:12]
        self._home = home / f"{name}-{mark}"
        self._folder = self._home / "clone.git"
        self.git = Git(self.system, url, login, self._home, program)
        self._turn = asyncio.Lock()
        self._is_there = False
        self._fetched_at: float | None = None
        self._failure: tuple[float, OutsideError] | None = None

    async def run(self, *words: str, given: bytes = b"", environment: dict[str, str] | None = None) -> Done:
        """A git command in the clone, however it ends."""
        return await self.git.run(*self._at(), *words, given=given, environment=environment)

    async def ask(
        self, *words: str, given: bytes = b"", output: int | None = None, environment: dict[str, str] | None = None
    ) -> bytes:
        """The output of a command that can't fail in a whole clone; when it does, the clone is made anew first."""
        try:
            return await self.git.ask(*self._at(), *words, given=given, output=output, environment=environment)
        except (Refused, Unreachable):
            raise
        except OutsideError as error:
            log.warning("manifests.clone_broken", source=self._name, error=str(error))
            await self._make_anew()
            return await self.git.ask(*self._at(), *words, given=given, output=output, environment=environment)

    async def need(self) -> None:
        """Have a clone, however old."""
        async with self._turn:
            if self._is_there:
                return
            async with self._alone():
                if not await asyncio.to_thread(_tidy, self._folder):
                    await self._shared(self._clone)
            self._is_there = True

    async def fetch(self, at_most_s: float) -> None:
        """Bring the clone up to date unless it was so `at_most_s` seconds ago. Who comes meanwhile shares the fetch."""
        async with self._turn:
            if self._fetched_at is not None and time.monotonic() - self._fetched_at < at_most_s:
                return
            async with self._alone():
                await self._shared(self._bring)
            self._is_there = True

    async def push(self, sha: str, branch: str) -> Done:
        """Give a commit of the clone to the repository as a branch that it must not have yet."""
        words = ("push", "--quiet", "--no-verify", "--porcelain", f"--force-with-lease=refs/heads/{branch}:")
        target = f"{sha}:refs/heads/{branch}"
        return await self.git.run(*self._at(), *words, "--", self._url, target, wall_s=FETCH_S)

    async def branch_there(self, branch: str) -> str:
        """The commit that a branch of the repository is at; empty when there is no such branch."""
        output = await self.git.ask("ls-remote", "--", self._url, f"refs/heads/{branch}", wall_s=FETCH_S)
        return output.decode(errors="replace").partition("\t")[0].strip()

    async def _make_anew(self) -> None:
        async with self._turn, self._alone():
            await self._shared(self._clone)

    async def _shared(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, unless it failed just now: then that failure is the answer."""
        if self._failure is not None and time.monotonic() - self._failure[0] < SAME_ANSWER_S:
            raise self._failure[1]
        try:
            await work()
        except OutsideError as error:
            self._failure = (time.monotonic(), error)
            raise
        self._failure = None
        self._fetched_at = time.monotonic()

    async def _bring(self) -> None:
        """Fetch into the clone; when that can't be done for the clone's own sake, make it anew."""
        if not await asyncio.to_thread(_tidy, self._folder):
            return await self._clone()
        try:
            await self._fetch_into(self._folder, FETCH_S)
        except (Refused, Unreachable):
            raise
        except OutsideError as error:
            log.warning("manifests.clone_broken", source=self._name, error=str(error))
            await self._clone()

    async def _clone(self) -> None:
        fresh = self._home / "clone.new"
        await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)
        await self.git.ask("init", "--quiet", "--bare", "--template=", "--", str(fresh))
        await self._fetch_into(fresh, CLONE_S)
        try:
            await asyncio.to_thread(_swap, fresh, self._folder)
        except OSError as error:
            raise OutsideError(self.system, f"has no room for its clone here ({error.strerror})") from error

    async def _fetch_into(self, folder: Path, wall_s: float) -> None:
        source = f"refs/heads/{self.branch}" if self.branch else "HEAD"
        words = ("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--quiet")
        at = ("--git-dir", str(folder))
        done = await self.git.run(*at, "fetch", *words, "--", self._url, f"+{source}:{TIP}", wall_s=wall_s)
        if done.code == 0:
            # Whether the tip's files are all there, whatever was there before.
            await self.git.ask(*at, "rev-list", "--objects", "--quiet", "--max-count=1", TIP)
            return
        if "couldn't find remote ref" in done.error:
            named = f"has no branch {self.branch}" if self.branch else "has nothing checked out"
            raise Refused(self.system, named, code="no_branch")
        raise self.git.failure(done)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """While no other process works on the clone: an old one may still be stopping."""
        try:
            lock = await asyncio.to_thread(_open_lock, self._home)
        except OSError as error:
            raise OutsideError(self.system, f"has no room for its clone here ({error.strerror})") from error
        try:
            deadline = time.monotonic() + FETCH_S
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise Unreachable(self.system, "is being fetched by another process")
                await asyncio.sleep(0.1)
            yield
        finally:
            lock.close()

    def _at(self) -> tuple[str, str]:
        return "--git-dir", str(self._folder)


def _open_lock(home: Path) -> IO[bytes]:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return (home / "lock").open("ab")


def _locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tidy(folder: Path) -> bool:
    """Take away what a killed git left behind; whether the clone is there, and small enough to go on with."""
    if not (folder / "HEAD").is_file() or not (folder / "objects").is_dir():
        return False
    total = packs = 0
    for here, _, files in os.walk(folder):
        for name in files:
            path = Path(here) / name
            with suppress(OSError):
                if name.endswith(".lock") or name.startswith("tmp_"):
                    path.unlink()
                    continue
                total += path.lstat().st_size
                packs += name.endswith(".pack")
    return total <= MOST_REPOSITORY_BYTES and packs <= MOST_PACKS


def _swap(fresh: Path, folder: Path) -> None:
    """The new clone takes the old one's place. Killed half-way: there is none, and it is made anew."""
    old = folder.with_name("clone.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
