"""LangChain's ChatOpenAI, pointed at the gateway."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.e2e.conftest import Question
from tests.support.gateway import KEY, GatewayProcesses


class Verdict(BaseModel):
    """What is said of a city."""

    city: str
    degrees: int


@pytest.fixture
def model(gateway: GatewayProcesses) -> ChatOpenAI:
    return ChatOpenAI(model="sim-model", base_url=gateway.base_url, api_key=KEY, max_retries=0, stream_usage=True)


def test_invoke_gives_text_and_usage(model: ChatOpenAI, question: Question) -> None:
    answer: Any = model.invoke(question())
    assert answer.content
    assert answer.usage_metadata["total_tokens"] > 0


def test_a_stream_says_what_invoke_says(model: ChatOpenAI, question: Question) -> None:
    text = question()
    pieces: list[Any] = list(model.stream(text))
    assert "".join(piece.content for piece in pieces) == model.invoke(text).content
    assert sum(piece.usage_metadata["total_tokens"] for piece in pieces if piece.usage_metadata) > 0


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_is_a_model(model: ChatOpenAI, question: Question, method: Any) -> None:
    assert isinstance(model.with_structured_output(Verdict, method=method).invoke(question()), Verdict)


def test_a_bound_tool_is_called(model: ChatOpenAI, question: Question) -> None:
    answer: Any = model.bind_tools([Verdict], tool_choice="any").invoke(question())
    assert answer.tool_calls[0]["name"] == "Verdict"


def test_embeddings_are_vectors(gateway: GatewayProcesses, question: Question) -> None:
    # Without the check of lengths, for which LangChain would fetch a vocabulary from the Internet.
    embeddings = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=gateway.base_url,
        api_key=KEY,
        dimensions=16,
        max_retries=0,
        check_embedding_ctx_length=False,
    )
    assert [len(vector) for vector in embeddings.embed_documents([question(), question()])] == [16, 16]
