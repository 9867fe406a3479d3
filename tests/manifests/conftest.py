"""A repository to release from, as people would have it, and the programs that read it."""

import os
import subprocess
from pathlib import Path

import pytest

from bot.manifests.git import GitLogin, find_git
from bot.manifests.render import Renderer, find_binary
from bot.manifests.repository import GitRepository
from bot.manifests.trees import Trees

IDENTITY = {"NAME": "Alice", "EMAIL": "alice@example.com", "DATE": "@1760000000 +0000"}


class Origin:
    """A Git repository on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        names = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in IDENTITY.items()}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **names}
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, title: str, **files: str) -> str:
        """A commit that writes these files (`__` in a name is a slash); its whole name."""
        for name, content in files.items():
            path = self.path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={title}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path) -> Origin:
    if find_git() is None:
        pytest.skip("needs git")
    return Origin(tmp_path / "origin")


@pytest.fixture
def opened(origin, tmp_path):
    """Opens the repository, each time as a process that starts would. Nothing that was fetched is fresh."""

    def opened(branch: str = "main", url: str = "", login: GitLogin | None = None) -> GitRepository:
        trees = Trees(tmp_path / "trees")
        where = url or str(origin.path)
        home = tmp_path / "home"
        return GitRepository("m", where, branch, login or GitLogin(), home, trees, program=find_git(), fresh_s=0)

    return opened


@pytest.fixture
def renderer() -> Renderer:
    binary = find_binary(None)
    if binary is None:
        pytest.skip("needs kustomize or kubectl")
    return Renderer(binary)
