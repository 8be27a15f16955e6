"""The plan for a request: under which key it runs, and what may be shared with whom, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.cache.semantic.question import Question, question
from pipeline.request.controls import Controls
from pipeline.request.key import content_key, derive
from pipeline.request.model import Request
from pipeline.request.parameters import CHANGES, TABLES, Reuse

ALL = frozenset(Reuse)
SHARING = frozenset({Reuse.EXACT, Reuse.DEDUP})


class Policy(msgspec.Struct, frozen=True):
    """What the operator allows this tenant: what exists and is switched off, and the limits of the caches.

    `by_meaning`, `decompose`, `optimize`: there is a semantic cache, and these stages are there; `meaning_temperature` is the
    highest at which the cache answers.
    """

    off: frozenset[Reuse] = frozenset()
    per_user: bool = False
    max_temperature: float = 2.0
    by_meaning: bool = False
    decompose: bool = False
    optimize: bool = False
    meaning_temperature: float = 0.7


class Apart(msgspec.Struct, frozen=True, array_like=True):
    """What the keys of a question's parts depend on, beside the request. The first two are those of `content_key`; `by_meaning`:
    the parts may be compared by meaning.
    """

    partition: str
    per_user: bool
    by_meaning: bool


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is run.

    `log_key` names the run that callers follow; `content_key` names what is asked, and so the stored
    answer. They differ when the run may not be shared. `reasons` maps what was ruled out to why.
    """

    log_key: str
    content_key: str
    lookup: bool
    store: bool
    dedup: bool
    max_age: float | None = None
    fingerprint: str = ""  # set with an Idempotency-Key: another body under the same key is a conflict
    question: Question | None = None  # what may be compared by meaning
    lent: bool = False  # the question is not what was asked, but what it means: its answer is looked up by it, not kept
    apart: Apart | None = None  # the question may be taken apart
    optimize: bool = False  # the prompt may be shortened
    reasons: dict[str, str] = {}

    @property
    def idempotent(self) -> bool:
        return bool(self.fingerprint)

    @property
    def bypassed(self) -> bool:
        """Neither a stored answer nor a running call could be used."""
        return not (self.lookup or self.dedup or self.idempotent)

    @property
    def transparent(self) -> bool:
        """Everything is switched off: the answer goes through without a byte added."""
        return all(self.reasons.get(reuse.value, "").startswith("disabled_by") for reuse in SHARING)


def make_plan(
    request: Request,
    controls: Controls,
    policy: Policy,
    tenant: str,
    *,
    partition: str = "",
    unique: Callable[[], str],
    alone: Request | None = None,
) -> Plan:
    """The plan. `unique` makes a key that nobody else has, for runs that are not shared. `alone` asks the same without a history,
    and is compared by meaning in its place.
    """
    reasons = _ruled_out(request, controls, policy)
    apart = None
    if _may(Reuse.DECOMPOSE, policy.decompose, request, reasons):
        apart = Apart(partition, policy.per_user, policy.by_meaning and _may_compare(request, policy, reasons))
    asked = _question(alone or request, policy, tenant, partition, reasons)
    allowed = ALL - reasons.keys()
    content = content_key(request, tenant, partition=partition, per_user=policy.per_user)
    exact, dedup = Reuse.EXACT in allowed, Reuse.DEDUP in allowed
    fresh = controls.no_cache or controls.no_store
    fingerprint = ""
    if controls.idempotency_key:
        log_key, fingerprint = derive("idempotency", tenant, partition, request.endpoint, controls.idempotency_key), content
    elif fresh or not dedup:
        log_key = unique()
    else:
        log_key = content if exact else derive("live", content)
    return Plan(
        log_key=log_key,
        content_key=content,
        lookup=exact and not fresh,
        store=exact and not controls.no_store,
        dedup=dedup and not fresh,
        max_age=controls.max_age,
        fingerprint=fingerprint,
        question=asked,
        lent=alone is not None,
        apart=apart if exact and not fresh else None,
        optimize=_may(Reuse.OPTIMIZE, policy.optimize, request, reasons),
        reasons={reuse.value: why for reuse, why in reasons.items()} | _freshness(controls),
    )


def _may(what: Reuse, offered: bool, request: Request, reasons: dict[Reuse, str]) -> bool:
    return offered and what not in reasons and request.endpoint == "chat/completions"


def _may_compare(request: Request, policy: Policy, reasons: dict[Reuse, str]) -> bool:
    return Reuse.SEMANTIC not in reasons and (request.params.get("temperature") or 0) <= policy.meaning_temperature


def _question(request: Request, policy: Policy, tenant: str, partition: str, reasons: dict[Reuse, str]) -> Question | None:
    """What may be compared by meaning. Without it, `reasons` says why, where it is anything about this request."""
    if not policy.by_meaning or request.endpoint != "chat/completions" or Reuse.SEMANTIC in reasons:
        return None
    if not _may_compare(request, policy, reasons):
        reasons[Reuse.SEMANTIC] = "temperature"
        return None
    found = question(request, tenant, partition=partition, per_user=policy.per_user)
    if isinstance(found, str):
        reasons[Reuse.SEMANTIC] = found
        return None
    return found


def _freshness(controls: Controls) -> dict[str, str]:
    why = "no-store" if controls.no_store else "no-cache" if controls.no_cache else None
    return {reuse.value: why for reuse in SHARING} if why else {}


def _ruled_out(request: Request, controls: Controls, policy: Policy) -> dict[Reuse, str]:
    """What must not be done with this request, and why. The first reason found stands."""
    reasons: dict[Reuse, str] = {}

    def rule_out(what: frozenset[Reuse], why: str) -> None:
        for reuse in what:
            reasons.setdefault(reuse, why)

    rule_out(controls.disabled, "disabled_by_request")
    rule_out(policy.off, "disabled_by_operator")
    for name, row in TABLES[request.endpoint].items():
        value = request.params.get(name)
        if row.forbids and value is not None and value not in row.neutral:
            rule_out(row.forbids, f"parameter:{name}")
    for name in request.unknown():
        rule_out(CHANGES, f"unknown_parameter:{_printable(name)}")
    if (request.params.get("temperature") or 0) > policy.max_temperature:
        rule_out(frozenset({Reuse.EXACT, Reuse.SEMANTIC}), "temperature")
    media = _media(request.params.get("messages") or [])
    if media:
        rule_out(CHANGES, "media")
    if "remote" in media:
        # What stands behind an address may change between two requests.
        rule_out(frozenset({Reuse.EXACT}), "remote_media")
    return reasons


def _printable(name: str) -> str:
    """A parameter's name as it may stand in a header."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "?" for c in name[:64])


def _media(messages: list[Any]) -> set[str]:
    """Which kinds of non-text content there are: 'inline' and 'remote'."""
    found = set()
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] in ("text", "refusal"):
                continue
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            found.add("remote" if isinstance(url, str) and not url.startswith("data:") else "inline")
    return found
