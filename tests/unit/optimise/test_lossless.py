"""T0 changes how a text is written, never what it says."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise.lossless import lossless, tidied
from tests.unit.optimise.support import texts

ROWS = [{"id": number, "name": f"User  {number}", "score": 1.5} for number in range(5)]
PRETTY = json.dumps(ROWS, indent=2)
COMPACT = json.dumps(ROWS, separators=(",", ":"))
ORDER = "<o>\n  <x>1</x>\n  <y>two  words</y>\n  <z>\n    <d/>\n    <e>x</e>\n  </z>\n</o>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a   \nb\t\n\n\n\nc \n", "a\nb\n\nc"),
        ("a  \r\nb", "a  \nb"),
        ("one\r\ntwo \r\n", "one\ntwo"),
        ("She sat.  He stood.  All was well.", "She sat. He stood. All was well."),
        ("This  is a line of prose with  gaps.", "This is a line of prose with gaps."),
        ("word\u200bword and 10\u00a0km of cafe\u0301", "wordword and 10 km of caf\u00e9"),
        (PRETTY, COMPACT),
        (f"Here it is:\n{PRETTY}\nWhich is best?", f"Here it is:\n{COMPACT}\nWhich is best?"),
        (f"data = {PRETTY}", f"data = {COMPACT}"),
        (f"```json\n{PRETTY}\n```", f"```json\n{COMPACT}\n```"),
        (ORDER, "<o><x>1</x><y>two  words</y><z><d/><e>x</e></z></o>"),
    ],
)
def test_what_says_nothing_goes(before: str, after: str) -> None:
    assert lossless(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "```python\ndef f():   \n\n\n\n    return  1\n```",
        "    code  that is  indented",
        "| a   | b |\n|-----|---|\n| 1   | 2 |",
        "name      age\nAnn       30\nBob       25",
        "Roses are red,  \nviolets are blue",  # a line break in Markdown
        f"Pretty-print this with an indentation of 4: {PRETTY}",
        f"Why is line 7 of this wrong?\n{PRETTY}",
        f"Compute the SHA-256 hash of this.\n{PRETTY}",
        f"Answer in this format:\n{PRETTY}",
        f"Return the result as JSON like this:\n```json\n{PRETTY}\n```",
        "{'not': 'JSON',\n   'but': 'Python'}",
        '{\n  "broken": [1, 2,\n}',
        '{"nan": NaN,      "more": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}',
        'He wrote "two  spaces" and `x  =  1` in one line of text.',
        "<p>Some <b>bold</b>\n  and <i>italic</i> text</p>",
        "<o>\n  <a>\n </o>",
        "<pre>\n  <a>1</a>\n  <b>2</b>\n  <c>3</c>\n  <d>4</d>\n  <e>5</e>\n  <f>6</f>\n</pre>",
        "نص\u200cفارسی و 👩\u200d👩\u200d👧",
        "ภาษา\u200bไทย",
        "Which code point is e\u0301?",
    ],
)
def test_what_may_say_something_stays(text: str) -> None:
    assert lossless(text) == text


def test_html_keeps_a_line_break_between_elements() -> None:
    page = "<ul>\n  <li>a</li>\n  <li>b</li>\n  <li>c</li>\n  <li>d</li>\n  <li>e</li>\n</ul>"
    assert lossless(page) == "<ul>\n<li>a</li>\n<li>b</li>\n<li>c</li>\n<li>d</li>\n<li>e</li>\n</ul>"


def test_a_question_about_the_layout_of_a_tool_result_keeps_it() -> None:
    assert lossless(PRETTY, "How is it indented?") == PRETTY
    assert lossless(PRETTY, "Who has the best score?") == COMPACT


def test_words_in_the_data_say_nothing_about_its_layout() -> None:
    data = json.dumps({"hash": "a", "indentation": "b", "diff": "c", "signature": "d" * 50}, indent=2)
    assert "\n" not in lossless(data)


def test_numbers_keys_and_strings_keep_their_bytes() -> None:
    document = '{\n "a": 1.0, "a": 1e400,\n "b": 12345678901234567890123, "c": "\\u00e9 \\" \\n  x",\n "d": -0.0\n}'
    assert lossless(document) == '{"a":1.0,"a":1e400,"b":12345678901234567890123,"c":"\\u00e9 \\" \\n  x","d":-0.0}'


def test_a_system_prompt_keeps_its_samples() -> None:
    assert (
        tidied(f"Answer so:  \n\n\n\n{PRETTY}\n```\na  \n\n\n\nb\n```\n\n") == f"Answer so:\n\n{PRETTY}\n```\na  \n\n\n\nb\n```"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(JSON, min_size=1) | st.dictionaries(st.text(max_size=8), JSON, min_size=1),
    st.sampled_from([1, 2, 4, "\t"]),
    st.booleans(),
)
def test_json_means_the_same_without_its_white_space(value: Any, indent: Any, escaped: bool) -> None:
    document = json.dumps(value, indent=indent, ensure_ascii=escaped)
    found = lossless(document)
    assert json.loads(found) == value
    assert len(found) <= len(document)
    assert found == document or found == json.dumps(value, separators=(",", ":"), ensure_ascii=escaped)


def _tree(depth: int) -> st.SearchStrategy[ElementTree.Element]:
    def make(parts: tuple[str, str, list[ElementTree.Element]]) -> ElementTree.Element:
        element = ElementTree.Element(parts[0], {"a": parts[1]})
        element.extend(parts[2])
        if not parts[2]:
            element.text = parts[1]
        return element

    children = st.lists(_tree(depth - 1), max_size=4) if depth else st.just([])
    return st.tuples(st.sampled_from(["x", "y-z", "ns.w"]), st.text("ab <&\"'é", max_size=6), children).map(make)


@settings(max_examples=100, deadline=None)
@given(_tree(3))
def test_xml_means_the_same_without_its_indentation(tree: ElementTree.Element) -> None:
    before = ElementTree.tostring(tree, encoding="unicode")
    ElementTree.indent(tree)
    document = ElementTree.tostring(tree, encoding="unicode")
    found = lossless(document)
    if found != document:
        assert found.replace(" />", "/>") == before.replace(" />", "/>")


@settings(max_examples=150, deadline=None)
@given(texts())
def test_only_white_space_and_what_does_not_show_is_left_out(text: str) -> None:
    kept = "".join(
        character for character in text if not character.isspace() and character not in "\u200b\u2060\ufeff\u00ad\u0301"
    )
    found = lossless(text)
    assert len(found) <= len(text)
    if text.isascii():
        assert "".join(found.split()) == kept


@settings(max_examples=150, deadline=None)
@given(texts())
def test_it_is_done_once_and_for_all(text: str) -> None:
    assert lossless(lossless(text)) == lossless(text)
