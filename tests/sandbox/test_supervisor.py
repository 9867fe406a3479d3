"""The supervisor of the bot's process, tried with small programs in the bot's place."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox.supervisor import Supervisor
from tests.sandbox.slack_desk import DEADLINE_S, until

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


@asynccontextmanager
async def supervised(program: str, folder: Path, said: list[str] | None = None) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(
        [sys.executable, "-c", program],
        {"PATH": os.environ["PATH"]},
        folder / "bot.log",
        say=(said if said is not None else []).append,
    )
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def log_holds(folder: Path, text: str) -> Callable[[], bool]:
    return lambda: text in (folder / "bot.log").read_text()


async def test_a_killed_bot_is_started_again_after_a_second(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised(SLEEPER, tmp_path, said) as supervisor:
        first = supervisor.status()["pid"]
        assert supervisor.kill()
        await until(lambda: supervisor.status()["restarts"] == 1 and supervisor.status()["state"] == "running")
        assert "was ended by SIGKILL" in said[0]
        status = supervisor.status()
        assert status["pid"] != first
    assert supervisor.status()["state"] == "stopped"
    assert not is_alive(status["pid"])


async def test_a_bot_that_refuses_its_configuration_is_shown_and_not_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    program = "import sys; print('kajitori.yaml:3: no such key'); sys.exit(2)"
    async with supervised(program, tmp_path, said) as supervisor:
        await until(lambda: supervisor.status()["state"] == "stopped")
        assert supervisor.status()["reason"] == "kajitori.yaml:3: no such key"
        assert "no such key" in said[0]
        await supervisor.start()
        await until(lambda: len(said) == 2)


async def test_the_pause_grows_while_the_bot_dies_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised("raise SystemExit(1)", tmp_path, said):
        await until(lambda: len(said) == 3)
    assert [line.split(" in ")[1].split(" s.")[0] for line in said] == ["1", "2", "4"]
    assert "ended with exit code 1" in said[0]


async def test_stopping_lets_the_bot_drain(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('drained', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    async with supervised(program, tmp_path):
        await until(log_holds(tmp_path, "up"))
    assert (tmp_path / "bot.log").read_text() == "up\ndrained\n"


async def test_a_ctrl_c_in_the_terminal_reaches_only_the_sandbox(tmp_path: Path) -> None:
    async with supervised(SLEEPER, tmp_path) as supervisor:
        assert os.getpgid(supervisor.status()["pid"]) != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
async def test_no_orphan_is_left_when_the_sandbox_itself_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from bot.sandbox.supervisor import Supervisor\n"
        "async def main():\n"
        f"    supervisor = Supervisor([sys.executable, '-c', {SLEEPER!r}], {{}}, Path({str(tmp_path)!r}) / 'bot.log')\n"
        "    await supervisor.start()\n"
        "    print(supervisor.status()['pid'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), DEADLINE_S))
    await until(log_holds(tmp_path, "up"))
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: not is_alive(child))
