"""kubectl on a simulated cluster: one process a command, with a kubeconfig and a home of its own."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.sandbox.kube import Cluster, kubeconfig, seed
from tests.sandbox.kube_client import QUICK, TOKEN, Json

KUBECTL = shutil.which("kubectl")
PATIENCE_S = 120.0
"""Longer than any `--timeout` of a command: what kubectl itself says of it is better than our giving up."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one kubectl said."""

    code: int
    out: str
    err: str


class Kubectl:
    """kubectl in one namespace, which it makes."""

    def __init__(self, home: Path, cluster: Cluster, namespace: str) -> None:
        self.home = home
        self.cluster = cluster
        self.namespace = namespace
        cluster.create_namespace(namespace)

    def create(self, *bodies: Json) -> None:
        """Objects in the namespace, without a kubectl."""
        for body in bodies:
            self.cluster.create({**body, "metadata": {**body["metadata"], "namespace": self.namespace}})

    def write(self, name: str, text: str) -> str:
        """A file for kubectl to read; gives its name."""
        (self.home / self.namespace).mkdir(exist_ok=True)
        (self.home / self.namespace / name).write_text(text)
        return name

    async def run(self, *words: str) -> Said:
        assert KUBECTL is not None
        folder = self.home / self.namespace
        folder.mkdir(exist_ok=True)
        environment = {"HOME": str(self.home), "KUBECONFIG": str(self.home / "config"), "PATH": os.environ["PATH"]}
        process = await asyncio.create_subprocess_exec(
            KUBECTL, "-n", self.namespace, *words, env=environment, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *words: str) -> str:
        """Standard output of a command that must succeed."""
        said = await self.run(*words)
        assert said.code == 0, f"kubectl {' '.join(words)}: {said.err}{said.out}"
        return said.out

    async def refused(self, *words: str, code: int = 1) -> str:
        """Standard error of a command that must fail."""
        said = await self.run(*words)
        assert said.code == code, f"kubectl {' '.join(words)}: {said}"
        return said.err


@asynccontextmanager
async def kubectl_home(home: Path) -> AsyncIterator[Cluster]:
    """A served cluster in its opening scene, and its kubeconfig at home."""
    cluster = Cluster("stg", lambda _: True, token=TOKEN, options=QUICK)
    seed(cluster, "registry.local")
    await cluster.start()
    runner = web.AppRunner(cluster.app(), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        (home / "config").write_text(kubeconfig({"stg": url}, TOKEN))
        yield cluster
    finally:
        await runner.cleanup()
        await cluster.stop()
