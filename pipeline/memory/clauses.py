"""Sentences and clauses of what a user says, as far as the phrases of memory need them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pipeline.memory.openings import is_standing, opened
from pipeline.memory.own import HOLE

MOST_SENTENCES = 60
MOST_WORDS = 60  # of a sentence; nobody tells a fact in more

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=\S)|\n+|" + HOLE)
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|dr|mr|mrs|ms|st|prof|inc|ltd|co|vs|etc|approx|no)|\b[A-Z])\.$", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
# With these words a clause begins that says something of its own.
_STARTS = (
    r"(?:i|i'm|i've|i'd|we|we're|we've|my|our|im|let's|please|pls|use|call|address|always|never|keep|answer|reply|respond|"
    r"give|make|show|write|it's|it is|it has|these days|nowadays|now|from now on|(?:he|she|they|it|his|her|its|their)(?:'s| "
    r"is| are| was)?|not|there are|the \w+ (?:is|has|are)|you can|feel free|no more|forget|the deadline|remember)\b"
)
_ASKS = r"(?:who|which|where|what|how|when|can you|could you|do you)\b"
# With these, a clause goes on that has no subject of its own.
_GOES_ON = (
    r"(?:live|living|work|working|use|using|drive|study|joined|moved|prefer|like|love|hate|speak|own|have|switched|eat|became|"
    r"go to|go by|started|start|code|program|relocated|run|play|fly|commute|took up|bought|installed|got|settled|enrolled|am|"
    r"adopted|chose|picked|write)\b"
)
_JOINED = r"(?:and|but|so|because|since|though|although|while|also|plus|then)"
_NO_NOUN = r"(?<!been)(?<!'m)(?<!\bam)(?<!'re)(?<!\bare)(?<!ly)(?<!\bnow)(?<!still)"
_BREAK = re.compile(
    rf"(?P<being>{_NO_NOUN}\s+(?=(?:living|based) in\b))|(?P<same>,?\s+(?:and|but)\s+(?:now\s+)?(?={_GOES_ON}))"
    rf"|\s*[;—–]\s*|\s+-{{1,2}}\s+|:\s+|,?\s+{_JOINED}\s+(?={_STARTS})|,\s+(?=(?:{_STARTS}|{_ASKS}))",
    re.IGNORECASE,
)
_BEING = re.compile(r"(?:i'm|i am|im|we're|we are)\b", re.IGNORECASE)
_OF_ONESELF = re.compile(r"(?:i|i'm|i've|we|we're|we've|my|our|im)\b", re.IGNORECASE)
_SPEAKER = re.compile(r"(?:i|we)\b", re.IGNORECASE)
_HEADED = re.compile(r"^(?P<head>(?:my|our) [a-z]+(?: [a-z]+)?): ", re.IGNORECASE)  # "Our deadline: Friday"
_ASKING = re.compile(
    r"(?:what|who|whom|whose|where|when|which|why|how|is|are|am|was|were|do|does|did|can|could|should|shall|will|would|has|have|"
    r"may|might|isn't|aren't|don't you|doesn't|didn't|can't|couldn't|won't|wouldn't|any)\b",
    re.IGNORECASE,
)


class Clause(msgspec.Struct, frozen=True):
    """A piece of a sentence. `rest` is the text behind openings such as 'by the way'; `asked`: it belongs to a question."""

    text: str
    rest: str
    asked: bool = False
    remember: bool = False  # the user asks for it to be remembered
    standing: bool = False  # it is said to hold from now on


def sentences(text: str) -> Iterator[str]:
    """Sentences with their final mark, white space made plain. What is too long to be one is left out."""
    found = 0
    pending = ""
    for piece in _END.split(text):
        sentence = _SPACES.sub(" ", f"{pending} {piece}").strip()
        if _ABBREVIATED.search(sentence) and len(sentence) < 200:
            pending = sentence
            continue
        pending = ""
        if sentence and len(sentence.split()) <= MOST_WORDS:
            yield sentence
            found += 1
            if found == MOST_SENTENCES:
                return
    if pending:
        yield pending


def clauses(sentence: str) -> list[Clause]:
    """The clauses of a sentence. In 'I live in Oslo, what can I do there?' the first is no question, the second is."""
    question = sentence.rstrip("\"') ").endswith("?")
    standing = is_standing(sentence)
    found: list[Clause] = []
    remember = False
    for piece, link in _pieces(_HEADED.sub(r"\g<head> is ", sentence)):
        text = piece.strip(' ,.!?"')
        if not text:
            continue
        rest, told = opened(text)
        if link and found:
            rest = _with_subject(rest, found[-1], link)
        remember = remember or told
        asked = question and not remember and (bool(_ASKING.match(rest)) or _goes_on_asking(rest, found))
        found.append(Clause(text, rest, asked, remember, standing))
    if question and not remember and not any(clause.asked for clause in found):
        return [msgspec.structs.replace(clause, asked=True) for clause in found]  # "I live in Oslo, right?"
    return found


def _pieces(sentence: str) -> Iterator[tuple[str, str]]:
    """The pieces of a sentence, with how one leans on that before it.

    'same': it has its subject, as in 'I left Rome and live in Oslo'. 'being': as in 'I'm a nurse living in Oslo'.
    """
    start, link = 0, ""
    for found in _BREAK.finditer(sentence):
        yield sentence[start : found.start()], link
        start, link = found.end(), found.lastgroup or ""
    yield sentence[start:], link


def _goes_on_asking(rest: str, before: list[Clause]) -> bool:
    """'What can I watch and never get tired of?': the question goes on, unless somebody says something of himself."""
    return bool(before) and before[-1].asked and not _OF_ONESELF.match(rest)


def _with_subject(rest: str, before: Clause, link: str) -> str:
    if link == "being":
        return f"I am {rest}" if _BEING.match(before.rest) else rest
    speaker = _SPEAKER.match(before.rest)
    return f"{speaker.group()} {rest}" if speaker and " to " not in before.rest else rest
