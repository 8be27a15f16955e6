"""What a question asks of a long text: which words to look for, and how much of the text it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from pipeline.cache.guards.words import several
from pipeline.optimise.rank_words import stem, terms

Breadth = Literal["everything", "overview", "detail"]
EVERYTHING: Breadth = "everything"  # the whole text is to be worked on, or nothing tells what of it
OVERVIEW: Breadth = "overview"  # all that was said about something
DETAIL: Breadth = "detail"  # something that stands somewhere

READ = 4_000  # characters of a question; of a longer one the last ones, for there people ask

# Words about asking and about texts: they say what is wanted, not what it is about.
_ASKING = frozenset(
    map(
        stem,
        several(
            "summarize summarise summary overview outline recap main key major important point discuss discussion talk mention "
            "say said state statement explain explanation describe description opinion view viewpoint perspective thought think "
            "believe conclude conclusion decide decision suggest suggestion recommend recommendation propose proposal present "
            "presentation argue argument answer question ask detail information content topic subject meeting group team people "
            "participant member speaker conversation transcript document text article passage paper report chapter paragraph "
            "section source context page file email thread following above below according based provide give list entire "
            "whole full brief short"
        ),
    )
)
_WHOLE = re.compile(
    r"^\W*(?:(?:please|now|can you|could you|i want you to)\W+)*"
    r"(?:translate|rewrite|rephrase|paraphrase|proofread|reformat|convert|clean up|continue|classify|anonymi[sz]e|redact|"
    r"how (?:often|many times)|count (?:the|all|how))\b"
    r"|\b(?:the|this|that|my|these|following|entire|whole|full) (?:\w+ )?"
    r"(?:text|document|article|paper|report|transcript|conversation|email|e-mail|code|file|story|book)"
    r" (?:in|into|to) (?:\w+ ){0,3}\w+\W*$",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    r"\b(?:summari[sz]\w*|summary|summaries|overview|outline|recap|main points|key points|highlights|minutes|takeaways|"
    r"discuss\w*|talk(?:ed|s|ing)?|everything|all (?:the|of)|compare|list)\b"
    r"|\bwhat (?:was|were|is|has been|have been) (?:\w+ )?(?:said|mentioned|talked)\b"
    r"|zusammenfass|fasse? .{0,40}zusammen|r[ée]sum|riassu|samenvat|sammanfatta|podsumuj|резюм|кратк|özetle"
    r"|要約|まとめ|总结|總結|概述|摘要|요약|لخص|सारांश",
    re.IGNORECASE,
)
# "What did she say of prices when discussing the budget" is about the budget, but asks for one thing in it.
_ASIDE = re.compile(r"\b(?:when|while|during|in the (?:discussion|conversation|context) of|as (?:a )?part of)\b", re.IGNORECASE)


class Asked(msgspec.Struct, frozen=True):
    """`terms` are what to look for, in the order of the question, `text` is the same for an embedder."""

    terms: tuple[str, ...]
    text: str
    breadth: Breadth


def read(question: str, speakers: Iterable[str] = ()) -> Asked:
    """A reading of a question about a text with these speakers, whose names stand all over it and so find nothing."""
    question = question[-READ:]
    words = [(word, found) for word in re.findall(r"[^\s,;:!?()\"]+", question) if (found := terms(word))]
    named = _named(question, speakers)
    about = [pair for pair in words if not _ASKING.issuperset(pair[1])]
    chosen = [pair for pair in about if not named.issuperset(pair[1])] or about
    if not chosen or _WHOLE.search(question):
        return Asked((), "", EVERYTHING)
    broad = _OVERVIEW.search(_ASIDE.split(question)[0])
    # Read together, for what is spelt out takes several words.
    return Asked(
        tuple(terms(" ".join(word for word, _ in chosen))), " ".join(w for w, _ in chosen), OVERVIEW if broad else DETAIL
    )


def _named(question: str, speakers: Iterable[str]) -> frozenset[str]:
    """The terms of the speakers whom the question names in full."""
    asked = f" {' '.join(terms(question))} "
    names = (terms(speaker) for speaker in speakers)
    return frozenset(term for name in names if name and f" {' '.join(name)} " in asked for term in name)
