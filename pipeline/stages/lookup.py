"""Lookup: is there a stored answer to exactly this request?"""

from __future__ import annotations

import msgspec

from pipeline.cache.exact import ExactCache
from pipeline.chain import StageFunction, State, Work


def lookup(cache: ExactCache) -> StageFunction:
    """Admission has looked already where a run goes by its content; all other runs look here."""

    def run(state: State, work: Work) -> State:
        request = state.request
        if not request.lookup or state.key == request.content_key:
            return msgspec.structs.replace(state, decision="not needed" if request.lookup else "not allowed")
        answer = cache.get(request.content_key)
        if answer is None:
            return msgspec.structs.replace(state, decision="miss")
        return msgspec.structs.replace(state, answer=answer, source="exact", decision="hit")

    return run
