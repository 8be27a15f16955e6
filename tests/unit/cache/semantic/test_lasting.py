"""Whose answers become wrong with time, and whose do not."""

from __future__ import annotations

import time

import pytest

from pipeline.cache.guards.never import never
from pipeline.cache.semantic.lasting import CHANGING, TIMELESS, lasting

CHANGE = [
    "How much does an iPhone 15 cost?",
    "what's the price of a pound of coffee in Italy",
    "What is the average salary of a nurse in Ohio?",
    "what are the fees for a wire transfer",
    "interest rates for savings accounts",
    "How much is a train ticket from Paris to Lyon?",
    "Which laptop should I buy for video editing?",
    "best headphones for running",
    "What are the best restaurants in Lisbon?",
    "Is a Tesla Model 3 worth it?",
    "Where can I stream The Wire?",
    "Which version of Python does Django 5 need?",
    "Does TypeScript support decorators?",
    "Is AngularJS still maintained?",
    "Who is the CEO of Microsoft?",
    "who is the prime minister of Japan?",
    "Who owns Instagram?",
    "Name the mayor of Hamburg",
    "What is the population of Nigeria?",
    "How many employees does Siemens have?",
    "What is the revenue of IKEA?",
    "most popular baby names in Sweden",
    "What time does the Louvre open?",
    "opening hours of the British Library",
    "When does the ski season start in Austria?",
    "how often do the ferries to Naxos go",
    "flights from Boston to Dublin",
    "Who won the most Grand Slam titles?",
    "Who holds the 100 m world record?",
    "Is it legal to grow cannabis in Germany?",
    "Do Canadians need a visa for Vietnam?",
    "What is the minimum wage in Texas?",
    "What are the tax brackets in France?",
    "Is it safe to travel to Egypt?",
    "How do I cancel my Netflix subscription?",
    "What is the routing number of Chase?",
    "Best smartphones in 2026",
    "What are the trends in interior design?",
    "How many seasons of The Office are there?",
    "What's the speed limit on Spanish motorways?",
]
STAY = [
    "What is a visa?",
    "What are tariffs?",
    "what is a speed limit",
    "What does LTS stand for?",
    "the definition of a gross salary",
    "How do you say passport in Italian?",
    "Define opportunity cost",
    "What is 15 percent of 240?",
    "Solve 3x + 4 = 19",
    "How do I reverse a list in Python?",
    "Write a SQL query that sums the prices of all orders",
    "Translate 'the tickets are expensive' into French",
    "Write a poem about the president of a small island",
    "Summarize this email: our revenue grew by 5 % and salaries will rise",
    "Explain how photosynthesis works",
    "Why is the sky blue?",
    "How do elections work?",
    "When did the Second World War end?",
    "Who wrote Don Quixote?",
    "Who won the battle of Hastings?",
    "Who discovered penicillin?",
    "What is the capital of Australia?",
    "How far is the moon from the earth?",
    "How do I boil an egg?",
    "How can I fall asleep faster?",
    "What is the difference between a virus and a bacterium?",
    "Give me three synonyms for happy",
    "Tell me a joke about banks",
    "How do you say good morning in Japanese?",
    "What is the cost function of a linear regression?",
    "Prove that the square root of 2 is irrational",
    "Correct the grammar: he go to school by the bus",
    "What is the boiling point of ethanol?",
    "How does a refrigerator work?",
    "What are prime numbers?",
    "Rewrite this to sound friendlier: your order is late",
    "How many legs does a spider have?",
    "What is the plot of Hamlet?",
    "Who painted the Mona Lisa?",
    "How do I remove a red wine stain?",
    "What is the Big O of binary search?",
    "Can you write a letter to my landlord about the rent?",
    "Will this recipe still be good with milk instead of eggs?",
]


@pytest.mark.parametrize("prompt", CHANGE)
def test_answers_that_become_wrong_with_time(prompt: str) -> None:
    assert lasting(prompt) == CHANGING


@pytest.mark.parametrize("prompt", STAY)
def test_answers_that_stay_right(prompt: str) -> None:
    assert lasting(prompt) == TIMELESS


@pytest.mark.parametrize("prompt", CHANGE)
def test_case_white_space_and_courtesy_do_not_matter(prompt: str) -> None:
    assert lasting(f"  Please,\n {prompt.upper()} ") == CHANGING


def test_these_prompts_are_all_of_those_that_are_stored_at_all() -> None:
    assert [prompt for prompt in CHANGE + STAY if never(prompt)] == []


@pytest.mark.parametrize("prompt", ["is are does " * 90, "who is the " * 90, "best " * 200, "a" * 1000, "how much is " * 80])
def test_no_prompt_takes_long(prompt: str) -> None:
    begun = time.thread_time()
    lasting(prompt)
    assert time.thread_time() - begun < 0.1
