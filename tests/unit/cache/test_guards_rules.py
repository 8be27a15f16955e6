"""The guards: what each of them rules out, what it lets pass, and that no single change of a prompt slips through all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verifier.pairs import groups, of_group
from pipeline.cache.guards import rules, words
from pipeline.cache.guards.reading import read
from pipeline.cache.guards.rules import GUARDS, veto

# --- whatever the prompts are ---

VOCABULARY = sorted(
    words.NUMERIC
    | set(words.UNITS)
    | set(words.DATES)
    | words.NEGATORS
    | words.SOFT_NEGATORS
    | {word for pair in words.OPPOSITES for word in pair}
    | set(words.FORMATS)
    | set(words.AUDIENCES)
    | words.LANGUAGES
    | set(words.ALIASES)
    | words.DIRECTION
    | words.SYMMETRIC
)
ODD = [
    "turn on",
    "turn off",
    "log in",
    "US",
    "NASA",
    "iPhone",
    "5k",
    "1,000",
    "3.10",
    "°C",
    "$",
    "%",
    "½",
    "-4",
    "x_y",
    "a@b.co",
    "?",
]
word = st.sampled_from(VOCABULARY + ODD) | st.sampled_from(VOCABULARY).map(str.title) | st.text(max_size=5)
prompts = st.lists(word, max_size=12).map(" ".join) | st.text(max_size=150)


@given(prompts, prompts)
def test_every_guard_says_the_same_in_either_order(one: str, other: str) -> None:
    mine, theirs = read(one), read(other)
    for name, guard in GUARDS.items():
        assert guard(mine, theirs) == guard(theirs, mine), name
    assert veto(mine, theirs) == veto(theirs, mine)


@given(prompts.flatmap(lambda text: st.tuples(st.just(text), st.permutations(text.split(" ")).map(" ".join))))
def test_it_does_so_for_the_same_words_in_another_order(pair: tuple[str, str]) -> None:
    mine, theirs = map(read, pair)
    assert [name for name, guard in GUARDS.items() if guard(mine, theirs)] == [
        name for name, guard in GUARDS.items() if guard(theirs, mine)
    ]


@given(prompts)
def test_a_prompt_never_rules_out_itself(text: str) -> None:
    assert veto(read(text), read(text)) is None


def test_on_and_off_in_one_prompt_are_no_reason_to_be_asymmetric() -> None:
    one, other = read("turn on this, turn off that"), read("turn on this")
    assert rules.opposite(one, other) == rules.opposite(other, one)


# --- one change ---

CHANGES = {
    "number": [
        ("How many calories are in 2 eggs?", "How many calories are in 3 eggs?"),
        ("convert 5k to miles", "convert 10k to miles"),
        ("What is 15% of 1,000?", "What is 15% of 1,500?"),
        ("Name two rivers in Germany", "Name three rivers in Germany"),
        ("Who won the 1998 World Cup?", "who won the world cup in 2002"),
        ("I have 2 million dollars, how do I invest it?", "I have 3 million dollars, how do I invest it?"),
        ("a hundred dollars in cents", "a thousand dollars in cents"),
        ("Spell the number two hundred and six", "Spell the number two hundred and seven"),
        ("How long do I roast a chicken of twenty five hundred grams?", "How long do I roast a chicken of 1500 grams?"),
        ("Who fought in World War I?", "Who fought in World War II?"),
        ("who fought in world war ii", "Who took part in the Third World War?"),
        ("What is the first amendment?", "What is the second amendment?"),
        ("What is the plot of chapter one of Emma?", "What is the plot of chapter four of Emma?"),
        ("Give me one idea for a party", "Give me ten ideas for a party"),
        ("Is the 1990s fashion back?", "Is the 1980s fashion back?"),
        ("What is new in Python 3.1?", "What is new in Python 3.10?"),
        ("django 4.2 release notes summary", "django 4.20 release notes summary"),
        ("How do I treat COVID-19 at home", "How to treat COVID-20 at home"),
        ("Is GPT-4 better at maths than people?", "At maths, is GPT-3 better than people?"),
        ("What is -40 Celsius in Fahrenheit?", "What is 40 Celsius in Fahrenheit?"),
        ("check card number 4000123412341234567", "check card number 4000123412341234568"),
        ("Solve 5:3 = x:12", "Solve 5:4 = x:12"),
        ("At 5 am in London, what time is it in Oslo?", "At 5 pm in London, what time is it in Oslo?"),
        ("At 5am in London, what time is it in Oslo?", "At 5 p.m. in London, what time is it in Oslo?"),
        ("how much is half of 70", "how much is a quarter of 70"),
        ("how many cups are ½ liter", "how many cups are ¼ liter"),
        ("Mix 2 cups of flour and 3 eggs: what comes out?", "Mix 3 cups of flour and 2 eggs: what comes out?"),
        ("Which visa is for a stay of up to ninety days?", "Which visa is for a stay of up to one hundred and eighty days?"),
        ("What is vitamin B6 good for?", "What is vitamin B12 good for?"),
        ("how do i open port 8080", "how do i open port 8443"),
        ("what happens at age 18", "what happens when you turn twenty-one"),
        ("Write a 90-second toast for my parents", "Write a 95-second toast for my parents"),
        ("Explain type 1 diabetes to a five-year-old", "Explain type 1 diabetes to a six-year-old"),
        ("how many people are in three hundred and fifty thousand households", "how many people are in 360,000 households"),
    ],
    "unit": [
        ("How many feet are in 3 meters?", "How many inches are in 3 meters?"),
        ("5 feet 9 inches in cm", "5 feet 9 inches in m"),
        ("convert 5 m to feet", "convert 5 km to feet"),
        ("How long is 100m in feet?", "How long is 100 km in feet?"),
        ("what is 30C as a feeling", "what is 30F as a feeling"),
        ("Is 30 °C hot?", "Is 30 °F hot?"),
        ("How much is $50 in food?", "How much is €50 in food?"),
        ("How do I save 500 dollars weekly?", "How do I save 500 dollars monthly?"),
        ("Is 200 mg of caffeine too much?", "Is 200 g of caffeine too much?"),
        ("how many mb in 2 gb", "how many kb in 2 gb"),
        ("dose of 5 ml in teaspoons", "dose of 5 l in teaspoons"),
        ("how far is a 3 hour drive", "how far is a 3 day drive"),
        ("A train runs at 60 mph and another at 40 mph", "A train runs at 60 mph and another at 40 knots"),
        ("refund after 45 days, our policy is 30 days", "refund after 45 days, our policy is 30 hours"),
        ("how many cups of water for one cup of rice", "how many cups of water for one pint of rice"),
    ],
    "name": [
        ("What is the capital of France?", "What is the capital of Spain?"),
        ("capital of france", "capital of spain"),
        ("who wrote hamlet", "who wrote macbeth"),
        ("What is the population of the US?", "What is the population of the UK?"),
        ("How tall is LeBron James?", "What is the height of Kobe Bryant?"),
        ("Where did Einstein go to school?", "Where did Newton go to school?"),
        ("What does NASA do?", "What does ESA do?"),
        ("How do I cancel Netflix?", "How do I cancel Hulu?"),
        ("how do i cancel netflix", "how do i cancel hulu"),
        ("Is German wine good?", "Is Italian wine good?"),
        ("How do I say thanks in Japanese?", "How do I say thanks in Korean?"),
        ("reverse a string in python", "reverse a string in rust"),
        ("How do I sort a list in C?", "How do I sort a list in R?"),
        ("iPhone 15 battery life", "iPad 15 battery life"),
        ("Who owns Toyota in the US?", "Who owns Honda in Utah state?"),
        ("what does useState do", "what does useEffect do"),
        ("where is /etc/hosts", "where is /etc/passwd"),
        ("install docker on ubuntu", "install docker on windows"),
        ("what is the best beer in belgium", "which beers of austria are the best"),
        ("is it legal to park here in texas", "in florida, is it legal to park here"),
        ("Translate it from Dutch to English: De trein vertrekt", "Translate it from Kowalski to English: De trein vertrekt"),
    ],
    "negation": [
        ("Should I install the update?", "Should I not install the update?"),
        ("Can dogs eat grapes?", "Why can't dogs eat grapes?"),
        ("Which vegetables should I keep in the fridge?", "Which vegetables should I not keep in the fridge?"),
        ("Is it important to invest early?", "Is it not important to invest early?"),
        ("recipe for bread with yeast", "recipe for bread without yeast"),
        ("Which fruits contain sugar?", "Which fruits do not contain sugar?"),
        ("foods that are only for babies", "foods that are not only for babies"),
        ("How do I turn off notifications?", "How do I not turn off notifications?"),
        ("animals that lay eggs", "animals that never lay eggs"),
        ("What happens if I pay taxes?", "What happens if I don\u2019t pay taxes?"),
    ],
    "opposite": [
        ("How do I turn on dark mode?", "How do I turn off dark mode?"),
        ("How do I turn the heating on in a VW?", "How do I turn the heating off in a VW?"),
        ("how to log in to gmail", "how to log out of gmail"),
        ("What is the largest planet?", "What is the smallest planet?"),
        ("What are the advantages of nuclear power?", "What are the disadvantages of nuclear power?"),
        ("how to gain weight fast", "how to lose weight fast"),
        ("Why is the sky dark?", "Why is the sky light?"),
        ("What is the easiest language to learn?", "What is the hardest language to learn?"),
        ("Is it good to sleep late?", "Is it bad to sleep late?"),
        ("Where should old people live?", "Where should new people live?"),
        ("Why can't a poor country print money to become rich?", "Why can't a rich country print money to become rich?"),
        ("flight with long queues for people with long legs", "flight with long queues for people with short legs"),
        ("Is an increasing rate bad?", "Is a decreasing rate bad?"),
    ],
    "month": [
        ("What is the weather like in Rome in May?", "What is the weather like in Rome in June?"),
        ("what to plant in may", "what to plant in june"),
        ("what to plant in march", "what to plant in may"),
        ("Which birthstone is for October?", "Which birthstone is for November?"),
        ("is 1 may a holiday in germany", "is 1 june a holiday in germany"),
        ("what to wear in fall", "what to wear in spring"),
        ("Which shops open on Sunday?", "Which shops open on Monday?"),
        ("what to eat in the morning", "what to eat in the evening"),
    ],
    "direction": [
        ("How long is the flight from Paris to Rome?", "How long is the flight from Rome to Paris?"),
        ("How do I get from New York to Boston?", "How do I get from Boston to New York?"),
        ("Should I brush before breakfast?", "Should I eat breakfast before I brush?"),
        ("Is Python faster than Java?", "Is Java faster than Python?"),
        ("convert celsius to fahrenheit", "convert fahrenheit to celsius"),
        ("how many cm in an inch", "how many inches in a cm"),
        ("Can I replace butter with oil?", "Can I replace oil with butter?"),
        ("Why use butter instead of oil in a cake?", "Why use oil instead of butter in my cake?"),
        ("migrate from mysql to postgres", "migrate from postgres to mysql"),
        ("count from 5 to 10 in french", "count from 10 to 5 in french"),
    ],
    "order": [
        ("Do lions eat hyenas?", "Do hyenas eat lions?"),
        ("Does the dog owner sue the cat?", "Does the cat owner sue the dog?"),
        ("Why does Russia fear China?", "Why does China fear Russia?"),
    ],
    "language": [
        ("Translate 'good night' to Spanish", "Translate 'good night' into French"),
    ],
    "format": [
        ("Planets as JSON", "Planets as a table"),
        ("Summarise photosynthesis in a poem", "Summarise photosynthesis"),
        ("list the planets in a table", "list the planets in csv"),
    ],
    "audience": [
        ("Explain gravity to a child", "Explain gravity to an expert"),
        ("ibuprofen dose for adults and kids", "ibuprofen dose for adults and dogs"),
    ],
}


@pytest.mark.parametrize(("one", "other"), [pair for pairs in CHANGES.values() for pair in pairs])
def test_no_single_change_slips_through(one: str, other: str) -> None:
    assert veto(read(one), read(other)) is not None
    assert veto(read(one.lower()), read(one)) is None


# --- each guard by itself ---


def says(guard: str, one: str, other: str) -> bool:
    return GUARDS[guard](read(one), read(other))


@pytest.mark.parametrize(
    ("guard", "one", "other"),
    [
        ("numbers", "2 eggs", "3 eggs"),
        ("numbers", "one idea", "ten ideas"),
        ("numbers", "2 cups and 3 eggs", "3 cups and 2 eggs"),
        ("codes", "open /etc/hosts", "open /etc/passwd"),
        ("codes", "what is foo_bar", "what is foo_baz"),
        ("units", "5 kg", "5 pounds"),
        ("units", "40 mph, then 60 mph", "40 mph, then 60 knots"),
        ("dates", "in May", "in June"),
        ("dates", "on Monday", "on Sunday"),
        ("dates", "in summer", "in winter"),
        ("negation", "is it safe", "is it not safe"),
        ("negation", "tea with milk", "tea without milk"),
        ("opposite", "the largest lake", "the smallest lake"),
        ("opposite", "turn the tap on", "turn the tap off"),
        ("languages", "hello in German", "hello in Italian"),
        ("languages", "sort in java", "sort in python"),
        ("formats", "planets as json", "planets"),
        ("formats", "a list of planets", "a story of planets"),
        ("audience", "for kids", "for experts"),
        ("names", "Where is Lima?", "Where is Bogota?"),
        ("names", "norwegian salmon", "scottish salmon"),
        ("names", "the US economy", "the UK economy"),
        ("substitution", "who wrote hamlet", "who wrote macbeth"),
        ("direction", "from paris to rome", "from rome to paris"),
        ("direction", "eat before you swim", "swim before you eat"),
        ("direction", "is java faster than rust", "is rust faster than java"),
        ("direction", "butter instead of oil", "oil instead of butter"),
        ("direction", "replace butter with oil", "replace oil with butter"),
        ("direction", "how many cm in an inch", "how many inches in a cm"),
        ("units", "How much is 15% of 80?", "What is eighty percent of 15?"),
        ("exchange", "work on Monday and rest on Tuesday", "work on Tuesday and rest on Monday"),
        ("exchange", "is a 2GB module right for it", "is a 2Tb module right for it"),
        ("exchange", "by bus from New Jersey to Rochester, and back", "by bus from Rochester to New Jersey, and back"),
        (
            "exchange",
            "Comet Halley is seen every 75 years, and Bill saw the comet twice in all of his life",
            "Benchmark Halley is seen every 75 years, and Bill saw the benchmark twice in all of his life",
        ),
        ("order", "do lions eat hyenas", "do hyenas eat lions"),
    ],
)
def test_a_guard_rules_out_what_it_is_for(guard: str, one: str, other: str) -> None:
    assert says(guard, one, other)
    assert says(guard, other, one)


@pytest.mark.parametrize(
    ("guard", "one", "other"),
    [
        ("numbers", "two eggs", "2 eggs"),
        ("numbers", "5k steps", "5,000 steps"),
        ("numbers", "two million", "2,000,000"),
        ("numbers", "World War II", "the second world war"),
        ("numbers", "list planets", "list 5 planets"),
        ("numbers", "the first step", "step 1"),
        ("numbers", "which one is best", "which of the 2 is best"),
        ("codes", "install Node.js", "install nodejs"),
        ("codes", "see https://a.b/c.", "see https://a.b/c"),
        ("units", "5 kg", "5 kilograms"),
        ("units", "5 kg of flour", "flour"),
        ("units", "5 kg for 2 hours", "5 kg"),
        ("dates", "in May", "may I go in May"),
        ("dates", "you may march", "on Monday"),
        ("negation", "is it impossible", "is it not possible"),
        ("negation", "stop the dog from barking", "make the dog not bark"),
        ("negation", "sugarless tea", "tea without sugar"),
        ("negation", "is it true", "is it true or not"),
        ("negation", "how do they differ", "how are they not the same"),
        ("opposite", "hot and cold water", "cold and hot water"),
        ("opposite", "the largest lake", "the biggest lake"),
        ("opposite", "is the hot soup here", "where did I leave my cold drink and my coat"),
        ("languages", "sort in js", "sort in javascript"),
        ("languages", "sort in python", "sort a list"),
        ("formats", "a bulleted list", "bullet points"),
        ("formats", "list the planets", "which planets are there"),
        ("audience", "for a child", "for kids"),
        ("names", "the United States of America", "the USA"),
        ("names", "Germany's beer", "german beer"),
        ("names", "PostgreSQL tips", "tips for Postgres"),
        ("names", "What does the Java Virtual Machine do?", "What does the JVM do?"),
        ("names", "Where is Lima?", "where is lima"),
        ("substitution", "how do cats sleep", "how do dogs sleep"),
        ("substitution", "hamlet", "macbeth"),
        ("direction", "from paris to rome", "to rome from paris"),
        ("direction", "convert 5 F to degrees Celsius", "convert 5 degrees F to Celsius"),
        ("order", "the difference between tea and coffee", "the difference between coffee and tea"),
        ("order", "in winter, why is it cold", "why is it cold in winter"),
        ("order", "Why is the Tower of Pisa leaning?", "why the Tower of Pisa is leaning"),
    ],
)
def test_a_guard_lets_pass_what_is_not_for_it(guard: str, one: str, other: str) -> None:
    assert not says(guard, one, other)
    assert not says(guard, other, one)


# --- what it costs ---


def test_most_paraphrases_pass() -> None:
    pairs = [pair for group in groups()[::5] for pair in of_group(group) if pair.same]
    passed = sum(veto(read(pair.one), read(pair.other)) is None for pair in pairs)
    assert len(pairs) > 1000
    assert passed / len(pairs) > 0.93


LONG = (
    "Andrew plans a trip from Dover to Leeds in May. The trip from Leeds to Dover takes 2 days, and each day costs him 3 pounds."
)


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (LONG.replace("each day", "each week"), True),
        (LONG.replace("from Leeds to Dover", "from Dover to Leeds"), True),
        (LONG.replace("trip from Dover", "trip from Paris"), True),
        (LONG.replace("Andrew", "Andrw"), False),
        (LONG.replace("plans", "makes"), False),
        (LONG.replace("takes 2 days", "needs 2 days"), False),
    ],
)
def test_in_a_long_prompt_one_word_that_was_exchanged_is_enough(other: str, differs: bool) -> None:
    assert GUARDS["exchange"](read(LONG), read(other)) == differs


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("what to eat before running", "what to eat after running", True),
        ("convert a file from PDF", "convert a file to PDF", True),
        ("coffee with sugar", "coffee without sugar", True),
        ("the difference between Oslo and Rome", "the difference between Rome and Oslo", False),
        ("how long is a week", "how long are weeks", False),
    ],
)
def test_what_was_exchanged_decides(one: str, other: str, differs: bool) -> None:
    assert GUARDS["exchange"](read(one), read(other)) == differs
