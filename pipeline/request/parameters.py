"""The parameter table: what each request parameter means for the key and for the optimisers.

Sources: the OpenAI API reference for the names and types (`wire.md` section 12.1 of the design); the
policy is this project's (section 13). A parameter that is not in the table is forwarded, becomes part
of the key, and switches off every optimiser that could change the answer (fail closed).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Reuse(StrEnum):
    """The ways in which an answer, or the work for it, may be shared or changed."""

    EXACT = "exact"  # serve a stored answer to an equal request
    DEDUP = "dedup"  # share a running call between equal requests
    SEMANTIC = "semantic"  # serve the answer of a request with the same meaning
    DECOMPOSE = "decompose"  # split into several questions
    OPTIMIZE = "optimize"  # shorten the prompt


class Kind(StrEnum):
    """JSON types as the error messages name them. `any` leaves the check to the upstream."""

    STRING = "a string"
    NUMBER = "a number"
    INTEGER = "an integer"
    BOOLEAN = "a boolean"
    OBJECT = "an object"
    ARRAY = "an array"
    ANY = "any"


CHANGES = frozenset({Reuse.SEMANTIC, Reuse.DECOMPOSE, Reuse.OPTIMIZE})
STORED = frozenset({Reuse.EXACT, Reuse.SEMANTIC})
EVERYTHING = frozenset(Reuse)
MEANING = frozenset({Reuse.SEMANTIC, Reuse.DECOMPOSE})
SPLIT = frozenset({Reuse.DECOMPOSE})
NOTHING: frozenset[Reuse] = frozenset()


class Parameter(msgspec.Struct, frozen=True):
    """One row. `in_key`: part of the key. `forbids`: what a request that sets it (not null) rules out.

    `neutral` are values that rule nothing out, since they are the provider's default.
    """

    name: str
    kind: Kind = Kind.ANY
    in_key: bool = True
    forbids: frozenset[Reuse] = NOTHING
    neutral: tuple[object, ...] = ()


def _table(*rows: Parameter) -> dict[str, Parameter]:
    return {row.name: row for row in rows}


CHAT = _table(
    Parameter("model", Kind.STRING),
    Parameter("messages", Kind.ARRAY),
    # Sampling
    Parameter("temperature", Kind.NUMBER),
    Parameter("top_p", Kind.NUMBER),
    Parameter("frequency_penalty", Kind.NUMBER, forbids=SPLIT, neutral=(0,)),
    Parameter("presence_penalty", Kind.NUMBER, forbids=SPLIT, neutral=(0,)),
    Parameter("seed", Kind.INTEGER, forbids=CHANGES),
    Parameter("stop", forbids=SPLIT),
    Parameter("max_tokens", Kind.INTEGER),
    Parameter("max_completion_tokens", Kind.INTEGER),
    Parameter("n", Kind.INTEGER, forbids=MEANING, neutral=(1,)),
    Parameter("logit_bias", Kind.OBJECT, forbids=MEANING),
    Parameter("logprobs", Kind.BOOLEAN, forbids=MEANING, neutral=(False,)),
    Parameter("top_logprobs", Kind.INTEGER, forbids=MEANING),
    Parameter("reasoning_effort", Kind.STRING),
    Parameter("verbosity", Kind.STRING),
    Parameter("prediction", Kind.OBJECT, forbids=CHANGES),
    # Tools and formats
    Parameter("tools", Kind.ARRAY, forbids=CHANGES),
    Parameter("tool_choice", forbids=CHANGES),
    Parameter("parallel_tool_calls", Kind.BOOLEAN, forbids=CHANGES),
    Parameter("functions", Kind.ARRAY, forbids=CHANGES),
    Parameter("function_call", forbids=CHANGES),
    Parameter("response_format", Kind.OBJECT, forbids=MEANING, neutral=({"type": "text"},)),
    Parameter("audio", Kind.OBJECT, forbids=CHANGES),
    Parameter("modalities", Kind.ARRAY, forbids=CHANGES, neutral=(["text"],)),
    # What has a side effect, or an answer that another moment would not give
    Parameter("store", Kind.BOOLEAN, forbids=EVERYTHING, neutral=(False,)),
    Parameter("moderation", forbids=EVERYTHING),
    Parameter("web_search_options", Kind.OBJECT, forbids=STORED | MEANING),
    # What says nothing about the answer
    Parameter("stream", Kind.BOOLEAN, in_key=False),
    Parameter("stream_options", Kind.OBJECT, in_key=False),
    Parameter("metadata", Kind.OBJECT, in_key=False),
    Parameter("service_tier", Kind.STRING, in_key=False),
    Parameter("prompt_cache_key", Kind.STRING, in_key=False),
    Parameter("prompt_cache_options", Kind.OBJECT, in_key=False),
    Parameter("prompt_cache_retention", Kind.STRING, in_key=False),
    # Part of the key only when LEO_CACHE_SCOPE=user
    Parameter("user", Kind.STRING, in_key=False),
    Parameter("safety_identifier", Kind.STRING, in_key=False),
)

EMBEDDINGS = _table(
    Parameter("model", Kind.STRING),
    Parameter("input"),
    Parameter("encoding_format", Kind.STRING),
    Parameter("dimensions", Kind.INTEGER),
    Parameter("user", Kind.STRING, in_key=False),
)

TABLES = {"chat/completions": CHAT, "embeddings": EMBEDDINGS}
USER_SCOPE = ("user", "safety_identifier")
