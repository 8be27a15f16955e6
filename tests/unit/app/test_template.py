"""A response that was rendered once, again with other values: the same bytes as if it were rendered anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from hypothesis import given
from hypothesis import strategies as st

from app.completion import stored
from app.receipt import Receipt
from app.template import MARKS, Marks, Specimen, Template
from pipeline.admission.answer import Answer
from pipeline.admission.runs import Admission
from pipeline.door import Entry
from pipeline.request.model import Request
from pipeline.storage.keys import Principal
from tests.support.runs import make_answer, make_plan

# What a response shows: a text, or the value by this name.
Part = bytes | str
NAMES = ("request_id", "completion_id", "created", "ms", "age")
FORMS: dict[str, Callable[[Any], bytes]] = {"created": b"%d".__mod__, "ms": b"%.3f".__mod__, "age": b"%d".__mod__}


def shown(values: Marks, part: Part) -> bytes:
    if isinstance(part, bytes):
        return part
    value = getattr(values, part)
    return FORMS[part](value) if part in FORMS else value.encode()


def rendered(values: Marks, headers: list[tuple[str, list[Part]]], body: list[Part]) -> Response:
    response = Response(b"".join(shown(values, part) for part in body), content_type="application/json")
    for name, value in headers:
        response.headers.add(name, b"".join(shown(values, part) for part in value).decode("latin-1"))
    return response


def wire(response: Response) -> tuple[list[tuple[str, str]], bytes]:
    return sorted((name.lower(), value) for name, value in response.headers), response.data


def parsed(data: bytes) -> tuple[list[tuple[str, str]], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")]
    return sorted((name, value) for name, _, value in lines), body


def again(template: Template | None, values: Marks) -> bytes:
    assert template is not None
    return template.render(*(shown(values, name) for name in NAMES))


values = st.builds(
    Marks,
    request_id=st.text("0123456789abcdef", min_size=32, max_size=32).map("req_{}".format),
    completion_id=st.text("0123456789abcdef", min_size=24, max_size=24).map("chatcmpl-{}".format),
    created=st.integers(10**9, 10**10 - 1),
    ms=st.integers(0, 10**10).map(lambda micros: micros / 1000),
    age=st.integers(0, 10**9),
)
texts = st.one_of(
    st.binary(max_size=30), st.sampled_from([b"%", b"%b", b"%%s%(x)d", b"1.127", b"\r\n\r\n", b"\\u0025", b"9" * 40])
)
bodies = st.lists(st.one_of(texts, st.sampled_from(NAMES[:-1])), max_size=12)
in_header = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
headers = st.lists(
    st.tuples(
        st.from_regex(r"X-[A-Za-z]{1,10}", fullmatch=True),
        st.lists(st.one_of(in_header.map(lambda text: text.strip().encode("latin-1")), st.sampled_from(NAMES)), max_size=4),
    ),
    max_size=4,
)
SAYS_ITS_ID: list[tuple[str, list[Part]]] = [("X-LEO-Request-ID", ["request_id"])]


@given(headers, bodies, values)
def test_any_response_is_repeated_as_it_would_be_rendered(
    headers: list[tuple[str, list[Part]]], body: list[Part], values: Marks
) -> None:
    headers = SAYS_ITS_ID + headers
    made = again(Template.of(rendered(MARKS, headers, body)), values)
    assert parsed(made) == wire(rendered(values, headers, body))


def test_a_template_keeps_nothing_of_what_it_rendered_before() -> None:
    template = Template.of(rendered(MARKS, SAYS_ITS_ID, [b"%", "ms", "ms", "created", b"%s"]))
    first = Marks("req_" + "a" * 32, "chatcmpl-" + "a" * 24, 10**9, 12345.678, 100)
    other = Marks("req_" + "b" * 32, "chatcmpl-" + "b" * 24, 10**9 + 1, 0.001, 1)
    before = again(template, other)
    again(template, first)
    assert again(template, other) == before
    assert before.endswith(b"\r\ncontent-length: 23\r\n\r\n%0.0010.0011000000001%s")


def test_a_response_that_does_not_show_its_id_has_no_template() -> None:
    assert Template.of(rendered(MARKS, [("X-Other", ["completion_id", "age"])], [b"{}", "created", "ms"])) is None


def test_a_response_whose_body_tells_an_age_has_none_either() -> None:
    # Its length would not be known: of what changes, only the milliseconds and what has always one length may be in it.
    assert Template.of(rendered(MARKS, SAYS_ITS_ID, [b"{}", "age"])) is None


def test_its_size_is_about_what_it_holds() -> None:
    template = Template.of(rendered(MARKS, SAYS_ITS_ID, [b"x" * 10_000]))
    assert template is not None
    assert 10_000 < template.size < 11_000


@pytest.mark.parametrize("name", ["created", "age"])
def test_a_number_that_marks_a_place_is_longer_than_those_that_answers_hold(name: str) -> None:
    # An answer of a million numbers of up to 17 digits, as embeddings have, must not meet it by chance.
    assert len(str(getattr(MARKS, name))) >= 18


# --- as the application renders ---

PRINCIPAL = Principal(tenant="acme", key_id="k1", is_admin=False, bring_own_key=False)


def receipt_of(entry: Entry, **params: Any) -> Receipt:
    made = Receipt("chat/completions")
    made.principal = PRINCIPAL
    made.request = Request(endpoint="chat/completions", body=b"{}", params={"model": "m", **params})
    made.enter(entry)
    return made


def entry_of(answer: Answer) -> Entry:
    def readmit() -> Entry:
        raise AssertionError("nothing was lost")

    return Entry(make_plan(), Admission("done", answer=answer), None, readmit)


MARK = re.compile(b"|".join(re.escape(shown(MARKS, name)) for name in NAMES))
KINDS: list[dict[str, Any]] = [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}]


@pytest.mark.parametrize("params", KINDS, ids=["whole", "stream", "stream with usage"])
def test_no_mark_survives_in_what_callers_get(params: dict[str, Any]) -> None:
    answer = make_answer()
    entry = entry_of(answer)
    response = stored(Specimen(receipt_of(entry, **params)), entry, answer)
    assert set(MARK.findall(b"\r\n".join([str(response.headers).encode(), response.data]))) == {
        shown(MARKS, name) for name in NAMES
    }
    values = Marks("req_" + "0" * 32, "chatcmpl-" + "0" * 24, 1_700_000_000, 0.25, 7)
    made = again(Template.of(response), values)
    assert not MARK.search(made)
    headers, body = parsed(made)
    assert dict(headers)["content-length"] == str(len(body))
    assert (dict(headers)["age"], dict(headers)["x-leo-overhead-ms"]) == ("7", "0.250")


@pytest.mark.parametrize("params", KINDS, ids=["whole", "stream", "stream with usage"])
def test_the_marks_stand_where_a_receipt_shows_its_values(params: dict[str, Any]) -> None:
    """With the values of a receipt, a template gives what was rendered for that receipt."""
    answer = make_answer(body=b'{"id":"a","created":1,"model":"m%d","choices":[{"index":0,"message":{"content":"100 %"}}]}')
    entry = entry_of(answer)

    class Still(Receipt):
        """A receipt whose values are known."""

        def elapsed_ms(self) -> float:
            return 0.25

        def new_completion(self) -> tuple[str, int]:
            return "chatcmpl-" + "0" * 24, 1_700_000_000

        def age(self, answer: Answer) -> int:
            return 7

    like = receipt_of(entry, **params)
    still = Still("chat/completions")
    still.principal, still.request, still.entry = like.principal, like.request, like.entry
    values = Marks(still.id, "chatcmpl-" + "0" * 24, 1_700_000_000, 0.25, 7)
    headers, body = parsed(again(Template.of(stored(Specimen(like), entry, answer)), values))
    wanted_headers, wanted_body = wire(stored(still, entry, answer))
    # 0.250 and 0.25 are one number, and two lengths.
    assert [name for name, _ in headers] == [name for name, _ in wanted_headers]
    assert {**dict(headers), "content-length": ""} == {**dict(wanted_headers), "content-length": ""}
    assert numbers(body) == numbers(wanted_body)


def numbers(body: bytes) -> list[Any]:
    """The JSON values of a whole body, or of a stream with its comments."""
    found = re.findall(rb"^(?:data: |: )?(\{.*\})$", body, re.MULTILINE)
    return [json.loads(text) for text in found]
