"""The time from envelope to acknowledgement: ours against slack-bolt's AsyncApp as documented, in one run.

Usage: python -m bench.ack [--rounds 5] [--rate 200] [--seconds 2] [--flood 5000].
Each bot is a child process, so that the sender, which is a little Slack, does not share its loop. Quote ratios: times
depend on the machine.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import orjson
from aiohttp import WSMsgType, web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.inbound.inbound import Ack, Inbound
from bot.inbound.slack.dispatch import BoltDispatch
from bot.inbound.slack.socket import SlackSocket
from bot.slack.client import SlackClient, open_session

TEXT = "On its way: admin to stg."


async def run_documented(api_url: str) -> None:
    """slack-bolt's README: AsyncApp, one command, AsyncSocketModeHandler."""
    client = AsyncWebClient(token="xoxb-1", base_url=api_url)
    app = AsyncApp(client=client)

    @app.command("/deploy")
    async def deploy(ack, body) -> None:
        await ack(TEXT)

    handler = AsyncSocketModeHandler(app, "xapp-1", web_client=AsyncWebClient(token="xapp-1", base_url=api_url))
    await handler.start_async()


async def run_ours(api_url: str) -> None:
    """Our sockets with an intake that answers at once."""

    async def receive(inbound: Inbound) -> Ack:
        return Ack({"text": TEXT, "response_type": "ephemeral"})

    async with open_session() as session:
        client = SlackClient(token="xapp-1", api_url=api_url, session=session)
        await SlackSocket(client, BoltDispatch(receive, token="xoxb-1", limit=100_000)).run()


BOTS = {"documented": run_documented, "ours": run_ours}


@dataclass
class Sender:
    """A Slack that only opens sockets, sends commands and takes the time until their acknowledgement."""

    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    sent_s: dict[str, float] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    base: str = ""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def api(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(
            {"ok": True, "url": f"{self.base.replace('http', 'ws', 1)}/socket", "team_id": "T1", "user_id": "U0"}
        )

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str('{"type":"hello"}')
        self.sockets.append(ws)
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                arrived_s = time.perf_counter()
                envelope_id = orjson.loads(message.data)["envelope_id"]
                self.took_s.append(arrived_s - self.sent_s.pop(envelope_id))
        self.sockets.remove(ws)
        return ws

    async def send(self) -> None:
        number = next(self._numbers)
        envelope_id = f"envelope-{number}"
        frame = orjson.dumps(_envelope(envelope_id, number)).decode()
        self.sent_s[envelope_id] = time.perf_counter()
        await self.sockets[number % len(self.sockets)].send_str(frame)

    async def all_acked(self, within_s: float = 60.0) -> None:
        deadline = time.perf_counter() + within_s
        while self.sent_s:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{len(self.sent_s)} envelopes were never acknowledged")
            await asyncio.sleep(0.001)


def _envelope(envelope_id: str, number: int) -> dict[str, object]:
    return {
        "type": "slash_commands",
        "envelope_id": envelope_id,
        "accepts_response_payload": True,
        "payload": {
            "token": "x",
            "team_id": "T1",
            "team_domain": "growlio",
            "channel_id": "C1",
            "channel_name": "deploys",
            "user_id": "U1",
            "user_name": "alice",
            "command": "/deploy",
            "text": "stg admin",
            "api_app_id": "A1",
            "is_enterprise_install": "false",
            "response_url": "https://hooks.slack.com/commands/1/2/3",
            "trigger_id": f"{number}.1.abc",
        },
    }


@contextlib.asynccontextmanager
async def _sender() -> AsyncIterator[Sender]:
    sender = Sender()
    app = web.Application()
    app.router.add_post("/api/{method}", sender.api)
    app.router.add_get("/socket", sender.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sender.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sender
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _bot(name: str) -> AsyncIterator[Sender]:
    """A bot as a child process, connected to a sender of its own, warm."""
    async with _sender() as sender:
        command = (sys.executable, "-m", "bench.ack", "--bot", name, "--api", f"{sender.base}/api/")
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        try:
            await _opened(sender, 2 if name == "ours" else 1)
            for _ in range(200):
                await sender.send()
            await sender.all_acked()
            yield sender
        finally:
            child.terminate()
            await child.wait()


async def _round(sender: Sender, *, rate: int, seconds: float, flood: int) -> dict[str, float]:
    """p50 and p99 in ms at `rate` per second, and commands per second when `flood` of them come at once."""
    sender.took_s.clear()
    started_s = time.perf_counter()
    for count in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started_s + count / rate - time.perf_counter()))
        await sender.send()
    await sender.all_acked()
    cuts = statistics.quantiles(sender.took_s, n=100)
    started_s = time.perf_counter()
    for _ in range(flood):
        await sender.send()
    await sender.all_acked()
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000, "per_s": flood / (time.perf_counter() - started_s)}


async def measure(*, rounds: int, rate: int, seconds: float, flood: int) -> dict[str, dict[str, float]]:
    """Medians over `rounds` that take turns between the bots, so that a busy moment of the machine hits both."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in BOTS}
    async with contextlib.AsyncExitStack() as stack:
        senders = {name: await stack.enter_async_context(_bot(name)) for name in BOTS}
        for _ in range(rounds):
            for name, sender in senders.items():
                found[name].append(await _round(sender, rate=rate, seconds=seconds, flood=flood))
    return {name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}


async def _opened(sender: Sender, number: int) -> None:
    async with asyncio.timeout(20):
        while len(sender.sockets) < number:
            await asyncio.sleep(0.01)


def main() -> None:
    """Reader of argv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=200, help="commands per second while the latency is measured")
    parser.add_argument("--seconds", type=float, default=2, help="length of that part of a round")
    parser.add_argument("--flood", type=int, default=5_000, help="commands sent at once while the rate is measured")
    parser.add_argument("--bot", choices=sorted(BOTS), help=argparse.SUPPRESS)
    parser.add_argument("--api", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bot:
        asyncio.run(BOTS[given.bot](given.api))
        return
    found = asyncio.run(
        measure(rounds=given.rounds, rate=given.rate, seconds=given.seconds, flood=given.flood),
    )
    theirs, ours = found["documented"], found["ours"]
    found["ratio"] = {key: ours[key] / theirs[key] for key in ours}
    print(
        json.dumps(
            {name: {key: round(value, 3) for key, value in row.items()} for name, row in found.items()}, indent=1
        )
    )


if __name__ == "__main__":
    main()
