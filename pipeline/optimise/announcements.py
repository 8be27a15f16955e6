"""Words that only announce a statement: "please note that X" says X."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.optimise.clauses import begins, replaced
from pipeline.optimise.english import lowered

TRIGGERS = several(
    "note aware advised informed mindful mind remember consideration account mention point add say state stress "
    "emphasize emphasise "
    "highlight underline clarify clear know tell inform remark admit confess noting mentioning noted mentioned pointed "
    "pointing said "
    "stressed emphasized emphasised remembering remembered added asking question thing truth fact"
)
_NOTE = (
    r"(?:mention|point out|note|add|say|state|stress|emphasi[sz]e|highlight|underline|clarify|make (?:it "
    r"|this )?(?:very )?clear"
    r"|let you know|tell you|inform you|remark|admit|confess)(?: to you)?"
)
_NOTED = (
    r"(?:noting|mentioning|noted|mentioned|pointed out|pointing out|said|stressed|emphasi[sz]ed|remembering|remembered|added)"
)
_ALSO = r"(?: (?:also|just|quickly|really|perhaps|probably|very much))*"
_ORDER = (
    r"(?:please |kindly |do |also )*(?:note|be (?:aware|advised|informed|mindful)|(?:keep|bear) in mind|remember"
    r"|take (?:note|into (?:account|consideration)))"
)
_MINE = (
    rf"(?:i|we)(?:'d| would)?{_ALSO} (?:(?:like|love|want|wish|need|have|ought) to|should|must|might|may){_ALSO} {_NOTE}"
    rf"|let me{_ALSO} {_NOTE}"
)
_VERY = r"(?: (?:also|perhaps|very|really|extremely|quite|of interest))*"
_ADJECTIVE = r"(?: (?:important|worth|crucial|essential|useful|helpful|good|relevant|necessary|vital|key|interesting))?"
_TO_NOTE = r" to (?:note|mention|know|keep in mind|bear in mind|point out|remember|add|be aware|say|stress|emphasi[sz]e)"
_IMPERSONAL = (
    rf"it(?:'s| is|{_ALSO} (?:should|must|might|may|would|could|can){_ALSO} be){_VERY}{_ADJECTIVE}"
    rf"(?: for you)?(?:{_TO_NOTE}| {_NOTED})(?: here)?"
)
_ANNOUNCEMENT = re.compile(rf"\b(?:{_ORDER}|{_MINE}|{_IMPERSONAL})(?: (?:of )?(?:the|this) fact)? that (?=\w)")
_ASKING = (
    r"(?:why |that |for which )?(?:i(?:'m| am) asking(?: you)?(?: this| about this| for this)?|for (?:my question|asking|this))"
)
_REASON = re.compile(rf"\bthe reason {_ASKING} is (?:that|because) (?=\w)")
_THING = re.compile(r"\b(?:the )?(?:thing|truth|fact)(?: of the matter)? is(?:,| that,?) (?=\w)")


def announced(sentence: str) -> str:
    """The sentence without "please note that", "I should mention that" and the like."""
    low = lowered(sentence)
    for pattern in (_ANNOUNCEMENT, _REASON, _THING):
        for found in pattern.finditer(low):
            if begins(sentence, found.start()):
                return replaced(sentence, found.start(), found.end())
    return sentence
