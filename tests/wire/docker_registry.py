"""Debian's docker-registry as a child process for tests: a registry that nobody here wrote.

`running()` starts one on a free port with a folder of its own, behind a login when asked, and ends it again; `push`
puts an image there as a client would.
"""

import asyncio
import hashlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

USER, PASSWORD = "robin", "kettle-of-fish"
# bcrypt of PASSWORD with the least cost: the registry knows no other kind of htpasswd line.
HTPASSWD = f"{USER}:$2b$04$yn57H30AB5ok.AO1hUC42uRLI1PJrKVjhUjGHToUzZt74BJhoTD0O\n"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
START_S = 60.0

needed = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="needs the docker-registry binary (Debian: docker-registry)"
)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(folder: Path, *, login: bool) -> AsyncIterator[str]:
    """host:port of a registry that answers."""
    port = free_port()
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {folder / 'htpasswd'}\n" if login else ""
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {folder / 'images'}}}\n"
        f"http:\n  addr: 127.0.0.1:{port}\n{auth}"
    )
    process = await asyncio.create_subprocess_exec(
        "docker-registry",
        "serve",
        str(folder / "config.yml"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _answers(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), START_S)


async def _answers(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/v2/"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
    raise RuntimeError(f"docker-registry ended at its start with {process.returncode}")


async def push(host: str, path: str, tag: str) -> str:
    """Upload an image of two small blobs; answers its digest."""
    headers = {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}
    async with aiohttp.ClientSession(f"http://{host}", headers=headers, raise_for_status=True) as session:
        blobs = []
        for content in (b"{}", f"layer of {tag}".encode()):
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            async with session.post(f"/v2/{path}/blobs/uploads/") as begun:
                place = begun.headers["Location"]
            joint = "&" if "?" in place else "?"
            async with session.put(f"{place}{joint}digest={digest}", data=content):
                blobs.append({"digest": digest, "size": len(content)})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blobs[0]},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blobs[1]}],
        }
        body = json.dumps(manifest).encode()
        async with session.put(f"/v2/{path}/manifests/{tag}", data=body, headers={"Content-Type": MANIFEST_TYPE}):
            return f"sha256:{hashlib.sha256(body).hexdigest()}"
