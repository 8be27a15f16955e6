"""The log of a run as server-sent events."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered, Delta, Event, Restarted
from pipeline.completion.resume import Diverged, Resumed
from pipeline.completion.split import split
from pipeline.errors import GatewayError

DONE = b"data: [DONE]\n\n"
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


def frame(payload: bytes) -> bytes:
    """One event. Providers spread their error bodies over several lines, of which each needs its `data:`."""
    return b"data: " + b"\ndata: ".join(payload.splitlines()) + b"\n\n"


def comment(fields: dict[str, Any]) -> bytes:
    """What a stream says beside OpenAI's chunks: a comment, which every client skips."""
    return b": " + msgspec.json.encode(fields) + b"\n\n"


class StreamInterrupted(GatewayError):
    status = 502
    type = "api_error"
    default_code = "stream_interrupted"


class StreamRenderer:
    """Turns events into the chunks of one caller's stream.

    Chunks of a running call pass byte for byte. A caller who did not ask for usage does not get the
    usage chunk, which the gateway always asks for, since it is where the true cost comes from.
    """

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._sent: list[bytes] = []
        self._usage_sent = False
        self._told = False  # this attempt has told deltas
        self._resumed: Resumed | None = None
        self.answer: Answer | None = None

    def feed(self, events: list[Event]) -> list[bytes]:
        """The chunks that these events mean. Raises StreamInterrupted when a new attempt says something else.

        What an attempt said that is over before anybody heard of it need not be said: late joiners and repeats of an
        Idempotency-Key read the log in one batch.
        """
        chunks: list[bytes] = []
        begun = max((position for position, event in enumerate(events) if isinstance(event, Restarted)), default=0)
        for event in events[begun:]:
            if isinstance(event, Delta):
                chunks += self._deltas(event.chunks)
            elif isinstance(event, Restarted):
                self._resumed = Resumed(self._sent) if self._sent else None
                self._told = False
            elif isinstance(event, Answered):
                self.answer = event.answer
                chunks += self._end(event.answer)
        return chunks

    def _deltas(self, new: list[bytes]) -> list[bytes]:
        chunks = []
        self._told = True
        for chunk in new:
            usage = is_usage(chunk)
            if usage and (self._usage_sent or not self._include_usage):
                continue
            self._usage_sent = self._usage_sent or usage
            fresh = self._resume(chunk)
            if fresh is not None:
                self._sent.append(fresh)
                chunks.append(fresh)
        return chunks

    def _resume(self, chunk: bytes) -> bytes | None:
        if self._resumed is None:
            return chunk
        try:
            return self._resumed.feed(chunk)
        except Diverged:
            raise StreamInterrupted(
                "The worker that streamed this answer died, and another attempt gave a different one. Please ask again."
            ) from None

    def _end(self, answer: Answer) -> list[bytes]:
        """What is still to be said when the answer is whole: all of it, or only the usage."""
        completion = msgspec.json.decode(answer.body)
        include_usage = self._include_usage and not self._usage_sent
        if self._told:
            completion = {**completion, "choices": []}
        chunks = split(completion, include_usage=include_usage)
        return [fresh for chunk in chunks if (fresh := self._resume(chunk)) is not None]


def is_usage(chunk: bytes) -> bool:
    """Whether a chunk is the usage chunk: no choices, but usage. Most chunks are told apart without parsing."""
    if not _NO_CHOICES.search(chunk):
        return False
    parsed = msgspec.json.decode(chunk)
    return parsed.get("choices") == [] and parsed.get("usage") is not None
