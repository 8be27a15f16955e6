"""The page that shows what the optimiser does shows what it does."""

from __future__ import annotations

from bench.less.pairs import PAGE, PROMPTS, optimised, page


def test_the_pairs_of_the_page_are_those_of_the_code() -> None:
    assert len(PROMPTS) >= 20
    assert sum(optimised(prompt) != prompt for prompt in PROMPTS) >= 16
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m bench.less.pairs writes the page anew"
