"""How many tokens a text is for a model: exactly where its vocabulary is public, else an estimate that the upstream corrects."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.optimise.segments import texts
from pipeline.upstream.tokens import TokenCounter, count_tokens

PER_MESSAGE = 3  # tokens of the chat format around each message (OpenAI cookbook, "How to count tokens with tiktoken")
PER_NAME = 1
PER_REPLY = 3  # the answer is primed with them
LEAST, MOST = 0.5, 2.0  # what the upstream's count may be, as a multiple of the estimate; beyond, it counts something else
FORGETS = 0.98  # the weight of what is known, after each answer: about the last fifty count
PRIOR = 2_000.0  # tokens; the estimate's own weight, so that one short prompt does not decide
MOST_MODELS = 512
LONGEST = 40_000  # characters counted at once: more than 200,000 tokens are refused

_CL100K = re.compile(r"(?:.*/)?(?:gpt-4(?!o|\.|[5-9])|gpt-3\.5|text-embedding-(?:3|ada-002))")
_O200K = re.compile(r"(?:.*/)?(?:gpt-(?:4o|4\.\d|[5-9])|chatgpt|o\d(?:-|$)|gpt-oss)")


class Family(msgspec.Struct, frozen=True):
    """Models that share a vocabulary. Where that is not public, `factor` times the tokens of `encoding` is the estimate."""

    name: str
    encoding: str = "o200k_base"
    factor: float = 1.0


_O200K_FAMILY = Family("o200k")
_CL100K_FAMILY = Family("cl100k", "cl100k_base")
# Others have vocabularies of their own, most of them smaller. The factors are where learning starts, not what it ends with.
_OTHERS = (
    (re.compile(r"(?:.*/)?claude"), Family("claude", factor=1.15)),
    (re.compile(r"(?:.*/)?(?:gemini|gemma)"), Family("gemini", factor=1.05)),
    (re.compile(r"(?:.*/)?(?:llama|meta-llama)"), Family("llama", factor=1.05)),
    (re.compile(r"(?:.*/)?(?:mi[sx]tral|ministral|codestral|magistral)"), Family("mistral", factor=1.1)),
    (re.compile(r"(?:.*/)?qwen"), Family("qwen", factor=1.05)),
    (re.compile(r"(?:.*/)?deepseek"), Family("deepseek", factor=1.05)),
)


def family(model: str) -> Family:
    """The family of a model by its name; one that is not known is estimated with the newest public vocabulary."""
    name = model.lower()
    if _O200K.match(name):
        return _O200K_FAMILY
    if _CL100K.match(name):
        return _CL100K_FAMILY
    return next((found for pattern, found in _OTHERS if pattern.match(name)), Family("unknown"))


class Ratios:
    """What the upstreams count, as a multiple of what is counted here: per model, learned from `usage`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: OrderedDict[str, tuple[float, float]] = OrderedDict()  # told and estimated tokens, the older the lighter

    def learn(self, model: str, estimated: int, told: int) -> None:
        """Take in one answer's `usage.prompt_tokens`. What is far off is of something else, such as images, and not taken."""
        if estimated <= 0 or not LEAST / 2 <= told / estimated <= MOST * 2:
            return
        with self._lock:
            before = self._sums.pop(model, (0.0, 0.0))
            self._sums[model] = (before[0] * FORGETS + told, before[1] * FORGETS + estimated)
            if len(self._sums) > MOST_MODELS:
                self._sums.popitem(last=False)

    def of(self, model: str) -> float:
        """Between LEAST and MOST; 1 for a model that nothing is known of."""
        with self._lock:
            told, estimated = self._sums.get(model, (0.0, 0.0))
        return min(MOST, max(LEAST, (told + PRIOR) / (estimated + PRIOR)))


class Counter:
    """Counts the tokens of texts and messages for a model."""

    def __init__(self, ratios: Ratios | None = None) -> None:
        self._ratios = ratios or Ratios()
        self._cl100k = TokenCounter("cl100k_base")

    def vocabulary(self, model: str) -> Callable[[str], int]:
        """The plain count of the family's vocabulary: what comparisons are made with, since it never changes."""
        return self._of_cl100k if family(model).encoding == "cl100k_base" else _of_o200k

    def count(self, model: str, text: str) -> int:
        """Tokens of a text."""
        return round(self.vocabulary(model)(text) * self._factor(model))

    def count_messages(self, model: str, messages: Iterable[Mapping[str, Any]]) -> int:
        """Tokens of a prompt, with those of the chat format. Images and audio are not counted, nor are tools."""
        return round(self._plain(model, messages) * self._factor(model))

    def learn(self, model: str, messages: Iterable[Mapping[str, Any]], told: int) -> None:
        """Take in what the upstream counted for messages that were sent as they are."""
        self._ratios.learn(model, round(self._plain(model, messages) * family(model).factor), told)

    def _of_cl100k(self, text: str) -> int:
        return sum(map(self._cl100k.count, _pieces(text)))

    def _factor(self, model: str) -> float:
        return family(model).factor * self._ratios.of(model)

    def _plain(self, model: str, messages: Iterable[Mapping[str, Any]]) -> int:
        count = self.vocabulary(model)
        return PER_REPLY + sum(_of_message(message, count) for message in messages)


def _of_o200k(text: str) -> int:
    return sum(map(count_tokens, _pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """A text in parts that the vocabulary's code takes at once. Where it is cut, a token more may be counted."""
    return (text[place : place + LONGEST] for place in range(0, len(text), LONGEST))


def _of_message(message: Mapping[str, Any], count: Callable[[str], int]) -> int:
    calls = message.get("tool_calls")
    return (
        PER_MESSAGE
        + count(str(message.get("role", "")))
        + sum(count(text) for _, text in texts(message))
        + (count(message["name"]) + PER_NAME if isinstance(message.get("name"), str) else 0)
        + (count(msgspec.json.encode(calls).decode()) if calls else 0)
    )
