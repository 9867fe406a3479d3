"""A real PostgreSQL server for tests: temporary, on a unix socket, gone with the process that started it.

It syncs nothing to the disk, so it tells nothing about durability. It refuses to run as root; then it runs as another
user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_LIMIT_S = 30
DEBIAN_HOMES = "/usr/lib/postgresql"


class NoServer(Exception):
    """This machine can't run a server; the text says why."""


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server; its URL, with the database `postgres`. Raises NoServer when there are no binaries."""
    binaries = _binaries()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="kajitori-pg-"))  # short: a socket's path has at most 107 bytes
    try:
        if user is not None:
            shutil.chown(folder, user.pw_name)
        as_user = _as_user(user)
        cluster = folder / "cluster"
        _run([*as_user, binaries / "initdb", "-D", cluster, "-U", "kajitori", "-A", "trust", "-E", "UTF8", "-N"])
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "full_page_writes=off"]
        settings += ["synchronous_commit=off", "max_connections=60", "shared_buffers=16MB", "autovacuum=off"]
        command: list[str | Path] = [*as_user, binaries / "postgres", "-D", cluster]
        command += [word for setting in settings for word in ("-c", setting)]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd="/") as server:
            try:
                url = f"postgresql://kajitori@/postgres?host={folder}"
                _wait_until_up(url, server, folder / "log")
                yield url
            finally:
                server.terminate()  # SIGTERM waits for clients; SIGINT would too if one hangs in a lock
                try:
                    server.wait(2)
                except subprocess.TimeoutExpired:
                    server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    on_path = shutil.which("postgres")
    newest = sorted(Path(DEBIAN_HOMES).glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    found = Path(on_path).resolve() if on_path else newest[-1] if newest else None
    if found is None or not (found.parent / "initdb").exists():
        raise NoServer(f"no PostgreSQL server: neither `postgres` on PATH nor {DEBIAN_HOMES}/*/bin")
    return found.parent


def _user() -> pwd.struct_passwd | None:
    """Whom to run it as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return known[name]
    raise NoServer("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _as_user(user: pwd.struct_passwd | None) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if user is not None:
            raise NoServer("PostgreSQL refuses to run as root, and there is no setpriv to run it as another user")
        return []
    who = [] if user is None else [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [setpriv, *who, "--pdeathsig=INT", "--"]  # it must not outlive tests that are killed


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, cwd="/", check=False)
    if done.returncode:
        raise NoServer(f"initdb failed: {done.stderr.strip()}")


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NoServer(f"the PostgreSQL server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.02)
        else:
            return
