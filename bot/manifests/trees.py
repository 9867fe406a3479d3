"""Folders with the files of one commit: private, read-only, removed when their block ends.

Written for both sources of manifests; what they hold was written by others, so no name leads out of the folder.
"""

import asyncio
import os
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OutsideError

STALE_S = 3600
"""A folder this old is one that a process left when it was killed."""
TIMEOUT_S = 60.0


class TreeTooLarge(Exception):
    """Too many files, or too large ones, to lay out."""

    def __str__(self) -> str:
        return "have too many files, or too large ones, to be looked through"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or link of a commit."""

    path: str
    """Relative, parts joined by `/`."""
    content: bytes
    """Of a link: where it leads."""
    link: bool = False

    @property
    def mode(self) -> int:
        """As Git writes it."""
        return 0o120000 if self.link else 0o100644


class Trees:
    """The folder in which such folders are made; it is ours alone."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @asynccontextmanager
    async def laid_out(self, entries: Iterable[Entry]) -> AsyncIterator[Path]:
        """A folder with these files. Names and links that would lead out of it are left out."""
        folder = await asyncio.to_thread(self._make)
        try:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await asyncio.to_thread(_lay_out, folder, entries)
            except OSError as error:
                why = "there is no time" if isinstance(error, TimeoutError) else error.strerror
                raise OutsideError("the disk", f"does not take the files of the manifests ({why})") from error
            yield folder
        finally:
            await asyncio.shield(asyncio.to_thread(_remove, folder))

    def _make(self) -> Path:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._home.iterdir():
            with suppress(OSError):
                if time.time() - left.lstat().st_mtime > STALE_S:
                    _remove(left)
        # Resolved, so that the renderer's own resolved paths can be told from others.
        return Path(tempfile.mkdtemp(prefix="tree-", dir=self._home)).resolve()


def is_inside(path: str) -> bool:
    """Whether a relative path names something inside its folder, and nothing of Git's own."""
    parts = path.split("/")
    return "\0" not in path and not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)


def _lay_out(folder: Path, entries: Iterable[Entry]) -> None:
    # Links last: nothing is ever written through one.
    links: list[Entry] = []
    for entry in entries:
        if not is_inside(entry.path):
            continue
        if entry.link:
            links.append(entry)
            continue
        file = folder / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(entry.content)
        file.chmod(0o444)
    made = [folder / link.path for link in links if _make_link(folder, link)]
    for place in made:
        # Whoever reads the tree need not ask where a link leads.
        if not _leads_inside(folder, place):
            place.unlink()
    for each, _, _ in os.walk(folder):
        Path(each).chmod(0o555)


def _make_link(folder: Path, link: Entry) -> bool:
    """False where another link stands on the way: Git makes no such trees, people can."""
    place = folder / link.path
    if Path(os.path.realpath(place.parent)) != place.parent:
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(os.fsdecode(link.content))
    return True


def _leads_inside(folder: Path, place: Path) -> bool:
    try:
        return place.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # it leads to itself
        return False


def _remove(folder: Path) -> None:
    """Gone, or as good as: a rest is taken away by a later one."""
    with suppress(OSError):
        for each, _, _ in os.walk(folder):
            Path(each).chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
