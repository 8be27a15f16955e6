"""The plan of one simulated answer: what will be said, in which pieces, with which delays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.upstream.sim.directive import Directive, content_text, directive_in, last_user_text
from pipeline.upstream.sim.parts import answers, questions_in
from pipeline.upstream.sim.schema import instance_of
from pipeline.upstream.sim.text import Dice, sentences
from pipeline.upstream.types import Usage

#: What does not change an answer: how it is delivered and who asked.
NOT_DETERMINING = ("stream", "stream_options", "user", "metadata")
MIN_TOKENS, MAX_TOKENS = 12, 160  # the length of an answer that nobody bounded
MAX_ASKED_TOKENS = 100_000
MAX_CHOICES = 128
MESSAGE_TOKENS = 3  # what OpenAI's chat format adds to each message, and once more to the answer
_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]+|\s+")

Count = Callable[[str], int]


class BadBodyError(ValueError):
    """The simulator cannot answer this; the message says why, `param` what is wrong."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class Delays(msgspec.Struct, frozen=True):
    """Milliseconds before the first token and between tokens."""

    latency_ms: float = 0.0
    token_ms: float = 0.0


class ToolCall(msgspec.Struct, frozen=True):
    id: str
    name: str
    arguments: tuple[str, ...]  # in pieces


class Choice(msgspec.Struct, frozen=True):
    pieces: tuple[str, ...]
    finish_reason: str
    tool_call: ToolCall | None = None


class SimulatedAnswer(msgspec.Struct, frozen=True):
    """A whole answer before anything of it was sent."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    delays: Delays
    directive: Directive
    stream: bool
    include_usage: bool

    @property
    def tokens_per_choice(self) -> int:
        return max(len(choice.pieces) + len(choice.tool_call.arguments if choice.tool_call else ()) for choice in self.choices)


def parse(body: bytes) -> dict[str, Any]:
    """The body as a dict. Raises BadBodyError."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise BadBodyError("The body is not a JSON object.") from None


def plan(body: bytes, *, seed: int, delays: Delays, count: Count) -> SimulatedAnswer:
    """The answer to a chat body. The same body and seed give the same text, whoever asks and however it is sent.

    Raises BadBodyError.
    """
    asked = parse(body)
    if not isinstance(asked.get("messages"), list) or not asked["messages"]:
        raise BadBodyError("'messages' must be a list with at least one message.", "messages")
    digest = _digest(asked, seed)
    directive = directive_in(last_user_text(asked["messages"]))
    try:
        choices = tuple(_choice(asked, directive, digest, index, count) for index in range(_choices_asked(asked)))
        prompt = prompt_tokens(asked, count)
    except (TypeError, AttributeError, KeyError, IndexError, msgspec.EncodeError) as error:
        raise BadBodyError(f"The simulator does not understand this body ({type(error).__name__}).") from None
    completion = sum(_tokens(choice, count) for choice in choices)
    options = asked.get("stream_options")
    return SimulatedAnswer(
        id=f"chatcmpl-sim{digest.hex()[:24]}",
        model=f"leo-simulator/{asked.get('model', '')}",
        choices=choices,
        usage=Usage(prompt, completion, prompt + completion),
        delays=_delays(directive, delays),
        directive=directive,
        stream=asked.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def prompt_tokens(asked: dict[str, Any], count: Count) -> int:
    """Tokens of the messages and of the tools' definitions, by OpenAI's published rule of thumb."""
    total = MESSAGE_TOKENS
    for message in asked["messages"]:
        total += MESSAGE_TOKENS + count(str(message.get("role", ""))) + count(content_text(message.get("content")))
    tools = asked.get("tools")
    return total + (count(msgspec.json.encode(tools).decode()) if tools else 0)


def _digest(asked: dict[str, Any], seed: int) -> bytes:
    determining = {name: value for name, value in asked.items() if name not in NOT_DETERMINING}
    return hashlib.sha256(msgspec.json.encode([seed, determining], order="sorted")).digest()


def _choices_asked(asked: dict[str, Any]) -> int:
    n = 1 if asked.get("n") is None else asked["n"]
    if not isinstance(n, int) or not 1 <= n <= MAX_CHOICES:
        raise BadBodyError(f"'n' must be a whole number from 1 to {MAX_CHOICES}.", "n")
    return n


def _delays(directive: Directive, delays: Delays) -> Delays:
    latency, token = directive.latency_ms, directive.token_ms
    return Delays(delays.latency_ms if latency is None else latency, delays.token_ms if token is None else token)


def _choice(asked: dict[str, Any], directive: Directive, digest: bytes, index: int, count: Count) -> Choice:
    dice = Dice(digest + index.to_bytes(2, "big"))
    tool = _forced_tool(asked, dice)
    if tool is not None:
        text = msgspec.json.encode(instance_of(tool.get("parameters") or {"type": "object"}, dice)).decode()
        call_id = f"call_sim{hashlib.sha256(digest + bytes([index])).hexdigest()[:20]}"
        return Choice((), "tool_calls", ToolCall(call_id, str(tool["name"]), tuple(_PIECE.findall(text))))
    pieces = _pieces(asked, directive, dice)
    stopped = _stopped(pieces, asked.get("stop"))
    limit = _limit(asked)
    bounded = stopped if limit is None else _bounded(stopped, limit, count)
    return Choice(tuple(bounded), "stop" if len(bounded) == len(stopped) else "length")


def _forced_tool(asked: dict[str, Any], dice: Dice) -> dict[str, Any] | None:
    """The function that must be called; None when the model may speak."""
    choice, tools = asked.get("tool_choice"), asked.get("tools") or []
    functions = [tool["function"] for tool in tools if tool.get("type") == "function"]
    if choice == "required" and functions:
        return dict(functions[dice.below(len(functions))])
    if isinstance(choice, dict) and choice.get("type") == "function":
        name = choice["function"]["name"]
        for function in functions:
            if function["name"] == name:
                return dict(function)
        raise BadBodyError(f"'tool_choice' names the function '{name}', which 'tools' does not hold.", "tool_choice")
    return None


def _pieces(asked: dict[str, Any], directive: Directive, dice: Dice) -> list[str]:
    tokens = directive.tokens if directive.tokens is not None else dice.between(MIN_TOKENS, MAX_TOKENS)
    wanted = asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_object":
        return _json_pieces({"answer": "".join(sentences(dice, min(tokens, MAX_ASKED_TOKENS)))})
    if kind == "json_schema" and isinstance(wanted, dict):
        return _json_pieces(instance_of(wanted["json_schema"].get("schema") or {"type": "object"}, dice))
    questions = questions_in(last_user_text(asked["messages"]))
    if questions:
        return _PIECE.findall(answers(questions, (MIN_TOKENS, MAX_TOKENS)))
    return sentences(dice, min(tokens, MAX_ASKED_TOKENS))


def _json_pieces(value: Any) -> list[str]:
    return _PIECE.findall(msgspec.json.encode(value).decode())


def _stopped(pieces: list[str], stop: Any) -> list[str]:
    """The pieces before the first stop sequence."""
    stops = [one for one in ([stop] if isinstance(stop, str) else stop or []) if one]
    text = "".join(pieces)
    ends = [at for at in (text.find(one) for one in stops) if at >= 0]
    if not ends:
        return pieces
    kept, left = [], min(ends)
    for piece in pieces:
        if left <= 0:
            break
        kept.append(piece[:left])
        left -= len(piece)
    return kept


def _limit(asked: dict[str, Any]) -> int | None:
    limits = [asked[name] for name in ("max_completion_tokens", "max_tokens") if asked.get(name) is not None]
    if any(not isinstance(limit, int) or limit < 1 for limit in limits):
        raise BadBodyError("'max_tokens' must be a whole number of at least 1.", "max_tokens")
    return min(limits) if limits else None


def _bounded(pieces: list[str], limit: int, count: Count) -> list[str]:
    """As many pieces as stay within `limit` tokens, by bisection: counting is what costs time."""
    if count("".join(pieces)) <= limit:
        return pieces
    low, high = 0, len(pieces)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if count("".join(pieces[:middle])) <= limit else (low, middle)
    return pieces[:low]


def _tokens(choice: Choice, count: Count) -> int:
    call = choice.tool_call
    return count("".join(choice.pieces)) + (count(call.name) + count("".join(call.arguments)) if call else 0)
