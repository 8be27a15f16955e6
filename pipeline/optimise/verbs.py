"""Verbs in which what is wanted of a model is put, and their forms."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several

# Other verbs behind "if you could" may be no request: "it would be great if you could fly".
VERBS = several(
    "add address adjust advise analyse analyze answer apply arrange assemble assess assist back base be brainstorm "
    "break bring build "
    "calculate categorize check choose clarify classify clear come comment compare compile complete compose compute "
    "condense confirm "
    "consider construct contrast convert cover create critique debug decide define demonstrate derive describe design "
    "detail determine "
    "develop devise differentiate discuss distinguish divide draft draw elaborate emphasize enlighten enumerate "
    "estimate evaluate "
    "examine expand explain explore extract figure fill find fix focus format formulate generate get give go guide hand "
    "help highlight "
    "identify illustrate implement improve include indicate inform instruct interpret keep lay let limit list look make "
    "map mention "
    "modify name note offer organise organize outline perform phrase pick plan point predict prepare present prioritise "
    "prioritize "
    "produce propose prove provide put rank rate read recommend reduce refer remind remove reply report research "
    "respond restrict "
    "review run say select send set share shed show simplify sketch solve sort specify spell split start state stick "
    "structure suggest "
    "summarise summarize supply support take talk teach tell test think throw treat try turn update use verify walk "
    "weigh work write"
)
# Verbs that make a request of "can you" even without "please". Most do not: "can you use a dead battery" asks for a fact.
ASKED = re.compile(
    r"(?:explain|describe|elaborate|clarify|summari[sz]e|enlighten)\b"
    r"|(?:tell|show|give|help|teach|guide|walk|advise|suggest|recommend|send|provide|write|make|list|name|find|offer"
    r"|create|draft)"
    r" (?:me|us|to me|for me)\b",
    re.IGNORECASE,
)
# The same of "could you", which speaks to somebody.
ASKED_POLITELY = re.compile(
    r"(?:recommend|suggest|outline|compare|define|list|write|generate|create|draft|discuss|provide|brainstorm"
    r"|analy[sz]e|go into"
    r"|give (?:an?|some)|be (?:more|a (?:bit|little)))\b",
    re.IGNORECASE,
)
_PAST_FORMS = (
    "been were broke brought built chose came drew found got gave went kept laid made said sent showed took taught told wrote"
)
_BASE_FORMS = "be be break bring build choose come draw find get give go keep lay make say send show take teach tell write"
_IRREGULAR = dict(zip(_PAST_FORMS.split(), _BASE_FORMS.split(), strict=True))


def _doubles(verb: str) -> bool:
    """Whether the last letter is written twice before an ending: plan, planning."""
    return re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", verb) is not None


def _gerund(verb: str) -> str:
    if verb.endswith("e") and not verb.endswith(("ee", "be")):
        return verb[:-1] + "ing"
    return verb + (verb[-1] if _doubles(verb) else "") + "ing"


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + (verb[-1] if _doubles(verb) else "") + "ed"


_GERUNDS = {_gerund(verb): verb for verb in VERBS}
_PASTS = {_past(verb): verb for verb in VERBS} | _IRREGULAR


def base_of_gerund(word: str) -> str | None:
    """'writing' is 'write'. None for verbs that are no requests."""
    return _GERUNDS.get(word.lower())


def base_of_past(word: str) -> str | None:
    """'wrote' is 'write': what stands behind "I would be glad if you". None for verbs that are no requests."""
    return _PASTS.get(word.lower())
