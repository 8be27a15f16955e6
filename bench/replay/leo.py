"""The gateway of this project as a way: with its default settings, and in variants."""

from __future__ import annotations

import json
import re
import sys
import time

import msgspec

from bench.replay.knowledge import Behaviour
from bench.replay.player import Target
from bench.replay.processes import Process, ask_json
from bench.replay.upstream import MODEL
from bench.replay.ways import Claims, Folder, Way
from tests.support.ports import free_port

KEY = "replay-gateway-key-0123456789"
ADMIN_KEY = "replay-admin-key-0123456789"
START_S = 90.0
LEDGER_S = 20.0  # that the ledger may need to hold the last request


class Variant(msgspec.Struct, frozen=True):
    """A row of the gateway: settings of its processes, strategies that are switched, headers of each request."""

    name: str
    settings: dict[str, str] = {}
    switches: dict[str, bool] = {}
    headers: dict[str, str] = {}

    def __str__(self) -> str:
        changed = [f"{name}={value}" for name, value in {**self.settings, **self.headers}.items()]
        changed += [f"{name}={'on' if on else 'off'}" for name, on in self.switches.items()]
        return ", ".join(changed) or "defaults"


def variant(text: str) -> Variant:
    """NAME:WHAT=VALUE,WHAT=VALUE. WHAT is a setting (LEO_...), a header (X-LEO-...) or a strategy (on, off).

    A value may hold no comma. Raises ValueError.
    """
    name, _, changes = text.partition(":")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError(f"{name!r} is no name: small letters, digits and dashes")
    found = Variant(name, {}, {}, {})
    for change in filter(None, changes.split(",")):
        what, mark, value = change.strip().partition("=")
        if not mark:
            raise ValueError(f"{change!r}: WHAT=VALUE is needed")
        if what.startswith(("LEO_", "OPENAI_", "REDIS_")):
            found.settings[what] = value
        elif "-" in what:
            found.headers[what] = value
        elif value in ("on", "off"):
            found.switches[what] = value == "on"
        else:
            raise ValueError(f"{change!r} is neither a setting (LEO_...) nor a header (X-LEO-...) nor a strategy (on or off)")
    return found


class Leo(Way):
    """A whole gateway in one process group, started anew for each part: nothing is stored when a part begins."""

    def __init__(self, variant: Variant) -> None:
        self.name = variant.name
        self.about = f"LEO Optima, {variant}"
        self._variant = variant
        self._folder = Folder()
        self._port = 0
        self._process: Process | None = None

    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        self._port = free_port()
        models = self._folder / "models.yaml"
        models.write_text(json.dumps(_table(upstream, behaviour)))  # JSON is YAML
        settings = {
            "LEO_MODELS_FILE": str(models),
            "LEO_API_KEY": KEY,
            "LEO_ADMIN_KEY": ADMIN_KEY,
            "LEO_LOG_LEVEL": "WARNING",
            **self._variant.settings,
        }
        words = [f"{name}={value}" for name, value in settings.items()]
        command = [sys.executable, "-m", "bench.hotpath.launch", str(self._folder / "home"), str(self._port), *words]
        self._process = Process(command, self._folder / "log")
        self._process.wait_for(f"{self._url}/ready", START_S)
        for strategy, on in self._variant.switches.items():
            body = {"strategy": strategy, "enabled": on, "scope": "global"}
            ask_json(f"{self._url}/v1/optimization/enable", body, {"X-API-Key": ADMIN_KEY})
        headers = {"X-API-Key": KEY, **self._variant.headers}
        return Target(self._port, headers, lambda found: found.get("x-leo-cache", ""), MODEL)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def claims(self, requests: int = 0) -> Claims | None:
        deadline = time.monotonic() + LEDGER_S
        while (found := self._claims()).requests < requests and time.monotonic() < deadline:
            time.sleep(0.2)  # the ledger is written a moment after the answer
        return found

    def _claims(self) -> Claims:
        sums = ask_json(f"{self._url}/v1/analytics", headers={"X-API-Key": KEY})["optimization_metrics"]
        return Claims(sums["total_requests"], sums["upstream_calls"], sums["cost_spent"] or 0.0, sums["cost_saved"] or 0.0)

    def finish(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def close(self) -> None:
        self.finish()
        self._folder.remove()


def _table(upstream: str, behaviour: Behaviour) -> dict[str, object]:
    """The model table with the upstream's prices, so that the gateway can tell what it saved."""
    price = {"input": behaviour.input_price, "output": behaviour.output_price}
    return {"upstreams": {"replay": {"base_url": upstream}}, "models": {MODEL: {"upstream": "replay", "price": price}}}
