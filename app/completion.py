"""The responses that carry an answer: from the store, or from a run when it has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
from flask import Response

from app import sse
from app.body import served_again, with_fields
from app.errors import log_crash, render
from app.later import Streamed
from app.receipt import Receipt
from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered, Delta, Event
from pipeline.door import Entry
from pipeline.errors import Cancelled, GatewayError, internal_error
from pipeline.gateway import Gateway

STREAM = "text/event-stream; charset=utf-8"


def stored(receipt: Receipt, entry: Entry, answer: Answer) -> Response:
    """The whole response to a caller whose answer was there already; one who asked for a stream gets all of it at once."""
    assert receipt.request is not None
    body = _body(receipt, entry, answer)
    if not receipt.request.stream:
        return _whole(receipt, entry, answer, body)
    renderer = sse.StreamRenderer(include_usage=receipt.request.include_usage)
    chunks = renderer.feed([Answered(msgspec.structs.replace(answer, body=body), "exact")])
    response = Response(b"".join([*map(sse.frame, chunks), _ending(receipt, entry, answer)]), content_type=STREAM)
    return _stream_headers(response, receipt, answer)


async def coming(gateway: Gateway, receipt: Receipt, entry: Entry) -> Response:
    """The response to a caller who waits for a run. What goes wrong is its response; whatever happens, the ledger hears it."""
    assert receipt.request is not None
    try:
        if receipt.request.stream:
            return await _begun(gateway, receipt, entry)
        answer = await _last(entry)
        entry.close()
        await _record(gateway, receipt, answer)
        return _whole(receipt, entry, answer, _body(receipt, entry, answer))
    except GatewayError as failed:
        error = failed
    except Exception as crash:  # noqa: BLE001  the caller gets an error of ours, whatever it was
        log_crash(receipt.endpoint, crash)
        error = internal_error()
    except BaseException:
        entry.close()
        raise
    entry.close()
    await _record(gateway, receipt, None, error)
    return render(error, receipt.id)


def _body(receipt: Receipt, entry: Entry, answer: Answer) -> bytes:
    return served_again(answer.body, *receipt.new_completion()) if entry.from_cache else answer.body


def _whole(receipt: Receipt, entry: Entry, answer: Answer, body: bytes) -> Response:
    if not entry.plan.transparent:
        body = with_fields(body, receipt.metrics(answer))
    response = Response(body, content_type="application/json")
    response.headers.update(receipt.headers(answer))
    return response


async def _last(entry: Entry) -> Answer:
    async for batch in entry.events():
        if batch and isinstance(batch[-1], Answered):
            return batch[-1].answer
    raise internal_error()


async def _record(gateway: Gateway, receipt: Receipt, answer: Answer | None, error: GatewayError | None = None) -> None:
    """Have the request in the ledger: when this returns, Redis has its event, or is in trouble and gets it later."""
    event = receipt.close(answer, error)
    if event is None:
        return
    loop = asyncio.get_running_loop()
    taken = loop.create_future()

    def settle() -> None:
        if not taken.done():  # the server has given this caller up meanwhile
            taken.set_result(None)

    def done(_in_redis: bool) -> None:
        loop.call_soon_threadsafe(settle)

    gateway.commit_request(event, done)
    await taken


# --- streams ---


async def _begun(gateway: Gateway, receipt: Receipt, entry: Entry) -> Response:
    """Begin a stream. Until the first chunk is there, an error still gets its own status."""
    assert receipt.request is not None
    events = entry.events()
    ahead: list[Event] = []
    while not any(isinstance(event, Delta | Answered) for event in ahead):
        ahead = await anext(events)
    last = ahead[-1]
    if isinstance(last, Answered) and entry.from_cache:
        ahead[-1] = Answered(msgspec.structs.replace(last.answer, body=_body(receipt, entry, last.answer)), last.source)
    renderer = sse.StreamRenderer(include_usage=receipt.request.include_usage)
    response = Streamed(_frames(gateway, receipt, entry, renderer, ahead, events), STREAM)
    return _stream_headers(response, receipt, last.answer if isinstance(last, Answered) else None)


async def _frames(
    gateway: Gateway,
    receipt: Receipt,
    entry: Entry,
    renderer: sse.StreamRenderer,
    ahead: list[Event],
    following: AsyncIterator[list[Event]],
) -> AsyncGenerator[bytes, None]:
    error: GatewayError | None = Cancelled("The caller has gone before the end of its stream.", code="client_disconnected")
    try:
        yield _frame(renderer, ahead)
        async for batch in following:
            if frames := _frame(renderer, batch):
                yield frames
        if renderer.answer:
            yield _ending(receipt, entry, renderer.answer)
        error = None
    except GatewayError as failed:
        error = failed
        yield sse.frame(failed.envelope())
    except Exception as crash:  # noqa: BLE001  the status is out already, and an end without a word looks like a whole answer
        log_crash(receipt.endpoint, crash)
        error = internal_error()
        yield sse.frame(error.envelope())
    finally:
        entry.close()
        await _record(gateway, receipt, renderer.answer, error)


def _stream_headers(response: Response, receipt: Receipt, answer: Answer | None) -> Response:
    response.headers.update(receipt.headers(answer))
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _frame(renderer: sse.StreamRenderer, batch: list[Event]) -> bytes:
    return b"".join(map(sse.frame, renderer.feed(batch)))


def _ending(receipt: Receipt, entry: Entry, answer: Answer) -> bytes:
    metrics = b"" if entry.plan.transparent else sse.comment(receipt.metrics(answer))
    return metrics + sse.DONE
