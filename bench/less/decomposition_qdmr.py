"""The shape of a question's decomposition in Break (QDMR: Wolfson et al. 2020), as look-ups level by level.

Break writes a question as steps. What a plan is compared with are its look-ups, and how they depend on one another:

- a step without a reference to another one is a look-up of the first level ("return population of Shanghai city");
- a step that begins with a reference only narrows that one down ("#1 that is in Texas"), and belongs to the same look-up;
- a step of nothing but references and words of reckoning and choosing is no look-up ("number of #1", "which is highest of
  #1 , #2", "if both #1 and #2 are true");
- any other step with a reference is a look-up one level above the deepest it refers to ("capital of #1").

A plan is strictly right when it has as many parts on each level: (1,) is a single task and has to be refused, (2,) is a
comparison, (1, 1) a chain. It is leniently right when it is one task where there is one, has the same first level, or is a chain
where there is a chain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pipeline.cache.guards.words import several
from pipeline.decompose.plan import Plan, levels

Shape = tuple[int, ...]  # look-ups on each level

_REFERENCE = re.compile(r"#(\d+)")
_TOGETHER = re.compile(r"\bboth\b|#\s*(?:,|and|or)\s*#|^(?:is|if|are|was|were|which)\b")
_RECKONING = several(
    "the a an is are was were be if which what who how either both any all only of in on to at by for and or from "
    "than with that number numbers sum total average mean difference division multiplication divided multiplied ratio "
    "percentage percent highest lowest largest smallest biggest most more fewest fewer least less longest shortest "
    "higher lower larger smaller greater greatest maximum minimum max min first last second third earlier earliest "
    "later latest older oldest younger youngest same different true count unique distinct bigger longer shorter "
    "further better besides best farthest closest equal not out one ones many much when where each sorted came come "
    "happened occurred it"
)


def shape(steps: Sequence[str]) -> Shape:
    """The look-ups of a decomposition, counted by level."""
    level: dict[int, int] = {}
    found: Counter[int] = Counter()
    for number, step in enumerate(steps, 1):
        text = step.strip().removeprefix("return ").lower()
        below = [level[int(one)] for one in _REFERENCE.findall(text) if int(one) in level]
        if below and not _is_lookup(text, len(below)):
            level[number] = max(below)
        else:
            level[number] = max(below, default=0) + 1
            found[level[number]] += 1
    return tuple(found[one] for one in sorted(found))


def _is_lookup(text: str, references: int) -> bool:
    bare = _REFERENCE.sub("#", text)
    if bare.startswith("#") or (references > 1 and _TOGETHER.search(bare)):
        return False
    return any(word not in _RECKONING for word in re.findall(r"[a-z']+", bare))


def planned(plan: Plan | str) -> Shape:
    """The same of a plan; a refusal is a single task."""
    return (1,) if isinstance(plan, str) else tuple(map(len, levels(plan)))


def leniently(gold: Shape, found: Shape) -> bool:
    """Whether a plan goes in the right direction."""
    if gold == (1,) or found == (1,):
        return gold == found
    return gold[0] == found[0] or (len(gold) > 1 and len(found) > 1)
