"""Answers gone wrong: what becomes of an answer under a fault. Called by the HTTP door; streams see to themselves."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.paths import Target, parse
from bot.sandbox.kube.status import ApiError, conflict, expired, unauthorized
from bot.sandbox.kube.streams import break_off, silence
from bot.sandbox.kube.wire import respond


class NoAnswer(Exception):
    """The connection is to be closed without a word."""


def scripted(fault: Fault) -> web.Response:
    """The answer that a rule dictates."""
    headers = {"Content-Type": fault.content_type}
    if fault.retry_after_s is not None:
        headers["Retry-After"] = str(fault.retry_after_s)
    return web.Response(status=fault.code, body=fault.body.encode(), headers=headers)


async def misbehave(
    request: web.Request, path: str, fault: Fault, closing: asyncio.Event,
    truth: Callable[[Fault | None], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:  # fmt: skip
    """Answer a request under a fault; `truth` does what was asked, and lets a stream suffer the fault it is given."""
    match fault.kind:
        case FaultKind.STATUS:
            return scripted(fault)
        case FaultKind.HANG:
            await _wait(closing, fault.seconds)
            return await truth(None)
        case FaultKind.HANG_AFTER:
            answer = await truth(None)
            await _wait(closing, fault.seconds)
            return answer
        case FaultKind.RESET:
            raise NoAnswer
        case FaultKind.RESET_AFTER:
            await truth(None)
            raise NoAnswer
        case FaultKind.CONFLICT:
            target = parse(path)
            if isinstance(target, Target):
                return refused(conflict(target.resource, target.name))
            return refused(ApiError(409, "Conflict", "conflict"))
        case FaultKind.UNAUTHORIZED:
            return refused(unauthorized())
        case FaultKind.STALE:
            return await truth(fault)
        case _ if request.query.get("watch", "") in ("1", "true"):
            return await truth(fault)
        case _:
            return await _instead(request, fault, closing) or await _spoiled(request, await truth(None), fault)


async def _wait(closing: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await closing.wait()
    except TimeoutError:
        return


def refused(error: ApiError) -> web.Response:
    return respond(error.status(), error.code, error.headers)


async def _instead(request: web.Request, fault: Fault, closing: asyncio.Event) -> web.Response | None:
    """What is answered in place of the true answer; None when that is needed."""
    match fault.kind:
        case FaultKind.EOF:
            return web.Response(body=b"", content_type="application/json")
        case FaultKind.SAY:
            return web.Response(body=fault.body.encode(), content_type="application/json")
        case FaultKind.EXPIRED:
            return refused(expired(1, 2))
        case FaultKind.SILENT:
            await silence(request, closing)
            raise NoAnswer
        case _:
            return None


async def _spoiled(request: web.Request, answer: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """The true answer, cut short."""
    body = answer.body if isinstance(answer, web.Response) else None
    if not isinstance(body, bytes):
        return answer
    if fault.kind is FaultKind.HALF_LINE:
        return web.Response(status=answer.status, body=body[: len(body) // 2], content_type=answer.content_type)
    told = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    told.content_length = len(body)
    await told.prepare(request)
    await told.write(body[: fault.size])
    await break_off(request)
    return told
