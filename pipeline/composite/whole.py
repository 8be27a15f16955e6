"""The request that is taken apart, and the requests that ask for its parts alone."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pipeline.admission.runs import RunRequest
from pipeline.cache.semantic.question import Question, plain_text, question
from pipeline.request import canonical
from pipeline.request.key import content_key
from pipeline.request.model import Request
from pipeline.request.plan import Apart

INSTRUCTIONS = frozenset({"system", "developer"})
CAPS = ("max_completion_tokens", "max_tokens")

# Each part follows the instructions by itself; what they say of the answer as a whole would hold for the parts only.
_OF_THE_WHOLE = re.compile(
    r"\b(?:json|xml|ya?ml|csv|html|latex|schema|template|format\w*|tables?|headings?|bullet\w*|lists?|words?|sentences?"
    r"|characters?|paragraphs?|lines?|tokens?|only|exactly|nothing but|begin|start|end|finish|sign|greet\w*|conclu\w+"
    r"|summar\w+|emojis?)\b",
    re.IGNORECASE,
)


class Asking(msgspec.Struct, frozen=True):
    """The request that asks for a part alone. `question` is None where the part may not be compared by meaning."""

    model: str
    messages: list[dict[str, Any]]
    body: bytes
    content_key: str
    question: Question | None

    @property
    def text(self) -> str:
        text: str = self.messages[-1]["content"]
        return text


class Whole(msgspec.Struct, frozen=True):
    """`params` of the request, the instructions `before` the question, and the question's `text`."""

    request: RunRequest
    apart: Apart
    params: dict[str, Any]
    before: list[dict[str, Any]]
    text: str

    @property
    def cap(self) -> int | None:
        """The most tokens that the answer may have."""
        caps = [self.params[name] for name in CAPS if isinstance(self.params.get(name), int)]
        return min(caps) if caps else None

    def body(self, text: str, cap: int | None = None) -> bytes:
        """The body that asks `text` instead, with a smaller cap where there is one."""
        params = {**self.params, "messages": [*self.before, {"role": "user", "content": text}]}
        if cap is not None:
            params |= {name: cap for name in CAPS if params.get(name) is not None}
        return msgspec.json.encode(params)

    def asking(self, text: str) -> Asking:
        """The request for a part, under the key that it has when somebody asks it alone."""
        endpoint, tenant, apart = self.request.endpoint, self.request.tenant, self.apart
        body = self.body(text)
        alone = Request(endpoint=endpoint, body=body, params=canonical.decode(body))
        found = question(alone, tenant, partition=apart.partition, per_user=apart.per_user) if apart.by_meaning else ""
        key = content_key(alone, tenant, partition=apart.partition, per_user=apart.per_user)
        return Asking(alone.model, alone.params["messages"], body, key, None if isinstance(found, str) else found)


def whole(request: RunRequest, apart: Apart) -> Whole | str:
    """The request, if its last message can be taken out of it; else in one word why not."""
    params = canonical.decode(request.body)
    *before, last = params["messages"]
    if any(message.get("role") not in INSTRUCTIONS for message in before):
        return "history"
    if last.get("role") != "user" or set(last) != {"role", "content"}:
        return "last_message"
    text = plain_text(last["content"])
    if text is None:
        return "last_message"
    if any(_OF_THE_WHOLE.search(plain_text(message.get("content")) or "") for message in before):
        return "instructions"
    return Whole(request, apart, params, before, text)
