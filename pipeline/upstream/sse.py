"""Server-sent events, read from bytes that may be cut anywhere."""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
DONE = b"[DONE]"


class SseParser:
    """Collects the `data` of each event. Works on bytes, so a character cut in two cannot be damaged.

    After `[DONE]` everything else is ignored, as OpenAI's own client does.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._first = True
        self.done = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads that `chunk` completes."""
        payloads: list[bytes] = []
        for line in self._lines(chunk):
            self._line(line, payloads)
        return payloads

    def close(self) -> list[bytes]:
        """The payload of a last event whose blank line never came: some servers end the stream right after it."""
        payloads: list[bytes] = []
        for line in (self._rest.rstrip(b"\r"), b""):
            self._line(line, payloads)
        self._rest = b""
        return payloads

    def _lines(self, chunk: bytes) -> list[bytes]:
        text = self._rest + chunk
        if self._first:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return []
            text, self._first = text.removeprefix(_BOM), False
        # A CR at the very end may be the first half of a CRLF: it waits for the next chunk.
        held = b"\r" if text.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(text[: len(text) - len(held)])
        self._rest = rest + held
        return lines

    def _line(self, line: bytes, payloads: list[bytes]) -> None:
        if self.done:
            return
        if not line:
            self._end_of_event(payloads)
        elif line.startswith(b"data:"):
            value = line[5:]
            self._data.append(value[1:] if value.startswith(b" ") else value)
        # Comments, `event`, `id` and `retry` say nothing that this protocol uses.

    def _end_of_event(self, payloads: list[bytes]) -> None:
        data, self._data = b"\n".join(self._data), []
        if data.startswith(DONE):
            self.done = True
        elif data:
            payloads.append(data)
