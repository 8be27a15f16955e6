"""What the upstream knows of a workload, and what it decides about a call. No server here: all of it can be tested alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from bench.replay.answers import digest
from bench.replay.context import Message
from bench.replay.workload import Workload
from pipeline.money import price_from_dollars
from pipeline.upstream.sim.directive import content_text
from pipeline.upstream.sim.plan import MESSAGE_TOKENS
from pipeline.upstream.tokens import count_tokens

AMBIGUOUS = -1
UNKNOWN_TOKENS = 8  # of the answer to a question that no workload has


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """How the simulated model behaves: milliseconds, shares of calls from 0 to 1, dollars per million tokens.

    A call takes `base_ms`, and `token_ms` for each token of its answer; a share of `slow_rate` takes `slow_factor` times as
    long, and a share of `failure_rate` ends with `failure_status` after `base_ms`.
    """

    base_ms: float = 150.0
    token_ms: float = 2.0
    chunk_tokens: int = 4  # tokens in one piece of a stream
    failure_rate: float = 0.01
    failure_status: int = 503
    slow_rate: float = 0.01
    slow_factor: float = 5.0
    input_price: float = 0.15
    output_price: float = 0.60

    def cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Pico-dollars of a call."""
        return prompt_tokens * price_from_dollars(self.input_price) + completion_tokens * price_from_dollars(self.output_price)


class Prompt(msgspec.Struct, frozen=True):
    """Which answer a conversation wants, and how many tokens it has."""

    answer: int
    tokens: int


class Knowledge(msgspec.Struct, frozen=True):
    """Everything that the upstream is told. `questions` knows the last messages alone, for prompts that come shortened."""

    seed: int
    behaviour: Behaviour
    answers: list[int]
    prompts: dict[str, Prompt]
    questions: dict[str, int]


class Known(msgspec.Struct, frozen=True):
    """A call as the upstream understands it; `answer` is None when it does not."""

    digest: str
    answer: int | None
    prompt_tokens: int
    changed: bool  # what arrived is not what was asked, word for word


class Fate(msgspec.Struct, frozen=True):
    """What happens to one call."""

    fails: bool
    factor: float


def of(workload: Workload, behaviour: Behaviour, count: Callable[[str], int] = count_tokens) -> Knowledge:
    """What the upstream must know to answer this workload."""
    prompts: dict[str, Prompt] = {}
    questions: dict[str, int] = {}
    for request in workload.requests:
        messages = workload.messages(request)
        name = digest(messages)
        if name not in prompts:
            prompts[name] = Prompt(request.answer, prompt_tokens(messages, count))
            question = digest(messages[-1:])
            known = questions.setdefault(question, request.answer)
            # The same words after another context want another answer: alone they say too little.
            questions[question] = known if known == request.answer else AMBIGUOUS
    return Knowledge(workload.seed, behaviour, workload.answers, prompts, questions)


def prompt_tokens(messages: list[Message], count: Callable[[str], int]) -> int:
    """Tokens of a conversation, counted as `leo simulate` does."""
    return MESSAGE_TOKENS + sum(MESSAGE_TOKENS + count(message.role) + count(message.content) for message in messages)


def messages_of(body: dict[str, Any]) -> list[Message]:
    """The messages of a chat body. Raises ValueError when there are none."""
    found = body.get("messages")
    if not isinstance(found, list) or not found or not all(isinstance(message, dict) for message in found):
        raise ValueError("'messages' must be a list with at least one message")
    return [Message(str(message.get("role", "")), content_text(message.get("content"))) for message in found]


def understand(knowledge: Knowledge, messages: list[Message], count: Callable[[str], int] = count_tokens) -> Known:
    """Which answer a conversation wants: by all of it, else by its last message if that says enough."""
    name = digest(messages)
    prompt = knowledge.prompts.get(name)
    if prompt is not None:
        return Known(name, prompt.answer, prompt.tokens, False)
    answer = knowledge.questions.get(digest(messages[-1:]), AMBIGUOUS)
    return Known(name, None if answer == AMBIGUOUS else answer, prompt_tokens(messages, count), True)


def fate(knowledge: Knowledge, name: str, occurrence: int) -> Fate:
    """What happens to the n-th call with a conversation. By words and number, not by the order in which calls of others come."""
    behaviour = knowledge.behaviour
    return Fate(
        _chance(knowledge.seed, "fails", name, occurrence) < behaviour.failure_rate,
        behaviour.slow_factor if _chance(knowledge.seed, "slow", name, occurrence) < behaviour.slow_rate else 1.0,
    )


def _chance(*parts: object) -> float:
    """A number from 0 to 1 that depends on nothing but `parts`."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big") / 2**64


class Counts:
    """What was asked of the upstream, and what it would bill. Failed calls cost nothing."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._occurrences: Counter[str] = Counter()

    def occurrence(self, name: str) -> int:
        """Which call with this conversation it is, from 1 on."""
        self._occurrences[name] += 1
        return self._occurrences[name]

    def call(self, known: Known, failed: bool, stream: bool) -> None:
        self._numbers["calls"] += 1
        self._numbers["streams"] += stream
        self._numbers["failed"] += failed
        self._numbers["changed"] += known.changed
        self._numbers["unknown"] += known.answer is None

    def answered(self, prompt: int, completion: int, cost: int) -> None:
        """Tokens and pico-dollars of one answer."""
        self._numbers["prompt_tokens"] += prompt
        self._numbers["completion_tokens"] += completion
        self._numbers["cost"] += cost

    def shown(self) -> dict[str, int]:
        names = ("calls", "streams", "failed", "changed", "unknown", "prompt_tokens", "completion_tokens", "cost")
        return {name: self._numbers[name] for name in names} | {"different": len(self._occurrences)}
