"""http.client's response, with a quick way to read its head: the email package takes as long as all the rest of a call."""

from __future__ import annotations

import re
from http import client
from io import BufferedReader, BytesIO
from socket import socket

MAX_LINE = 65536
MAX_LINES = 100  # with the empty one
_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*?)[ \t]*\r?\n")


class Response(client.HTTPResponse):
    """http.client's response; `begin` is another one, with the same outcome."""

    _method: str | None
    chunk_left: int | None
    fp: BufferedReader

    def begin(self) -> None:
        if self.headers is not None:
            return
        version, status, reason = self._read_status()
        while status == client.CONTINUE:
            self._lines()
            version, status, reason = self._read_status()
        if not version.startswith("HTTP/1."):
            raise client.UnknownProtocol(version)
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = 10 if version == "HTTP/1.0" else 11
        self.headers = self.msg = fields(self._lines())
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = self.headers.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() and not self.chunked else None
        if status in (client.NO_CONTENT, client.NOT_MODIFIED) or self._method == "HEAD":
            self.length = 0
        # Without a length, the end of the connection is the end of the body.
        self.will_close = self._check_close() or (not self.chunked and self.length is None)

    def ready(self, sock: socket) -> bool:
        """Whether some of the body has come over this socket already, so that reading it does not wait."""
        if self.fp is None:
            return False
        patience = sock.gettimeout()
        sock.settimeout(0)
        try:
            # Behind a chunk that was read to its end stands its line end.
            return len(self.fp.peek(1)) > (2 if self.chunked and self.chunk_left == 0 else 0)
        except OSError:  # TLS says so that there is nothing; what is really wrong shows in the next read
            return False
        finally:
            sock.settimeout(patience)

    def _lines(self) -> list[bytes]:
        """The lines up to the empty one."""
        lines: list[bytes] = []
        while (line := self.fp.readline(MAX_LINE + 1)) not in (b"\r\n", b"\n", b""):
            lines.append(line)
            if len(line) > MAX_LINE:
                raise client.LineTooLong("header line")
            if len(lines) == MAX_LINES:
                raise client.HTTPException(f"the head has more than {MAX_LINES} lines")
        return lines


def fields(lines: list[bytes]) -> client.HTTPMessage:
    """The header fields that stand in the lines, which have their line ends still."""
    message = client.HTTPMessage()
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            # Folded, or broken in some way: the email package knows what to make of it.
            return client.parse_headers(BytesIO(b"".join(lines) + b"\r\n"))
        message.set_raw(field[1].decode("ascii"), field[2].decode("iso-8859-1"))
    return message
