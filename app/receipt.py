"""What one request came to: its headers, the metrics in its body, and its event in the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipeline.admission.answer import Answer
from pipeline.admission.treatment import PartDone, Treatment
from pipeline.cache.meaning import Meaning
from pipeline.door import Entry
from pipeline.errors import GatewayError
from pipeline.gateway import Gateway
from pipeline.ids import completion_id, request_id, unix_now
from pipeline.ledger.events import CacheState, RequestEvent
from pipeline.money import dollars, dollars_text
from pipeline.request.model import Request
from pipeline.storage.keys import Principal

if TYPE_CHECKING:
    from pipeline.remembering import Remembered  # whose rules take a while to import

STORED = ("exact", "semantic")  # the answer was there already
SHARED = (*STORED, "dedup")  # this request made no call
NOTHING = Meaning()
UNTREATED = Treatment()
PASSED_ON = ("x-ratelimit-", "openai-processing-ms", "openai-version")


class Receipt:
    """Kept from the first byte of a request to the last of its answer."""

    def __init__(self, endpoint: str) -> None:
        self.id = request_id()
        self.endpoint = endpoint
        self.principal: Principal | None = None
        self.request: Request | None = None
        self.entry: Entry | None = None
        self.memory: Remembered | None = None
        self.simulated = False  # whom the model table would ask; the answer itself knows better
        self.admitted_ms = 0.0
        self._started = time.monotonic()
        self._recorded = False

    def new_completion(self) -> tuple[str, int]:
        """The id and the time (unix seconds) of a stored completion that is served as a new one."""
        return completion_id(), int(unix_now())

    def age(self, answer: Answer) -> int:
        """Seconds since the answer was stored."""
        return max(0, int(unix_now() - answer.stored_at))

    def enter(self, entry: Entry) -> None:
        self.entry = entry
        self.admitted_ms = self.elapsed_ms()

    def elapsed_ms(self) -> float:
        return (time.monotonic() - self._started) * 1000

    @property
    def status(self) -> CacheState:
        return self.entry.status if self.entry else "error"

    @property
    def meaning(self) -> Meaning | None:
        """What came of comparing the question by meaning; None when it was not, or while that is not known."""
        return self.entry.meaning if self.entry else None

    @property
    def match(self) -> Meaning | None:
        """The same, when the answer was found by it."""
        return self.meaning if self.status == "semantic" and not self.treatment.decomposed else None

    @property
    def treatment(self) -> Treatment:
        """What was done to the request on its way; nothing, while that is not known."""
        return (self.entry.treatment if self.entry else None) or UNTREATED

    def bypassed(self) -> dict[str, str]:
        """What was not done with this request, and why; `store` once it is known that its answer was not kept."""
        reasons = self._not_used()
        if self.entry and self.entry.not_stored:
            reasons["store"] = self.entry.not_stored
        return reasons

    def _not_used(self) -> dict[str, str]:
        """What was ruled out for this request, and why; `semantic` as well once its question was compared in vain."""
        reasons = dict(self.entry.plan.reasons) if self.entry else {}
        if self.meaning and self.meaning.reason:
            reasons.setdefault("semantic", self.meaning.reason)
        return reasons

    def route(self) -> str:
        return "CACHE" if self.status in STORED else "FAST"

    def overhead_ms(self, answer: Answer | None) -> float:
        """Milliseconds that the gateway itself took, without waiting for the upstream.

        Of a caller who joined a running call, or whose stream has not ended, the time until admission.
        """
        if answer is None or self.status == "dedup":
            return self.admitted_ms
        waited = 0.0 if self.status in STORED else answer.upstream_ms
        return max(0.0, self.elapsed_ms() - waited)

    def cost(self, answer: Answer) -> int | None:
        """Pico-dollars that this request caused: nothing when the answer was there or on its way."""
        return 0 if self.status in SHARED else answer.cost

    def cost_saved(self, answer: Answer) -> int | None:
        return answer.cost if self.status in SHARED else self.treatment.saved

    def tokens_saved(self, answer: Answer) -> int | None:
        if self.status not in SHARED:
            return self.treatment.saved_tokens
        return answer.tokens.total if answer.tokens else None

    def headers(self, answer: Answer | None) -> dict[str, str]:
        """Response headers; those that need the whole answer are missing while a stream begins."""
        found = {
            "X-LEO-Request-ID": self.id,
            "x-request-id": self.id,
            "X-LEO-Cache": self.status,
            "X-LEO-Route": self.route(),
            "X-LEO-Overhead-Ms": f"{self.overhead_ms(answer):.3f}",
        }
        if self.bypassed():
            found["X-LEO-Bypass-Reason"] = ", ".join(f"{what}={why}" for what, why in sorted(self.bypassed().items()))
        found.update(self._entry_headers())
        found.update(self._treatment_headers())
        if self.entry and self.entry.replayed:
            found["Idempotent-Replayed"] = "true"
        if answer.simulated if answer else self.simulated:
            found["X-LEO-Simulated"] = "true"
        if answer:
            found.update(self._answer_headers(answer))
        return found

    def _entry_headers(self) -> dict[str, str]:
        """Where the answer stands, or would stand."""
        match = self.match
        if match:
            told = {"X-LEO-Similarity": match.similarity, "X-LEO-Score": match.score}
            found = {name: f"{value:.3f}" for name, value in told.items() if value is not None}
            return found | ({"X-LEO-Entry-ID": match.entry_id} if match.entry_id else {})
        if self.entry and (self.entry.plan.lookup or self.entry.plan.store):
            return {"X-LEO-Entry-ID": self.entry.plan.content_key}
        return {}

    def _treatment_headers(self) -> dict[str, str]:
        done, found = self.treatment, {}
        if done.decomposed:
            found["X-LEO-Parts"] = ", ".join(part.source for part in done.parts)
        if done.prompt_before is not None:
            found["X-LEO-Prompt-Tokens"] = f"{done.prompt_before} -> {done.prompt_after}"
        if self.memory:
            recalled = self.memory.recalled
            found["X-LEO-Memory"] = f"notes={len(recalled.items)}, shortened={recalled.blocks}"
        return found

    def _answer_headers(self, answer: Answer) -> dict[str, str]:
        found = {"X-LEO-Cost": dollars_text(self.cost(answer)), "X-LEO-Cost-Saved": dollars_text(self.cost_saved(answer))}
        if self.status in STORED:
            found["Age"] = str(self.age(answer))
        else:
            # The provider's limits are those of the call that was made now.
            found.update({name: value for name, value in answer.headers.items() if name.startswith(PASSED_ON)})
        if "x-request-id" in answer.headers:
            found["X-LEO-Upstream-Request-ID"] = answer.headers["x-request-id"]
        return found

    def metrics(self, answer: Answer) -> dict[str, Any]:
        """The fields that a completion carries beside OpenAI's; what nothing has measured is null."""
        cost, saved = dollars(self.cost(answer)), dollars(self.cost_saved(answer))
        match, done = self.match or NOTHING, self.treatment
        return {
            "optimization_metrics": {
                "cache_hit": self.status in STORED,
                "cache": self.status,
                "decomposed": done.decomposed,
                "parts": [_part(part) for part in done.parts],
                "prompt_tokens_before": done.prompt_before,
                "prompt_tokens_after": done.prompt_after,
                "stages_ms": round(done.stages_ms, 3),
                "memory": _memory(self.memory) if self.memory else None,
                "confidence_score": None,
                "similarity": _rounded(match.similarity),
                "score": _rounded(match.score),
                "tokens_saved": self.tokens_saved(answer),
                "processing_time_ms": round(self.elapsed_ms(), 3),
                "overhead_ms": round(self.overhead_ms(answer), 3),
                "billed": cost,
                "cost_saved": saved,
                "bypass": self.bypassed(),
            },
            "leo_metrics": {
                "request_id": self.id,
                "route": self.route(),
                "confidence": None,
                "risk_level": None,
                "cost_estimate": cost,
                "novelty": _rounded(self.meaning.novelty if self.meaning else None),
                "coherence": None,
                "verification_id": None,
                "proof": None,
            },
        }

    def record(self, gateway: Gateway, answer: Answer | None, error: GatewayError | None = None) -> None:
        """Write the request's one event to the ledger. The first call counts."""
        if event := self.close(answer, error):
            gateway.record_request(event)

    def close(self, answer: Answer | None, error: GatewayError | None = None) -> RequestEvent | None:
        """The request's one event for the ledger; None when there is none, or it was given out before."""
        if self._recorded or self.principal is None:
            return None
        self._recorded = True
        return self.event(answer, error)

    def event(self, answer: Answer | None, error: GatewayError | None = None) -> RequestEvent:
        """What the ledger is told."""
        tokens = answer.tokens if answer else None
        meaning, match, done = self.meaning or NOTHING, self.match or NOTHING, self.treatment
        refused = None if self.entry else 0  # what was not admitted has cost nothing; what failed later, nobody knows
        assert self.principal is not None
        return RequestEvent(
            id=self.id,
            at=unix_now(),
            tenant=self.principal.tenant,
            key_id=self.principal.key_id,
            endpoint=self.endpoint,
            # A refused request names whatever its caller wrote: that is not a model, and has no place in the sums.
            model=self.request.model if self.request and self.entry else "",
            route=self.route() if self.entry else "NONE",
            cache=self.status if not error else "error",
            bypass_reason=", ".join(sorted(set(self._not_used().values()))) or None,
            status=error.http_status if error else 200,
            error_code=error.code if error else None,
            stream=bool(self.request and self.request.stream),
            prompt_tokens=tokens.prompt if tokens else None,
            completion_tokens=tokens.completion if tokens else None,
            cached_tokens=tokens.cached if tokens else None,
            cost=self.cost(answer) if answer else refused,
            cost_saved=self.cost_saved(answer) if answer else refused,
            tokens_saved=self.tokens_saved(answer) if answer else refused,
            latency_ms=round(self.elapsed_ms(), 3),
            overhead_ms=round(self.overhead_ms(answer), 3),
            log_key=self.entry.plan.log_key if self.entry else "",
            call_id=answer.call_id if answer else None,
            simulated=bool(answer and answer.simulated),
            similarity=_within(-1, meaning.similarity, 1),
            score=_within(0, meaning.score, 1),
            threshold=_within(0, meaning.threshold, 2),
            novelty=_within(0, meaning.novelty, 1),
            entry_id=match.entry_id,
            parts=len(done.parts) or None,
            parts_stored=done.parts_stored if done.parts else None,
            prompt_before=done.prompt_before,
            prompt_after=done.prompt_after,
            stages_ms=done.stages_ms or None,
        )


def _memory(used: Remembered) -> dict[str, Any]:
    recalled = used.recalled
    return {
        "notes": [item.id for item in recalled.items],
        "shortened": recalled.blocks,
        "tokens_before": recalled.tokens_before,
        "tokens_after": recalled.tokens_after,
        "standalone": recalled.standalone,
    }


def _part(done: PartDone) -> dict[str, Any]:
    return {"source": done.source, "entry_id": done.entry_id, "score": _rounded(done.score)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)


def _within(low: float, value: float | None, high: float) -> float | None:
    """The ledger refuses an event with a figure that cannot be, and the cosine of two equal vectors may be 1.0000001."""
    return None if value is None else min(max(low, float(value)), high)
