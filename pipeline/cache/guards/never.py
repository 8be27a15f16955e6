"""What must never be answered by meaning, whatever the score: the answer depends on when, on whom, or on chance.

What is quoted in a prompt is its material, so it is left out here. A prompt that tells what happened ("I left my bag
yesterday") asks the same on any day; one that asks about a day ("who won yesterday") does not.
"""

from __future__ import annotations

import re

from pipeline.cache.guards.words import PROGRAMMING


def _any(*patterns: str) -> str:
    return "|".join(patterns)


def _alone(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b")


_PLEASE = r"^(?:(?:please|pls|hey|hi|ok|okay|now|can you|could you|would you|i want you to|help me)\b[ ,]*)*"
_SPAN = "(?:week|weekend|month|year|season|morning|evening|night|quarter|decade|century)"
_MARKETS = "(?:stock|share|gold|silver|oil|gas|petrol|diesel|bitcoin|btc|ethereum|eth|crypto|house|home)"
_MONEY = (
    "(?:usd|eur|gbp|jpy|inr|cny|cad|aud|chf|btc|eth|dollars?|euros?|pounds sterling|sterling|rupees?|yen|yuan|pesos?|francs?|"
    "bitcoins?|ethereum)"
)
_OFFICES = (
    "(?:president|prime minister|ceo|king|queen|pope|leader|governor|mayor|minister|chancellor|champions?|record|holder|coach|"
    "owner|"
    "version|release|prices?|rates?|time|date|day|year|month|population|temperature|status|state|weather|events?|trends?|news|"
    "situation|"
    "market|value|exchange|inflation|interest|mortgage|season|lineup|roster|score|standings|minimum wage|location|age|affairs)"
)
_TIME = _any(
    "today|todays|tonight|tomorrow|currently|nowadays|upcoming|presently|at the moment|so far|as of|these days|right now|"
    "until now|net worth",
    r"latest|newest(?! (?:first|to|or|last)\b)|most recent(?! (?:commit|file|call)\b)|what(?:'?s| is) new (?:in|with)(?!.*\d)",
    r"what(?:'?s| is) (?:happening|going on|trending)|^weather \w+|^\w+ weather(?=\W*$)",
    r"recent(?:ly)? (?:news|events?|developments?|stud(?:y|ies)|research|changes|updates?|advances|elections?|released|"
    r"published|announced)",
    rf"current {_OFFICES}",
    rf"(?:this|next|coming) {_SPAN}",
    r"weather (?:in|for|at|like|report|forecast|now|right)|(?:how|what)(?:'?s| is| was| will)? the weather|forecast (?:for|in)",
    r"(?:is it|will it|going to) (?:rain|snow|raining|snowing|be sunny)",
    "breaking news|(?<!fake )news (?:about|on|from|today)|in the news|(?:top|main|news) headlines",
    r"live scores?|final score|what(?:'?s| is| was) the score(?! of an? )|who (?:is|are|'?s) (?:winning|leading|ahead)",
    r"how old (?:is|are) (?!the (?:universe|earth|world|sun|moon|solar|milky|pyramid|great|oldest)|a |an |too |you have|i have)",
    rf"prices? of {_MARKETS}|{_MARKETS} prices?(?= (?:now|in|of|for)|\W*$)|exchange rate|market cap of",
    rf"{_MONEY} (?:to|in|into) {_MONEY}|{_MONEY} exchange",
    r"how much (?:is|are) .{1,40} worth(?! (?:of|it|doing)\b)",
    r"what (?:time|day|date|year|month) is (?:it|today|this)|what(?:'?s| is) the (?:time|date|day|year)(?: now| please)?(?=\W*$)",
    r"time (?:is it )?in \w+(?: \w+)? (?:now|right)",
    r"when(?:'?s| is| does| will| do) .{0,40}\bnext|when will .{1,60}(?:released?|come out|launch|air|drop|start)",
    r"how (?:many (?:days|weeks|months|hours|sleeps)|long|much longer)(?: is it| are there| is there)?(?: left)? (?:until|till)"
    r" (?:christmas|new year|easter|halloween|thanksgiving|ramadan|the (?:end|start|next|olympics|world cup|election)|my|"
    r"spring|summer|"
    r"autumn|fall|winter|january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|"
    r"wednesday|"
    r"thursday|friday|saturday|sunday|\d)",
)
_PAST = _alone(rf"yesterday|lately|recently|(?:last|past) {_SPAN}|last (?:mon|tues|wednes|thurs|fri|satur|sun)day")
_TELLING = _alone(r"i|i'm|i've|im|ive|my|me|we|our|us|he|she|his|her|they|since|over the (?:last|past)|in the (?:last|past)")
_GIVEN_TIME = re.compile(r"\b(?:if|when) it(?:'s|s| is| was)\b|\bday (?:after|before) (?:tomorrow|yesterday)\b")
_DATE_IN_CODE = _alone("today|todays|tomorrow|yesterday|current (?:date|time|day|year|month|version|state|value|status)")

# What somebody has on record somewhere. "Why does my dog eat grass" is anybody's question.
_MINE = (
    "(?:accounts?|orders?|balance|bills?|payments?|paycheck|bookings?|reservations?|flights?|packages?|parcels?|delivery|"
    "subscriptions?|"
    "invoices?|pin|address|phone number|inbox|emails?|name|birthday|age|appointments?|schedule|calendar|meetings?|location|"
    "salary|tickets?|"
    "profile|history|reminders?|alarms?|contacts|messages|transactions?|spending|claims?|refund|points|miles|credit score|"
    "shopping list|to ?do list|playlist|doctor|blood type|password)"
)
_MY = rf"(?:my|our) (?:\w+ )?{_MINE}"
_ASKED = r"(?:what|where|when|which|who|whose|how (?:much|many|old|long|far))"
_ACT = (
    "(?:show|check|track|find|list|read|open|cancel|pay|get|give|tell|send|update|delete|play|call|text|email|book|order|add|"
    "look up|"
    "what about)"
)
_PERSONAL = _any(
    # "How do I change my password" is anybody's question; "what is my password" is one person's.
    rf"\b{_ASKED}(?: \w+)?(?:'?s|'?re| is| are| was| were| did| does| do| will| has| have)(?: \w+)? {_MY}\b(?! (?:mean|need|"
    rf"have to|be)\b)",
    rf"\b{_ASKED} {_MY}\b|^(?:is|are|was|were|has|have|did|will) {_MY}\b|{_PLEASE}{_ACT} (?:me )?{_MY}\b",
    rf"\b{_ASKED} (?:\w+ )?{_MINE} (?:do|did) i (?:still )?(?:have|owe|get|earn)\b(?! to)",
    r"^do i (?:still |already )?(?:have|owe)\b(?! (?:to|the right)\b)|^(?:did|have) i (?:already )?(?:paid?|book(?:ed)?|"
    r"order(?:ed)?|sen[dt]|"
    r"receive[d]?|miss(?:ed)?|got|get|win|won)\b|^(?:am|was) i (?:late|overdue|eligible|registered|subscribed|booked|logged "
    r"in)\b",
    r"\bwhat did i (?:say|ask|order|buy|tell|spend|pay|book)\b",
    r"\bwho am i\b|\bwhere am i\b|\bremind me (?:to|about|of|when|in|at)\b|\b(?:do|can|did) you (?:still )?remember\b|"
    r"\bour (?:last |previous |earlier )?conversation\b|\bi (?:just |already )?(?:told|asked) you\b|\bas i (?:said|mentioned)\b",
    r"\bnear(?:est)? (?:to )?(?:me|here|by)\b|\bnearby\b|\baround here\b|\bclosest to me\b|\bwhere i (?:live|am)\b|"
    r"\bin my (?:area|city|town|village|country|neighbou?rhood|state|county|region)\b",
)
_CHANCE = _any(
    r"\b(?:pick|choose|give|generate|tell|show|name|select|suggest|say|get|draw|think of)\b(?: \w+){0,4} random(?:ly)?\b",
    r"^(?:a |some )?random (?:number|fact|word|joke|name|quote|question|topic|color|colour|letter|movie|song|country|animal)s?\b",
    rf"{_PLEASE}(?:roll|flip|toss|throw) (?:a |the |two |some |\d )?(?:dic?e|d\d+|coins?)\b|{_PLEASE}shuffle (?:a|the|these|"
    rf"this|my)\b",
    rf"\bsurprise me\b|{_PLEASE}(?:make up|come up with)\b|{_PLEASE}(?:pick|choose) (?:a|one|any) ",
    rf"{_PLEASE}(?:tell|give) me (?:a|some|another|one more) (?:\w+ )?(?:joke|riddle|fun fact|pun)s?\W*$|^(?:a )?(?:joke|fun "
    rf"fact)\W*$",
    r"\b(?:tell|give|show|write|send) (?:me )?(?:another|one more)\b|^(?:and )?(?:another|one more)\b|"
    r"\ba different (?:one|joke|poem|story|answer|version)\b|\bsomething else\W*$|^(?:try|do it|do that|once|say that|say it) "
    r"again\b",
)
# What these words point at is somewhere else.
_POINTING = r"(?:this|that|it|these|those|them)"
_REFERENCE = _any(
    r"\bthe above\b|\babove (?:text|code|list|answer)\b|\bmentioned above\b|\baforementioned\b|"
    r"\b(?:previous|last) (?:answer|message|question|reply|response)\b|\byour (?:last|previous|earlier) |\byou (?:just )?said\b|"
    r"\battached (?:file|image|document|photo|picture)\b",
    rf"{_PLEASE}(?:continue|go on|keep going|carry on|and then|more|proceed|next)(?: please| writing| from there| where you "
    rf"left off)?\W*$",
    r"^is (?:this|that|it) (?:correct|right|true|ok|okay|good|safe|normal)\W*$",
    rf"^(?:\w+[ ,]+){{0,4}}{_POINTING}(?: (?:text|code|sentence|paragraph|word|one|mean|work|again|please))?(?: (?:in|to|"
    rf"into) \w+)?\W*$",
)
_QUOTED = re.compile(r"(?<!\w)(?:'[^'\n]*(?:\w'\w[^'\n]*)*'|\"[^\"\n]*\"|“[^”\n]*”|‘[^’\n]*’)(?!\w)")
_WORD = re.compile(r"[^\W\d_]{2,}")
# The reasons are words for a header: they say what was seen, not what is suspected. All patterns begin with a word: said once
# in front, that saves trying each of them at each letter.
REASONS: dict[str, re.Pattern[str]] = {
    "time": _alone(_TIME),
    "personal": re.compile(rf"\b(?:{_PERSONAL})", re.DOTALL),
    "chance": re.compile(rf"\b(?:{_CHANCE})"),
    "reference": re.compile(rf"\b(?:{_REFERENCE})"),
}


def never(text: str) -> str | None:
    """Why this prompt is not for the semantic cache, or None."""
    lowered = text.lower().strip().replace("’", "'")
    if not _WORD.search(lowered):
        return "no_content"
    asked = _QUOTED.sub(" 0 ", lowered).strip()
    if len(_WORD.findall(asked)) < 2:
        asked = lowered  # all of it is in quotes
    in_code = not PROGRAMMING.keys().isdisjoint(re.findall(r"[\w+#]+", asked))
    if _of_its_time(_DATE_IN_CODE.sub(" ", asked) if in_code else asked):
        return "time"
    for reason in ("personal", "chance", "reference"):
        if REASONS[reason].search(asked) and not (in_code and reason == "chance"):
            return reason
    return None


def _of_its_time(asked: str) -> bool:
    if _GIVEN_TIME.search(asked):
        return False
    return bool(REASONS["time"].search(asked) or (_PAST.search(asked) and not _TELLING.search(asked)))
