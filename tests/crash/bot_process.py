"""The real bot as a child process, and a look into its database: what the crash tests and the torture bench stand on.

A process is started with failpoints or killed from outside; the world around it (Slack, clusters, registry) is the
sandbox of this process and lives on.
"""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.sandbox.server import Sandbox
from bot.sandbox.state_folder import BOT_LOG, DATABASE
from bot.store import audit
from bot.store.db import Database

ROOT = Path(__file__).parents[2]
START_S = 60.0
"""A start takes two seconds on an idle core; this is for a machine on which everything else runs as well."""


class BotProcess:
    """A bot of its own (`patient_bot`) against a sandbox, one life after the other."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._process: asyncio.subprocess.Process | None = None
        self.lives = 0

    async def start(self, *, failpoint: str = "", ready: bool = True) -> None:
        """A new life; with `ready`, wait until Slack could deliver to it."""
        assert self._process is None or self._process.returncode is not None, "it still runs"
        environment = self._sandbox.environment() | ({"FAILPOINT": failpoint} if failpoint else {})
        with (self._sandbox.state_dir / BOT_LOG).open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.patient_bot", str(self._sandbox.config_path)),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.lives += 1
        if ready:
            await self.connected()

    async def connected(self) -> None:
        """Until a socket of this life is open; AssertionError when it dies before, with its last words."""
        deadline = time.monotonic() + START_S
        while not self._sandbox.slack.sockets.live:
            assert self.is_alive, f"it died at its start:\n{self.last_words()}"
            assert time.monotonic() < deadline, f"no socket within {START_S:g} s:\n{self.last_words()}"
            await asyncio.sleep(0.02)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def resident_mib(self) -> float:
        """Memory that this life holds now; 0 when it is over."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text() if self._process is not None else ""
        except OSError:
            return 0.0
        found = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
        return int(found.split()[1]) / 1024

    async def killed(self, within_s: float = START_S) -> None:
        """Until its failpoint has killed it."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within_s):
                code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"the failpoint was not reached within {within_s:g} s:\n{self.last_words()}") from None
        assert code == -signal.SIGKILL, f"ended with {code}:\n{self.last_words()}"
        await self._sockets_gone()

    async def kill(self) -> None:
        """SIGKILL, from outside. A life that has ended already is left alone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._sockets_gone()

    async def terminate(self, within_s: float) -> float:
        """SIGTERM; the seconds it took to end with exit code 0."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.terminate()
        try:
            async with asyncio.timeout(within_s):
                code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"no exit within {within_s:g} s of SIGTERM:\n{self.last_words()}") from None
        assert code == 0, f"exit code {code}:\n{self.last_words()}"
        return time.monotonic() - begun

    async def _sockets_gone(self) -> None:
        """Until the sandbox has seen the dead process's sockets close, so that `connected` means the next life."""
        async with asyncio.timeout(START_S):
            while self._sandbox.slack.sockets.live:
                await asyncio.sleep(0.01)

    def last_words(self) -> str:
        path = self._sandbox.state_dir / BOT_LOG
        return path.read_text(encoding="utf-8", errors="replace")[-3000:] if path.exists() else ""


class Ledger:
    """The bot's database, read from outside."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Rows of a SELECT."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    def releases(self) -> list[dict[str, Any]]:
        """All releases, oldest first, with their body parsed."""
        found = self.rows("SELECT * FROM releases ORDER BY id")
        return [row | {"body": json.loads(row["body"])} for row in found]

    def held_locks(self) -> list[str]:
        """Targets that are locked."""
        return [row["target"] for row in self.rows("SELECT target FROM locks WHERE release_id IS NOT NULL")]

    def unfinished(self) -> dict[str, int]:
        """How many rows still wait for work: requests, and things to say."""
        counted = {
            "inbox": "SELECT count(*) AS n FROM inbox WHERE state <> 'done'",
            "outbox": "SELECT count(*) AS n FROM outbox WHERE state NOT IN ('sent', 'dead')",
        }
        found = {name: self.rows(statement)[0]["n"] for name, statement in counted.items()}
        return {name: count for name, count in found.items() if count}

    def dead_letters(self) -> list[dict[str, Any]]:
        """What was never said; an expired response URL that was replaced by a whisper does not count."""
        return self.rows("SELECT * FROM outbox WHERE state = 'dead' AND kind <> 'respond'")

    def audit_phases(self, release_id: str) -> list[str]:
        """The story of a release in the audit trail, as phases in order."""
        found = self.rows("SELECT phase FROM audit WHERE release_id = ? ORDER BY seq", release_id)
        return [row["phase"] for row in found]

    async def broken_chain(self) -> audit.Break | None:
        """Where the audit chain does not hold, as `audit verify` finds it."""
        database = Database(f"sqlite:///{self._path}")
        try:
            async with database.read() as connection:
                _count, broken = await audit.verify(connection)
        finally:
            await database.close()
        return broken
