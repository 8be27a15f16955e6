"""Memory at the door: what a request becomes when its caller has asked for the micro-memory, and what is learned from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import msgspec

from pipeline.errors import StoreUnavailable
from pipeline.memory.history import Shape, shape_for
from pipeline.memory.memory import Memory, Recalled
from pipeline.memory.messages import static_prefix
from pipeline.memory.who import Wish
from pipeline.request.key import derive
from pipeline.request.model import Request
from pipeline.upstream.pricing import Price

log = logging.getLogger(__name__)

MEMORY_HEADER = "X-LEO-Memory"


class Remembered(msgspec.Struct, frozen=True):
    """What the memory made of a request. `request` is asked instead; `partition` keeps the answer to the owner, where notes went
    with it, and is empty where none did. `alone` is the last question without its history, for comparing it by meaning.
    """

    request: Request
    partition: str
    alone: Request | None
    recalled: Recalled


class Remembering:
    """`make` gives a memory that shortens histories in this shape, `price` a model's price."""

    def __init__(self, make: Callable[[Shape], Memory], price: Callable[[str], Price | None]) -> None:
        self._make = make
        self._price = price
        self._memories: dict[Shape, Memory] = {}

    def remember(self, request: Request, wished: Wish, delivery: str, at: float) -> Remembered | None:
        """The request with what is known of its caller; what it says of them is known from now on. None where the notes cannot
        be reached: the request goes on without them. `delivery` names the request, which is learned from once; `at` is unix
        seconds.
        """
        memory = self._memory(request.model)
        messages = request.params["messages"]
        try:
            recalled = memory.recall(wished.owner, wished.conversation, messages)
            memory.learn(wished.owner, wished.conversation, messages, at=at, delivery=delivery)
        except StoreUnavailable:
            log.warning("memory_unavailable")
            return None
        partition = derive("memory", wished.owner.principal, recalled.digest) if recalled.digest else ""
        changed = recalled.items or recalled.blocks
        return Remembered(
            _with(request, recalled.messages) if changed else request,
            partition,
            self._alone(request, recalled),
            recalled,
        )

    @staticmethod
    def _alone(request: Request, recalled: Recalled) -> Request | None:
        if recalled.standalone is None:
            return None
        messages = request.params["messages"]
        return _with(request, [*messages[: static_prefix(messages)], {"role": "user", "content": recalled.standalone}])

    def _memory(self, model: str) -> Memory:
        price = self._price(model)
        kept = price.cached_input / price.input if price and price.cached_input is not None and price.input else 1.0
        shape = shape_for(kept)
        if shape not in self._memories:
            self._memories[shape] = self._make(shape)
        return self._memories[shape]


def _with(request: Request, messages: list[Mapping[str, object]]) -> Request:
    params = {**request.params, "messages": messages}
    return Request(endpoint=request.endpoint, body=msgspec.json.encode(params), params=params)
