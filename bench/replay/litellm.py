"""LiteLLM's proxy with its Redis cache as a way, with the settings under which the other benchmarks measure it.

It is looked for in the folder of the peers: $PEERS_ROOT, by default the one that the peers' own set-up uses.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.replay.knowledge import Behaviour
from bench.replay.player import Target
from bench.replay.processes import Process
from bench.replay.upstream import MODEL
from bench.replay.ways import Folder, Way
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

KEY = "sk-bench-5f0c2a7e9d4b8136a1c3e5f708192b3d"
WORKERS = 2
START_S = 180.0
ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_DOCS": "True",
    "DISABLE_ADMIN_UI": "True",
}


def peers_root() -> Path:
    return Path(os.environ.get("PEERS_ROOT") or Path.home() / ".cache" / "leo-peers")


class LiteLLM(Way):
    """Started once, since that takes half a minute; its Redis is emptied before each part."""

    name = "litellm"
    about = f"LiteLLM with its Redis cache, {WORKERS} workers, no retries"

    def __init__(self) -> None:
        self._folder = Folder()
        self._redis: RedisServer | None = None
        self._process: Process | None = None
        self._port = 0

    @property
    def _program(self) -> Path:
        return peers_root() / "v-litellm" / "bin" / "litellm"

    def missing(self) -> str | None:
        # No path in it: the note goes into reports.
        return None if self._program.is_file() else "it is not installed under PEERS_ROOT, where the peers are"

    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        if self._process is None:
            self._launch(upstream)
        assert self._redis is not None
        with self._redis.client() as client:
            client.flushall()
        # A hit names the key under which it was found; a miss does not.
        return Target(
            self._port,
            {"Authorization": f"Bearer {KEY}"},
            lambda headers: "exact" if headers.get("x-litellm-cache-key") else "miss",
            MODEL,
        )

    def _launch(self, upstream: str) -> None:
        self._redis, self._port = RedisServer().start(), free_port()
        config = self._folder / "config.yaml"
        config.write_text(json.dumps(_config(upstream, self._redis.port)))  # JSON is YAML
        where = ["--host", "127.0.0.1", "--port", str(self._port), "--num_workers", str(WORKERS)]
        self._process = Process([str(self._program), "--config", str(config), *where], self._folder / "log", **ENVIRONMENT)
        self._process.wait_for(f"http://127.0.0.1:{self._port}/health/liveliness", START_S)
        wait_until(self._all_workers, START_S, "LiteLLM's second worker")  # it comes up later than the port

    def _all_workers(self) -> bool:
        assert self._process is not None
        self._process.check()
        return self._process.log.read_text(errors="replace").count("Proxy initialized with Config") >= WORKERS

    def pids(self) -> list[int]:
        return [self._process.pid, self._redis.pid] if self._process and self._redis else []

    def close(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None
        if self._redis:
            self._redis.close()
            self._redis = None
        self._folder.remove()


def _config(upstream: str, redis_port: int) -> dict[str, object]:
    model = {"model": f"openai/{MODEL}", "api_base": upstream, "api_key": "sk-upstream"}
    cache = {"type": "redis", "host": "127.0.0.1", "port": redis_port, "ttl": 3600}
    settings = {"set_verbose": False, "json_logs": True, "request_timeout": 600, "num_retries": 0}
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": model}],
        "litellm_settings": {**settings, "cache": True, "cache_params": cache},
        "general_settings": {"master_key": KEY},
    }
