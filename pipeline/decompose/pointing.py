"""Words with which a part points at something outside itself: "the former", "based on that", "which one", "the same for X".

Each row has the words without which it cannot be met, so that most rows cost a look into a set.
"""

from __future__ import annotations

import re

from pipeline.decompose import words as w

_I = re.IGNORECASE
_END = r"\s*[?.!]*$"
_PERIODS = (
    "year|month|week|weekend|day|morning|evening|afternoon|summer|winter|spring|fall|autumn|century|decade|season|days|time"
)
_TEXTS = "text|passage|paragraph|sentence|article|function|code|snippet|story|poem|email|table|list|document|essay"
_ROWS = tuple(
    (frozenset(hints.split()), re.compile(pattern, _I))
    for hints, pattern in (
        ("former latter aforementioned preceding", r"\b(?:the\s+(?:former|latter|preceding)|aforementioned)\b"),
        ("above", r"\babove(?:-mentioned)?\b(?!\s+(?:\d|the\b|a\b|average|all\b|ground))"),
        ("previous", r"\bprevious\b(?!\s+(?:\d+|year|week|month|day|night|generation|century))"),
        ("earlier", r"\bearlier\s+(?:answer|question|one)\b"),
        ("this these those", rf"\b(?:this|these|those)\b(?!\s+(?:{_PERIODS})\b)"),
        (
            "that",
            r"\b(?:on|of|to|from|with|about|like|than|do|does|did|for|by|in|after|before|at|is|was|if)\s+that\b(?!\s+of\b)"
            r"(?=\s*(?:$|[?.!,;]|(?:and|is|was|to|in|for|from|by)\b))"
            r"|\b(?:in|at|on|of|for|with|from|to|about|during|by)\s+that\s+\w+\s*[?.!]*$|\blike\s+that\b"
            r"|\bthat(?:\s+(?:way|case|much|often|long|kind|type|sort|situation))?\s*[?.!]*$"
            rf"|\b{w.AUX}\s+that\s+(?:be|been|mean|means|work|happen|affect|make|help|take|cost|compare|matter|relate|apply|change|look|feel)\b"
            rf"|^{w.AUX}\s+that\b|^{w.WH}(?:'s|\s+(?:is|was|does|did|do|are))\s+that\b",
        ),
        (
            "one ones",
            r"\b(?:which|what|the|this|that|each|another|other|first|second|third|last|next|best|better|"
            r"good|right|cheaper|\w+est)\s+"
            r"ones?\b(?!\s+of\b)",
        ),
        ("else", r"\b(?:what|who|where|how|when|anything|anyone|nothing|anywhere)\s+else\b(?!\s+(?:besides|than|but)\b)"),
        ("other others", r"\b(?:any|some|what|which|the|no)\s+others?(?:\s+\w+){0,2}\s*(?:[?.!]|$)"),
        ("another", r"\b(?:there|me|suggest|show|list|name|is|'s|recommend|have|get)\s+another\b"),
        ("more", rf"\b(?:any|tell me|say|some)\s+more{_END}"),
        (
            "each",
            r"\b(?:of|for|in|with|to|from|about)\s+each\b(?!\s+other)\s*(?:[?.!,;]|$|one\b)|\beach\s*(?:[?.!]|$)"
            r"|\beach\s+(?:of\s+(?:them|which)|one)\b"
            rf"|\beach\s+(?!other\b|of\b|(?:{_PERIODS}|night|hour|minute|person)\b)[\w/]+\s*[?.!]*$",
        ),
        ("either neither", r"\b(?:either|neither)\s+(?!of\s+the\b|way\b)\w+\b(?!.*\bn?or\b)"),
        ("thus hence therefore", r"\b(?:thus|hence|therefore)\b"),
        ("words case", r"\bin\s+(?:other\s+words|that\s+case|such\s+(?:a\s+)?cases?|which\s+case)\b"),
        ("both", r"\bboth\b(?!.*\band\b)(?!\s+(?:sides|ways|hands|ends|sexes|genders)\b)"),
        ("both either neither all", rf"\b(?:both|either|neither|(?<!at )all)(?:\s+of\s+them)?{_END}"),
        (
            "too well instead likewise so then otherwise similarly accordingly respectively",
            rf"\b(?:too|as well|instead|likewise|so|then|otherwise|similarly|accordingly|respectively){_END}",
        ),
        ("most", rf"\b(?:second|third|next|fourth)\s+most(?:\s+\w+)?{_END}"),
        (
            "your",
            r"\byour\s+(?:\w+\s+){0,2}(?:answers?|responses?|reasoning|reply|choices?|thinking|solution|"
            r"steps|work|explanation|"
            r"examples?|previous)\b"
            r"|\byour\s+(?:\w+\s+)?(?:calculations?|opinions?|thoughts?|takes?|views?|advice|experiences?|suggestions?|reviews?|favou?rites?)"
            r"\s*[?.!]*$",
        ),
        (
            "question answer part item step point example",
            r"\b(?:question|answer|part|item|step|point|example)\s+(?:\d|(?:[a-d]|one|two|three)\b)",
        ),
        ("if", r"\bif\s+(?:so|not|yes|no)\b"),
        (
            _TEXTS.replace("|", " "),
            rf"\b(?:the|same|said)\s+(?:{_TEXTS})\b"
            r"(?=\s*(?:$|[?.!,;]|(?:is|was|are|has|does|do|say|says|mean|means|above|below|and)\b))",
        ),
        ("same", r"\bthe\s+same(?:\s+(?:thing|way|question|topic|for|about|with)\b|\s*(?:[?.!]|$))"),
        ("such", r"\bsuch\b(?!\s+as\b)"),
    )
)
# Beginnings of what is no whole question: "what about X", "why not", "which is better" (of what?).
_BETTER = (
    r"(?:better|worse|cheaper|easier|faster|safer|stronger|healthier|bigger|larger|smaller|older|"
    r"younger|taller|longer|higher|more\s+\w+)"
)
_ABRUPT = re.compile(
    r"(?:what|how)\s+about\b|why(?:\s+so)?\W*$|why\s+(?:or\s+why\s+)?not\b|how\s+(?:so|come)\W*$|(?:or|"
    r"but|so|because|really|right)\b|and\s+you\b"
    rf"|(?:which|who|what)(?:\s+\w+)?\s+(?:{w.AUX})\b(?:\s+\w+){{0,4}}?\s+{_BETTER}{_END}|(?:which|what)\s+\w+\s+{w.BE}\s+(?-i:[a-z]+){_END}|are\s+you\s+sure|(?:can|could|will|would)\s+you\s+\w+(?:\s+me)?\W*$",
    _I,
)
# Nouns that are of something, without saying of what: "what are the main benefits?".
_GENERIC = (
    r"(?:main|potential|possible|common|major|key|biggest|typical|general|usual|other|primary|"
    r"long[- ]term|short[- ]term|various|different|"
    r"early|specific|important|ethical|basic|normal|best|worst|first|most\s+\w+)"
)
_NOUN = rf"(?:{_GENERIC}\s+(?:and\s+{_GENERIC}\s+)?)*(?:{w.RELATIONAL})"
_LOOSE = re.compile(
    rf"\b(?:{w.BE}|list|give(?:\s+me)?|name|describe|explain|discuss|provide|include|tell\s+me|"
    r"mention|outline|what|which|and|identify)\s+"
    rf"(?:(?:the|some|any|its|all|\d+|two|three|four|five)\s+)?{_NOUN}(?:\s+(?:and|or)\s+{_NOUN})?\s*(?:[?.!,;]|$)"
    rf"|\b(?:is|are|was|were)\s+there\s+(?:any|some|an?)?\s*(?:(?-i:[a-z]+)\s+)?{_NOUN}\s*(?:[?.!,;]|$)"
    r"|\bthe\s+best\s+(?:[a-z-]+\s+){1,3}to\s+(?:use|do|buy|take|choose|start|have|get)\s*[?.!]*$"
    r"|\bthe\s+(?:[a-z-]+\s+){1,3}to\s+(?:look\s+for|watch\s+out\s+for|avoid|consider|remember|follow)\s*[?.!]*$"
    r"|\b(?:what\s+are|give(?:\s+me)?|list)\s+(?:some\s+|a\s+few\s+)?examples?\s+in\b"
    r"|\b(?:implications?|consequences?|impacts?|effects?)\s+(?:for|on|in)\b",
    _I,
)
_WORD = re.compile(r"[a-z]+")


def points(text: str) -> bool:
    """Whether a part points at something outside itself, with other words than pronouns."""
    words = frozenset(_WORD.findall(text.lower()))
    if any(not words.isdisjoint(hints) and pattern.search(text) for hints, pattern in _ROWS):
        return True
    return bool(_ABRUPT.match(text) or _LOOSE.search(text))
