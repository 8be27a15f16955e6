"""Twenty prompts before and after, for the docs: `python -m bench.less.pairs` writes them there."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.optimise.optimise import optimise
from pipeline.optimise.results import Tiers
from pipeline.upstream.tokens import count_tokens

PAGE = Path(__file__).parents[2] / "docs" / "prompt-optimisation.md"
HEADING = "## Twenty prompts, before and after\n"
PROMPTS: list[str] = json.loads(Path(__file__).with_name("pairs.json").read_text(encoding="utf-8"))
PLAIN = Tiers(lossless=True, plain=True)


def section() -> str:
    """The section of the page, made with the rules as they are."""
    told = [
        "\nWith `plain`. What stands in quotes or code stays, and where a saving would cost a word that matters, so does all of "
        "it.\n"
    ]
    for number, prompt in enumerate(PROMPTS, 1):
        after = optimised(prompt)
        before = f"{number}. {count_tokens(prompt)} tokens"
        if after == prompt:
            told.append(f"{before}, sent as it is\n\n{_block(prompt)}")
        else:
            told.append(f"{before}\n\n{_block(prompt)}\n\n   {count_tokens(after)} tokens\n\n{_block(after)}")
    return HEADING + "\n".join(f"{one}\n" if one.endswith("```") else one for one in told)


def optimised(prompt: str) -> str:
    body = {"messages": [{"role": "user", "content": prompt}]}
    return str(optimise(body, PLAIN, count_tokens).body["messages"][0]["content"])


def _block(text: str) -> str:
    fence = "````" if "```" in text else "```"
    lines = [f"{fence}text", *text.split("\n"), fence]
    return "\n".join(f"   {line}" if line else "" for line in lines)


def page() -> str:
    """The whole page with the section at its end."""
    before = PAGE.read_text(encoding="utf-8").partition(HEADING)[0].rstrip("\n")
    return f"{before}\n\n{section()}".rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
