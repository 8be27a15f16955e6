"""Forms of English words which are needed to ask for one thing what was asked of two: "was longer" becomes "how long was"."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.decompose.words import pairs

_PAST = pairs(
    "came/come became/become began/begin broke/break brought/bring built/build bought/buy caught/catch chose/choose "
    "cost/cost drew/draw drove/drive ate/eat fell/fall felt/feel fought/fight found/find flew/fly forgot/forget got/get "
    "gave/give went/go grew/grow held/hold hit/hit kept/keep knew/know led/lead left/leave lost/lose made/make meant/mean "
    "met/meet paid/pay put/put ran/run read/read rose/rise said/say sold/sell sent/send set/set sang/sing sank/sink "
    "spent/spend spoke/speak stood/stand swam/swim took/take taught/teach threw/throw told/tell thought/think won/win "
    "wore/wear wrote/write saw/see shot/shoot slept/sleep understood/understand hosted/host shrank/shrink "
    "overcame/overcome starred/star shared/share"
)
_ADJECTIVES = pairs(
    "better/good best/good worse/bad worst/bad further/far farther/far furthest/far farthest/far older/old oldest/old "
    "elder/old eldest/old larger/large largest/large less/much least/much more/much most/much latest/late later/late "
    "safer/safe safest/safe wider/wide widest/wide closer/close closest/close denser/dense densest/dense nicer/nice "
    "rarer/rare rarest/rare purer/pure stranger/strange finer/fine cheaper/cheap deeper/deep steeper/steep cooler/cool "
    "smaller/small smallest/small taller/tall tallest/tall fuller/full simpler/simple gentler/gentle younger/young "
    "youngest/young longer/long longest/long stronger/strong strongest/strong"
)
_NO_COMPARISON = several(
    "other rather another over under after never ever either neither whether together number member order paper water "
    "river power author writer director player singer actor father mother brother sister cover discover consider differ "
    "offer enter answer best-seller fewer former latter december september october november forest west east guest "
    "interest request test contest latest harvest honest modest artist earlier later per were her their higher-ups winter "
    "summer computer center career engineer officer composer composers killer master minister newspaper soccer character "
    "order layer beer peer user manager lawyer doctor upper lower-case inner outer proper super cancer silver tower "
    "danger buyer container customer designer developer driver filter finger flower founder leader letter manufacturer "
    "owner painter partner photographer poker publisher reader researcher ruler server shower speaker spider sponsor "
    "teacher trainer tiger transfer trigger user voter weather worker"
)
_VOWELS = "aeiou"


def base(verb: str) -> str:
    """ "released" and "releases" as "release". Regular verbs by rule, so now and then a letter off."""
    low = verb.lower()
    if low in _PAST:
        return _PAST[low]
    if low.endswith("ied"):
        return low[:-3] + "y" if len(low) > 4 else low[:-1]
    if low.endswith("ed"):
        return _unwound(low[:-2])
    return singular_verb(low)


def singular_verb(verb: str) -> str:
    """ "publishes" as "publish"."""
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(("shes", "ches", "sses", "xes", "zes", "oes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb


def is_verb_form(word: str) -> bool:
    """Whether a word in lower case looks like a past tense."""
    return word in _PAST or (
        word.endswith("ed")
        and len(word) > 3
        and word not in ("hundred", "sacred", "naked", "speed", "need", "seed", "breed", "indeed")
    )


def positive(word: str) -> str:
    """ "longer" and "longest" as "long"; empty for a word that compares nothing."""
    low = word.lower()
    if low in _ADJECTIVES:
        return _ADJECTIVES[low]
    if low in _NO_COMPARISON or len(low) < 5:
        return ""
    for ending in ("er", "est"):
        if low.endswith("i" + ending):
            return low[: -len(ending) - 1] + "y"
        if low.endswith(ending):
            return _unwound(low[: -len(ending)])
    return ""


def singular(noun: str) -> str:
    """ "cities" as "city"; a word that is no regular plural as it is."""
    low = noun.lower()
    if low in ("species", "series", "means", "news") or low.endswith(("ss", "us", "is")) or not low.endswith("s"):
        return {"genera": "genus", "people": "person", "women": "woman", "men": "man", "children": "child"}.get(low, noun)
    if low.endswith("ies") and len(low) > 4 and low != "movies":
        return noun[:-3] + "y"
    if low.endswith(("sses", "shes", "ches", "xes", "zes", "uses")):
        return noun[:-2]
    return noun[:-1]


def article(noun: str) -> str:
    """ "a" or "an"."""
    low = noun.lower()
    vowel = low[:1] in _VOWELS and not low.startswith(("uni", "use", "eu", "one"))
    return "an" if vowel or low.startswith(("hour", "honest", "heir")) else "a"


# The words which end so have lost an e: "releas", "liv", "locat", "produc", "nam", "featur".
_LOST_E = re.compile(
    r"(?:c|v|u|(?<!s)s|(?<!z)z|[adr]g|[ae]ng|(?<![eo])at|(?<!o)ut|[cv]it|unit|[ui]d(?<!uid)(?<!oid)|"
    r"(?<![ea])ir|(?<!o)ur|(?<!th)(?<!ns)(?<!v)or|(?<![ea])ar|"
    r"(?<![aeo])in|un|(?<!e)am|(?<!a)im|(?<!e)ap|yp|[aeiu]k(?<!eak)|[bcdfgkpstz]l|ul|il|ib|ob|"
    r"(?<!st)yl|at[uh]|premier|creat|(?:v|n|qu|m)ot)$"
)
_ENDINGS = {"di": "die", "ti": "tie", "li": "lie", "debut": "debut", "visit": "visit", "entertain": "entertain", "focus": "focus"}
_DOUBLED = re.compile(r"([bdgmnprt])\1$")


def _unwound(stem: str) -> str:
    """The word which lost its ending: "bigg" is big, "releas" is release, "last" is last."""
    if stem in _ENDINGS:
        return _ENDINGS[stem]
    if _DOUBLED.search(stem):
        return stem[:-1]
    return stem + "e" if _LOST_E.search(stem) else stem
