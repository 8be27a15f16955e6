"""'Why?', 'for how long?', 'which one is faster?': a question word that leans on the whole question before."""

from __future__ import annotations

import re

_AUX = r"(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|may|must)"
_YES_NO = re.compile(rf"^{_AUX}\s", re.IGNORECASE)
_YES = re.compile(r"^\W*yes\b", re.IGNORECASE)
_NO = re.compile(r"^\W*no\b", re.IGNORECASE)
_WORDS = re.compile(
    r"^(?:why|how|when|where|since when|for how long|how long|how often|until when|with whom|for what)$", re.IGNORECASE
)
_CLAUSAL = re.compile(r"\b(?:because|if|when|why|or)\b", re.IGNORECASE)
_SWAPPED = re.compile(rf"^(?:when|where) (?P<rest>(?:{_AUX}) .+)$", re.IGNORECASE)
_NEGATED = {
    **{aux: f"{aux}n't" for aux in ("is", "are", "was", "were", "do", "does", "did", "could", "should", "would", "has", "have")},
    "can": "can't",
    "will": "won't",
}
_PAIR = re.compile(
    r"^(?:what(?:'s| is| are)(?: the)? (?:main |key |biggest )?differences? between|compare) (?P<a>[\w' -]{1,40}?) (?:and|"
    r"with|to|vs) (?P<b>[\w' -]{1,40}?)[?.!]*$",
    re.IGNORECASE,
)
_WHICH = re.compile(
    r"^which (?:one |of (?:them|the two|these) )?(?:is|are|was|has|does|should|do|would)\b(?: (?:\w+ ){0,2}?)(?:\w+er|more "
    r"[\w-]+|less [\w-]+|better|worse|first|cheaper)$",
    re.IGNORECASE,
)


def question_word(base: str, text: str, answer: str) -> str | None:
    """'For how long?' after 'Can I freeze rice?' and a yes; 'where?' after 'When was Mozart born?'"""
    word = text.strip().lower()
    if word == "why not" and _YES_NO.match(base) and _NO.match(answer) and not _CLAUSAL.search(base):
        aux, _, rest = base.partition(" ")
        return f"Why {_NEGATED[aux.lower()]} {rest}" if aux.lower() in _NEGATED else None
    if not _WORDS.match(word):
        return None
    if _YES_NO.match(base):
        if not _YES.match(answer) or _CLAUSAL.search(base):
            return None
        return f"{word[0].upper()}{word[1:]} {base[0].lower()}{base[1:]}"
    swapped = _SWAPPED.match(base)
    if swapped and word in ("when", "where"):
        return f"{word.capitalize()} {swapped['rest']}"
    return None


def which_of_two(base: str, text: str) -> str | None:
    """'Which one is faster?' after 'What is the difference between TCP and UDP?'"""
    pair = _PAIR.match(base)
    if not pair or not _WHICH.match(text):
        return None
    return f"{text[0].upper()}{text[1:]}, {pair['a']} or {pair['b']}?"
