"""What is played: requests with their times, their words, and the answers that are right for them.

A request is one of five kinds:

    new          a question that nobody asked before
    repeat       word for word what was asked before; an exact cache may answer it
    paraphrase   a question that was asked before, in words that were not; only a semantic cache can answer it
    trap         it looks like one that was asked before (same context, nearly the same words), and has another answer
    context      the same words as before after another context, so that the answer is another

Which question is asked again follows Zipf's law. The number of tokens before a question and the length of its answer are
those of the arrival that asked it first: a repeat would be none if its length changed.

Everything depends on the arrivals, the questions, the mix and the seed alone: the same give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

import msgspec

from bench.replay.answers import MIN_TOKENS
from bench.replay.context import Context, Contexts, Message
from bench.replay.prompts import Question, Trap
from bench.replay.traces import Arrival
from bench.replay.zipf import Popular

T = TypeVar("T")

KINDS = ("new", "repeat", "paraphrase", "trap", "context")


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the kinds among all requests (what is left is new), Zipf's exponent, and the share of streams.

    About 31 % of what users ask a chat service they, or others, have asked before (MeanCache, arXiv 2403.02694).
    """

    repeat: float = 0.30
    paraphrase: float = 0.15
    trap: float = 0.10
    context: float = 0.05
    zipf: float = 1.0
    stream: float = 0.30

    def __post_init__(self) -> None:
        shares = (self.repeat, self.paraphrase, self.trap, self.context)
        if min(*shares, self.stream, self.zipf) < 0 or sum(shares) > 1 or self.stream > 1:
            raise ValueError("shares are from 0 to 1, and those of repeats, paraphrases and traps are at most 1 together")

    @property
    def new(self) -> float:
        return 1 - self.repeat - self.paraphrase - self.trap - self.context


class Request(msgspec.Struct, frozen=True):
    """`at`: seconds since the start. `answer` is the one that is right, `like` the one that would be wrong (of a trap)."""

    number: int
    at: float
    kind: str
    answer: int
    context: int
    text: str
    stream: bool
    like: int | None = None


class Workload(msgspec.Struct, frozen=True):
    """`answers[n]` is the length, in tokens, of answer n."""

    seed: int
    requests: list[Request]
    answers: list[int]
    contexts: list[Context]

    def messages(self, request: Request) -> list[Message]:
        context = self.contexts[request.context]
        return [*context.messages, Message("user", context.prefix + request.text)]

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


def generate(arrivals: Sequence[Arrival], questions: Sequence[Question], contexts: Contexts, mix: Mix, seed: int) -> Workload:
    """One request an arrival. Raises ValueError when there are too few questions."""
    generator = _Generator(questions, contexts, mix, seed, len(arrivals))
    kinds = _shuffled({kind: getattr(mix, kind) for kind in KINDS}, len(arrivals), Random(f"{seed}:kinds"))
    streams = _shuffled({True: mix.stream, False: 1 - mix.stream}, len(arrivals), Random(f"{seed}:streams"))
    requests = [
        generator.request(number, arrival, kind, stream)
        for number, (arrival, kind, stream) in enumerate(zip(arrivals, kinds, streams, strict=True))
    ]
    return Workload(seed, requests, generator.answers, contexts.made)


def _shuffled(shares: dict[T, float], count: int, rng: Random) -> list[T]:
    """`count` things in random order, each as often as its share says: drawn one by one they would scatter by some percent."""
    found: list[T] = []
    before = 0.0
    for thing, share in shares.items():
        found += [thing] * (round((before + share) * count) - len(found))
        before += share
    rng.shuffle(found)
    return found


class _Asked:
    """A question after a context: it was asked in the wordings `said` and could be in those of `spare`.

    `family` are the questions that look alike after this context: this one, and the traps set for it.
    """

    def __init__(self, answer: int, question: int, context: int, said: str, spare: list[str], family: set[int]) -> None:
        self.answer = answer
        self.question = question
        self.context = context
        self.said = [said]
        self.spare = spare
        self.family = family


class _Fresh:
    """Questions that nobody asked yet. Half of them have several wordings: else there would be too little to paraphrase."""

    SHARES = (0.5, 0.2, 0.3)  # several wordings; only traps; neither

    def __init__(self, questions: Sequence[Question], rng: Random) -> None:
        self._rng = rng
        self._piles: tuple[list[int], ...] = ([], [], [])
        for number in rng.sample(range(len(questions)), len(questions)):
            question = questions[number]
            self._piles[0 if len(question.texts) > 1 else 1 if question.traps else 2].append(number)

    def take(self, unasked: Callable[[int], bool]) -> int:
        while any(self._piles):
            shares = [share if pile else 0.0 for share, pile in zip(self.SHARES, self._piles, strict=True)]
            number = self._rng.choices(self._piles, shares)[0].pop()
            if unasked(number):
                return number
        raise ValueError("there are too few questions for so many requests: add prompt sets, or ask for more repeats")


class _Generator:
    def __init__(self, questions: Sequence[Question], contexts: Contexts, mix: Mix, seed: int, count: int) -> None:
        self.answers: list[int] = []
        self._questions = questions
        self._contexts = contexts
        self._rng = Random(f"{seed}:requests")
        self._fresh = _Fresh(questions, self._rng)
        self._popular: Popular[_Asked] = Popular(mix.zipf, round(count * (1 - mix.repeat - mix.paraphrase)), self._rng)
        self._asked: set[tuple[int, int]] = set()  # question, context
        self._known: set[int] = set()  # questions that were asked in any context

    def request(self, number: int, arrival: Arrival, wanted: str, stream: bool) -> Request:
        found = getattr(self, f"_{wanted}")(arrival)
        # Early on nothing was asked that could be repeated, and late the paraphrases may be used up.
        kind, asked, text, like = found or self._repeat_if(wanted == "paraphrase", arrival) or self._new(arrival)
        return Request(number, arrival.at, kind, asked.answer, asked.context, text, stream, like)

    def _new(self, arrival: Arrival) -> _Found:
        question = self._fresh.take(lambda number: number not in self._known)
        text = self._rng.choice(self._questions[question].texts)
        return "new", self._introduce(question, self._contexts.of(arrival), text, arrival, set()), text, None

    def _repeat(self, arrival: Arrival) -> _Found | None:
        asked = self._popular.draw()
        return ("repeat", asked, self._rng.choice(asked.said), None) if asked else None

    def _repeat_if(self, wanted: bool, arrival: Arrival) -> _Found | None:
        return self._repeat(arrival) if wanted else None

    def _paraphrase(self, arrival: Arrival) -> _Found | None:
        asked = self._popular.draw(lambda asked: bool(asked.spare))
        if asked is None:
            return None
        asked.said.append(asked.spare.pop())
        return "paraphrase", asked, asked.said[-1], None

    def _trap(self, arrival: Arrival) -> _Found | None:
        asked = self._popular.draw(lambda asked: bool(self._traps(asked)))
        if asked is None:
            return None
        trap = self._rng.choice(self._traps(asked))
        return "trap", self._introduce(trap.question, asked.context, trap.text, arrival, asked.family), trap.text, asked.answer

    def _traps(self, asked: _Asked) -> list[Trap]:
        """Near misses of what was really said, whose question this context has not seen.

        A trap must be labelled different from the whole family: what is unlike something unlike may be alike.
        """
        traps = self._questions[asked.question].traps
        fresh = [trap for trap in traps if trap.near in asked.said and (trap.question, asked.context) not in self._asked]
        return [trap for trap in fresh if asked.family <= {other.question for other in self._questions[trap.question].traps}]

    def _context(self, arrival: Arrival) -> _Found | None:
        context = self._contexts.of(arrival)
        asked = self._popular.draw(lambda asked: (asked.question, context) not in self._asked)
        if asked is None:
            return None
        text = self._rng.choice(asked.said)
        return "context", self._introduce(asked.question, context, text, arrival, set()), text, asked.answer

    def _introduce(self, question: int, context: int, text: str, arrival: Arrival, family: set[int]) -> _Asked:
        spare = [other for other in self._questions[question].texts if other != text]
        self._rng.shuffle(spare)
        family.add(question)
        asked = _Asked(len(self.answers), question, context, text, spare, family)
        self.answers.append(max(MIN_TOKENS, arrival.out_tokens))
        self._asked.add((question, context))
        self._known.add(question)
        self._popular.add(asked)
        return asked


_Found = tuple[str, _Asked, str, int | None]
