"""Sentences and clauses that only greet, thank, apologise, or say that a question is coming."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.optimise.capitals import begin
from pipeline.optimise.courteous import courteous_from, is_courteous
from pipeline.optimise.english import lowered
from pipeline.optimise.phrases import ASKS, BESIDES, THANKING, THANKS

# Some word of these stands in thanks and greetings, and in what asks for help.
OF_THANKS = several(
    "thank thanks thankful thanking thx ty cheers grateful gratitude appreciate appreciated appreciates appreciation "
    "appreciative obliged "
    "indebted debt owe regards wishes greetings hello hi hey hiya howdy sorry apologize apologise apologies apologizing "
    "apology pardon "
    "excuse forgive look looking mean means meaning dear good best take have having wish wishing hope enjoy express"
)
OF_ASKING = several(
    "help helped helping helpful helps assist assisting assistance support question questions query ask asking asked "
    "favor favour hand "
    "advice guidance input insight insights thought thoughts opinion view views perspective suggestion suggestions tip "
    "tips pointer "
    "pointers recommendation recommendations idea ideas information feedback expertise brain brains request requests "
    "requesting if that"
)
FEW = 3  # words that a clause has to have, to be judged by them
_REQUEST = re.compile(r"\W*(?:please\W+)?(?:could|can|would|will|might|may)\s+(?:you|i|we|it)\b")
_JOINTS = frozenset(",;:.–—-")
_SUBJECT = (
    r"(?:i|i'm|i've|i'd|we|we're|we've|my|our|the|this|that|there|it|it's|he|she|they|a|an|one|some|what|how|why|when"
    r"|where|which|who"
    r"|is|are|do|does|could|can|would|please|if)\b"
)
_HEAD = re.compile(rf"(?:[,;:.–—-]+ (?:and |but |so |now )?|[,;] however, )(?={_SUBJECT})")
_TAIL = re.compile(
    r"[,;–—-]+ (?:and |but |so )?(?=(?:i|i'd|i'm|we|we'd|it|that|this|thank|thanks|any|many|please|have|hope)\b)"
    r"|,? (?:that|which|with which|for which) (?=(?:i|we)(?: was| am| were| are|'m|'d| would| really)* (?:hop|wonder"
    r"|lik|ask|look|need))"
    r"|, which (?=would)"
)
_DEPENDS = re.compile(r"\W*(?:if|when|since|as|because|although|while|before|after|once|in case|whether)\b")
_OWN = re.compile(r"\b(?:i|we|me|us|please|thank\w*)\b|\A\W*(?:help|any)\b")


def thanks(low: str) -> bool:
    """A sentence in lower case only greets, thanks, wishes or apologises."""
    if "?" in low:
        return False
    return _is_thanks(low) or (THANKS.search(low) is not None and is_courteous(low))


def announces(low: str) -> bool:
    """A sentence in lower case only says that help is wanted, or a question is coming."""
    if ASKS.search(low) is None or not is_courteous(low) or ("?" in low and not _REQUEST.match(low)):
        return False
    return _OWN.search(low) is not None


def without_head(sentence: str, asks: bool = False) -> str:
    """The sentence without a clause of thanks at its beginning; or one that asks for help, if another sentence `asks`."""
    low = lowered(sentence)
    if _JOINTS.isdisjoint(low):
        return sentence
    for joint in _HEAD.finditer(low):
        head = low[: joint.start()]
        if not is_courteous(head):
            return sentence
        if _says_nothing(head, asks) and not _DEPENDS.match(head):
            return begin("", sentence, sentence[joint.end() :])
    return sentence


def without_tail(sentence: str, asks: bool = False) -> str:
    """The sentence without such a clause at its end."""
    body = lowered(sentence).rstrip().rstrip(".!?")
    end = sentence[len(body) :]
    if "?" in end or _DEPENDS.match(body):
        return sentence
    start = None
    for joint in _TAIL.finditer(body):
        if len(body[: joint.start()].split()) < FEW:
            continue
        tail = body[joint.end() :]
        start = courteous_from(body, len(body)) if start is None else start
        if _is_thanks(tail) or (joint.end() >= start and _says_nothing(tail, asks)):
            return sentence[: joint.start()] + end
    return sentence


def _is_thanks(low: str) -> bool:
    """Whether a clause begins as thanks do, and asks for nothing besides."""
    opening = THANKING.match(low)
    return opening is not None and not BESIDES.search(low, opening.end())


def _says_nothing(low: str, asks: bool) -> bool:
    return len(low.split()) >= FEW and bool(THANKS.search(low) or (asks and ASKS.search(low)))
