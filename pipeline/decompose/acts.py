"""What a sentence does: it asks, requests, says how to answer, announces questions, is polite, or states something."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from pipeline.cache.guards import courtesy
from pipeline.decompose import words as w
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
# After these the verb comes before the subject, or there is no subject but the word itself.
_HOW = (
    r"how\s+(?:many|much|long|far|old|tall|often|fast|big|deep|high|wide|heavy|large|hot|cold|"
    r"safe|good|bad|well|\w+ly|likely|common|expensive)"
)
_INVERTED = re.compile(
    rf"(?:(?:{w.PREPOSITION})\s+)?(?:"
    rf"{w.WH_SHORT}\s"
    rf"|{w.WH}\s+{w.AUX}\b"
    rf"|(?:what|which|whose|{_HOW})\s+(?!{w.PERSONAL}\b|{w.DETERMINER}\b)(?:[\w'-]+\s+){{0,4}}?{w.AUX}\b"
    rf"|how\s+(?!{w.PERSONAL}\b|{w.DETERMINER}\b)\w+\s+{w.AUX}\b"
    rf"|(?:who|what|which|{_HOW})\s+(?!to\b|{w.PERSONAL}\b|{w.DETERMINER}\b)\w+"
    rf"|{_HOW}\s+people\s+\w+"
    r")",
    _I,
)
POLAR = re.compile(rf"{w.AUX}(?:\s+not)?\s+(?:{w.DETERMINER}|{w.PERSONAL}|[a-z]\w*s|[a-z]\w*(?=\s+\w)|(?-i:[A-Z0-9])\w*)\b", _I)
_SETTING = re.compile(r"(?:when|where|while|whenever)\b", _I)

Act = Literal["question", "request", "shape", "announcement", "courtesy", "statement"]

_AFTERTHOUGHT = re.compile(rf"\s*(?:{w.AFTERTHOUGHT}\b\s*[,:.–—-]*|&|[-–—]\s)\s*", _I)
_SUBJECT = rf"(?:{w.DETERMINER}|{w.PERSONAL}|both|either|one|\w+|[\"“'(\[]\w)"
QUESTION = re.compile(
    rf"(?:(?:{w.PREPOSITION}|than|out of|according to)\s+)?(?:{w.WH}|{w.WH_SHORT})\b(?!\s*(?:ever\b|'?ever\b|an?\b))"
    rf"|(?!am\s+(?!i\b))(?:{w.AUX})(?:\s+not)?\s+{_SUBJECT}",
    _I,
)
REQUEST = re.compile(
    rf"(?:please\s+|kindly\s+|can you\s+|could you\s+|(?:i want|i need|i'd like) you to\s+)*(?P<verb>{w.TELLING})\b(?!\s*[:=])",
    _I,
)
MAKING = re.compile(
    r"(?:please\s+|kindly\s+|(?:can|could|would|will) you (?:please )?|let'?s\s+|(?:i want|i need|"
    rf"i'd like) you to\s+)*(?:{w.MAKING})\b",
    _I,
)
_FRONTED = re.compile(
    r"(?P<front>(?:in|on|for|with|using|according to|as|at|under|within|during|from|since|after|before|between|among|out of|"
    r"of|regarding|about|concerning|given|considering|assuming|based on|if|when|suppose)\b[^,:?]{1,120})[,:]\s+"
    r"(?:please\s*[:,]?\s*)?"
    rf"(?=(?:{w.PREPOSITION}\s+)?(?:{w.WH}|{w.WH_SHORT}|{w.AUX}|please|{w.TELLING})\b)",
    _I,
)
_LENGTH = r"(?:short|brief|concise|simple|succinct|one[- ]word|detailed|long|clear|precise|direct)"
_SHAPE = re.compile(
    r"(?:please\s+)?(?:"
    r"(?:answer|respond|reply)\b(?!\s+(?:the|these|this|following|each of the)\s+\w*\s*(?:questions?|following))"
    r"|(?:use|using)\s+(?!of\b)\w+"
    r"|keep\s+(?:it|them|your|the|each|every|all)?\b"
    r"|be\s+(?:\w+\s+)?(?:short|brief|concise|succinct|precise|specific|detailed|honest|clear)"
    r"|limit\b|no (?:jargon|more than|longer than|explanations?|need)"
    r"|explain\s+(?:\w+\s+){0,3}?(?:like|as if|as though)\b"
    r"|(?:in|with)\s+(?:\w+[\s,]+){0,4}?(?:sentences?|words?|terms|english|language|detail|bullet points|"
    r"paragraphs?|units|please)\b[^?]*$"
    rf"|{_LENGTH}(?:\s+(?:and|but)\s+\w+)?\s+(?:answers?|responses?|explanations?)\b"
    r"|(?:give|write|provide)\s+(?:me\s+)?(?:only\s+)?(?:the|your|all|each|short|brief|concise|"
    r"one[- ]word|detailed)?\s*(?:answers?|responses?)\b"
    r"|(?:do not|don'?t|avoid|only|just)\s+(?:use|give|include|answer|explain|write|the answers?|short)\b"
    r"|for (?:a |an )?(?:complete |total |absolute )?(?:beginners?|kids?|child|children|layman|"
    r"laypers\w+|\d+[- ]year[- ]olds?|five[- ]year[- ]olds?)\b[^?]{0,20}$"
    r")",
    _I,
)
_ANNOUNCES = re.compile(
    r"\b(?:questions?|homework|quiz|trivia|exercises?|assignment|worksheet|study guide|terms|following|things)\b"
    r"|^(?:please |can you |could you )?(?:answer|help)(?: me)?(?: with)?(?: all| each| both)?(?: of)?(?: these|"
    r" the following| this| them)?\W*$",
    _I,
)
_ASKS_FOR_HELP = re.compile(
    r"^(?:please\s+|kindly\s+)?(?:answer|respond|help|i\b|we\b|here\b|can you\b|could you\b|just\b|"
    r"some|a few|(?:two|three|four|five|several|quick|my|few|multiple)\b|questions?\b|tell me\b|"
    r"regarding|about)",
    _I,
)
_COURTESY = re.compile(
    r"\W*(?:(?:hi|hey|hello|greetings|good (?:morning|evening|afternoon|day)|dear \w+|thanks?|"
    r"thank you|many thanks|thx|cheers|please|"
    r"ok(?:ay)?|there|everyone|all|so much|very much|a lot|in advance|for your (?:help|time|answers?)|"
    r"again|chatgpt|assistant|"
    r"i (?:have|got) (?:a |some |two |three |a few )?(?:quick )?questions?|sorry|appreciated?|"
    r"i appreciate it|any help (?:is|would be) appreciated|"
    r"quick questions?|questions?)\W*)+",
    _I,
)
_MOST_OPENINGS = 6  # words like "and", "also", "please" before a question
_MOST_POLITE = 600  # characters of a sentence in which courtesies are looked for
_NUMBERED = re.compile(r"(?:q(?:uestion)?|ques)\s*\d{0,2}\s*[:.)]\s*", _I)


def opened(sentence: Piece) -> Piece:
    """Without what only joins it to the one before: 'And', 'Also,', 'Another question:'; and without courtesies."""
    for _ in range(_MOST_OPENINGS):
        match = _AFTERTHOUGHT.match(sentence.masked) or _NUMBERED.match(sentence.masked)
        if match and match.end() < len(sentence.masked):
            sentence = sentence.cut(match.end())
            continue
        plain = _plain(sentence)
        if plain == sentence:
            break
        sentence = plain
    return sentence


def _plain(sentence: Piece) -> Piece:
    """Without courtesies."""
    if len(sentence.masked) > _MOST_POLITE:
        return sentence
    core = courtesy.bare(sentence.masked).rstrip(" ?.!")
    start = sentence.masked.find(core) if core else -1
    if start < 0:
        return sentence
    end = start + len(core)
    plain = sentence.cut(start, end) if any(map(str.isalpha, sentence.masked[end:])) else sentence.cut(start)
    if REQUEST.match(sentence.masked) and not (REQUEST.match(plain.masked) or QUESTION.match(plain.masked)):
        return sentence  # "tell me the capital of France"
    return plain


def act(sentence: Piece) -> Act:
    """Of a sentence that was opened."""
    text = sentence.masked
    for kind, meets in _KINDS:
        if meets(text):
            return kind
    if len(text) <= 160 and _ANNOUNCES.search(text) and _ASKS_FOR_HELP.match(text):
        return "announcement"
    return "statement"


def _asks(text: str) -> bool:
    if _SETTING.match(text) and not text.endswith("?") and not inverted(text):
        return False  # "When the water is cold, Ray swims a mile."
    return bool(QUESTION.match(text) or _FRONTED.match(text))


_KINDS: tuple[tuple[Act, Callable[[str], object]], ...] = (
    ("courtesy", _COURTESY.fullmatch),
    ("shape", _SHAPE.match),
    ("request", REQUEST.match),
    ("question", _asks),
)


def inverted(text: str) -> bool:
    """Whether a question stands by itself: "what is it", not "what it is"."""
    return bool(_INVERTED.match(text) or POLAR.match(text))


def fronted(sentence: Piece) -> tuple[Piece, Piece]:
    """A phrase before the question, with the question: 'In Python' and 'how do I ...'. An empty phrase when there is none."""
    match = _FRONTED.match(sentence.masked)
    if not match:
        return sentence.cut(0, 0), sentence
    return sentence.group(match, "front"), sentence.cut(match.end())
