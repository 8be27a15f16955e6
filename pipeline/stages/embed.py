"""Embedding by a provider's model, for the semantic cache."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline import ids
from pipeline.completion.assemble import assemble
from pipeline.ledger.events import CallEvent
from pipeline.stages.call import call_event
from pipeline.upstream.caller import Upstreams
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.types import CallRecord, UpstreamRequest

PATIENCE_S = 5.0  # a question waits for it
TENANT = "gateway"  # it is the operator who chose the model, so its calls stand in the ledger under this name


def embed(model: str, upstreams: Callable[[], Upstreams], record: Callable[[CallEvent], None]) -> Callable[[bytes], bytes]:
    """Sends the body of an embeddings request, and gives the body of the answer. Raises GatewayError."""

    def ask(body: bytes) -> bytes:
        key = ids.unique_key()

        def on_call(made: CallRecord) -> None:
            record(call_event(made, id=f"{key}:embed:{made.started_at}", tenant=TENANT, log_key=key, endpoint="embeddings"))

        answer = upstreams().call(
            UpstreamRequest("embeddings", model, body, stream=False),
            deadline=time.monotonic() + PATIENCE_S,
            cancel=CancelToken(),
            on_delta=lambda chunks: None,
            on_call=on_call,
            assemble=assemble,
        )
        return answer.body

    return ask
