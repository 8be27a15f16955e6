from __future__ import annotations

import msgspec
import pytest

from pipeline.admission import events
from pipeline.admission.events import Delta, Restarted
from pipeline.admission.notices import parse_notice


def packed(*said: events.Event) -> bytes:
    return msgspec.msgpack.encode(list(said))


def test_a_notice_without_events_says_only_that_there_are_some() -> None:
    assert parse_notice(b"k1:17") == ("k1", "17", 0, None)


def test_a_notice_with_events_says_where_they_stand() -> None:
    said = (Restarted(), Delta([b"\n", b"\xff:1\n2\n"]))
    assert parse_notice(b"k1:17\n3\n" + packed(*said)) == ("k1", "17", 3, list(said))


def test_what_an_older_release_reads_of_a_notice_is_the_run() -> None:
    notice = b"k1:17\n3\n" + packed(Delta([b"\xff"]))
    assert notice.partition(b"\n")[0].decode().partition(":") == ("k1", ":", "17")


@pytest.mark.parametrize("rest", [b"\n3\n\xc1", b"\n3\n\x91\x91\xa1x"])
def test_events_that_nobody_knows_are_an_error(rest: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        parse_notice(b"k1:17" + rest)
