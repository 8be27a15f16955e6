"""The semantic cache: is there an answer to a question that means the same, and may it be served?

    embed -> nearest stored questions -> guards -> verifier and scorer -> threshold of the tenant -> served or not

Every lookup is written down with what was decided and why, and what becomes known of it later is what the threshold is
learned from.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from pipeline import errors
from pipeline.admission import answer as answers
from pipeline.admission.answer import Answer
from pipeline.cache.exact import answer_text
from pipeline.cache.guards.courtesy import bare
from pipeline.cache.index import Neighbour, pack
from pipeline.cache.meaning import Meaning
from pipeline.cache.semantic import admit
from pipeline.cache.semantic.agree import Opinion, agree
from pipeline.cache.semantic.allowance import Allowance
from pipeline.cache.semantic.entries import Entries, Entry, NewEntry, Use
from pipeline.cache.semantic.found import Asker, Found, nothing
from pipeline.cache.semantic.journal import Journal
from pipeline.cache.semantic.judge import Ask, judge
from pipeline.cache.semantic.lasting import CHANGING, lasting
from pipeline.cache.semantic.lookups import HIT, MISS, Lookup, Verdict
from pipeline.cache.semantic.match import CANDIDATES, Candidate, Matcher
from pipeline.cache.semantic.policy import Policies
from pipeline.cache.semantic.question import Question
from pipeline.cache.semantic.quota import Quota
from pipeline.cache.semantic.states import PRIVATE, PROBATION, REVOKED, SHARED
from pipeline.request.key import derive
from pipeline.semantics.embedder import Embedder
from pipeline.semantics.novelty import Novelty

UNUSUAL = 0.95  # novelty from which nothing is served by meaning
NO_CANDIDATE, BELOW, ON_PROBATION = "no_candidate", "below_threshold", "probation"
MISSED = frozenset({NO_CANDIDATE, BELOW})  # plain misses, of which a response need not give an account


class Nearest(Protocol):
    """An index: pipeline.cache.semantic.mirror.Mirror, or pgvector's."""

    @property
    def ready(self) -> bool: ...

    def search(self, partition: str, vector: np.ndarray, count: int) -> list[Neighbour]: ...


class Admission(Protocol):
    """What may be kept at all: pipeline.cache.semantic.admit."""

    def why_not_asked(self, text: str) -> str | None: ...

    def why_not_admitted(self, answer: str, cosines: Sequence[float] = ()) -> str | None: ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator sets. `ttl` in seconds, and `changing_ttl` of answers that become wrong with time, which is never longer;
    `audits`: share of hits that are checked; `shared`: among a tenant's keys.
    """

    ttl: float
    audits: float
    shared: bool = True
    changing_ttl: float = math.inf

    def life(self, text: str) -> float:
        """How long the answer to a question may be served, in seconds."""
        return min(self.changing_ttl, self.ttl) if lasting(text) == CHANGING else self.ttl


class SemanticCache:
    """One for the process; thread-safe. `ids` makes lookup ids, `now` is unix seconds, `chance` is uniform in 0..1."""

    def __init__(
        self,
        embedder: Embedder,
        index: Nearest,
        entries: Entries,
        matcher: Matcher,
        policies: Policies,
        journal: Journal,
        terms: Terms,
        *,
        ids: Callable[[], str],
        now: Callable[[], float],
        chance: Callable[[], float] = random.random,
        allowance: Allowance | None = None,
        admission: Admission = admit,
        quota: Quota | None = None,
    ) -> None:
        self._embedder = embedder
        self._index = index
        self._entries = entries
        self._matcher = matcher
        self._policies = policies
        self._journal = journal
        self._terms = terms
        self._ids = ids
        self._now = now
        self._chance = chance
        self._allowance = allowance or Allowance()
        self._admission = admission
        self._quota = quota or Quota()
        self._novelty: dict[str, Novelty] = {}
        self._lock = threading.Lock()

    # --- looking up ---

    def look(self, asker: Asker, question: Question, parts: int = 1) -> Found:
        """Look for an answer by meaning, to the whole question of a caller or one of its `parts`, which share the budget of
        wrong answers. Never raises: what goes wrong is a reason for not serving.
        """
        lookup = self._ids()
        reason = self._why_not_now(question)
        if reason:
            return nothing(lookup, reason)
        begun = time.thread_time()
        found = self._look(lookup, asker, question, parts)
        if found.served is None:
            self._allowance.charge(time.thread_time() - begun)
        return found

    def _why_not_now(self, question: Question) -> str | None:
        """Why it would be of no use to look, or None."""
        if not self._index.ready:
            return "index_not_ready"
        if not self._allowance.left:
            return "busy"
        return self._admission.why_not_asked(question.text)

    def _look(self, lookup: str, asker: Asker, question: Question, parts: int) -> Found:
        try:
            vector = self._embedder.embed(bare(question.text))
            near = self._index.search(question.partition, vector, CANDIDATES)
            seqs = [neighbour.seq for neighbour in near]
            stored = self._allowed(asker, self._entries.load(asker.tenant, seqs, question.partition))
        except ValueError:
            return nothing(lookup, "too_long")
        except errors.GatewayError:
            return nothing(lookup, "unavailable")
        return self._decide(lookup, asker, question, near, stored, parts)

    @staticmethod
    def _allowed(asker: Asker, stored: list[Entry]) -> list[Entry]:
        """What this caller may see at all: not what was revoked, nor what is another's alone."""
        return [one for one in stored if one.state != REVOKED and (one.state != PRIVATE or one.author == asker.author)]

    def _decide(
        self, lookup: str, asker: Asker, question: Question, near: list[Neighbour], stored: list[Entry], parts: int
    ) -> Found:
        policy = self._policies.of(asker.tenant)
        cosines = {neighbour.seq: neighbour.cosine for neighbour in near}
        with self._lock:
            novelty = self._novelty.setdefault(asker.tenant, Novelty()).of(list(cosines.values()))
        threshold = policy.threshold_of(parts)
        found = self._matcher.match(question.text, stored, [cosines[one.seq] for one in stored], policy.scorer, threshold)
        best = next((candidate for candidate in found if candidate.features is not None), None)
        entry = stored[best.place] if best else None
        reason = _why_not(best, found, threshold, novelty, entry, asker)
        served = entry if reason is None else None
        share = policy.audits(self._terms.audits)
        audit = served is not None and self._chance() < share
        self._write(lookup, asker, threshold, best, found, entry, served, novelty, share)
        return Found(
            lookup=lookup,
            meaning=Meaning(
                entry_id=served.id if served else None,
                similarity=best.cosine if best else (near[0].cosine if near else None),
                score=best.score if best else None,
                threshold=threshold,
                novelty=novelty,
                reason=None if reason in MISSED else reason,
            ),
            why=reason,
            served=served,
            near=entry,
            audit=audit,
            grey=best is not None and policy.grey(best.score),
            cosines=list(cosines.values()),
        )

    def _write(
        self,
        lookup: str,
        asker: Asker,
        threshold: float,
        best: Candidate | None,
        found: list[Candidate],
        entry: Entry | None,
        served: Entry | None,
        novelty: float | None,
        audits: float,
    ) -> None:
        now = self._now()
        if served:
            answer = answers.unpack(served.answer)
            self._journal.used(Use(served.seq, now, answer.cost or 0))
        self._journal.looked(
            Lookup(
                id=lookup,
                at=now,
                tenant=asker.tenant,
                author=asker.author,
                entry=entry.id if entry else None,
                scorer=self._embedder.name,
                features=best.features if best else None,
                cosine=best.cosine if best else None,
                score=best.score if best else 0.0,
                threshold=threshold,
                novelty=novelty,
                decision=HIT if served else MISS,
                veto=next((candidate.veto for candidate in found if candidate.veto), None),
                propensity=audits if served else 1.0,
            )
        )

    # --- after the answer ---

    def keep(
        self, asker: Asker, question: Question, id: str, answer: Answer, cosines: Sequence[float] | None = None
    ) -> str | None:
        """Keep a fresh answer for questions that mean the same; why not, or None. `id` is the content key of the request,
        `cosines` those of the nearest stored questions, when they were looked for before. Raises GatewayError when the embedder
        or the database is away.
        """
        text = answer_text(answer)
        reason = self._admission.why_not_asked(question.text) or (None if self._allowance.left else "busy")
        if reason:
            return reason
        try:
            vector = self._embedder.embed(bare(question.text))
        except ValueError:
            return "too_long"
        # A request that wants no stored answer was not looked up, but is kept like any other.
        if cosines is None:
            cosines = [found.cosine for found in self._index.search(question.partition, vector, CANDIDATES)]
        reason = self._admission.why_not_admitted(text, cosines)
        if reason is None and not self._quota.take((question.partition, asker.author), vector):
            reason = "quota"
        if reason:
            return reason
        now = self._now()
        self._journal.keep(
            NewEntry(
                id=id,
                tenant=asker.tenant,
                partition=question.partition,
                text=question.text,
                embedder=self._embedder.name,
                vector=pack(vector),
                answer=answers.pack(answer),
                answer_digest=derive(text),
                author=asker.author,
                state=PROBATION if self._terms.shared else PRIVATE,
                created_at=answer.stored_at,
                # Entries that were written together shall not end together.
                expires_at=now + self._terms.life(question.text) * (0.9 + 0.2 * self._chance()),
            )
        )
        return None

    def compare(self, found: Found, fresh: Answer) -> Opinion | None:
        """A fresh answer beside the candidate's: what that says of the candidate is noted down, and learned from."""
        if found.near is None or not found.informative or not self._allowance.left:
            return None
        begun = time.thread_time()
        compared = agree(answer_text(fresh), answer_text(answers.unpack(found.near.answer)), self._embedder)
        self._allowance.charge(time.thread_time() - begun)
        if compared:
            self._learn(found, found.near, compared, "answers")
        return compared

    def ask_judge(self, question: Question, found: Found, model: str, ask: Ask) -> Opinion | None:
        """A model's opinion of the candidate, which is noted down as a comparison's is. `ask` sends it a chat request."""
        if found.near is None or not found.informative:
            return None
        stored = answer_text(answers.unpack(found.near.answer))
        said = judge(model, found.near.text, stored, question.text, found.meaning.score or 0.0, ask)
        if said:
            self._learn(found, found.near, said, "judge")
        return said

    def _learn(self, found: Found, entry: Entry, said: Opinion, source: str) -> None:
        """It is known now whether the candidate's answer is right for the question."""
        self._journal.judged(Verdict(lookup=found.lookup, label=said.same, weight=said.trust, source=source))
        self._entries.judged(entry.seq, said.same * said.trust, (1 - said.same) * said.trust)
        # Only a question that it would have answered, but for being another key's, confirms it: to a question that is merely
        # near, the same "yes" says nothing. And where somebody has complained, the agreement of others is not enough.
        if found.why == ON_PROBATION and said.same > 0.5 and entry.wrong == 0:
            self._entries.move(entry, SHARED)


def _why_not(
    best: Candidate | None, found: list[Candidate], threshold: float, novelty: float | None, entry: Entry | None, asker: Asker
) -> str | None:
    """Why nothing is served, or None."""
    if best is None or entry is None:
        return f"guard:{found[0].veto}" if found and found[0].veto else NO_CANDIDATE
    if best.score < threshold:
        return BELOW
    if novelty is not None and novelty >= UNUSUAL and best.cosine < UNUSUAL:
        return "unusual"
    if entry.state == PROBATION and entry.author != asker.author:
        return ON_PROBATION
    return None
