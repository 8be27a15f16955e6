"""What the writer would like to know or to have, put as a request: "I would like to know why" asks to be told why."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.optimise.capitals import begin
from pipeline.optimise.clauses import begins, replaced
from pipeline.optimise.courteous import is_courteous
from pipeline.optimise.english import lowered
from pipeline.optimise.requests import without_to
from pipeline.optimise.verbs import VERBS, base_of_gerund

_ADVERB = (
    r"(?:really|truly|very much|very|just|also|greatly|absolutely|kindly|simply|currently|quite|so|most|please|especially"
    r"|particularly)"
)
_SOFTLY = rf"(?: {_ADVERB})*"
_WOULD = r"(?:i|we)(?:'d| would)"
_AM = r"(?:i|we)(?:'m|'re| am| are| was| were| have been)"
_WISH = (
    rf"(?:{_WOULD}{_SOFTLY} (?:like|love|want|wish|need|prefer)|(?:i|we){_SOFTLY} (?:want|wish|need)){_SOFTLY} to{_SOFTLY}"
    r"(?: be able to)?"
)
_GLAD = r"(?:interested|happy|glad|keen|eager|curious|delighted|pleased|thrilled|excited|grateful|thankful|appreciative|obliged)"
_IDEA = r"(?:get|gain|have) an? (?:better |good |deeper |clearer )?(?:understanding|idea|sense) of"
_TO_KNOW = rf"(?:know|find out|hear|understand|learn|see|get to know|{_IDEA})"
_WH = r"(?=(?:what|why|how|when|where|who|which|whether)\b)"
_KNOW = re.compile(
    rf"\b(?:(?:{_WISH}|{_WOULD} be{_SOFTLY} {_GLAD} to|{_AM}{_SOFTLY} (?:{_GLAD}|hoping|looking) to) (?P<verb>{_TO_KNOW})"
    rf"|(?:{_WOULD} be|{_AM}){_SOFTLY} interested in (?P<ing>knowing|hearing|finding out|learning|understanding)"
    rf"|{_AM}{_SOFTLY} (?:wondering|curious)(?: about| as to)?)"
    rf"(?: from you)?(?P<more> more)?(?: exactly)?"
    rf" (?:{_WH}|(?P<about>about )|(?=the (?:difference|reason|best|main|meaning|cause)s?\b))"
)
_INFORMATION = (
    r"(?:lists?|explanations?|examples?|descriptions?|summar(?:y|ies)|overviews?|advice|tips?|ideas?|suggestions?"
    r"|recommendations?"
    r"|information|instructions?|templates?|outlines?|drafts?|definitions?|comparisons?|analys[ie]s|breakdowns?|rundown|options"
    r"|pointers?|feedback|opinion|estimates?|thoughts|views?|take|perspective|assessment|insights?|guidance|answers?"
    r"|code samples?"
    r"|details)"
)
_TO_GET = r"(?:get|have|receive|obtain|hear|see|request|be given|ask(?: you)? for)"
_HAVE = (
    rf"\b(?:{_WISH} {_TO_GET}|{_WOULD}{_SOFTLY} (?:like|love|appreciate|value|welcome|need|want)"
    rf"|(?:i|we){_SOFTLY} (?:need|want|could use)|{_AM}{_SOFTLY} (?:looking for|in need of|hoping for"
    rf"|hoping to {_TO_GET}|after)"
    rf"|{_WOULD} be{_SOFTLY} {_GLAD} (?:for|about|of|in|to {_TO_GET})|(?:could|can|may|might) (?:i|we){_SOFTLY} {_TO_GET}"
    rf"|(?:would|is|might) it be{_SOFTLY} possible(?: for (?:me|us))? to {_TO_GET}"
    rf"|what (?:i|we)(?: [a-z']+){{1,5}} (?:is|would be))(?: from you)?"
)
_INFO = re.compile(rf"{_HAVE}{_SOFTLY} (?=(?:an?|some|your|the|any|further)(?: [a-z-]+){{0,2}} {_INFORMATION}\b)")
_HELP = re.compile(
    rf"(?:{_HAVE}|\b{_WISH} (?:seek|enlist)|\b{_AM} hoping to enlist){_SOFTLY}"
    r"(?: (?:your|some|a little(?: bit of)?|a bit of|any|further))* (?:help|assistance|support|aid)(?: from you)?"
    r" (?:(?:in|with) (?P<ing>[a-z]+ing)|(?P<with>with|in)|to(?= [a-z]+\b)) (?!this\b|that\b|it\b|something\b"
    r"|the following\b|my question\b)"
)
_CLEFT = re.compile(
    r"(?:what|the thing(?: that)?|all(?: that)?) (?:i|we)(?:'d| would)?(?: really)? (?:like|want|need|love|expect|am asking)"
    r"(?: from you)?(?: for)?(?: you)?(?: to do)?(?: now)? is (?:for you )?to (?=(?P<verb>[a-z]+)\b)"
)
# The wish is part of a story, and nobody is asked to fulfil it.
_NARRATES = re.compile(r"\b(?:so|and|but|because|since) (?:i|we|my|he|she|they)\b|[,;] so\b")
# Some word of these stands in whatever a rule changes.
DONE = several("what thing all")
KNOWN = several("know hear understand learn see find understanding idea sense knowing hearing finding learning wondering curious")
GIVEN = several(
    "list lists explanation explanations example examples description descriptions summary summaries overview overviews "
    "advice tip tips idea "
    "ideas suggestion suggestions recommendation recommendations information instruction instructions template "
    "templates outline outlines "
    "draft drafts definition definitions comparison comparisons analysis analyses breakdown breakdowns rundown options "
    "pointer pointers "
    "feedback opinion estimate estimates thoughts view views take perspective assessment insight insights guidance "
    "answer answers code details"
)
HELPED = several("help assistance support aid")


def done(sentence: str) -> str:
    """ "What I would like you to do is to explain X"."""
    found = _CLEFT.match(lowered(sentence))
    if found is None or found["verb"] not in VERBS:
        return sentence
    return begin("", sentence, without_to(sentence[found.end() :]), is_word=True)


def known(sentence: str) -> str:
    """ "I would like to know how X works" as a request to be told."""
    found = _KNOW.search(lowered(sentence))
    if found is None or not _is_wish(sentence, found) or (found["more"] and not found["about"]):
        return sentence
    verb = found["verb"] or found["ing"] or ""
    if found["about"]:
        asked = f"Tell me {'more ' if found['more'] else ''}about "
    else:
        asked = "Explain " if verb.startswith("underst") or verb.endswith(" of") else "Tell me "
    return replaced(sentence, found.start(), found.end(), asked)


def given(sentence: str) -> str:
    """ "I would appreciate some advice on X" as a request to be given it."""
    found = _INFO.search(lowered(sentence))
    return replaced(sentence, found.start(), found.end(), "Give me ") if found and _is_wish(sentence, found) else sentence


def helped(sentence: str) -> str:
    """ "I need some help with writing X" as a request for help."""
    found = _HELP.search(lowered(sentence))
    if found is None or not begins(sentence, found.start()):
        return sentence
    verb = base_of_gerund(found["ing"]) if found["ing"] else ""
    if verb is None:
        return sentence
    asked = f"Help me {verb} " if verb else "Help me with " if found["with"] else "Help me "
    return replaced(sentence, found.start(), found.end(), asked)


def _is_wish(sentence: str, found: re.Match[str]) -> bool:
    """Whether a clause begins here, says what is wished, and does not go on with a story."""
    rest = lowered(sentence[found.end() :])
    return begins(sentence, found.start()) and not is_courteous(rest) and not _NARRATES.search(rest)
