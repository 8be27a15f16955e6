"""Call: ask the upstream, hand on what it says while it says it, and leave a ledger event for every call made."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.runs import Rider
from pipeline.chain import Ask, Asked, OnDelta, StageFunction, State, Work
from pipeline.completion.assemble import assemble
from pipeline.errors import GatewayError
from pipeline.ids import unix_now
from pipeline.ledger.events import OK, CallEvent
from pipeline.upstream.caller import Upstreams
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.types import CallRecord, UpstreamAnswer, UpstreamRequest

ASIDE_S = 120.0


def asking(upstreams: Upstreams, record: Callable[[CallEvent], None], bill: Callable[[CallEvent], Rider]) -> Ask:
    """`record` puts an event into the ledger at once; `bill` makes of it what goes there with the answer."""

    def ask(state: State, work: Work, body: bytes, on_delta: OnDelta | None, *, purpose: str = "") -> Asked:
        request = state.request
        calls: list[CallEvent] = []

        def on_call(made: CallRecord) -> None:
            event = _event(state, f"{purpose}{len(calls)}", made)
            calls.append(event)
            # After a failure there may be a pause and another try, and a worker can die in it.
            if event.outcome == OK:
                work.owe(bill(event))
            else:
                record(event)

        for number in range(state.lost):
            record(_lost(state, number))  # again with each question of the run: the ledger takes an id once
        started = time.monotonic()
        answer = upstreams.call(
            UpstreamRequest(
                request.endpoint,
                request.model,
                body,
                on_delta is not None,
                caller_key=request.caller_key,
                untouched=request.transparent,
            ),
            deadline=work.deadline,
            cancel=work.cancel,
            on_delta=on_delta or (lambda chunks: None),
            on_call=on_call,
            assemble=assemble,
        )
        call_id = calls[-1].id if calls else None
        return Asked(_answer(request.tenant, answer, (time.monotonic() - started) * 1000, call_id), len(calls))

    return ask


def call(ask: Ask) -> StageFunction:
    """The stage that costs money. Raises what `ask` does."""

    def run(state: State, work: Work) -> State:
        request = state.request
        answer, calls = ask(state, work, state.sent or request.body, work.deltas if request.stream else None)
        decision = f"{answer.upstream} answered" + (f" after {calls} calls" if calls > 1 else "")
        return msgspec.structs.replace(state, answer=answer, decision=decision)

    return run


def aside(upstreams: Upstreams, record: Callable[[CallEvent], None]) -> Callable[[State, str, UpstreamRequest], Answer | None]:
    """Asks an upstream something beside a run, for which nobody waits: (state, purpose, request) to an answer, or None.

    Each call is in the ledger, like any other; its id tells the purpose.
    """

    def ask(state: State, purpose: str, request: UpstreamRequest) -> Answer | None:
        calls: list[CallRecord] = []

        def on_call(made: CallRecord) -> None:
            calls.append(made)
            record(_event(state, f"{purpose}{len(calls)}", made))

        started = time.monotonic()
        try:
            answer = upstreams.call(
                request,
                deadline=started + ASIDE_S,
                cancel=CancelToken(),
                on_delta=lambda chunks: None,
                on_call=on_call,
                assemble=assemble,
            )
        except GatewayError:
            return None
        return _answer(state.request.tenant, answer, (time.monotonic() - started) * 1000, None)

    return ask


def _answer(tenant: str, answer: UpstreamAnswer, elapsed_ms: float, call_id: str | None) -> Answer:
    usage = answer.usage
    return Answer(
        tenant=tenant,
        body=answer.body,
        tokens=Tokens(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cached_tokens) if usage else None,
        cost=answer.cost,
        model=answer.model,
        upstream=answer.upstream,
        simulated=answer.simulated,
        upstream_ms=elapsed_ms,
        stored_at=unix_now(),
        headers=answer.headers,
        call_id=call_id,
    )


def _lost(state: State, number: int) -> CallEvent:
    """The call of a worker that died: it was probably made, and probably costs something, but nobody knows what."""
    return CallEvent(
        id=f"{state.run_id}:lost{number}",
        at=unix_now(),
        tenant=state.request.tenant,
        log_key=state.key,
        endpoint=state.request.endpoint,
        upstream="unknown",
        model=state.request.model,
        outcome="lost",
        error="the worker that made this call died",
        latency_ms=0.0,
    )


def _event(state: State, name: str, made: CallRecord) -> CallEvent:
    request = state.request
    return call_event(made, id=f"{state.run_id}:{name}", tenant=request.tenant, log_key=state.key, endpoint=request.endpoint)


def call_event(made: CallRecord, *, id: str, tenant: str, log_key: str, endpoint: str) -> CallEvent:
    """The ledger's event of a call that was made."""
    usage = made.usage
    return CallEvent(
        id=id,
        at=made.started_at,
        tenant=tenant,
        log_key=log_key,
        endpoint=endpoint,
        upstream=made.upstream,
        model=made.model,
        status=made.status,
        outcome=made.outcome,
        error=made.error,
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        cost=made.cost,
        latency_ms=made.latency_ms,
        first_token_ms=made.first_token_ms,
        simulated=made.upstream == "simulator",
    )
