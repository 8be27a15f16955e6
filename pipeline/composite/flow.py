"""The merged answer while it comes about: its pieces flow to the callers in order, each as soon as those before it are out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Send = Callable[[list[bytes]], None]


class Flow:
    """`send` takes the chunks of a stream, from `start` on; without it the text only gathers here. `head` stands in each chunk
    and in the whole completion: its id, time and model.
    """

    def __init__(self, head: dict[str, Any], send: Send | None) -> None:
        self._head = head
        self._send = send
        self._ready: dict[int, tuple[str, str]] = {}
        self._next = 1
        self._open: str | None = None  # what is out of the next piece's answer, once it has begun
        self._text: list[str] = []
        self._started = False
        self._begun = False

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def live(self) -> bool:
        """Callers follow it while it comes about."""
        return self._send is not None

    @property
    def begun(self) -> bool:
        """Callers have seen something of it."""
        return self._begun

    def start(self) -> None:
        """Something has to be waited for: what there is goes out. An answer of which all is known is sent as a whole instead."""
        self._started = True
        if self._text and not self._begun:
            self._out(self.text)

    def is_next(self, number: int) -> bool:
        return self._send is not None and number == self._next

    def put(self, number: int, heading: str, answer: str) -> None:
        """A part's whole answer."""
        self._ready[number] = (heading, answer)
        while self._next in self._ready:
            self._close(*self._ready.pop(self._next))
            self._next += 1

    def add(self, heading: str, text: str) -> None:
        """More of the next part's answer, which `put` ends."""
        if self._open is None:
            self._say(heading)
            self._open = ""
        self._open += text
        self._say(text)

    def end(self, answer: str) -> None:
        """An answer to the whole question, in place of all parts that are not out."""
        self._say("\n\n" + answer)

    def completion(self, usage: dict[str, int]) -> bytes:
        """The whole answer as OpenAI's object; the stream gets its last chunk."""
        if self.begun:
            self._chunk({}, "stop")
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.text},
            "logprobs": None,
            "finish_reason": "stop",
        }
        return msgspec.json.encode({**self._head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _close(self, heading: str, answer: str) -> None:
        if self._open is None:
            self._say(heading + answer)
        elif answer.startswith(self._open):
            self._say(answer[len(self._open) :])
        else:  # the call broke off in the middle, and another one says it in other words
            self._say("\n\n" + answer)
        self._open = None

    def _say(self, text: str) -> None:
        if not text:
            return
        self._text.append(text)
        if self._started:
            self._out(text)

    def _out(self, text: str) -> None:
        if self._send is None:
            return
        if not self._begun:
            self._begun = True
            self._chunk({"role": "assistant", "content": ""}, None)
        self._chunk({"content": text}, None)

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> None:
        assert self._send is not None
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        self._send([msgspec.json.encode({**self._head, "object": "chat.completion.chunk", "choices": [choice]})])
