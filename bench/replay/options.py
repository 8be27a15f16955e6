"""How the options of the trace player are written, and what they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bench.replay.leo import Variant, variant

WAYS = ("direct", "leo", "litellm")
Command = TypeVar("Command", bound=Callable[..., Any])

MIX = {
    "repeat": "Share of requests that were asked before, word for word.",
    "paraphrase": "Share that were asked before in other words.",
    "trap": "Share that look like an earlier one and have another answer.",
    "context": "Share with earlier words after another context, so with another answer.",
    "zipf": "Exponent of Zipf's law: how unequally often questions come back.",
    "stream": "Share of streams.",
}
BEHAVIOUR = {
    "base_ms": "Before the first token.",
    "token_ms": "For each token of an answer.",
    "chunk_tokens": "Tokens in a piece of a stream.",
    "failure_rate": "Share of calls that fail.",
    "failure_status": "With this status.",
    "slow_rate": "Share of calls that are slow.",
    "slow_factor": "How many times as long those take.",
    "input_price": "Dollars per million tokens.",
    "output_price": "Dollars per million tokens.",
}


def of(defaults: Any, helps: dict[str, str], prefix: str = "") -> Callable[[Command], Command]:
    """One option for each field of a struct in `helps`, with the struct's own default."""

    def decorate(command: Command) -> Command:
        for name, text in reversed(helps.items()):
            value = getattr(defaults, name)
            words = (f"--{prefix}{name.replace('_', '-')}", f"{prefix}{name}".replace("-", "_"))
            command = click.option(*words, type=type(value), default=value, show_default=True, help=text)(command)
        return command

    return decorate


def some(known: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """A callback for names with commas between them."""

    def parse(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        if not found or set(found) - set(known):
            raise click.BadParameter(f"some of {', '.join(known)}, with commas between them")
        return found

    return parse


def variants(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Variant, ...]:
    """A callback for --leo."""
    try:
        found = tuple(map(variant, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    names = [one.name for one in found]
    if len({*names, *WAYS}) < len(names) + len(WAYS):
        raise click.BadParameter("each row needs a name of its own")
    return found


def seeds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """A callback: "3" is 1, 2 and 3; "5,9" is those."""
    if value is None:
        return None
    try:
        return tuple(map(int, value.split(","))) if "," in value else tuple(range(1, max(1, int(value)) + 1))
    except ValueError:
        raise click.BadParameter("a number, or numbers with commas between them") from None
