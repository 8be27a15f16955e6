"""Tier T1: a user's English prose with the same content in fewer words.

What goes are politeness, fillers, announcements of what is said anyway, and long ways to say something short. Only
sentences that speak to the model are touched: never quotes, code, lists, examples, text to be worked on, or a role.
Every sentence that changes is checked by the linter, and stays as it was if that misses anything.
"""

from __future__ import annotations

import msgspec

from pipeline.optimise import prose
from pipeline.optimise.editor import Editor, Settled

LEAST_LEFT = 3  # words; what would leave fewer was no courtesy


class Plain(msgspec.Struct, frozen=True):
    """A text in fewer words, and why parts of it were left: `too_short`, `not_english`, `wording`, `linter:number`..."""

    text: str
    reasons: tuple[str, ...] = ()


def plain(text: str, settled: Settled | None = None) -> Plain:
    """A user's message. The same for the same text, whatever stands around it.

    `settled` is kept through several rounds on one text; it only saves time.
    """
    found = prose.find(text)
    if found.reason:
        return Plain(text, (found.reason,))
    editor = Editor(text, found, set() if settled is None else settled)
    parts: list[str] = []
    place = 0
    for start, end in found.paragraphs:
        parts += [text[place:start], editor.paragraph(start, end)]
        place = end
    shorter = "".join([*parts, text[place:]]).strip("\n")
    if len(shorter.split()) < LEAST_LEFT:
        return Plain(text, ("nothing_left",))
    return Plain(shorter, tuple(dict.fromkeys(f"linter:{violation}" for violation in editor.violated)))
