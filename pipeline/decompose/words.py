"""The closed classes of English that tell a question, a request and a condition on the answer apart."""

from __future__ import annotations

from pipeline.cache.guards.words import several

WH = r"(?:what|who|whom|whose|which|when|where|why|how)"
WH_SHORT = r"(?:what|who|where|how|when|why)(?:'?s|'re|'d|'ll)"  # what's, whats
BE = r"(?:is|are|was|were|am|isn'?t|aren'?t|wasn'?t|weren'?t)"
DO = r"(?:do|does|did|don'?t|doesn'?t|didn'?t)"
HAVE = r"(?:has|have|had|hasn'?t|haven'?t|hadn'?t)"
MODAL = r"(?:can|could|will|would|shall|should|may|might|must|can'?t|cannot|couldn'?t|won'?t|wouldn'?t|shouldn'?t)"
AUX = rf"(?:{BE}|{DO}|{HAVE}|{MODAL})"
PREPOSITION = r"(?:in|on|at|to|from|for|by|with|of|under|during|through|about|into|since|until|within|over)"
DETERMINER = r"(?:the|a|an|my|your|his|her|its|our|their|this|that|these|those|any|some|all|every|each|no|most|many|both)"
PERSONAL = r"(?:i|you|we|they|he|she|it|there|one|people|someone|anyone|everyone|somebody|anybody|nobody|everybody)"

# What asks for knowledge, and may be asked by itself.
TELLING = (
    "explain|describe|define|tell|list|name|give|summari[sz]e|outline|translate|convert|calculate|"
    "compute|find|recommend|suggest|"
    "discuss|identify|show|state|mention|compare|spell|pronounce|solve|elaborate|clarify|evaluate|"
    "estimate|enumerate|determine"
)
# What asks for one thing to be made, whatever stands beside it.
MAKING = (
    "write|compose|draft|design|create|generate|develop|build|implement|plan|prepare|make|invent|"
    "brainstorm|rewrite|rephrase|paraphrase|"
    "edit|proofread|correct|continue|complete|fix|debug|refactor|code|program|construct|craft|"
    "imagine|pretend|act|play|assume|suppose|"
    "roleplay|simulate|devise|formulate|produce|propose|improve|revise|reword|expand|shorten|"
    "simplify|classify|categori[sz]e|rank|"
    "sort|order|arrange|extract|analy[sz]e|parse|annotate|label|match|combine|merge|choose|select|"
    "pick|fill|replace|remove|read|"
    "review|critique|convince|persuade|argue|help|consider|picture|embody|come|put|turn|transform|reply|continue|guess|decide"
)
# How it is to be answered, rather than what is to be answered.
SHAPING = (
    "answer|respond|reply|use|keep|be|limit|include|add|avoid|ensure|format|output|return|write|"
    "try|focus|assume|remember|note|don'?t|"
    "do not|no|make|explain|provide|give|speak|please be|only|just|never|always|cite|mention|stick"
)
AFTERTHOUGHT = (
    r"(?:and|also|then|next|plus|finally|lastly|additionally|furthermore|moreover|besides(?: that)?|oh|now|ok(?:ay)?|"
    r"first(?:ly| of all)?|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|after that|in addition|on another note|"
    r"on a different note|"
    r"separately|by the way|btw|p\.?s\.?|as well as|at the same time|"
    r"(?:and )?(?:one|another|a(?: second| third| last| final)?|my (?:first|second|third|next|"
    r"last|other)|the (?:first|second|third|next|last)) "
    r"(?:more |last |other |quick |final )?(?:question|thing)(?: is)?)"
)

# Nouns that are of something: without saying of what, they are of what was spoken of before.
RELATIONAL = (
    "implications?|consequences?|effects?|side effects?|impacts?|causes?|reasons?|symptoms?|signs?|benefits?|advantages?|"
    "disadvantages?|drawbacks?|pros|cons|risks?|challenges?|limitations?|differences?|similarities|"
    "examples?|steps?|ingredients?|"
    "features?|components?|types?|kinds?|uses?|applications?|origins?|results?|outcomes?|alternatives?|solutions?|factors?|"
    "criteria|requirements?|main characters?|price|cost|costs|purpose|function|role|meaning|definition|"
    "significance|importance|"
    "treatments?|prevention|complications?|characteristics?|properties|elements?|aspects?|parts?|stages?|phases?|"
    "recommendations?|options?|tips|precautions?|exceptions?|rules?|answers?|explanations?|conclusions?|details?"
)
# Heads that stand for nothing which "it" could mean.
HOLLOW = several(
    "way ways time place reason reasons method methods cost price meaning purpose effect effects use uses benefit "
    "benefits thing things best worst most difference name point order process kind type sort number amount advantage "
    "advantages disadvantages people person someone lot bit rest example examples origin cause causes history impact role "
    "importance significance suggestion suggestions tip tips advice idea ideas highlight highlights fact facts feature "
    "features step steps option options question questions answer answers part parts types kinds symptom symptoms sign "
    "signs solution solutions risk risks result results aspect aspects"
)
# Things of which there is one for everybody, so that "the" does not point back.
UNIQUE = several(
    "sun moon earth world internet web sky sea ocean universe galaxy government president prime minister queen king pope "
    "economy environment weather news future past present day night morning evening afternoon week weekend month year "
    "time times stock market population police army bible quran koran torah constitution law media truth south north east "
    "west left right phone periodic table solar system human body brain heart holocaust renaissance equator atmosphere "
    "gym beach bathroom toilet bank airport country u.s us usa uk eu un united states state city ground air water rain "
    "wind public piano guitar violin violence"
)


def pairs(text: str) -> dict[str, str]:
    """ "better/good best/good" as a table."""
    return {first: second for first, _, second in (pair.partition("/") for pair in text.split())}
