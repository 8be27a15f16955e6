"""What stands before a statement and says nothing of it: greetings, 'by the way', 'since the wedding', 'please remember that'."""

from __future__ import annotations

import re

MOST = 6  # openings before a statement

_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*"
_SPANS = rf"(?:week|month|year|season|term|semester|{_MONTHS}|spring|summer|autumn|fall|winter)"
_SPEAKER = r"(?:i|i'm|i've|i'd|we|we're|we've|my|our|please)"
_GREETING = r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|nice to meet you)(?: there| all| again)?"
_WORDS = (
    r"ok|okay|well|so|oh|ah|um|uh|and|but|also|plus|yes|yeah|no|nope|wait|hmm|right|sorry|oops|actually|anyway|finally|please|"
    r"pls|kindly|just|simply|really|news|typo|background|context"
)
_REMARK = (
    r"by the way|btw|fyi|first(?: of all| off)?|one more thing|another thing|for (?:your information|context|the record|"
    r"reference|background)|just so you know|(?:just )?to let you know|to be clear|to clarify|(?:in case|if) it (?:helps|"
    r"matters)|as (?:i said|i mentioned|mentioned|you know)|like i said|some (?:context|background)|scratch that|my mistake|"
    r"my bad|on second thought|if i (?:had to|could) (?:choose|pick)(?: one)?|i(?:'ve| have)? changed my mind|in general|note "
    r"that|be aware that|you (?:should|must|may) know(?: that)?|(?:quick|small|little|short|one|an?)? ?(?:update|note|"
    r"correction|heads[- ]up|reminder|change|thing)(?: before we (?:start|begin))?"
)
_TIME = (
    rf"(?:since|after|as of|starting|beginning|thanks to|because of) (?:[\w']+ ){{1,4}}?(?={_SPEAKER}\b)|"
    rf"as of (?:today|now|this \w+|last \w+)|from (?:now|today|here) on(?:wards?)?|going forward|in (?:the )?future|"
    rf"from this point on|these days|nowadays|today|currently|right now|at the moment|for now|now|recently|since (?:last )?\w+|"
    rf"(?:last|this) {_SPANS}"
)
_SAYING = (
    r"(?:i )?(?:just |also )*(?:want(?:ed)?|wish|thought|need|meant|would like|should like|i'd like) (?:to )?"
    r"(?:let you know|tell you|mention|say|add|point out|you to know|i'd mention|i should mention)(?: that)?|"
    r"(?:i should|let me|i'd like to|i would like to) (?:introduce myself|mention|say|add)(?: that)?|"
    r"i (?:think|guess|believe|reckon|would say)(?: that)?"
)
_PLACE = (
    r"in my (?:spare|free) time|for flights|for work|at work|at home|in your (?:answers?|replies|responses?)|"
    r"when(?:ever)? (?:you )?(?:answer|reply|respond|write|explain)(?:ing)?(?: (?:me|to me|my questions|questions))?"
)
_OPENING = re.compile(
    rf"(?:{_GREETING}|{_REMARK}|{_SAYING}|{_TIME}|{_PLACE}|{_WORDS})(?:(?=[\s,:;.!-]|$)|(?<=\s))[\s,:;.!-]*", re.IGNORECASE
)
_REMEMBER = re.compile(
    r"(?:(?:please|pls|also|just|and|can you|could you|would you|i want you to|i'd like you to|you should|i need you to)[\s,]+)*"
    r"(?:remember|keep in mind|bear in mind|don't forget|do not forget|make a note|memori[sz]e)"
    r"(?: (?:this|the following|for (?:later|next time|the future)))?(?: that)?(?=[\s,:]|$)[\s,:]*",
    re.IGNORECASE,
)
_STANDING = re.compile(
    r"\b(?:always|never|from (?:now|today|here) on(?:wards?)?|going forward|in (?:the )?future|every time|each time|by default|"
    r"from this point on|for all (?:further|future|my|your|the)|all (?:your|my|further|future)|whenever|any ?more|no more|"
    r"stop|switch(?:ed)?|changed my mind|on second thought|actually|now|instead)\b",
    re.IGNORECASE,
)


def opened(text: str) -> tuple[str, bool]:
    """The text behind its openings, and whether one of them asks for it to be remembered."""
    remember = False
    for _ in range(MOST):
        told = _REMEMBER.match(text)
        opening = told or _OPENING.match(text)
        if opening is None:
            break
        remember = remember or told is not None
        text = text[opening.end() :]
    return text, remember


def is_standing(sentence: str) -> bool:
    """Whether a wish is said to hold from now on."""
    return bool(_STANDING.search(sentence))
