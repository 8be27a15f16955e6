"""T2: a long text shortened to what a question about it needs. What is left of it is word for word what stood there.

For retrieved passages and old history only, where something is left out in any case. The words of a kept part are never
changed, but for sounds in transcripts (extract_tidy). The result depends on the text and the question alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, groupby
from math import sqrt
from operator import itemgetter

import msgspec

from pipeline.optimise import extract_question, rank
from pipeline.optimise.extract_choose import Chooser
from pipeline.optimise.extract_question import EVERYTHING, OVERVIEW, Asked
from pipeline.optimise.extract_speech import TURN
from pipeline.optimise.extract_tidy import tidy
from pipeline.optimise.extract_units import Unit, split
from pipeline.optimise.rank_meaning import Embed, by_meaning
from pipeline.optimise.rank_words import terms

LEAST = 4_000  # bytes, about 1,000 tokens: what is shorter stays as it is
MOST = 2_000_000  # characters, and
MOST_UNITS = 20_000  # parts: what has more stays as it is
KEEP = 0.53  # a share that keeps, of a transcript, nearly all that matters
MARK = "[...]"
WIDTH = 2_400  # bytes: how far what stands around a word is about it
WORDS = 0.6  # the weight of words beside meaning
EVEN = 0.6  # how evenly the words of a question are spread over a text, usually
PER_EVEN = 0.3  # the share of the text that is kept more or less for it
BROAD = 0.05  # of what a detail may leave out, an overview may
LOWEST = 0.6  # of the share that was asked for, whatever the question
FIRST = 300  # bytes
INSTRUCTIONS = 2_000  # bytes; what has more of them is about instructions
GAIN = 0.97  # a result that is longer than this share of the text is not worth it

_INSTRUCTION = re.compile(
    r"\s*(?:[-*+•]\s+|\(?\d{1,2}[.)]\s+)?(?:please|answer|respond|reply|use|do not|don['’]t|never|always|note|important|if you|"
    r"you (?:must|should|are|may|can|will)|your (?:task|answer|reply|response)|based on|given|read|consider|make sure|be sure|"
    r"ensure|write|keep|only)\b",
    re.IGNORECASE,
)


class Extracted(msgspec.Struct, frozen=True):
    """`kept` of `total` parts stand in `text`. `why` says how it came to this."""

    text: str
    kept: int
    total: int
    why: str


def extract(text: str, question: str, keep: float, embed: Embed | None = None, *, words: float = WORDS) -> Extracted:
    """`text` shortened to about the share `keep` (above 0, to 1) of its bytes for a question about a detail.

    A broader question keeps more, and so does one whose words stand everywhere; one about everything keeps all. Without
    `embed` only words count; with it they weigh `words`, from 0 to 1, and meaning the rest. Raises ValueError for a share that
    is none, and what `embed` raises but for ValueError.
    """
    if not 0 < keep <= 1:
        raise ValueError(f"the share to keep must be above 0 and at most 1, not {keep}")
    if len(text) > MOST or keep == 1 or size(text) < LEAST:
        return Extracted(text, 1, 1, "too long" if len(text) > MOST else "short enough")
    units = split(text)
    shown = text
    if sum(bool(unit.speaker) for unit in units) > len(units) / 2:
        shown = tidy(text, question)
        units = split(shown) if shown != text else units
    if len(units) > MOST_UNITS:
        return Extracted(text, len(units), len(units), "too many parts")
    kept, why = _kept(shown, units, question, keep, embed, words)
    short = _joined(shown, units, kept)
    if size(short) > GAIN * size(text):
        return Extracted(text, len(units), len(units), f"{why}, not worth it")
    return Extracted(short, sum(kept), len(units), why)


def size(text: str) -> int:
    """Bytes of a text. Tokens follow them more closely than characters, in all scripts; half a pair counts as well."""
    return len(text.encode("utf-8", "surrogatepass"))


def _kept(
    text: str, units: Sequence[Unit], question: str, keep: float, embed: Embed | None, words: float
) -> tuple[list[bool], str]:
    """Which parts are kept, and why."""
    everything = [True] * len(units)
    asked = extract_question.read(question, {unit.speaker for unit in units})
    if asked.breadth == EVERYTHING:
        return everything, "about everything"
    pieces = [text[unit.start : unit.end] for unit in units]
    sizes = [size(piece) for piece in pieces]
    said = [terms(_spoken(unit, piece)) for unit, piece in zip(units, pieces, strict=True)]
    places = _places(units, sizes)
    found = rank.by_words(said, asked.terms)
    # What has the words itself counts twice, or the neighbours of one place that has them all would leave no room for another.
    around = [own + all_ for own, all_ in zip(found, rank.spread(found, places, WIDTH), strict=True)]
    near = by_meaning(pieces, sizes, places, asked.text, embed) if embed else []
    if not near and not any(around):
        return everything, "nothing of the question found"
    share = _share(keep, asked, rank.evenness(around, sizes))
    always = _always(text, units, sizes)
    kept = Chooser(text, units, sizes).choose(_scores(around, near, words), always, share * sum(sizes))
    return kept, f"{asked.breadth}, {share:.2f} kept"


def _spoken(unit: Unit, piece: str) -> str:
    """A part without the speaker's name, which tells nothing of what is spoken about."""
    name = TURN.match(piece) if unit.speaker else None
    return piece[name.end() :] if name and name["speaker"] == unit.speaker else piece


def _places(units: Sequence[Unit], sizes: Sequence[int]) -> list[float]:
    """Where the middle of each part is, in bytes, with what empty lines and headings count as."""
    ends = accumulate(unit.gap + length for unit, length in zip(units, sizes, strict=True))
    return [end - length / 2 for end, length in zip(ends, sizes, strict=True)]


def _scores(around: Sequence[float], near: Sequence[float], weight: float) -> list[float]:
    # The root: that a word comes ten times says less than ten times as much.
    by_words = rank.standard([sqrt(value) for value in around])
    if not near:
        return by_words
    pairs = zip(by_words, rank.standard(near), strict=True)
    return [weight * words + (1 - weight) * meaning for words, meaning in pairs]


def _share(keep: float, asked: Asked, evenness: float) -> float:
    """The share of the text that is kept."""
    wanted = 1 - BROAD * (1 - keep) if asked.breadth == OVERVIEW else keep
    return min(1.0, max(LOWEST * keep, wanted + PER_EVEN * (evenness - EVEN)))


def _always(text: str, units: Sequence[Unit], sizes: Sequence[int]) -> list[int]:
    """What is kept in any case: the first line, which says what the text is, and what tells the reader what to do."""
    first, last = units[0].block, units[-1].block
    outer = [number for number, unit in enumerate(units) if unit.block in (first, last) and not unit.speaker]
    told = [number for number in outer if _INSTRUCTION.match(text, units[number].start, units[number].end)]
    few = told if sum(sizes[number] for number in told) < INSTRUCTIONS else []
    return [0, *few] if sizes[0] <= FIRST else few


def _joined(text: str, units: Sequence[Unit], kept: Sequence[bool]) -> str:
    """The kept parts, with a mark where something is left out."""
    pieces: list[str] = []
    for stays, run in groupby(zip(units, kept, strict=True), key=itemgetter(1)):
        parts = [unit for unit, _ in run]
        piece = text[parts[0].start : parts[-1].end]
        pieces.append(piece if stays else MARK + _space_behind(piece))
    return "".join(pieces)


def _space_behind(piece: str) -> str:
    """The white space at the end, so that what follows stands on a line of its own if it did."""
    space = piece[len(piece.rstrip()) :]
    return "\n\n" if space.count("\n") > 1 else "\n" if "\n" in space else " " if space else ""
