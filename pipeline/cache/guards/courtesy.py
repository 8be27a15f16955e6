"""A prompt without the courtesies around it: "could you please tell me what X is, thanks" asks "what X is".

Only phrases that never change what is asked are left out. "Can you freeze cheese" keeps its "can you".
"""

from __future__ import annotations

import re

_ASKING = r"(?:what|who|whom|whose|where|when|which|why|how|if|whether|the)\b"
_YOU = r"(?:can|could|would|will) you (?:please |kindly )?"
_OPENING = re.compile(
    r"^\W*(?:"
    r"(?:hi|hey|hello|ok|okay|greetings|good (?:morning|evening|afternoon))(?: there)?\s*[,.!:-]+\s*"
    r"|(?:a )?(?:quick )?question\s*[:,-]+\s*"
    r"|(?:please|pls|plz|kindly)\b[\s,]+"
    rf"|(?:{_YOU})?(?:tell me|let me know|help me understand)\b(?! (?:a|an|another|some|more)\b)[\s,:]+"
    rf"|{_YOU}(?=(?:explain|describe|define|list|summari[sz]e|translate|write|give|show|name|compare)\b)"
    rf"|(?:do you|does anyone|does anybody) know\b[\s,:]+(?={_ASKING})"
    rf"|i(?:'d| would)? (?:just )?(?:want|need|like|love) to (?:know|understand|learn)\b[\s,:]+(?={_ASKING})"
    rf"|i(?: was|'m| am) (?:just )?(?:wondering|curious)\b[\s,:]+(?={_ASKING})"
    r"|can you help me\s*\?\s*"
    r")",
    re.IGNORECASE,
)
_THANKS = r"(?:many )?thanks(?: (?:a lot|so much|in advance))?|thank you(?: (?:so much|very much|in advance))?|thx|cheers"
_CLOSING = re.compile(rf"(?:\s*[,.;:!?-]+\s*(?:please|pls|plz|{_THANKS})|\s+(?:please|pls|plz))\s*([?.!]*)\s*$", re.IGNORECASE)
_OF_WORDS = re.compile(
    r"\b(?:say|said|saying|words?|mean|means|meaning|spell|write|reply|respond|answer|phrase|translate)\b", re.IGNORECASE
)
LEAST_WORDS = 2  # that have to be left, or what looked like a courtesy was the question


def bare(text: str) -> str:
    """The prompt without courtesies; the same prompt when nothing would be left. Some microseconds."""
    found = text
    while True:
        shorter = _OPENING.sub("", found, count=1)
        if not _OF_WORDS.search(shorter):  # "how do you say please"
            shorter = _CLOSING.sub(r"\1", shorter, count=1)
        if shorter == found or len(shorter.split()) < LEAST_WORDS:
            return found
        found = shorter
