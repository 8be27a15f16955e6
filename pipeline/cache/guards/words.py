"""The closed classes of English words that the guards look at. Everything is lower case.

A guard may only know words of which there are few: a list of all names or of all verbs would never be complete, and a
guard with holes is worse than none, since it is trusted. What is open is left to the verifier (pipeline/semantics/verifier.py).
"""

from __future__ import annotations


def _counted(words: str, first: int, step: int = 1) -> dict[str, int]:
    """Words with the numbers that they stand for."""
    return {word: first + step * place for place, word in enumerate(words.split())}


def _named(groups: dict[str, str]) -> dict[str, str]:
    """Words of all groups with the name of their group."""
    return {word: name for name, words in groups.items() for word in words.split()}


def several(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


CARDINALS = _counted(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen",
    0,
) | _counted("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
ORDINALS = _counted(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth",
    1,
)
BEFORE_ONE = several("which this that the any each every no another as only good best right")
SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "k": 1_000,
    "million": 1_000_000,
    "mio": 1_000_000,
    "mn": 1_000_000,
    "billion": 1_000_000_000,
    "bn": 1_000_000_000,
    "trillion": 1_000_000_000_000,
}
MULTIPLES = {"half": 0.5, "quarter": 0.25, "dozen": 12, "double": 2, "twice": 2, "triple": 3, "thrice": 3, "couple": 2, "pair": 2}
ROMAN = _counted("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx", 1)
NUMERIC = frozenset((*CARDINALS, *ORDINALS, *SCALES, *MULTIPLES, *ROMAN, "minus"))

# A unit's canonical name and its dimension. Units of one dimension are what near misses exchange.
UNITS: dict[str, tuple[str, str]] = {
    spelling: (spellings.split()[0], dimension)
    for dimension, group in {
        "length": (
            "millimeter millimeters millimetre millimetres mm",
            "centimeter centimeters centimetre centimetres cm",
            "meter meters metre metres m",
            "kilometer kilometers kilometre kilometres km kms",
            "inch inches",
            "foot feet ft",
            "yard yards yd",
            "mile miles mi",
            "acre acres",
            "hectare hectares",
        ),
        "mass": (
            "microgram micrograms mcg",
            "milligram milligrams mg",
            "gram grams g gm",
            "kilogram kilograms kg kgs kilo kilos",
            "ounce ounces oz",
            "pound pounds lb lbs",
            "ton tons tonne tonnes",
        ),
        "volume": (
            "milliliter milliliters millilitre millilitres ml",
            "liter liters litre litres l",
            "gallon gallons gal",
            "cup cups",
            "tablespoon tablespoons tbsp",
            "teaspoon teaspoons tsp",
            "pint pints",
            "quart quarts",
        ),
        "time": (
            "millisecond milliseconds ms",
            "seconds sec secs",  # one second may be the one after the first
            "minute minutes min mins",
            "hour hours hr hrs hourly h",
            "day days daily",
            "week weeks weekly",
            "month months monthly",
            "year years yr yrs yearly annual annually",
            "decade decades",
            "century centuries",
        ),
        "temperature": ("celsius centigrade c", "fahrenheit f", "kelvin"),
        "data": (
            "byte bytes",
            "kilobyte kilobytes kb",
            "megabyte megabytes mb",
            "gigabyte gigabytes gb",
            "terabyte terabytes tb",
            "bit bits",
        ),
        "energy": (
            "calorie calories kcal",
            "joule joules",
            "watt watts w",
            "kilowatt kilowatts kw",
            "volt volts v",
            "amp amps ampere amperes",
        ),
        "money": (
            "dollar dollars usd bucks",
            "euro euros eur",
            "sterling gbp quid",
            "yen jpy",
            "rupee rupees inr",
            "yuan cny rmb",
            "cent cents",
        ),
        "speed": ("mph", "kmh kph", "knot knots"),
        "share": ("percent percentage",),
    }.items()
    for spellings in group
    for spelling in spellings.split()
}
# This is a unit only at the end of a number: 30A.
ATTACHED_UNITS = {"a": ("amp", "energy")}
SYMBOL_UNITS = {
    "$": "dollar",
    "€": "euro",
    "£": "sterling",
    "¥": "yen",
    "₹": "rupee",
    "%": "percent",
    "°c": "celsius",
    "°f": "fahrenheit",
}

MONTHS = _named(
    {
        "january": "january jan",
        "february": "february feb",
        "march": "march mar",
        "april": "april apr",
        "may": "may",
        "june": "june jun",
        "july": "july jul",
        "august": "august aug",
        "september": "september sept sep",
        "october": "october oct",
        "november": "november nov",
        "december": "december dec",
    }
)
# As common words they are no dates: they count only with a capital, beside a number or behind such a word.
AMBIGUOUS_MONTHS = several("march may mar august jan fall")
BEFORE_MONTHS = several("in of since until till by early late mid during before after last next this every from through for")
DAYS = _named(
    {
        "monday": "monday mondays mon",
        "tuesday": "tuesday tuesdays tue tues",
        "wednesday": "wednesday wednesdays wed",
        "thursday": "thursday thursdays thu thurs",
        "friday": "friday fridays fri",
        "saturday": "saturday saturdays",
        "sunday": "sunday sundays",
        "weekend": "weekend weekends",
        "weekday": "weekday weekdays",
    }
)
SEASONS = _named({"spring": "spring", "summer": "summer summers", "autumn": "autumn fall", "winter": "winter winters"})
DAYTIMES = {
    "morning": "morning",
    "mornings": "morning",
    "noon": "noon",
    "afternoon": "afternoon",
    "evening": "evening",
    "night": "night",
    "midnight": "midnight",
    "nighttime": "night",
    "daytime": "day-time",
}
DATES = MONTHS | DAYS | SEASONS | DAYTIMES

NEGATORS = several(
    "not no never none nobody nothing nowhere neither nor cannot cant dont doesnt didnt isnt arent wasnt werent wont wouldnt "
    "shouldnt couldnt mustnt neednt havent hasnt hadnt aint without except excluding unless excl non minus"
)
# Words that may carry a negation in other words: with one of them on the other side, the verifier decides.
SOFT_NEGATORS = several(
    "unable fail fails failed failing refuse refuses stop stops stopped prevent prevents avoid avoids avoiding lack lacks "
    "lacking missing free absent instead impossible hardly rarely barely only but skip skipping omit omitting exclude "
    "excluded other "
    "besides apart hate dislike less zero unavailable broken incorrect wrong invalid illegal unlawful forbidden prohibited "
    "ban banned stay keep quit few little leave leaving minus off out differ differs difference different"
)
# How a word says that something is not so: invalid, nonfat, painless.
PREFIXES = ("un", "im", "in", "ir", "il", "dis", "non")

_OPPOSITES = """
increase/decrease raise/lower grow/shrink gain/lose enable/disable activate/deactivate allow/block buy/sell rent/buy lend/borrow
open/close on/off start/stop begin/end first/last best/worst most/least more/less more/fewer higher/lower high/low highest/lowest
largest/smallest biggest/smallest maximum/minimum max/min maximize/minimize upper/lower above/below over/under inside/outside
indoor/outdoor indoors/outdoors north/south east/west northern/southern eastern/western left/right top/bottom front/back up/down
upload/download import/export input/output add/remove add/subtract insert/delete create/delete install/uninstall mount/unmount
lock/unlock encrypt/decrypt encode/decode compress/decompress zip/unzip serialize/deserialize push/pull push/pop read/write
send/receive sender/receiver borrower/lender buyer/seller landlord/tenant employer/employee teacher/student client/server
parent/child male/female men/women man/woman boy/girl boys/girls mother/father husband/wife king/queen son/daughter brother/sister
uncle/aunt advantages/disadvantages advantage/disadvantage pros/cons strengths/weaknesses benefits/risks benefits/drawbacks
positive/negative success/failure win/lose winner/loser accept/reject approve/deny include/exclude internal/external hot/cold
warm/cool hottest/coldest wet/dry summer/winter day/night morning/evening sunrise/sunset earlier/later earliest/latest
oldest/newest young/old youngest/oldest fast/slow faster/slower fastest/slowest longest/shortest tall/short tallest/shortest
deep/shallow wide/narrow thick/thin heavy/light heaviest/lightest cheap/expensive cheaper/dearer cheapest/dearest hard/soft
simple/complex strong/weak loud/quiet rich/poor public/private legal/illegal safe/dangerous true/false odd/even
ascending/descending horizontal/vertical horizontally/vertically clockwise/counterclockwise row/column rows/columns prefix/suffix
synonym/antonym synonyms/antonyms formal/informal singular/plural plaintiff/defendant predator/prey supply/demand asset/liability
assets/liabilities debit/credit gross/net profit/loss revenue/expense arrive/depart arrival/departure arrivals/departures
inhale/exhale acid/base proton/electron cation/anion endothermic/exothermic convex/concave vertical/horizontal frozen/fresh
raw/cooked boiled/fried vegan/meat cause/prevent cause/cure tighten/loosen fill/drain charge/discharge connect/disconnect
subscribe/unsubscribe follow/unfollow mute/unmute show/hide expand/collapse appear/disappear attach/detach wake/sleep hire/fire
wholesale/retail domestic/foreign domestic/international urban/rural light/dark easy/hard easy/difficult easiest/hardest good/bad
better/worse new/old newer/older big/small bigger/smaller large/small larger/smaller long/short longer/shorter early/late
sooner/later big/little clean/dirty full/empty happy/sad love/hate alive/dead major/minor inner/outer inbound/outbound
interior/exterior join/leave plug/unplug sharpen/blur lighten/darken sweet/sour smooth/rough tight/loose near/far
nearest/farthest closest/furthest lossy/lossless stateful/stateless synchronous/asynchronous sync/async mutable/immutable
static/dynamic known/unknown minority/majority ancestor/descendant cheaper/pricier
"""


def _inflected(word: str) -> tuple[str, ...]:
    """A word as a verb, which does no harm where it is none."""
    root = word.removesuffix("e")
    return word, f"{word}s", f"{root}ed", f"{root}ing"


OPPOSITES = tuple(both for pair in _OPPOSITES.split() for both in zip(*map(_inflected, pair.split("/", 1)), strict=True))

# The form of answer that is asked for. What stands for the same form has the same name.
FORMATS = _named(
    {
        "list": "list lists bullet bullets bulleted bullet-point bullet-points",
        "table": "table tabular tabulate",
        "json": "json",
        "yaml": "yaml yml",
        "xml": "xml",
        "csv": "csv",
        "html": "html",
        "markdown": "markdown",
        "latex": "latex",
        "code": "code snippet script program",
        "essay": "essay",
        "poem": "poem haiku sonnet limerick rhyme",
        "story": "story tale",
        "email": "email e-mail mail",
        "letter": "letter",
        "summary": "summary summarize summarise tldr",
        "outline": "outline",
        "diagram": "diagram flowchart",
        "quiz": "quiz",
        "joke": "joke",
        "speech": "speech",
        "tweet": "tweet",
    }
)
AUDIENCES = _named(
    {
        "child": "child children kid kids five-year-old eli5 kindergarten",
        "baby": "toddler toddlers baby babies infant infants newborn",
        "teen": "teen teens teenager teenagers",
        "beginner": "beginner beginners novice novices dummies newbie layman laymen layperson",
        "expert": "expert experts professional professionals advanced",
        "elderly": "elderly senior seniors",
        "student": "student students",
        "dog": "dog dogs puppy puppies",
        "cat": "cat cats kitten kittens",
        "pregnant": "pregnant pregnancy",
    }
)
LANGUAGES = several(
    "english spanish french german italian portuguese dutch russian polish ukrainian czech swedish norwegian danish finnish "
    "greek turkish arabic hebrew hindi urdu bengali tamil telugu chinese mandarin cantonese japanese korean vietnamese thai "
    "indonesian malay swahili latin romanian hungarian bulgarian serbian croatian persian farsi"
)
PROGRAMMING = _named(
    {
        "python": "python py",
        "python2": "python2",
        "python3": "python3",
        "javascript": "javascript js",
        "typescript": "typescript ts",
        "java": "java",
        "c#": "c# csharp",
        "c++": "c++ cpp",
        "golang": "golang",
        "rust": "rust",
        "ruby": "ruby",
        "php": "php",
        "swift": "swift",
        "kotlin": "kotlin",
        "scala": "scala",
        "perl": "perl",
        "bash": "bash",
        "powershell": "powershell",
        "sql": "sql",
        "mysql": "mysql",
        "postgresql": "postgresql postgres",
        "sqlite": "sqlite",
        "mongodb": "mongodb mongo",
        "redis": "redis",
        "react": "react reactjs",
        "angular": "angular",
        "vue": "vue vuejs",
        "django": "django",
        "flask": "flask",
        "pandas": "pandas",
        "numpy": "numpy",
        "excel": "excel",
        "sheets": "sheets",
        "windows": "windows",
        "linux": "linux",
        "ubuntu": "ubuntu",
        "debian": "debian",
        "macos": "macos mac osx",
        "android": "android",
        "ios": "ios",
        "iphone": "iphone",
        "ipad": "ipad",
        "chrome": "chrome",
        "firefox": "firefox",
        "safari": "safari",
        "docker": "docker",
        "kubernetes": "kubernetes k8s",
    }
)

# Words that add nothing to what is asked.
FILLERS = several(
    "a an the please pls plz kindly hi hello hey thanks thank you can could would will shall may might do does did is are was "
    "were be been am being i we me us my our it its this that these those there here of in on at to for by with and or so "
    "then just simply really actually exactly basically quickly tell explain describe show give let know want need like help "
    "some any get got has have had what whats which how why who whom whose as about into if when where dear sir question "
    "wondering curious briefly possible possibly quick also"
)
# Verbs that move to the front when a sentence becomes a question.
AUXILIARIES = several("am is are was were do does did has have had can could will would shall should may might must")
# Words that name no thing: everything about them is order or grammar.
STOPWORDS = FILLERS | several(
    "from than between vs versus during while because until against through over under again further once all both each few "
    "more most other such own same too very s t up down out off above below before after nor not no only your yours he him "
    "his she her hers they them their theirs myself yourself himself herself itself one ones somebody someone something "
    "should must ought s d ll re ve m"
)
DIRECTION = several("from to into onto than before after over under beat beats against by toward towards until instead")
# With these, what stands behind "with" and "for" is one side of an exchange.
CONTRARY = frozenset(
    frozenset(pair.split("/"))
    for pair in ["before/after", "from/to", "over/under", "above/below", "with/without", "into/from", "inside/outside"]
)
REPLACING = several("replace replaced replacing replacement substitute substituted substituting substitution")
SYMMETRIC = several(
    "between and or vs versus both compare compared comparison difference differences similarities alike together plus with"
)

# What belongs to a country has one name here with the country; nothing else that is spelt alike has.
PLACES = {
    name: group.split()[0]
    for group in (
        "usa us america american americans u.s u.s.a states",
        "uk britain british u.k gb briton britons",
        "eu european europe europeans",
        "africa african africans",
        "asia asian asians",
        "switzerland swiss",
        "thailand thai thais",
        "spain spanish spaniards spaniard",
        "france french frenchman",
        "germany german germans deutschland",
        "italy italian italians",
        "greece greek greeks",
        "turkey turkish turks",
        "poland polish poles",
        "portugal portuguese",
        "netherlands dutch holland",
        "denmark danish danes",
        "sweden swedish swedes",
        "norway norwegian norwegians",
        "finland finnish finns",
        "iceland icelandic",
        "ireland irish",
        "scotland scottish scots",
        "wales welsh",
        "england english",
        "belgium belgian belgians",
        "hungary hungarian hungarians",
        "romania romanian romanians",
        "bulgaria bulgarian bulgarians",
        "serbia serbian serbs",
        "croatia croatian croats",
        "czechia czech czechs",
        "slovakia slovak slovaks",
        "slovenia slovenian",
        "estonia estonian",
        "latvia latvian",
        "lithuania lithuanian",
        "russia russian russians",
        "ukraine ukrainian ukrainians",
        "china chinese",
        "japan japanese",
        "korea korean koreans",
        "taiwan taiwanese",
        "india indian indians",
        "pakistan pakistani pakistanis",
        "bangladesh bangladeshi",
        "nepal nepali nepalese",
        "afghanistan afghan afghans",
        "indonesia indonesian indonesians",
        "malaysia malaysian malaysians",
        "singapore singaporean",
        "mexico mexican mexicans",
        "canada canadian canadians",
        "brazil brazilian brazilians",
        "argentina argentine argentinian",
        "colombia colombian colombians",
        "chile chilean chileans",
        "cuba cuban cubans",
        "venezuela venezuelan",
        "peru peruvian",
        "egypt egyptian egyptians",
        "morocco moroccan moroccans",
        "nigeria nigerian nigerians",
        "kenya kenyan kenyans",
        "ghana ghanaian",
        "ethiopia ethiopian",
        "israel israeli israelis",
        "iran iranian persian",
        "iraq iraqi",
        "syria syrian",
        "lebanon lebanese",
        "qatar qatari",
        "dubai emirates uae",
        "australia australian australians aussie",
        "zealand zealander kiwi nz",
        "austria austrian austrians",
        "vietnam vietnamese",
        "philippines filipino filipinos philippine",
        "rome roman romans",
        "paris parisian",
        "california californian ca",
        "texas texan tx",
        "florida fl",
        "york ny nyc",
        "jersey nj",
        "virginia va",
        "massachusetts mass",
        "arizona az",
        "nevada nv",
        "colorado",
        "tennessee tn",
        "oregon",
        "michigan",
        "minnesota mn",
        "wisconsin wi",
        "missouri",
        "illinois",
        "indiana",
        "ohio",
        "pennsylvania",
        "georgia",
        "alabama",
        "louisiana",
        "kentucky",
        "oklahoma",
        "kansas",
        "nebraska",
        "iowa",
        "utah",
        "idaho",
        "montana",
        "wyoming",
        "dakota",
        "carolina",
        "maryland",
        "connecticut",
        "vermont",
        "maine",
        "hawaii hawaiian",
        "alaska alaskan",
        "washington",
    )
    for name in group.split()
}
# Parts of the world, and what is more than a country. They are names, but no places to tell questions apart by.
VAGUE_PLACES = several("us america american americans eu european europe europeans africa african africans asia asian asians")
# These are names in lower case as well; the others are, or begin, something else: polish, swiss roll, kiwi.
PLAIN_PLACES = (
    frozenset(PLACES)
    - VAGUE_PLACES
    - several(
        "states turkey china polish poles roman romans gb swiss kiwi ca va wi mn mass fl az nv tn persian scots english "
        "danish welsh "
        "emirates dutch virginia jersey"
    )
)
ALIASES = PLACES | PROGRAMMING
