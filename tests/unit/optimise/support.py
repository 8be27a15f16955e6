"""Texts as people and programs write them, for the tests of prompt optimisation."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from pipeline.optimise.results import Tiers

BOTH = Tiers(lossless=True, plain=True)

COURTESIES = (
    "Hello there! ",
    "I hope you are doing well. ",
    "Thank you so much in advance for your help! ",
    "I would really appreciate it if you could take a look at this. ",
    "Please note that the list may be empty. ",
    "Could you please tell me what the capital of Kenya is? ",
    "I would like you to explain how vaccines work, in order to help my students. ",
    "As you may know, at least 3 of the 10 tests must pass. ",
    "Do not use more than 200 words. ",
    "I was wondering if you could write a function that never returns None. ",
    'He said "I would like you to please leave" and left. ',
    "It is important to note that due to the fact that it rains, we stay. ",
    "Would you mind comparing Python 3.11 and Rust? ",
    "Any help would be greatly appreciated. ",
)
DOCUMENTS = (
    json.dumps({"id": 1, "name": "Ada  Lovelace", "tags": ["a", "b"], "note": "keep  this\nplease"}, indent=2),
    json.dumps([{"x": value, "y": None, "z": value * 1.5} for value in range(6)], indent=4),
    "<orders>\n  <order id='1'>\n    <item>A  b</item>\n  </order>\n  <order id='2'>\n    <item>c</item>\n  </order>\n</orders>",
    "```python\ndef f(x):\n    return  x   # please note that\n```",
    "```json\n" + json.dumps({"a": [1, 2, 3], "b": {"c": "d" * 60}}, indent=2) + "\n```",
    "| a  | b |\n|----|---|\n| 1  | 2 |",
    "- one  item\n- please keep this\n1. first",
    "    indented  code\n    please = 1",
    "“I would like to thank you”, she wrote.",
    "Zażółć gęślą jaźń,  e\u0301te\u0301 et 数字 وشكرا",
    "Context:\n" + "The sky is blue and the grass is green, as everybody knows by now. " * 8,
)
COURTEOUS_ONLY = "Thank you so much for your time and your help."
SPACE = st.sampled_from(["", " ", "  ", "\n", "\n\n", "\n\n\n\n", " \n", "\t\n", "\r\n"])


def texts() -> st.SearchStrategy[str]:
    """Texts put together from pieces that the rules look at, and from anything."""
    piece = st.one_of(st.sampled_from(COURTESIES), st.sampled_from(DOCUMENTS), st.text(max_size=30))
    return st.lists(st.tuples(piece, SPACE), max_size=8).map(lambda pairs: "".join(part + space for part, space in pairs))


def messages() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Conversations, with tools and parts."""
    text = texts()
    user = text.map(lambda content: {"role": "user", "content": content})
    parts = text.map(
        lambda one: {"role": "user", "content": [{"type": "text", "text": one}, {"type": "image_url", "image_url": {}}]}
    )
    answer = text.map(lambda content: {"role": "assistant", "content": content})
    tool = text.map(lambda content: {"role": "tool", "tool_call_id": "1", "content": content})
    system = text.map(lambda content: {"role": "system", "content": content})
    return st.lists(st.one_of(user, user, parts, answer, tool, system), min_size=1, max_size=7)


def words(text: str) -> int:
    """A count of tokens that needs no vocabulary: a letter in four, and each mark."""
    return sum(1 + len(part) // 4 for part in text.replace("\n", " \n ").split(" "))
