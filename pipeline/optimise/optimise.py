"""A prompt with fewer tokens: the tiers applied to the segments of a request.

What becomes of a message depends on itself and on what stands before it, never on what comes after or on being the last.
So the beginning of a conversation is sent in the same bytes at every turn, and the provider's prefix cache keeps working.
The words of the model itself are sent back as they are: it would copy the form in which it sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from pipeline.optimise import linter, schemas, subject
from pipeline.optimise.editor import Settled
from pipeline.optimise.ledger import Entry, Ledger
from pipeline.optimise.lossless import lossless, tidied
from pipeline.optimise.plain import plain
from pipeline.optimise.protected import Span
from pipeline.optimise.repeats import Seen
from pipeline.optimise.results import Count, Extract, Optimised, Tier, Tiers
from pipeline.optimise.segments import TOOL, Name, Segment, retrieved, segments, with_text

MOST_ROUNDS = 4
LONGEST = 200_000  # characters of a segment; a longer one is sent as it is
MOST = 400_000  # characters of all segments; what comes after them is sent as it is
LEAST_EXTRACTED = 1_000  # tokens of a retrieved text, from which extraction is worth its risk
_EDITORS = re.compile(
    r"edit|patch|str_?replace|(?:write|create|update|modify|replace|insert)\w*(?:file|code|text|content)|(?:file|code)\w*(?:write|update|replace)",
    re.IGNORECASE,
)


def optimise(body: Mapping[str, Any], tiers: Tiers, count: Count, extract: Extract | None = None) -> Optimised:
    """The body of a chat completion with fewer tokens. The input is not changed; what does not change is shared with it.

    `count` counts the tokens of a text in the model's vocabulary, always the same for the same text. `extract` is T2: it
    gets a retrieved text and the question it serves.
    """
    if not tiers.any:
        return Optimised(body)
    walk = _Walk(body, tiers, count, extract)
    changes = {**walk.tools(), **walk.messages()}
    ledger = walk.ledger
    return Optimised({**body, **changes} if changes else body, ledger.before, ledger.after, ledger.saved, tuple(ledger.notes))


class _Walk:
    """One pass over a request, from its first segment to its last."""

    def __init__(self, body: Mapping[str, Any], tiers: Tiers, count: Count, extract: Extract | None) -> None:
        self.ledger = Ledger(count)
        self._body = body
        self._tiers = tiers
        self._extract = extract if tiers.extractive else None
        self._seen = Seen()
        self._left = MOST
        self._question = ""  # what the user asked last, before the segment
        self._edits_files = any(_EDITORS.search(name) for name in _tool_names(body))

    def tools(self) -> dict[str, Any]:
        """The tools, or functions, that change."""
        found: dict[str, Any] = {}
        for key in ("tools", "functions"):
            given = self._body.get(key)
            if isinstance(given, list) and given:
                entry = self.ledger.open(key, Name.STATIC)
                sent = schemas.tools(given) if self._tiers.lossless and self._tiers.static else given
                before, after = _encoded(given), _encoded(sent)
                if after != before and self._tiers.lossless:
                    found[key] = sent  # also where only the order of keys changes, and no token is saved
                    entry.accepted(Tier.TOOLS, before, after)
                entry.close(before, after)
        return found

    def messages(self) -> dict[str, Any]:
        """The messages, if any of them changes."""
        given = self._body.get("messages") or ()
        sent = list(given)
        for segment in segments(self._body):
            after = self._segment(segment)
            if after != segment.text:
                sent[segment.place] = with_text(sent[segment.place], segment.part, after)
        return {"messages": sent} if any(one is not other for one, other in zip(given, sent, strict=True)) else {}

    def _segment(self, segment: Segment) -> str:
        entry = self.ledger.open(segment.where, segment.name)
        self._left -= len(segment.text)
        if len(segment.text) > LONGEST or self._left < 0:
            entry.why("too_long")
            after = segment.text
        elif segment.name is Name.STATIC:
            after = self._static(segment, entry)
        elif segment.role == "user":
            after = self._user(segment.text, entry)
        elif segment.role in TOOL:
            after = self._tool(segment.text, entry)
        else:
            entry.why("own_words")
            after = segment.text
        self._seen.note(after)
        return entry.close(segment.text, after)

    def _static(self, segment: Segment, entry: Entry) -> str:
        if not (self._tiers.lossless and self._tiers.static) or segment.is_example:
            entry.why("static")
            return segment.text
        return entry.accepted(Tier.LOSSLESS, segment.text, tidied(segment.text))

    def _user(self, text: str, entry: Entry) -> str:
        once = partial(self._once, settled=Settled(), entry=entry)
        found = self._settled(text, once, entry)
        spans = retrieved(found)
        self._question = _without(found, spans) or self._question
        sent = self._retrieved(found, spans, entry)
        return sent if sent == found else self._settled(sent, once, entry)

    def _settled(self, text: str, once: Callable[[str], str], entry: Entry) -> str:
        """The text shortened until nothing changes any more, so that what was optimised once stays as it is."""
        found = text
        for _ in range(MOST_ROUNDS):
            shorter = once(found)
            if shorter == found:
                return found
            found = shorter
        entry.undo("unsettled")
        return text

    def _once(self, text: str, settled: Settled, entry: Entry) -> str:
        """One round of T0 and T1 over the text of a user."""
        if self._tiers.lossless:
            if self._edits_files:
                entry.why("edits_files")
            else:
                text = entry.accepted(Tier.LOSSLESS, text, lossless(text))
        if self._tiers.plain:
            found = plain(text, settled)
            entry.why(*found.reasons)
            text = entry.accepted(Tier.PLAIN, text, found.text)
        return text

    def _tool(self, text: str, entry: Entry) -> str:
        if self._edits_files:
            entry.why("edits_files")  # the model will quote it in an edit, to the byte
            return text
        once = partial(self._compacted, entry=entry)
        found = self._settled(text, once, entry)
        sent = self._retrieved(found, [(0, len(found))], entry)
        return sent if sent == found else self._settled(sent, once, entry)

    def _compacted(self, text: str, entry: Entry) -> str:
        if not self._tiers.lossless:
            return text
        return entry.accepted(Tier.LOSSLESS, text, lossless(text, self._question))

    def _retrieved(self, text: str, spans: Sequence[Span], entry: Entry) -> str:
        """The text with its retrieved parts extracted, and without those that were sent before."""
        parts = _parts(text, spans)
        if self._extract is not None:
            shorter = [self._extracted(part, entry) if place % 2 else part for place, part in enumerate(parts)]
            if entry.accepted(Tier.EXTRACTIVE, text, "".join(shorter)) != text:
                text, parts = "".join(shorter), shorter
        if self._tiers.lossless and spans and not subject.repeats(self._question):
            shorter = [self._seen.referred(part) if place % 2 else part for place, part in enumerate(parts)]
            text = entry.accepted(Tier.REPEATS, text, "".join(shorter))
        return text

    def _extracted(self, text: str, entry: Entry) -> str:
        assert self._extract is not None
        reason = "data" if text.lstrip()[:1] in ("{", "[", "<") else "too_short"
        if reason == "data" or self.ledger.tokens(text) < LEAST_EXTRACTED:
            entry.why(reason)
            return text
        found = self._extract(text, self._question)
        violations = linter.added(text, found)
        entry.why(*(f"linter:{violation}" for violation in violations))
        return text if violations else found


def _parts(text: str, spans: Sequence[Span]) -> list[str]:
    """What stands before, in and between the spans, by turns."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def _tool_names(body: Mapping[str, Any]) -> Iterator[str]:
    for tool in [*(body.get("tools") or ()), *(body.get("functions") or ())]:
        if isinstance(tool, dict):
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else tool.get("name")
            yield name if isinstance(name, str) else ""


def _without(text: str, spans: Sequence[Span]) -> str:
    return "\n".join(_parts(text, spans)[::2]).strip()


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()
