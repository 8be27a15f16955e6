"""Who somebody is: home, work, age, and what one calls oneself."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import PLACES, several
from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import ADVERB, AM, HAVE, HIGH, IS, LOW, MY, NAME, VALUE, Heard, I, phrase, put, simple, told
from pipeline.memory.slots import canon, tool_slot, words_of
from pipeline.memory.values import TIME_ZONE, is_person_name, is_proper, trimmed, unarticled
from pipeline.memory.words import DIETS, FAMILY, OCCUPATIONS, OTHER_PEOPLE, SCHOOLS, STATES, VAGUE

_OCCUPATION = re.compile(r"\w{2,}(?:er|or|ist|ian|ant|ent|eer|man|woman|smith|wright|ess|yst|ic|ect|ier)")
_NO_OCCUPATION = several(
    "user fan beginner owner member lover believer reader listener player speaker number reminder matter starter customer "
    "answer other parent comment experiment newcomer sister brother father mother daughter teenager person resident "
    "follower supporter outsider winner loser sufferer survivor smoker drinker hater nonsmoker student bother chapter "
    "letter computer paper order moment document argument statement element percent event present tourist visitor guest "
    "adult"
)
_FOR_A_WHILE = re.compile(
    r"\b(?:this (?:week|weekend|morning|afternoon|evening)|today|tonight|tomorrow|right now|for (?:the|a) (?:day|week|weekend|"
    r"night|conference|holidays?|meeting|few days)|until|on (?:holiday|vacation|business)|visiting|trip|at the moment)\b",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r" (?:by (?:profession|trade|training)|with .*experience|at heart|working|living|based|trying|looking|"
    r"and (?:want|am|have|need|would|like|was|do))\b.*$"
)
_ROLE = several(
    "ceo cto cfo coo founder co-founder cofounder head director manager lead leader owner boss chair chairman president"
)
_JOINED = r"(?:joined|started (?:working )?(?:at|with|for)|signed on with|switched jobs to|changed jobs to)"
_BECAME = (
    r"(?:became|become|promoted to|got promoted to|was promoted to|retrained as|hired as|started as|got a job as|qualified as)"
)


def _home(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    if re.search(r"\btime ?zone\b", value, re.IGNORECASE):
        return _in_place(found, heard)
    return put("home", "lives in", value, old=old) if is_proper(value) or re.match(r"(?:an?|the|our|my) ", value) else None


def _now_home(found: re.Match[str], heard: Heard) -> Put | None:
    """'I no longer live in Rome; it's Oslo now.'"""
    return _home(found, heard) if heard.subject == "home" else None


def _in_place(found: re.Match[str], heard: Heard) -> Put | None:
    """'I'm in Oslo' is where somebody lives, unless it is for a week."""
    zone = re.match(r"(?:the )?(?P<zone>\S+(?: \S+)?) time ?zone\b", found["v"])
    if zone:
        return put("timezone", "time zone", zone["zone"])
    value, old = told(found)
    if not value[:1].isupper() or words_of(value)[0] in VAGUE or tool_slot(value):
        return None
    if not is_person_name(value, sure=True):
        return None  # whatever has capitals is not yet a place
    if _FOR_A_WHILE.search(found["v"]):
        return put("where now", "is at the moment in", value, kind=Kind.EPHEMERAL, importance=LOW, old=old)
    return put("home", "lives in", value, old=old)


def _employer(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    if not is_proper(value) and not re.match(r"(?:an?|the) ", value, re.IGNORECASE):
        return None
    return put("employer", "works for", value, old=old)


def _at(found: re.Match[str], heard: Heard) -> Put | None:
    """'I'm at Leeds University', 'I'm with Siemens'."""
    if SCHOOLS.isdisjoint(words_of(found["v"])):
        return _employer(found, heard)
    value, old = told(found)
    return put("university", "studies at", value, old=old)


def _job(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return put("job", "job", unarticled(value).partition(",")[0], old=unarticled(old))


def _is_a(found: re.Match[str], heard: Heard) -> Put | None:
    """'I'm a nurse': what one calls oneself, as far as that lasts."""
    value, old = told(found)
    value = _BEHIND.sub("", unarticled(value))
    words = words_of(value)
    if not words or words[0] in ("bit", "little", "lot", "huge", "big", "great", "good", "bad", "terrible", "real", "total"):
        return None
    head = _head(words)
    if head in DIETS or words[-1] in DIETS:
        return put("diet", "diet", value, kind=Kind.PREFERENCE, importance=HIGH, old=old)
    if head in ("user", "guy", "girl", "fan"):
        tool = tool_slot(value)
        return put(tool[0], tool[1], re.sub(r" (?:user|guy|girl|fan)\b.*$", "", value), old=old) if tool else None
    if head == "student":
        place = re.search(r"\b(?:at|of) (?:the )?(?P<at>[A-Z].*)$", value)
        return put("university", "studies at", place["at"], old=old) if place else put("job", "job", value, old=old)
    if is_occupation(head) or head in _ROLE:
        return put("job", "job", value, old=unarticled(old))
    lasting = head in FAMILY or head in STATES or (head == "person" and len(words) > 1)
    return put(f"is {canon(head)}", "is a", value, importance=LOW, old=old) if lasting else None


def is_occupation(word: str) -> bool:
    """Whether a noun is what somebody does for a living, as far as a word shows that."""
    if word in OCCUPATIONS:
        return True
    if word in PLACES:
        return False
    return bool(_OCCUPATION.fullmatch(word)) and word not in _NO_OCCUPATION and word not in OTHER_PEOPLE


def _as_a(found: re.Match[str], heard: Heard) -> Put | None:
    """'As a nurse, I ...' tells the job; 'as an example' does not."""
    words = words_of(found["v"])
    told = 0 < len(words) <= 4 and is_occupation(words[-1]) and re.match(r"(?:i|i'm|i've|my|we)\b", heard.after, re.IGNORECASE)
    return put("job", "job", trimmed(found["v"])) if told else None


def _diet(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    value = unarticled(value)
    words = words_of(value)
    if not words or words[0] not in DIETS or len(words) > 3:
        return None
    return put("diet", "diet", value, kind=Kind.PREFERENCE, importance=HIGH, old=old)


def _no_food(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    words = words_of(value)
    return (
        put(f"diet {canon(value)}", "does not eat or drink", value, kind=Kind.PREFERENCE, old=old)
        if 0 < len(words) <= 5
        else None
    )


def _state(found: re.Match[str], heard: Heard) -> Put | None:
    """'I'm married', 'I'm left-handed', 'I'm new to programming'."""
    value, old = told(found)
    words = words_of(value)
    if not words:
        return None
    if words[0] == "new" and len(words) > 2 and words[1] == "to":
        return put(f"level {canon(' '.join(words[2:]))}", "is", value, importance=LOW, sure=True)
    return put(f"is {STATES[words[0]]}", "is", value, importance=LOW, old=old) if words[0] in STATES and len(words) <= 4 else None


def _bare_name(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    value = re.sub(r"\s(?:from|in|at|with)\s.*$", "", value)
    return put("name", "name", value, importance=HIGH, old=old) if is_person_name(value, sure=False) else None


def _head(words: list[str]) -> str:
    """The noun that the others describe: 'nurse' in 'night nurse at a clinic'."""
    small = ("of", "in", "at", "with", "for", "from", "who", "on", "by", "and", "to", "living", "working", "based")
    return next((words[place - 1] for place, word in enumerate(words) if place and word in small), words[-1])


PERSONA = (
    phrase(
        rf"{I}(?:'ve been|'m|'re| have been| am| are)? {ADVERB}work(?:ing)? (?:full[- ]time |part[- ]time |freelance )?as "
        rf"{VALUE}",
        _job,
    ),
    phrase(r"i (?:trained|qualified|was trained) as (?P<v>an? .+)", _job),
    phrase(rf"{I}(?:'ve been|'m|'re| have been| am| are)? {ADVERB}work(?:ing)? (?:at|for) {VALUE}", _employer),
    phrase(rf"{HAVE} {ADVERB}(?:been|worked) (?:with|at|for) {VALUE}", _employer),
    phrase(rf"(?:i've|i have|we've|we have) been (?:with|at) {VALUE}", _employer),
    phrase(
        rf"{HAVE} {ADVERB}(?:got|found|have|started|took|taken) an? (?:new )?(?:job|position|role|place) (?:at|with) {VALUE}",
        _employer,
    ),
    phrase(rf"{AM} {ADVERB}on the (?:payroll|staff|board) of {VALUE}", _employer),
    phrase(rf"{HAVE} a new employer, {VALUE}", _employer),
    phrase(rf"{AM} {ADVERB}an employee (?:of|at) {VALUE}", _employer),
    phrase(rf"{AM} {ADVERB}employed (?:by|at|with) {VALUE}", _employer),
    phrase(rf"{HAVE} {ADVERB}{_JOINED} {VALUE}", _employer),
    phrase(rf"{MY} (?:(?:new|current|present) )*(?:employer|company){IS}(?: called| named)? {VALUE}", _employer),
    phrase(rf"my (?:(?:new|current) )*job{IS}(?: now)? (?:at|with) {VALUE}", _employer),
    phrase(rf"the (?:company|firm|place) (?:that |where )?i work (?:for|at)?{IS}(?: called)? {VALUE}", _employer),
    phrase(rf"{AM} {ADVERB}(?:at|with) (?P<v>(?:the )?(?-i:[A-Z]).*|the \w+(?: \w+)? now$)", _at),
    phrase(
        rf"my (?:(?:day|new|current) )*(?:job|profession|occupation|role|job title){IS} "
        r"(?P<v>(?!to\b|chang|hard|great|boring|fine|stress|in\b|at\b|not\b).+)",
        _job,
    ),
    phrase(rf"i (?:make|earn) (?:my|a) living as {VALUE}", _job),
    phrase(rf"{HAVE} {ADVERB}{_BECAME} (?P<v>(?:an?|the) .+)", _job),
    phrase(r"as an? (?P<v>[\w -]+)$", _as_a),
    phrase(
        rf"{I}(?:'ve been|'m|'re| have been| am| are)? {ADVERB}(?:live|living|reside|residing) {ADVERB}(?:here |out |with [\w "
        rf"]{{1,30}}? )?(?:in|at|near|outside|close to) {VALUE}",
        _home,
    ),
    phrase(rf"(?:i've|i have|we've|we have) {ADVERB}lived in {VALUE}", _home),
    phrase(rf"{AM} {ADVERB}(?:based|located|settled|at home) (?:in|near|at|out of) {VALUE}", _home),
    phrase(
        rf"(?:{HAVE}|{AM}) {ADVERB}(?:moved|relocated|settled)(?: (?:down|house|back|over|again))*(?: from (?P<old>.+?))?"
        rf"(?: to| in| into) {VALUE}",
        _home,
    ),
    phrase(
        rf"{MY} (?:home|house|flat|apartment|city|home city|town|residence|place|home base){IS}(?: now)?(?: (?:in|near))? "
        rf"{VALUE}",
        _home,
    ),
    phrase(
        rf"{HAVE}(?: got| bought| rented| own| rent)? an? (?:\w+ ){{0,2}}?(?:flat|apartment|house|place|home|room) in {VALUE}",
        _home,
    ),
    phrase(rf"home(?: for (?:me|us))?{IS}(?: now)?(?: in)? {VALUE}", _home),
    phrase(rf"{NAME} is (?:where (?:i|we) live|my home|my home city|my home town)$", _home),
    phrase(rf"{I} call {NAME} (?:my )?home$", _home),
    phrase(rf"i'm (?:writing|messaging|asking)(?: to you)? from {VALUE}", _home),
    phrase(rf"it(?:'s| is)(?: now)? {NAME}", _now_home),
    phrase(rf"(?:{AM}|i come|we come) {ADVERB}(?:originally )?from {VALUE}", simple("origin", "comes from")),
    phrase(rf"(?:{I} hail|{HAVE} {ADVERB}(?:moved|came) (?:here|over)) from {VALUE}", simple("origin", "comes from")),
    phrase(rf"i was (?:born|raised|brought up)(?: and raised)? in {VALUE}", simple("origin", "comes from")),
    phrase(rf"i grew up in {VALUE}", simple("origin", "comes from")),
    phrase(
        r"i(?:'m| am| turned| just turned) (?P<v>\d{1,3})(?: years old)?(?: (?:today|yesterday|last \w+|this \w+))?$",
        simple("age", "age", importance=LOW),
    ),
    phrase(
        rf"(?:{AM}|i (?:eat|became|went|go)|{HAVE}(?: become| gone| turned)?) {ADVERB}(?:from (?P<old>\S+) to )?{VALUE}", _diet
    ),
    phrase(rf"(?:{I} {ADVERB}(?:follow|keep|eat)|{AM} {ADVERB}on) (?:an? )?(?P<v>\S+) diet\b.*", _diet),
    phrase(rf"{I} (?:don't|do not|never|can't|cannot) (?:eat|drink) {VALUE}", _no_food),
    phrase(r"i (?:need|want|only eat|cook) (?P<v>\S+)(?: (?:recipes?|meals?|food|dishes|options?|cooking))\b.*", _diet),
    phrase(rf"(?:{AM}|i've been|i have been) {ADVERB}(?P<v>(?:an?|the) .+)", _is_a),
    phrase(rf"{AM} {ADVERB}{VALUE}", _state),
    phrase(r"(?:i'm|i am) (?P<v>(?-i:[A-Z]).*)", _bare_name),
    phrase(rf"{AM} {ADVERB}(?:back )?in {VALUE}", _in_place),
    phrase(rf"{AM} {ADVERB}on (?P<v>{TIME_ZONE})\b.*", simple("timezone", "time zone")),
    phrase(rf"{I} work in (?P<v>[a-z]+(?: [a-z]+)?)$", simple("field", "works in", importance=LOW)),
)
