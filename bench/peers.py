"""Whom Kajitori is measured against: slack-bolt as its documentation shows it, and a bot that does nothing at all.

Run as a child process by bench.bots: `python -m bench.peers NAME API_URL`. Nothing of Kajitori is imported.
"""

import asyncio
import sys

import aiohttp
import orjson
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

TEXT = "Here is what I understand."


async def run_documented(api_url: str) -> None:
    """slack-bolt's documentation: AsyncApp, a listener per command, AsyncSocketModeHandler."""
    app = AsyncApp(client=AsyncWebClient(token="xoxb-1", base_url=api_url))

    @app.command("/kajitori")
    async def at_once(ack) -> None:
        await ack(TEXT)

    @app.command("/releases")
    async def later(ack, respond) -> None:
        await ack()
        await respond(TEXT)

    handler = AsyncSocketModeHandler(app, "xapp-1", web_client=AsyncWebClient(token="xapp-1", base_url=api_url))
    await handler.start_async()


async def run_floor(api_url: str) -> None:
    """What the loopback, aiohttp and the desk allow: envelopes acknowledged unread, answers as bare POSTs."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        async with session.post(f"{api_url}apps.connections.open") as response:
            url = (await response.json())["url"]
        answers: set[asyncio.Task[None]] = set()

        async def answer(response_url: str) -> None:
            async with session.post(response_url, json={"text": TEXT}) as response:
                await response.read()

        async with session.ws_connect(url) as ws:
            async for message in ws:
                envelope = orjson.loads(message.data)
                if "payload" not in envelope:
                    continue
                await ws.send_str(orjson.dumps({"envelope_id": envelope["envelope_id"]}).decode())
                if envelope["payload"]["command"] == "/releases":
                    task = asyncio.create_task(answer(envelope["payload"]["response_url"]))
                    answers.add(task)
                    task.add_done_callback(answers.discard)


PEERS = {"AsyncApp": run_documented, "floor": run_floor}

if __name__ == "__main__":
    asyncio.run(PEERS[sys.argv[1]](sys.argv[2]))
