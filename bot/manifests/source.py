"""What every source of manifests can do: say where it stands, lay out a commit's files, tell what came between two.

A Git repository (bot.manifests.repository) or a directory that something else keeps up to date
(bot.manifests.directory). Used through bot.manifests.Manifests.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from bot.domain.manifests.commits import Commit

__all__ = ["MOST_COMMITS", "MOST_FILES", "MOST_TREE_BYTES", "Commit", "ManifestSource"]

MOST_COMMITS = 200
MOST_FILES = 20_000
MOST_TREE_BYTES = 256 * 1024 * 1024
"""Of one commit's files together."""


class ManifestSource(Protocol):
    """A place that manifests come from. Unreachable: it can't be read now; nothing was changed."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    async def latest(self) -> Commit:
        """The newest commit of the branch, at most half a minute old."""

    async def revision(self, ref: str = "") -> Commit:
        """The commit that `ref` (seven or more hex digits of its name) means; empty: the latest.

        It is, or once was, on the branch. Raises UserError `unknown_commit`.
        """

    def checkout(self, sha: str) -> AbstractAsyncContextManager[Path]:
        """A private read-only folder with exactly the files of the commit of that whole name, gone after the block.

        Raises UserError `unknown_commit`, or `manifests_too_large`.
        """

    async def commits(self, older: str, newer: str, path: str = "") -> Sequence[Commit]:
        """What came after the commit `older` up to `newer` (whole names), newest first, 200 at most.

        `path`: only those that touch it. Empty where there is no history. Raises UserError `unknown_commit`, and
        `unrelated_commits` when `newer` does not stand on `older`.
        """

    async def push_branch(
        self, name: str, commit_on: str, changes: Mapping[str, bytes], message: str, author: str
    ) -> str:
        """Make a new branch with one commit on `commit_on` that writes the files `changes`; where to look at it.

        Never moves a branch that exists, and never the one that is released from: UserError `branch_taken`. The same
        again is the same branch. Raises UserError `no_push` where nothing can be pushed; Refused when the server says
        no.
        """
