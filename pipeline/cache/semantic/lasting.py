"""How long the answer to a question stays right: for good, or until a price, a version or an office holder changes.

What asks for the state of things now is never answered by meaning (pipeline.cache.guards.never). Here it is about what does
not say so: "who is the king of Spain" has one answer for years, and then another. It goes by what is spoken of. Both errors
are mild: a changing answer that counts as timeless lives as long as the operator allows any, and a timeless one that counts
as changing is asked for again.
"""

from __future__ import annotations

import re
from typing import Literal

Lasting = Literal["timeless", "changing"]
TIMELESS: Lasting = "timeless"
CHANGING: Lasting = "changing"


def _alone(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b")


_ASKING = (
    "please|pls|hey|hi|hello|ok|okay|can you|could you|would you|will you|i want you to|i need you to|i'd like you to|"
    "help me(?: to)?"
)
_TEXTS = (
    "poem|story|stories|haiku|jokes?|riddles?|essay|examples?|sentences?|function|script|query|regex|class|program|slogans?|"
    "letter|e-?mail|song|recipe|dialogue|speech|synonyms?|antonyms?"
)
# Whoever wants a text made or worked on brings along what it is about.
_MADE = re.compile(
    rf"^(?:(?:{_ASKING})[ ,]+)*(?:"
    "write|compose|draft|translate|rewrite|rephrase|paraphrase|reword|summari[sz]e|proofread|correct|classify|extract|convert|"
    "sort|simplify|solve|calculate|compute|prove|derive|implement|refactor|debug|invent|imagine|pretend|act as|complete|"
    "fill in|spell|pronounce|conjugate|define|"
    rf"(?:give|tell|show|create|make|generate)(?: me| us)? (?:an? |some |\d+ )?(?:\w+ ){{0,3}}?(?:{_TEXTS})"
    r")\b"
)
_MEANING = _alone(
    "what (?:does|do|did) .{1,60} (?:mean|stand for)",
    "(?:meaning|definition|etymology|synonyms?|antonyms?|opposite|plural|past tense|spelling|translation) (?:of|for)",
    "how (?:do|would|can) (?:you|i|we) (?:say|spell|pronounce)",
)
# "What is a tariff" asks for a definition, "what is the tariff on steel" for a figure.
_DEFINED = re.compile(r"what(?:'s| is| are) (?:an? )?(?!the\b)[\w-]+(?: [\w-]+)?\W*")

_PRODUCTS = (
    "phones?|smartphones?|laptops?|tablets?|computers?|cameras?|headphones?|earbuds|tvs?|monitors?|cars?|evs?|suvs?|bikes?|"
    "brands?|apps?|software|websites?|browsers?|vpns?|(?:video )?games?|consoles?|movies?|films?|shows?|series|books?|podcasts?|"
    "albums?|stocks?|funds?|etfs?|llms?|chatbots?|gpus?|shoes|jobs?|careers?|companies|providers?|banks?"
)
_PLACES = (
    "restaurants?|hotels?|hostels?|bars?|caf[eé]s?|shops?|stores?|museums?|airports?|airlines?|cities|countries|neighbou?rhoods?|"
    "beaches|schools?|universit(?:y|ies)|colleges?|hospitals?|resorts?|places"
)
_OFFICES = (
    "president|prime minister|premier|chancellor|minister|secretary|senators?|governor|mayor|king|queen|monarch|pope|c[etf]o|"
    "chair(?:man|woman|person)?|directors?|coach|managers?|captain|owners?|leaders?|head|host|champions?|record holder"
)
_BEST = "best|top|cheapest|most popular|highest[- ]rated|leading|recommended|good|better"

_SUBJECTS: dict[str, re.Pattern[str]] = {
    "money": _alone(
        "prices?|pricing|fares?|salar(?:y|ies)|wages?|rent|tuition|discounts?|coupons?|on sale|cheap(?:er|est)?|affordable|apr",
        r"costs?(?! (?:function|matrix|center|centre|accounting)) (?:to|of|for|in|per)|how much .{1,60} costs?",
        r"how much (?:is|are|does|do|for) (?:an? |the )?(?:\w+ ){0,4}(?:tickets?|licen[cs]e|flights?|visa|passport|house|fees?|"
        "pay|make|earn)",
        "(?:interest|mortgage|tax|exchange|inflation|unemployment|crime|birth|savings|insurance) rates?",
        "fees? (?:for|of|at|to|on)|annual fee|credit (?:score|limit)s?|cash ?back|rewards? (?:card|program|points)|deductibles?",
        "401k|pension|social security",
    ),
    "what there is to buy": _alone(
        rf"(?:{_BEST}) (?:[\w-]+ ){{0,4}}?(?:{_PRODUCTS}|{_PLACES})",
        rf"(?:which|what) (?:\w+ ){{0,2}}?(?:{_PRODUCTS}) (?:should|would|do you recommend|is best|is better|are best)",
        rf"(?:recommend|suggest)(?: me)? (?:an? |some )?(?:\w+ ){{0,3}}?(?:{_PRODUCTS}|{_PLACES})",
        rf"(?:{_PLACES}) (?:in|near|around|close to)|worth (?:it|buying|getting|the money)|reviews? (?:of|for|on)|in stock",
        "should i (?:buy|get|invest in|upgrade|switch to)|free (?:trial|tier|shipping)",
        "where (?:can|do|could) (?:i|you|we) (?:buy|get|watch|stream|rent|order|download)",
    ),
    "versions": _alone(
        "versions?|release (?:date|notes?|cycle)|changelog|lts|system requirements|rate limits?|context window|discontinued",
        "(?:is|are|does|do|will) .{1,60}(?:support(?:s|ed)?|deprecated|compatible with|maintained)",
        "(?:is|are|does|do) .{1,60}still (?:open|alive|used|made|sold|produced|available|exist|married|running|in)",
    ),
    "offices": _alone(
        rf"who(?:'s| is| are) (?:\w+ ){{0,5}}?(?:{_OFFICES})|(?:{_OFFICES})(?:'s name| (?:of|for|at|in) [\w ]{{1,40}}\?*$)",
        "who (?:runs|leads|owns|heads|governs|coaches|manages|hosts|sponsors|plays|makes|manufactures|is in charge)",
    ),
    "companies and figures": _alone(
        "revenue|turnover|market (?:share|value)|net income|valuation|headquarter(?:s|ed)|competitors|subsidiar(?:y|ies)",
        "how many (?:employees|users|customers|subscribers|followers|stores|branches|members|people (?:live|use|speak|work)|"
        "inhabitants|episodes|seasons|goals|titles|medals|times has)",
        "population|gdp|life expectancy|demographics|net worth|richest|wealthiest|best[- ]selling|highest[- ]paid",
        "most (?:popular|followed|subscribed|viewed|visited|valuable|expensive|streamed|downloaded|used|spoken|populous)",
        "(?:largest|biggest) (?:compan(?:y|ies)|econom(?:y|ies)|cit(?:y|ies)|banks?|employers?)|tallest building|fastest car",
    ),
    "schedules": _alone(
        "(?:what|which) (?:time|hours|days?) (?:does|do|is|are|will|can) .{1,60}"
        "(?:open|close|start|begin|leave|depart|arrive|run|air)s?",
        "(?:opening|closing|business|visiting|banking|check[- ]?in|check[- ]?out) (?:hours|times?)|timetables?|line ?-?up",
        "when(?:'s| is| are| does| do) .{1,60}"
        "(?:due|deadline|season|election|match|festival|concert|tournament|premiere|start|open|close)s?",
        "is .{1,40}(?:open|closed|running|delayed|sold out)",
        "how often (?:do|does) .{1,40}(?:bus(?:es)?|trains?|ferr(?:y|ies)|flights?)",
        "(?:flights?|trains?|bus(?:es)?|ferr(?:y|ies)) (?:from|to|between|out of)|fly (?:from|to|direct)|layovers?",
    ),
    "sports": _alone(
        r"who (?:won|has won|holds|scored|has scored|has the most)(?!.*\b(?:1\d{3}|20[01]\d|war|battle)\b)|world record",
        "(?:standings|league table|roster|squad|rankings?|box office|ratings?) (?:of|for|in)|transfer fee",
    ),
    "laws and rules": _alone(
        "(?:il)?legal (?:to|in|age|limit|for)|(?:is|are) .{1,60}(?:il)?legal",
        "(?:laws?|legislation|regulations?) (?:in|on|for|about|of|regarding|against|that)|tax(?:es)?|tariffs?|customs duty",
        "visas?|passports?|vaccin(?:es?|ations?) (?:for|to)|immuni[sz]ations?|carry[- ]?ons?|baggage|luggage|permits?|green card",
        "(?:minimum|drinking|voting|driving|retirement) (?:wage|age)|speed limit|(?:fine|penalty) for|eligib(?:le|ility)",
        "(?:return|refund|cancellation|privacy|warranty|shipping|pet|leave) polic(?:y|ies)|terms of service|allowed (?:to|in|on)",
        "travel (?:alerts?|advisor(?:y|ies)|warnings?|bans?)|safe to (?:travel|go|visit|fly)",
    ),
    "how providers do things": _alone(
        r"(?:cancel|renew|activate|unsubscribe|sign up|register|redeem|upgrade|dispute|apply) (?:for |from )?(?:\w+ ){0,4}?"
        "(?:account|subscription|card|membership|order|plan|loan|service|charge)",
        "customer (?:service|support)|phone number (?:of|for)|contact (?:details|number)|routing number|address of|job market",
    ),
    "a year": _alone(
        # What is said of a year that is not long over may not have happened yet when it was answered.
        r"(?:in|of|for|since|by) 20(?:2[4-9]|[3-9]\d)|20(?:2[4-9]|[3-9]\d) (?:\w+ )?(?:season|edition|model|election)",
        "trends?|trending|state of the art|new(?:est)? (?:features?|models?|releases?)",
    ),
}


def lasting(text: str) -> Lasting:
    """Whether the answer to this prompt stays right, or becomes wrong with time."""
    asked = " ".join(text.lower().replace("’", "'").split())
    if _MADE.search(asked) or _MEANING.search(asked) or _DEFINED.fullmatch(asked):
        return TIMELESS
    return CHANGING if any(subject.search(asked) for subject in _SUBJECTS.values()) else TIMELESS
