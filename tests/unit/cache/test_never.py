"""What is never answered by meaning: the answer depends on when, on whom, on chance, or on what was said before."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verifier.pairs import groups
from pipeline.cache.guards.never import REASONS, never

TIME = """
what's the weather in Berlin|weather berlin|Will it rain today?|What is the latest version of Python?
who is the current president of France|who won the game last night|who won yesterday|bitcoin price|price of gold
convert 50 usd to eur|100 dollars in euros|What time is it?|what time is it in Tokyo|What day is it?|what's the date
how many days until christmas|breaking news|top headlines|stock price of Tesla|Tesla stock price|who is winning the Lakers game
When is the next solar eclipse?|how old is Taylor Swift|what are the best movies this year|upcoming concerts in London
is the market open right now|what's new in iOS|exchange rate euro dollar|what's happening in the world
When will GTA 6 be released?|what is Elon Musk's net worth|Who is the prime minister at the moment?
"""
PERSONAL = """
what is my account balance|where is my order|When is my appointment?|what's my name|who is my doctor|do i have any meetings
remind me to call mom|who am i|cancel my subscription|track my package|what did i say earlier|what is my ip address|where am i
how much is my bill|restaurants near me|best pizza nearby|is my flight on time|has my order shipped
Do you remember what I told you?|show me my transactions|what's on my calendar|what is the minimum wage in my state
How many points do I have?|is my payment due|am i late on my bill|when does my flight leave|please check my email
as I said, it is broken
"""
CHANCE = """
pick a number between 1 and 10|give me a random number|flip a coin|Roll a die|please roll two dice|tell me a joke|surprise me
another one|tell me another joke|random fact|choose a random country|generate a random password
shuffle these names: Ann, Bob, Cid|Come up with a name for my cat|pick a card, any card|make up a story about a dragon
say something random|one more|try again
"""
REFERENCE = """
continue|please go on|explain that again|what does this mean|Summarize this.|translate this to french
what did you mean by your last answer|fix it|the above code does not work|why is that|Can you elaborate on the previous answer?
is this correct?|what about the attached file
"""
FINE = """
How do I renew my passport|best way to learn SQL|what is a good credit score|How do I change my password?
Why does my dog eat grass?|How do I check my account balance on Chase?|How does weather affect mood?|what is electric current
What is the difference between AC and DC current?|How to shuffle an array in JavaScript|What is a random forest?
How do I generate a random integer in Java?|how to remember names|How do I continue a line in Python?
What is the capital of France?|what elements make up water|my car won't start, what should I check
I'm a beginner, how do I learn Python?|How do I get the current date in JavaScript?
What is the probability that a random card is a heart?|How old is the universe?|how much water should i drink
How much does a blue whale weigh?|When was the last ice age?|Do I need a visa for Japan?
I left my bag in an Uber yesterday. What now?|What does 'today' mean in law?|how do i recover a deleted email
what is the score of a perfect game in bowling|What is the best time of day to take vitamin D?
What is the time complexity of quicksort?|If it's noon in London, what time is it in Tokyo?|sort files newest first
What are the rules of the card game War?|How do I write an order confirmation email?|Explain Newton's third law.
how do I cancel my Netflix subscription|what is an order of magnitude|Why is my phone so slow?
What should I do if my package is lost?|Correct the mistakes in this sentence: 'He goed home yesterday.'
Translate to French: "What is my name?"|what is new in Python 3.12|Is it legal for my employer to read my emails?
Write a poem about the sea|What is the word for the day after tomorrow?
"""


def prompts(text: str) -> list[str]:
    return [prompt for line in text.strip().splitlines() for prompt in line.split("|")]


@pytest.mark.parametrize(
    ("reason", "prompt"),
    [
        (reason, prompt)
        for reason, text in {"time": TIME, "personal": PERSONAL, "chance": CHANCE, "reference": REFERENCE}.items()
        for prompt in prompts(text)
    ],
)
def test_what_must_not_be_answered_by_meaning_is_refused_with_its_reason(reason: str, prompt: str) -> None:
    assert never(prompt) == reason
    assert never(f"  {prompt.upper()} ") == reason


@pytest.mark.parametrize("prompt", prompts(FINE))
def test_what_is_the_same_for_everybody_at_any_time_is_not_refused(prompt: str) -> None:
    assert never(prompt) is None


@pytest.mark.parametrize("prompt", ["", " ", "?", "2+2", "a b c", "😀", "1 2 3", "x_y"])
def test_a_prompt_without_a_word_has_no_content(prompt: str) -> None:
    assert never(prompt) == "no_content"


@pytest.mark.parametrize("prompt", ["'what time is it'", '"who won yesterday"'])
def test_quotes_around_all_of_it_hide_nothing(prompt: str) -> None:
    assert never(prompt) == "time"


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str) -> None:
    assert never(text) in {None, "no_content", *REASONS}


@pytest.mark.parametrize(
    "text", ["a " * 500, "please " * 140, "'" * 1000, "'a'b" * 250, "what is my " * 90, "how many " * 110, '"' * 999]
)
def test_no_text_of_the_longest_length_takes_long(text: str) -> None:
    began = time.process_time()
    never(text)
    assert time.process_time() - began < 0.1


def test_hardly_any_question_that_was_written_as_timeless_is_refused() -> None:
    bases = [group["base"] for group in groups()]
    refused = [base for base in bases if never(base)]
    assert len(refused) < 0.01 * len(bases), refused
