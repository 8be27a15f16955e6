from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.upstream.sse import SseParser

STREAM = (
    "\ufeff: ping\r\n\r\n"
    'event: x\ndata: {"a":"h\u00e4\u20ac\U0001f600"}\n\n'
    'data:{"b":1}\r\n\r\n'
    "id: 7\rretry: 10\rdata: {\rdata:  }\r\r"
    "data\n\n"
    ": keep-alive\n\n"
    "data: [DONE]\n\n"
    'data: {"after":"the end"}\n\n'
).encode()
PAYLOADS = ['{"a":"h\u00e4\u20ac\U0001f600"}'.encode(), b'{"b":1}', b"{\n }"]


def parsed(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    parser = SseParser()
    payloads = [payload for chunk in chunks for payload in parser.feed(chunk)]
    return payloads + parser.close(), parser.done


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_reads_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in itertools.pairwise(places)]
    assert parsed(chunks) == (PAYLOADS, True)


def test_it_reads_the_same_byte_by_byte() -> None:
    assert parsed([bytes([byte]) for byte in STREAM]) == (PAYLOADS, True)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert parsed([b'data: {"a":1}']) == ([b'{"a":1}'], False)
    assert parsed([b"data: [DONE]"]) == ([], True)
    assert parsed([b"data: [DONE]\r"]) == ([], True)


def test_an_empty_stream_has_no_payloads() -> None:
    assert parsed([]) == ([], False)
    assert parsed([b"\xef", b"\xbb"]) == ([], False)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_bytes_make_it_fail(chunks: list[bytes]) -> None:
    parsed(chunks)
