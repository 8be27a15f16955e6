"""Makers of the things that admission works with."""

from __future__ import annotations

from typing import Any

import redis

from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.runs import Admission, RunRequest, Runs, Times
from pipeline.request.plan import Plan

BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
)


def make_runs(client: redis.Redis, **times: float) -> Runs:
    return Runs(client, Times(**times))


def make_plan(key: str = "k1", **changes: Any) -> Plan:
    return Plan(**{"log_key": key, "content_key": key, "lookup": True, "store": True, "dedup": True, **changes})


def make_request(key: str = "k1", **changes: Any) -> RunRequest:
    fields = {"tenant": "t", "endpoint": "chat/completions", "model": "m", "body": b"{}", "stream": False, "content_key": key}
    return RunRequest(**{**fields, "lookup": True, "store": True, "keep": False, **changes})


def make_answer(**changes: Any) -> Answer:
    fields = {
        "tenant": "t",
        "body": BODY,
        "tokens": Tokens(3, 1, 4),
        "cost": 75,
        "model": "m",
        "upstream": "u",
        "simulated": False,
    }
    return Answer(**{**fields, "upstream_ms": 5.0, "stored_at": 1000.0, **changes})


def admit(
    runs: Runs, key: str = "k1", follower: str = "web-1", patience: float = 60.0, now: float = 1000.0, **changes: Any
) -> Admission:
    return runs.admit(
        make_plan(key, **changes), make_request(key, keep=bool(changes.get("fingerprint"))), follower, patience, now=now
    )
