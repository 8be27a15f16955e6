"""Text that depends on nothing but a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

# Each of these is one token of o200k_base when a space stands before it, and so is each sentence's
# full stop. So a text of n pieces is a text of n tokens, which a test checks with the real counter.
WORDS = (  # noqa: SIM905 - 170 words in quotes each would be no easier to read
    "time year people way day man thing woman life child world school state family student group country problem hand part "
    "place case week company system program question work government number night point home water room mother area money "
    "story fact month lot right study book eye job word business issue side kind head house service friend father power hour "
    "game line end member law car city community name president team minute idea body information back parent face others "
    "level office door health person art war history party result change morning reason research girl guy moment air teacher "
    "force education is was are has had can will may gives takes makes needs shows keeps holds finds brings leads helps small "
    "large good new old long great little own other early young important few public able clear simple strong and or but with "
    "from into over under after before between through against during without because while where when "
).split()
SENTENCE = 11  # tokens in a sentence, its full stop included


class Dice:
    """An endless row of numbers from a seed: SHA-256 in counter mode, so the same on every machine."""

    def __init__(self, seed: bytes) -> None:
        self._numbers = self._roll(seed)

    def below(self, bound: int) -> int:
        return next(self._numbers) % bound

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + self.below(high - low + 1)

    @staticmethod
    def _roll(seed: bytes) -> Iterator[int]:
        block = 0
        while True:
            digest = hashlib.sha256(seed + block.to_bytes(8, "big")).digest()
            yield from (int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4))
            block += 1


def sentences(dice: Dice, tokens: int) -> list[str]:
    """Exactly `tokens` pieces of plausible text, each one token; joined they are the text."""
    pieces: list[str] = []
    for index in range(tokens):
        place = index % SENTENCE
        if place == SENTENCE - 1:
            pieces.append(".")
            continue
        word = WORDS[dice.below(len(WORDS))]
        # The very first piece has no space before it; it is one token all the same.
        pieces.append(word if index == 0 else f" {word}")
    return pieces
