"""A small workload of our own: it needs no data, so that a fresh clone and the tests can play.

Each family below looks alike: its lines are different questions, each in all its wordings.
"""

from __future__ import annotations

from itertools import combinations
from random import Random

from bench.replay import prompts
from bench.replay.prompts import Pair, Question
from bench.replay.traces import Arrival
from bench.replay.workload import Mix

RATE = 5.0  # arrivals a second before they are sped up, as in the traces
MIX = Mix(repeat=0.40, paraphrase=0.20, trap=0.12, context=0.06)

FAMILIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("How do I boil an egg?", "What is the way to boil an egg?", "Tell me how an egg is boiled."),
        ("How do I fry an egg?", "What is the way to fry an egg?"),
        ("How do I peel an egg?",),
    ),
    (
        ("How far is it from Rome to Paris by train?", "What is the distance from Rome to Paris by rail?"),
        ("How far is it from Rome to Madrid by train?", "What is the distance from Rome to Madrid by rail?"),
    ),
    (
        ("Which planet is the largest?", "What is the biggest planet?", "Name the largest of the planets."),
        ("Which planet is the smallest?", "What is the tiniest planet?"),
    ),
    (
        (
            "Sort a list of names in Python.",
            "How can I sort names in a Python list?",
            "Python: put a list of names in order.",
        ),
        ("Sort a list of names in Java.", "How can I sort names in a Java list?"),
        ("Reverse a list of names in Python.",),
    ),
    (
        ("When does the library open on Monday?", "At what time does the library open on Mondays?"),
        ("When does the library close on Monday?", "At what time does the library close on Mondays?"),
    ),
    (
        ("Can I return shoes that I have worn?", "Is it possible to give back shoes after wearing them?"),
        ("Can I return shoes that I have not worn?", "Is it possible to give back shoes that were never worn?"),
    ),
    (
        ("Is the flight from Oslo to Bergen on time?", "Does the Oslo to Bergen flight leave as planned?"),
        ("Is the flight from Bergen to Oslo on time?", "Does the Bergen to Oslo flight leave as planned?"),
    ),
    (
        ("What is 15 percent of 80?", "How much is 15% of 80?", "Calculate fifteen percent of eighty."),
        ("What is 80 percent of 15?", "How much is 80% of 15?"),
        ("What is 50 percent of 80?",),
    ),
    (
        ("Translate 'good morning' into Spanish.", "How do you say good morning in Spanish?"),
        ("Translate 'good morning' into Swedish.", "How do you say good morning in Swedish?"),
        ("Translate 'good evening' into Spanish.", "How do you say good evening in Spanish?"),
    ),
    (
        ("Does coffee keep children awake?", "Will children stay awake after drinking coffee?"),
        ("Does tea keep children awake?", "Will children stay awake after drinking tea?"),
    ),
    (
        ("Who wrote the report, Anna or Peter?", "Was it Anna or Peter who wrote the report?"),
        ("Who read the report, Anna or Peter?", "Was it Anna or Peter who read the report?"),
    ),
    (
        ("How do I turn on two-factor sign-in?", "Where do I switch two-factor sign-in on?"),
        ("How do I turn off two-factor sign-in?", "Where do I switch two-factor sign-in off?"),
    ),
)

SINGLES = (
    "Write a poem of four lines about rain.",
    "Explain to a child why the sky is blue.",
    "List three uses of a paper clip.",
    "What should I pack for a week by the sea?",
    "Give a short history of the bicycle.",
    "Suggest a name for a bakery.",
    "Why do cats purr?",
    "What does a conductor of an orchestra do?",
    "How are bridges tested before they open?",
    "Describe the taste of a lemon.",
    "What makes bread rise?",
    "Plan a walk of two hours through a forest.",
    "How does a refrigerator stay cold?",
    "Write a thank-you note to a neighbour.",
    "What is a fair rent for one room?",
    "How do I begin to learn the violin?",
    "Name five rivers in Africa.",
    "Why is the sea salty?",
    "What is the difference between a crow and a raven?",
    "How can I keep a tomato plant alive?",
    "Make a riddle whose answer is a clock.",
    "What happens at a stock exchange?",
    "Invent a game for three players and one ball.",
    "How does a lock on a canal work?",
)


def questions() -> list[Question]:
    pairs: list[Pair] = []
    for family in FAMILIES:
        for wordings in family:
            pairs += [(wordings[0], other, True) for other in wordings]
        for one, other in combinations(family, 2):
            pairs += [(a, b, False) for a in one for b in other]
    return prompts.questions(pairs, SINGLES)


def arrivals(count: int, speed: float, seed: int) -> list[Arrival]:
    """Independent arrivals at RATE times `speed`, with lengths that scatter as those of the traces, but shorter."""
    rng = Random(f"{seed}:tiny")
    at, found = 0.0, []
    for _ in range(count):
        found.append(Arrival(at, _tokens(rng, 120), _tokens(rng, 40)))
        at += rng.expovariate(RATE * speed)
    return found


def _tokens(rng: Random, median: float) -> int:
    return round(median * rng.lognormvariate(0, 0.8))
