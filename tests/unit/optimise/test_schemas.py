"""Tools without boilerplate, equal where they mean the same."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.optimise.schemas import tools


def tool(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "find", "parameters": parameters, **more}}


def sent(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = tools([tool(parameters, **more)])[0]["function"]
    return found


def test_what_says_nothing_goes() -> None:
    given_ = {
        "$schema": "x",
        "title": "",
        "type": "object",
        "properties": {
            "user_name": {"title": "User Name", "description": " ", "type": "string"},
            "userId": {"title": "Userid?", "type": "integer"},
            "list": {"type": "array", "items": {"description": "", "type": "string"}},
            "either": {"anyOf": [{"title": "", "type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["user_name", "user_name"],
    }
    assert sent(given_, description="") == {
        "name": "find",
        "parameters": {
            "type": "object",
            "properties": {
                "user_name": {"type": "string"},
                "userId": {"title": "Userid?", "type": "integer"},
                "list": {"type": "array", "items": {"type": "string"}},
                "either": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            },
            "required": ["user_name"],
        },
    }


def test_properties_keep_their_names_and_their_order() -> None:
    given_ = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "description": {"type": "string"}, "a": {}},
        "required": [],
    }
    assert list(sent(given_)["parameters"]["properties"]) == ["title", "description", "a"]
    assert "required" not in sent(given_)["parameters"]


def test_what_restricts_a_value_stays() -> None:
    given_ = {
        "type": "object",
        "properties": {"a": {"enum": ["title", ""], "const": {"description": ""}, "default": {"title": ""}}},
    }
    assert sent(given_, strict=True)["parameters"] == given_
    assert sent(given_, strict=True)["strict"] is True


def test_the_order_of_keys_does_not_matter() -> None:
    one = tool({"type": "object", "properties": {}}, description="d")
    other = {"function": dict(reversed(one["function"].items())), "type": "function"}
    assert json.dumps(tools([one])) == json.dumps(tools([other]))


def test_legacy_functions_and_other_tools() -> None:
    assert tools([{"name": "f", "description": "", "parameters": {"required": []}}]) == [{"name": "f", "parameters": {}}]
    assert tools([{"type": "web_search"}, "odd", None]) == [{"type": "web_search"}, "odd", None]


ANY = st.recursive(
    st.none() | st.text(max_size=4) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["title", "properties", "items", "description", "x"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "required", "title", "anyOf"]), ANY))
def test_odd_schemas_go_through_once_and_for_all(parameters: dict[str, Any]) -> None:
    given_ = [tool(parameters)]
    before = copy.deepcopy(given_)
    found = tools(given_)
    assert given_ == before
    assert json.dumps(tools(found)) == json.dumps(found)
