"""Does decay choose better than simpler orders? A user over half a year, with more notes than a prompt has room for.

Needs are drawn as memory research finds them (Anderson and Schooler 1991): what was needed often and lately is needed again;
tasks and moments pass. That is a model, made without looking at the constants of `decay`, and no measurement of people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from pipeline.memory.decay import DAY, HOUR, IMPORTANCE, RELEVANCE, expiry, is_over, score, strengthened
from pipeline.memory.items import Item, Kind, Slot
from pipeline.memory.select import overlap

DAYS, NOTES, NEEDS = 180, 150, 400
ROOM = 10  # notes that fit into a prompt
SHARE = {Kind.FACT: 0.4, Kind.PREFERENCE: 0.2, Kind.TASK: 0.3, Kind.EPHEMERAL: 0.1}
WORTH = {Kind.FACT: 0.7, Kind.PREFERENCE: 0.7, Kind.TASK: 0.7, Kind.EPHEMERAL: 0.5}
VALID = {Kind.FACT: 400 * DAY, Kind.PREFERENCE: 400 * DAY, Kind.TASK: 6 * DAY, Kind.EPHEMERAL: 4 * HOUR}  # needs come no later
NAMED = 0.6  # of the needs, whose question has a word of the note
POWER = 0.5  # of the decline of needs with time since the last one

Order = Callable[[Item, float, float], float]  # the worth of a note: itself, now, its overlap with the question

ORDERS: dict[str, Order] = {
    "decay (as built)": score,
    "without decay": lambda item, now, relevance: RELEVANCE * relevance + IMPORTANCE * item.importance,
    "last used first": lambda item, now, relevance: item.last,
    "newest first": lambda item, now, relevance: item.created,
    "last used first, with relevance": lambda item, now, relevance: RELEVANCE * relevance + 0.6 / (1 + (now - item.last) / DAY),
    "newest first, with relevance": lambda item, now, relevance: RELEVANCE * relevance + 0.6 / (1 + (now - item.created) / DAY),
    "relevance only": lambda item, now, relevance: relevance,
}


class Need(NamedTuple):
    at: float
    note: int
    question: str


def measure(seed: int) -> dict[str, float]:
    """Of each order, the share of needs whose note was among those that fit."""
    random = Random(f"ageing {seed}")
    notes = [_note(place, random) for place in range(NOTES)]
    needs = _needs(notes, random)
    return {name: _met(notes, needs, order, fades=name == "decay (as built)") for name, order in ORDERS.items()}


def _note(place: int, random: Random) -> Item:
    kind = random.choices(list(SHARE), weights=list(SHARE.values()))[0]
    at = random.random() * DAYS * DAY
    text = f"topic{place}: value{place}"
    return Item(
        id=f"{place:04}", tenant="t", principal="p", conversation="", slot=Slot("user", f"topic{place}"), text=text, kind=kind,
        importance=WORTH[kind], created=at, last=at, expires=expiry(kind, at),
    )  # fmt: skip


def _needs(notes: Sequence[Item], random: Random) -> list[Need]:
    """Needs in the order of time: the likelier, the oftener and the more lately the note was needed."""
    last = [note.created for note in notes]
    liking = [random.paretovariate(1.2) for _ in notes]
    found = []
    for at in sorted(random.random() * DAYS * DAY for _ in range(NEEDS)):
        able = [place for place, note in enumerate(notes) if 0 < at - note.created <= VALID[note.kind]]
        if not able:
            continue
        weights = [liking[place] * (1 + (at - last[place]) / DAY) ** -POWER for place in able]
        place = random.choices(able, weights=weights)[0]
        last[place] = at
        question = f"what about topic{place} now" if random.random() < NAMED else "write it for me please"
        found.append(Need(at, place, question))
    return found


def _met(notes: Sequence[Item], needs: Sequence[Need], order: Order, *, fades: bool) -> float:
    standing = {note.id: note for note in notes}
    met = 0
    for need in needs:
        live = [note for note in standing.values() if note.created <= need.at and not (fades and is_over(note, need.at))]
        relevance = {note.id: overlap(need.question, note.text) for note in live}
        live.sort(key=lambda note: (-order(note, need.at, relevance[note.id]), note.id))
        wanted = f"{need.note:04}"
        met += any(note.id == wanted for note in live[:ROOM])
        used = standing[wanted]  # whoever was needed was used, whether it was there or had to be said again
        standing[wanted] = msgspec.structs.replace(strengthened(used, need.at), expires=expiry(used.kind, need.at))
    return met / len(needs)
