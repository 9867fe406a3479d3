"""Lines of a stream: the same however the network cuts them, and never more memory than one of them."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Unreachable
from bot.kube.streams import Garbled, Lines


def stream() -> aiohttp.StreamReader:
    """What aiohttp gives for the body of an open answer."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    return aiohttp.StreamReader(protocol, 2**16, loop=loop)


async def read(*chunks: bytes, largest_bytes: int = 1000, is_over: bool = True) -> tuple[list[bytes], Lines]:
    """All lines of a body that comes in these chunks."""
    content = stream()
    lines = Lines("stg's API server", content, quiet_s=10, largest_bytes=largest_bytes)

    async def send() -> None:
        for chunk in chunks:
            content.feed_data(chunk)
            await asyncio.sleep(0)
        if is_over:
            content.feed_eof()

    sending = asyncio.create_task(send())
    found: list[bytes] = []
    while heard := await lines.some():
        found += heard
    await sending
    return found, lines


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda x: b"\n" not in x and x.strip())), st.data())
def test_lines_are_the_same_wherever_the_network_cuts(lines: Sequence[bytes], data: st.DataObject) -> None:
    body = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=8)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True) if a < b]
    found, _ = asyncio.run(read(*chunks))
    assert found == list(lines)


async def test_empty_lines_are_passed_over() -> None:
    found, _ = await read(b"\n\r\na\n\n", b"\nb\n")
    assert found == [b"a", b"b"]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100, 5000])
async def test_a_line_beyond_the_limit_is_let_go_and_the_next_is_whole(chunk_bytes: int) -> None:
    body = b"a\n" + b"x" * 1001 + b"\nb\n" + b"y" * 1000 + b"\n" + b"z" * 3000 + b"\nc\n"
    found, lines = await read(*(body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)))
    assert found == [b"a", b"b", b"y" * 1000, b"c"]
    assert lines.oversized == 2


@pytest.mark.parametrize("body", [b"a\nhal", b"hal", b"x" * 2000])
async def test_an_end_amid_a_line_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        await read(body)


async def test_silence_is_a_fault_of_its_own() -> None:
    with pytest.raises(Unreachable, match="not a word"):
        await Lines("stg's API server", stream(), quiet_s=0.05, largest_bytes=10).some()
