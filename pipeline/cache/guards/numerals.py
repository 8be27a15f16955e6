"""Numbers and measures in a prompt, however they are written: 1,000, 5k, two hundred and six, 2 million, World War II."""

from __future__ import annotations

import re
import unicodedata

from pipeline.cache.guards import words as known

CLOCK = {"am": "am", "a.m": "am", "pm": "pm", "p.m": "pm"}
NUMBER = re.compile(r"(\d+(?:[.,:]\d+)*)([a-zA-Z]*)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?")  # what a float holds exactly enough to be told from every other
_ROMAN_AFTER = known.several(
    "war chapter part world act volume vol phase type stage section article title level louis henry elizabeth pope"
)
# Units that are other words as well: they count only behind a number, the first of them also as what is converted to.
_TARGET_UNITS = known.several("g m mi ms min mins l foot cup cups pound pounds bit bits gal sec secs mb gb kb day days")
_SHORT_UNITS = _TARGET_UNITS | known.several("c f h v w quid cent kilo")
_BEFORE_UNIT = known.several("degree degrees many few half quarter") | frozenset(known.CARDINALS) | frozenset(known.SCALES)
_BEFORE_TARGET = known.several("in to into per a each every")


class Numerals:
    """The words of a prompt as they come, and the numbers and units among them."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.raw: list[str] = []  # beside `words`, as it was written
        self.initial: list[bool] = []  # beside `words`: begins a sentence
        self.numbers: list[str] = []
        self.units: set[tuple[str, str]] = set()
        self.measures: set[tuple[str, str, str]] = set()
        self.codes: set[str] = set()
        self._spoken: list[float] = []  # a number in words that has not ended yet
        self._minus = False  # the number that follows is negative

    def _word(self, word: str, raw: str, start: bool) -> None:
        self.words.append(word)
        self.raw.append(raw)
        self.initial.append(start)

    def _take_number(self, token: str) -> None:
        minus = self._minus
        self._end_number()
        matched = NUMBER.match(token)
        assert matched
        digits, suffix = matched[1], matched[2].lower()
        value = digits.replace(",", "") if _THOUSANDS.fullmatch(digits) else digits.replace(",", ".")
        scale = 1.0 if value[0] == "0" else self._scale(matched[2])
        if suffix in ("am", "pm"):
            self.units.add((suffix, "clock"))
        elif suffix == "s":
            value += "s"  # the 1990s are not 1990
        elif scale == 1 and (suffix in known.UNITS or suffix in known.ATTACHED_UNITS):
            unit = known.UNITS.get(suffix) or known.ATTACHED_UNITS[suffix]
            self.units.add(unit)
            self.measures.add((value, *unit))
        elif scale == 1 and suffix and suffix not in ("st", "nd", "rd", "th", "x"):
            self.codes.add(token.lower())
        if _DECIMAL.fullmatch(value) and not self._is_version(value):
            # It may go on in words: 2 million.
            self._spoken = [float(value) * scale]
            self._minus = minus
        else:
            self.numbers.append(f"-{value}" if minus else value)
        self._word(token.lower(), token, False)

    def _scale(self, suffix: str) -> float:
        """What the end of a number multiplies it by: 5k, 2bn, $3m, 7M."""
        if suffix == "M" or (suffix == "m" and any(kind == "money" for _, kind in self.units)):
            return 1_000_000
        return known.SCALES.get(suffix.lower(), 1)

    def _is_version(self, value: str) -> bool:
        """Python 3.10 is not Python 3.1."""
        if "." not in value or value[-1] != "0" or not self.words:
            return False
        word, raw = self.words[-1], self.raw[-1]
        named = raw[0].isupper() and not raw.isupper() and word not in known.STOPWORDS
        return named or word in known.PROGRAMMING or word in ("version", "v", "release")

    def _take_fraction(self, token: str) -> None:
        """½, or 2½."""
        if self._spoken and self.words[-1][-1].isdecimal():
            self._spoken[-1] += unicodedata.numeric(token)
        else:
            self._end_number()
            self._spoken = [unicodedata.numeric(token)]
        self._word(token, token, False)

    def _take_part(self, part: str, raw: str, start: bool) -> None:
        self._spoken_number(part, raw)
        unit = known.UNITS.get(part)
        if unit and (part not in _SHORT_UNITS or (raw not in ("M", "H") and self._is_unit(part))):
            self._measured(unit)
        elif part == "second" and self._is_unit(part):
            self._measured(known.UNITS["seconds"])
        self._word(part, raw, start)

    def _measured(self, unit: tuple[str, str]) -> None:
        self.units.add(unit)
        before = self.words[-1] if self.words else " "
        if before[0].isdecimal() or before in known.CARDINALS:
            self.measures.add((str(known.CARDINALS.get(before, before)), *unit))

    def _is_unit(self, word: str) -> bool:
        before = self.words[-1] if self.words else " "
        if word == "second":
            return before[0].isdecimal() or before == "per"
        return before[0].isdecimal() or before in _BEFORE_UNIT or (word in _TARGET_UNITS and before in _BEFORE_TARGET)

    def _take_clock(self, half: str, token: str, start: bool) -> None:
        """Behind a number 'am' is the half of a day; else it is a word."""
        self._end_number()
        if self.words and self.words[-1][-1].isdecimal():
            self.units.add((half, "clock"))
        self._word(half, token, start)

    # --- numbers in words ---

    def _spoken_number(self, word: str, raw: str) -> None:
        """'twenty five', '2 million', 'two hundred and six', 'World War II'."""
        if word not in known.NUMERIC:
            goes_on = word == "and" or (word == "a" and self.words and self.words[-1] == "and")
            if (self._spoken and not goes_on) or self._minus:
                self._end_number()
        elif word in known.SCALES and word != "k":
            self._scaled(known.SCALES[word])
        elif word in known.CARDINALS and (word != "one" or self._spoken):
            self._end_digits()
            self._spoken.append(float(known.CARDINALS[word]))
        elif word in known.ORDINALS and (word != "first" or self._spoken) and not (word == "second" and self._is_unit(word)):
            self._end_digits()
            self._spoken.append(float(known.ORDINALS[word]))
            self._end_number()
        elif word in known.MULTIPLES:
            self._multiple(word)
        elif word in known.ROMAN and (raw.isupper() or len(raw) > 1) and self.words and self.words[-1] in _ROMAN_AFTER:
            self._end_number()
            self.numbers.append(str(known.ROMAN[word]))
        elif word == "minus":
            self._end_number()
            before = self.words[-1] if self.words else "of"
            self._minus = before in known.STOPWORDS and before != "or"  # else it takes something away
        else:
            self._end_number()

    def _end_digits(self) -> None:
        """Only 'million' and the like go on with a number in digits."""
        if self._spoken and self.words[-1][0].isdecimal():
            self._end_number()

    def _scaled(self, scale: float) -> None:
        """'hundred' and the like multiply what came before it, as far as that is less: one million two hundred THOUSAND."""
        value = 0.0
        while self._spoken and self._spoken[-1] < scale and (not value or self._spoken[-1] >= 20):
            value += self._spoken.pop()
        self._spoken.append((value or 1.0) * scale)

    def _multiple(self, word: str) -> None:
        value = float(known.MULTIPLES[word])
        if word == "half" and self.words[-2:] == ["and", "a"]:
            value += self._spoken.pop() if self._spoken else 1 if self.words[-3:-2] == ["one"] else 0
        elif word == "dozen" and self._spoken:
            value *= self._spoken.pop()
        self._end_number()
        self.numbers.append(_plain(value))

    def _end_number(self) -> None:
        """Tens and units belong together, as do a scale and what follows it; else they are several numbers."""
        sign, self._minus = "-" if self._minus else "", False
        if not self._spoken:
            return
        value: float | None = None
        for part in self._spoken:
            if value is not None and (value >= 20 and value % 10 == 0) and part < _room(value):
                value += part
            else:
                if value is not None:
                    self.numbers.append(sign + _plain(value))
                    sign = ""
                value = part
        if value is not None:
            self.numbers.append(sign + _plain(value))
        self._spoken = []

    def _has_one(self) -> bool:
        """'One' as a number: one idea, but not which one, nor one of them."""
        for before, word, after in zip(["", *self.words], self.words, [*self.words[1:], ""], strict=False):
            if word == "one" and before not in known.BEFORE_ONE and not known.STOPWORDS.issuperset((before or "a", after or "a")):
                return True
        return False


def _room(value: float) -> float:
    """How large a number may follow this one as its rest: 20 takes 1 to 9, 300 takes 1 to 99."""
    room = 1.0
    while value % (room * 10) == 0:
        room *= 10
    return room


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
