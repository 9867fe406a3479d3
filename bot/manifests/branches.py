"""A new commit on a new branch, made in the clone without a working tree, and where people look at it.

Used by bot.manifests.repository. The same change on the same commit is the same commit, name for name, so that doing it
twice is doing it once.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from bot.errors import UserError
from bot.manifests.clone import Clone
from bot.manifests.trees import is_inside

ADDRESS = "kajitori@localhost"
"""Commits need one; the author's name says who asked."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*){0,5}", re.ASCII)
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>.+)", re.ASCII)


def refuse_name(name: str, released: str) -> None:
    """Raises UserError for a name that is no branch's, and for the branch that is released from."""
    if not _NAME.fullmatch(name) or len(name) > 200 or ".." in name or name.endswith((".", ".lock")) or name == "HEAD":
        raise UserError("no_push", f"{name[:60]!r} is no name for a branch.")
    if name == released:
        raise UserError("no_push", f"{name} is the branch that is released from: changes to it go through people.")


async def new_commit(clone: Clone, parent: str, changes: Mapping[str, bytes], message: str, author: str) -> str:
    """The name of a commit on `parent` with these files written. Its time is its parent's: it stays the same."""
    listed = []
    for path, content in sorted(changes.items()):
        if not is_inside(path):
            raise UserError("no_push", f"{path[:60]!r} is no path in a repository.")
        blob = await clone.ask("hash-object", "-w", "--stdin", given=content)
        listed.append(f"100644 {blob.decode().strip()}\t{path}\0")
    at = (await clone.ask("log", "--max-count=1", "--format=%ct", parent)).decode().strip()
    # One line, and none of the signs that Git itself takes out of names.
    name = " ".join(re.sub(r"[<>\x00-\x1f\x7f]", " ", author).split())[:100] or "Kajitori"
    environment = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": ADDRESS,
        "GIT_AUTHOR_DATE": f"@{at} +0000",
        "GIT_COMMITTER_NAME": "Kajitori",
        "GIT_COMMITTER_EMAIL": ADDRESS,
        "GIT_COMMITTER_DATE": f"@{at} +0000",
    }
    with tempfile.TemporaryDirectory(prefix="kajitori-index-") as folder:
        environment["GIT_INDEX_FILE"] = str(Path(folder) / "index")
        await clone.ask("read-tree", parent, environment=environment)
        await clone.ask("update-index", "-z", "--index-info", given="".join(listed).encode(), environment=environment)
        tree = (await clone.ask("write-tree", environment=environment)).decode().strip()
        words = ("commit-tree", tree, "-p", parent, "-F", "-")
        return (await clone.ask(*words, given=message.encode(), environment=environment)).decode().strip()


def page_of(url: str, branch: str) -> str:
    """Where a branch is looked at, on hosts whose pages are known; else its name."""
    scp = _SCP.fullmatch(url) if "://" not in url else None
    parts = urlsplit(url)
    host, path = (scp["host"], scp["path"]) if scp else (parts.hostname or "", parts.path)
    path = path.strip("/").removesuffix(".git")
    if host == "github.com":
        return f"https://{host}/{path}/compare/{quote(branch)}?expand=1"
    if host.startswith("gitlab."):
        return f"https://{host}/{path}/-/merge_requests/new?merge_request%5Bsource_branch%5D={quote(branch, safe='')}"
    return branch
