"""Every parameter arrives at the upstream as it was sent."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from bench.promises.checks import Progress, Result
from tests.support.gateway import GatewayProcesses, SimulatedUpstream

MESSAGES = b'[{"role": "user", "content": "caf\\u00e9  \\ud83d\\ude00"}]'
# Raw JSON, with spellings that a gateway which parses and prints again would change.
PARAMETERS: dict[str, bytes] = {
    "audio": b'{"voice":"alloy" , "format":"wav"}',
    "frequency_penalty": b"0.50",
    "function_call": b'"auto"',
    "functions": b'[{"name":"f","parameters":{"type":"object","properties":{}}}]',
    "logit_bias": b'{"50256": -1E2}',
    "logprobs": b"false",
    "max_completion_tokens": b"64",
    "max_tokens": b"64",
    "metadata": b'{"z":"1", "a":"2"}',
    "modalities": b'["text"]',
    "moderation": b'{"model":"omni"}',
    "n": b"1",
    "parallel_tool_calls": b"true",
    "prediction": b'{"type":"content","content":"x"}',
    "presence_penalty": b"1e-1",
    "prompt_cache_key": b'"k"',
    "prompt_cache_options": b'{"mode":"auto"}',
    "prompt_cache_retention": b'"24h"',
    "reasoning_effort": b'"low"',
    "response_format": b'{"type": "text"}',
    "safety_identifier": b'"s"',
    "seed": b"9007199254740993",
    "service_tier": b'"auto"',
    "stop": b'["\\n\\n"]',
    "store": b"false",
    "stream": b"false",
    "stream_options": b"null",
    "temperature": b"0.70",
    "tool_choice": b'"none"',
    "tools": b'[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}]',
    "top_logprobs": b"null",
    "top_p": b"1.0",
    "user": b'"u"',
    "verbosity": b'"low"',
    "web_search_options": b"{ }",
    "x_vendor_parameter": b'{"nested":[1.50,{"k":null}]}',
}


def parameters(progress: Progress) -> Result:
    """Every parameter of the OpenAI chat request, one by one and all together, arrives byte for byte."""
    with SimulatedUpstream() as upstream, GatewayProcesses(upstream.base_url) as gateway:
        cases = [{name: value} for name, value in PARAMETERS.items()] + [PARAMETERS]
        changed = []
        for number, case in enumerate(cases):
            body = _body(number, case)
            reply = gateway.ask(body)
            arrived = base64.b64decode(upstream.last()[-1]["body"])
            if reply.status != 200 or arrived != body:
                changed.append({"sent": list(case), "status": reply.status, "parameters changed": _changed(body, arrived)})
            progress(number + 1, len(cases))
        return {"requests": len(cases), "not byte for byte": changed, "kept": not changed}


def _body(number: int, case: dict[str, bytes]) -> bytes:
    fields = {"model": b'"case-%d"' % number, "messages": MESSAGES, **case}
    return b"{" + b", ".join(b'"%s": %s' % (name.encode(), value) for name, value in fields.items()) + b"}"


def _changed(sent: bytes, arrived: bytes) -> list[str]:
    raw: Any = dict[str, msgspec.Raw]
    before, after = msgspec.json.decode(sent, type=raw), msgspec.json.decode(arrived, type=raw)
    return sorted(name for name in before.keys() | after.keys() if bytes(before.get(name, b"")) != bytes(after.get(name, b"")))
