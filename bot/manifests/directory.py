"""A directory of manifests that something else keeps up to date: mounted, or written by a job. It has no history.

What stands in for a commit is the SHA-256 of all its files, so that a plan can be bound to it. Never written to.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.manifests.commits import Commit
from bot.errors import Unreachable, UserError
from bot.manifests.source import MOST_FILES, MOST_TREE_BYTES
from bot.manifests.trees import Entry, Trees, TreeTooLarge

TIMEOUT_S = 30.0


class Directory:
    """One directory, read anew each time it is asked for."""

    def __init__(self, name: str, path: Path, trees: Trees) -> None:
        self.name = name
        self._path = path
        self._trees = trees

    async def latest(self) -> Commit:
        """What is there now."""
        commit, _ = await self._read()
        return commit

    async def revision(self, ref: str = "") -> Commit:
        """What is there now, when it is what `ref` means."""
        commit, _ = await self._read()
        if ref and (len(ref) < 7 or not commit.sha.startswith(ref.lower())):
            raise self._unknown(ref)
        return commit

    @asynccontextmanager
    async def checkout(self, sha: str) -> AsyncIterator[Path]:
        """A copy, when what is there now still is that."""
        now, entries = await self._read()
        if now.sha != sha:
            raise self._unknown(sha)
        async with self._trees.laid_out(entries) as tree:
            yield tree

    async def commits(self, older: str, newer: str, path: str = "") -> Sequence[Commit]:
        """None: what came between is not known."""
        return ()

    async def push_branch(
        self, name: str, commit_on: str, changes: Mapping[str, bytes], message: str, author: str
    ) -> str:
        """Refused: whoever keeps the directory up to date would undo it."""
        raise UserError("no_push", f"{self.name} is a plain directory: there is no branch to make in it.")

    async def _read(self) -> tuple[Commit, list[Entry]]:
        system = f"the manifests {self.name}"
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.to_thread(_read, self._path)
        except TreeTooLarge as error:
            raise UserError("manifests_too_large", f"The manifests {self.name} {error}.") from error
        except TimeoutError as error:
            raise Unreachable(system, f"could not be read within {TIMEOUT_S:g} s") from error
        except OSError as error:
            raise Unreachable(system, f"can't be read ({error.strerror or 'not a directory'})") from error

    def _unknown(self, ref: str) -> UserError:
        return UserError(
            "unknown_commit",
            f"The manifests {self.name} are not at {ref[:12]} any more: they are a directory, which keeps no history.",
            hint="Ask again for what is there now.",
        )


def _read(path: Path) -> tuple[Commit, list[Entry]]:
    """All files with their content, in order, and what they amount to."""
    # Tools that keep such a directory swap it by a link: what is read must be one state of it.
    root = path.resolve(strict=True)
    entries: list[Entry] = []
    total = 0
    newest = root.stat().st_mtime
    for folder, folders, files in os.walk(root, onerror=_raise):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and name != ".git")
        for name in sorted(files + links):
            entry = _entry(root, here / name)
            if entry is None:
                continue
            entries.append(entry)
            total += len(entry.content)
            newest = max(newest, (here / name).lstat().st_mtime)
            if len(entries) > MOST_FILES or total > MOST_TREE_BYTES:
                raise TreeTooLarge
    digest = hashlib.sha256()
    for entry in entries:
        head = f"{entry.mode:o} {len(entry.path.encode(errors='surrogateescape'))} {len(entry.content)} "
        digest.update(head.encode() + entry.path.encode(errors="surrogateescape") + entry.content)
    return Commit(digest.hexdigest(), "", "", datetime.fromtimestamp(newest, UTC)), entries


def _entry(root: Path, path: Path) -> Entry | None:
    """A file or a link; None for what is neither."""
    name = str(path.relative_to(root))
    if path.is_symlink():
        return Entry(name, os.fsencode(path.readlink()), link=True)
    if not path.is_file():
        return None
    if path.stat().st_size > MOST_TREE_BYTES:
        raise TreeTooLarge
    return Entry(name, path.read_bytes())


def _raise(error: OSError) -> None:
    raise error
