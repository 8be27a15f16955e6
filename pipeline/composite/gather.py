"""Getting the answers of all parts: from the caches, from one call for all that is missing, and alone what that call left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.treatment import DIRECT, UPSTREAM, PartDone
from pipeline.cache.semantic.found import Found
from pipeline.chain import Gained
from pipeline.composite.beside import Joined, Take
from pipeline.composite.flow import Flow
from pipeline.composite.known import Known, spoken
from pipeline.composite.whole import Asking, Whole
from pipeline.decompose import together
from pipeline.decompose.merge import pieces
from pipeline.decompose.plan import Plan, stand_alone
from pipeline.decompose.reader import Reader
from pipeline.errors import Cancelled, DeadlineExceeded, GatewayError

LEAST_LEFT = 16  # tokens for each answer; with less the caller's cap would cut it off
WHOLE = 0  # stands beside the parts, which are counted from 1
OnDelta = Callable[[list[bytes]], None]
Find = Callable[[Asking], tuple[Known | None, Found | None]]
AsAnswer = Callable[[Asking, str, Answer], Answer]  # a part's request, its text, and the call that answered it with others


class Call(Protocol):
    """Asks the upstream with this body. `purpose` sets its entries in the ledger apart from those of other calls of the run."""

    def __call__(self, body: bytes, on_delta: OnDelta | None, purpose: str) -> Answer: ...


class Beside(Protocol):
    """Asks parts in runs of their own, at the same time; see pipeline.composite.beside."""

    def __call__(self, parts: Mapping[int, Asking], take: Take) -> None: ...


class Direct(Exception):
    """The whole question is to be asked directly; the message says why."""


class Gathering:
    """The answers to the parts of one question, as they come in. Any method may raise Direct.

    `count` counts tokens of a text, `as_answer` makes of a part's text the answer that it would be alone.
    """

    def __init__(
        self, whole: Whole, plan: Plan, flow: Flow, call: Call, count: Callable[[str], int], as_answer: AsAnswer
    ) -> None:
        self.plan = plan
        self.flow = flow
        self.answers: dict[int, str] = {}
        self.done: dict[int, PartDone] = {}
        self.gained: list[Gained] = []
        self.made: list[Answer] = []  # by calls
        self.used: list[Answer] = []  # out of the caches
        self._whole = whole
        self._call = call
        self._count = count
        self._as_answer = as_answer
        self._askings: dict[int, Asking] = {}
        self._found: dict[int, Found | None] = {}

    def look(self, level: tuple[int, ...], find: Find) -> list[int]:
        """Look up the parts of a level: those that have no stored answer."""
        missing = []
        for number in level:
            text = stand_alone(self.plan, number, self.answers)
            self._write_in(number, text)
            asking = self._askings[number] = self._whole.asking(text)
            known, found = find(asking)
            self._found[number] = found
            if known:
                self.used.append(known.answer)
                self._take(number, known.text, known.done)
                if found:
                    self.gained.append(self._gain(number, None))
            else:
                missing.append(number)
        return missing

    def keys(self, numbers: list[int]) -> list[str]:
        return [self._askings[number].content_key for number in numbers]

    def left(self, answers: int) -> int | None:
        """How long these answers may be together, in tokens, under the caller's cap; None without one."""
        if self._whole.cap is None:
            return None
        left = self._whole.cap - self._count(self.flow.text) - self._count("".join(pieces(self.plan)))
        if left < LEAST_LEFT * answers:
            raise Direct("cap")
        return left

    def ask(self, missing: list[int], beside: Beside | None) -> None:
        """Ask what is missing, in one call or beside each other; then alone what has not come."""
        self.flow.start()
        if len(missing) > 1 and beside:
            self._ask_beside(missing, beside)
        elif len(missing) > 1:
            self._ask_together(missing)
        for number in missing:
            if number not in self.answers:
                self._ask_alone(number)

    def relate(self) -> None:
        """The answer is what a model says of the parts' answers."""
        self.flow.start()
        body = self._whole.body(together.relate(self.plan, self.answers))
        answer = self._call(body, self._passing(lambda text: self.flow.add("", text)), "relate")
        self.made.append(answer)
        self.flow.put(1, "", spoken(answer) or "")

    def end(self, answer: Answer) -> None:
        """An answer to the whole question takes the place of all parts that are not out."""
        self.made.append(answer)
        self.done[WHOLE] = PartDone(DIRECT)
        self.answers[WHOLE] = content(answer)
        self.flow.end(content(answer))

    @property
    def substance(self) -> str:
        """What was answered, without what the template adds."""
        return "\n\n".join(self.answers.values()) if self.plan.relate is None else self.flow.text

    def _ask_together(self, missing: list[int]) -> None:
        reader = Reader(missing)
        body = self._whole.body(together.ask([(n, self._askings[n].text) for n in missing]), self.left(len(missing)))

        def read(text: str) -> None:
            for number, part in reader.feed(text):
                self._take(number, part, PartDone(UPSTREAM, self._askings[number].content_key))

        passing = self._passing(read)
        try:
            answer = self._call(body, passing, "parts")
        except (Cancelled, DeadlineExceeded):
            raise
        except GatewayError:
            return  # each is asked alone
        self.made.append(answer)
        read(content(answer) if passing is None else "")
        for number, text in reader.close():
            self._take(number, text, PartDone(UPSTREAM, self._askings[number].content_key))
        for number in missing:
            if number in self.answers:
                alone = self._as_answer(self._askings[number], self.answers[number], answer)
                self.gained.append(self._gain(number, alone))

    def _ask_beside(self, missing: list[int], beside: Beside) -> None:
        def take(number: int, found: Joined) -> None:
            text = spoken(found.answer)
            if text:
                (self.made if found.source == UPSTREAM else self.used).append(found.answer)
                self._take(number, text, PartDone(found.source, self._askings[number].content_key))

        beside({number: self._askings[number] for number in missing}, take)

    def _ask_alone(self, number: int) -> None:
        asking = self._askings[number]
        cap = self.left(1)
        live = self.flow.is_next(number)
        heading = pieces(self.plan)[number - 1]
        body = self._whole.body(asking.text, cap)
        for attempt in (1, 2):
            passing = self._passing(lambda text: self.flow.add(heading, text)) if live and attempt == 1 else None
            try:
                answer = self._call(body, passing, f"part{number}-{attempt}-")
            except (Cancelled, DeadlineExceeded):
                raise
            except GatewayError:
                continue
            self.made.append(answer)
            text = spoken(answer)
            if text:
                self._take(number, text, PartDone(UPSTREAM, asking.content_key))
                self.gained.append(self._gain(number, answer))
                return
        raise Direct("part_failed")

    def _take(self, number: int, text: str, done: PartDone) -> None:
        self.answers[number] = text
        self.done[number] = done
        if self.plan.relate is None:
            self.flow.put(number, pieces(self.plan)[number - 1], text)

    def _write_in(self, number: int, text: str) -> None:
        """A part whose text was completed with the answers it needed has that text from now on."""
        parts = list(self.plan.parts)
        if parts[number - 1].text != text:
            parts[number - 1] = msgspec.structs.replace(parts[number - 1], text=text)
            self.plan = msgspec.structs.replace(self.plan, parts=tuple(parts))

    def _passing(self, take: Callable[[str], None]) -> OnDelta | None:
        """Reads the stream of a call for callers who stream; for others it is not streamed."""
        if not self.flow.live:
            return None

        def read(chunks: list[bytes]) -> None:
            for chunk in chunks:
                take(_said(chunk))

        return read

    def _gain(self, number: int, answer: Answer | None) -> Gained:
        asking = self._askings[number]
        return Gained(
            body=asking.body,
            content_key=asking.content_key,
            question=asking.question,
            answer=answer,
            found=self._found[number],
        )


def _said(chunk: bytes) -> str:
    """What a chunk of a stream adds to the text."""
    choices = msgspec.json.decode(chunk).get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""


def content(answer: Answer) -> str:
    """The text of an answer, however it ended."""
    choices = msgspec.json.decode(answer.body).get("choices") or [{}]
    return (choices[0].get("message") or {}).get("content") or ""
