"""Bodies of requests, read up to a limit; and the refusal that leaves the rest unread. Used by the HTTP doors."""

from aiohttp import web


async def read_body(request: web.Request, limit: int) -> bytes | None:
    """The body, or None as soon as it grows beyond `limit` bytes. The caller says how long it may take."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def closing(status: int) -> web.Response:
    """A refusal that also ends the connection: its unread rest is not worth reading."""
    response = web.Response(status=status)
    response.force_close()
    return response
