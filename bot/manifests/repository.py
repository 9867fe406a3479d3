"""A Git repository of manifests: commits of one branch, their files, and new branches beside it.

Read from a clone of our own (bot.manifests.clone). Everything in it was on the branch at some time, so a commit that is
there is one that somebody with the right to push had released from.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.manifests.commits import Commit
from bot.errors import UserError
from bot.manifests.branches import new_commit, page_of, refuse_name
from bot.manifests.children import MIB
from bot.manifests.clone import TIP, Clone
from bot.manifests.git import GitLogin
from bot.manifests.source import MOST_COMMITS, MOST_FILES, MOST_TREE_BYTES
from bot.manifests.trees import Entry, Trees, TreeTooLarge, is_inside

FRESH_S = 30.0
"""How old what is known of the branch may be."""
_AGAIN_S = 1.0
"""How old it may be when something was looked for and not found."""
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_REF = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_FORMAT = "%H%x1f%ct%x1f%an%x1f%s"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class GitRepository:
    """One repository, one branch. `branch` empty: the one that it has checked out itself."""

    def __init__(
        self,
        name: str,
        url: str,
        branch: str,
        login: GitLogin,
        home: Path,
        trees: Trees,
        *,
        program: Path | None,
        fresh_s: float = FRESH_S,
    ) -> None:
        self.name = name
        self._url = url
        self._trees = trees
        self._clone = Clone(name, url, branch, login, home, program)
        self._fresh_s = fresh_s

    async def latest(self) -> Commit:
        """The newest commit of the branch; fetched when what is known is older than 30 s."""
        return await self.revision()

    async def revision(self, ref: str = "") -> Commit:
        """The commit of that name, fetched for when it is not there; the newest without a name."""
        if not ref:
            await self._clone.fetch(self._fresh_s)
            return await self._commit(TIP)
        if not _REF.fullmatch(ref.lower()):
            raise self._unknown(ref)
        return await self._commit(await self._find(ref.lower()))

    @asynccontextmanager
    async def checkout(self, sha: str) -> AsyncIterator[Path]:
        """Exactly the commit's files, as Git has them: no filters, no line ends changed, no submodules."""
        await self._need(sha)
        try:
            entries = await self._entries(sha)
        except TreeTooLarge as error:
            text = f"The files of commit {sha[:8]} of {self.name} {error}."
            raise UserError("manifests_too_large", text, hint="Keep manifests in a repository of their own.") from error
        async with self._trees.laid_out(entries) as tree:
            yield tree

    async def commits(self, older: str, newer: str, path: str = "") -> Sequence[Commit]:
        """What `newer` has and `older` has not, newest first."""
        await self._need(newer)
        await self._need(older)
        if older != newer and (await self._clone.run("merge-base", "--is-ancestor", older, newer)).code != 0:
            text = f"{newer[:8]} does not stand on {older[:8]} in {self.name}: the branch was written anew, or back."
            raise UserError("unrelated_commits", text)
        limited = ("--", path) if path else ()
        words = ("log", "-z", f"--format={_FORMAT}", f"--max-count={MOST_COMMITS}", newer, f"^{older}", *limited)
        lines = (await self._clone.ask(*words)).decode(errors="replace").split("\0")
        return tuple(_commit(line) for line in lines if line)

    async def push_branch(
        self, name: str, commit_on: str, changes: Mapping[str, bytes], message: str, author: str
    ) -> str:
        """A new branch with one commit; where to look at it, or its name where that is not known."""
        refuse_name(name, self._clone.branch)
        await self._need(commit_on)
        sha = await new_commit(self._clone, commit_on, changes, message, author)
        there = await self._clone.branch_there(name)
        if there == sha:
            return page_of(self._url, name)
        if not there:
            done = await self._clone.push(sha, name)
            if done.code == 0:
                return page_of(self._url, name)
            there = await self._clone.branch_there(name)
            if not there:
                raise self._clone.git.failure(done)
        if there != sha:
            raise UserError("branch_taken", f"{self.name} has a branch {name} already, with something else in it.")
        return page_of(self._url, name)

    async def _need(self, sha: str) -> None:
        """Raises UserError when there is no commit of that whole name, even after a fetch."""
        if not _SHA.fullmatch(sha) or await self._find(sha) != sha:
            raise self._unknown(sha)

    async def _find(self, ref: str) -> str:
        """The whole name of a commit, looked for in what we have and then in what there is."""
        await self._clone.need()
        found = await self._resolve(ref)
        if not found:
            await self._clone.fetch(_AGAIN_S)
            # A clone that lost its files knows no commit at all, and is made anew by this.
            await self._clone.ask("rev-parse", "--verify", "--quiet", f"{TIP}^{{tree}}")
            found = await self._resolve(ref)
        if not found:
            raise self._unknown(ref)
        return found

    async def _resolve(self, ref: str) -> str:
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        done = await self._clone.run(*words)
        return done.output.decode().strip() if done.code == 0 else ""

    async def _commit(self, ref: str) -> Commit:
        text = await self._clone.ask("log", "--max-count=1", f"--format={_FORMAT}", ref)
        return _commit(text.decode(errors="replace").rstrip("\n"))

    async def _entries(self, sha: str) -> list[Entry]:
        listed: list[tuple[str, bool, str]] = []
        total = 0
        output = await self._clone.ask("ls-tree", "-r", "-z", "-l", "--full-tree", sha, output=64 * MIB)
        for line in output.split(b"\0"):
            if not line:
                continue
            head, _, name = line.partition(b"\t")
            mode, kind, blob, size = head.decode().split()
            path = os.fsdecode(name)
            if kind != "blob" or not is_inside(path):
                continue
            listed.append((path, mode == "120000", blob))
            total += int(size)
            if len(listed) > MOST_FILES or total > MOST_TREE_BYTES:
                raise TreeTooLarge
        names = "".join(f"{blob}\n" for _, _, blob in listed).encode()
        room = total + 128 * len(listed) + MIB
        content = await self._clone.ask("cat-file", "--batch", given=names, output=room)
        return await asyncio.to_thread(_unpack, listed, content)

    def _unknown(self, ref: str) -> UserError:
        branch = f" {self._clone.branch}" if self._clone.branch else ""
        return UserError("unknown_commit", f"{self.name} has no commit {ref[:12]} on its branch{branch}.")


def _unpack(listed: list[tuple[str, bool, str]], content: bytes) -> list[Entry]:
    """Files from the answer of `cat-file --batch`: a line with name, kind and size, that many bytes, a line end."""
    entries: list[Entry] = []
    at = 0
    for path, link, blob in listed:
        end = content.index(b"\n", at)
        name, kind, size = content[at:end].decode().split()
        if name != blob or kind != "blob":
            raise ValueError("git answered for another file than it was asked for")
        start = end + 1
        at = start + int(size) + 1
        entries.append(Entry(path, content[start : at - 1], link=link))
    return entries


def _commit(line: str) -> Commit:
    sha, at, author, title = line.split("\x1f", 3)
    return Commit(sha, _CONTROL.sub(" ", author)[:100], _CONTROL.sub(" ", title)[:200], _time(int(at)))


def _time(seconds: int) -> datetime:
    """People's clocks are wrong, and a commit may claim any time at all."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
