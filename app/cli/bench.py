"""`leo bench`: a quick look at a running gateway."""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import click
import urllib3

from app.cli.up import first_key_file
from pipeline.settings import Settings


def measure(settings: Settings, url: str | None, key: str | None, count: int, concurrency: int, model: str) -> None:
    """Ask `count` new questions, then the same again, then one question by many at once; print what it took."""
    load = _Load(url or f"http://127.0.0.1:{settings.port}", key or _key(settings), model, concurrency)
    run = secrets.token_hex(4)  # new questions in each measurement
    click.echo(f"{count} requests a row, {concurrency} at a time, model {model}, {load.url}\n")
    click.echo(f"{'':<12}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'overhead p50':>14}{'failed':>8}  X-LEO-Cache")
    load.row("misses", count, lambda n: f"Reply with one word. Number {run}-{n}")
    load.row("hits", count, lambda n: f"Reply with one word. Number {run}-{n}")
    load.row("duplicates", count, lambda n: f"Reply with one word. Duplicate {run}-{n // concurrency}")


def _key(settings: Settings) -> str:
    file = first_key_file(settings)
    if settings.api_key:
        return settings.api_key
    return file.read_text().strip() if file.is_file() else ""


class _Load:
    def __init__(self, url: str, key: str, model: str, concurrency: int) -> None:
        self.url = url
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._model = model
        self._concurrency = concurrency
        self._http = urllib3.PoolManager(maxsize=concurrency, retries=False, timeout=120.0)

    def row(self, name: str, count: int, prompt: Callable[[int], str]) -> None:
        """One kind of load, with a progress bar, and its line in the table."""
        lock, started = threading.Lock(), time.monotonic()
        with (
            click.progressbar(length=count, label=f"{name:<11}", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
            ThreadPoolExecutor(self._concurrency) as pool,
        ):

            def ask(number: int) -> tuple[float, dict[str, str], int]:
                found = self._ask(prompt(number))
                with lock:
                    bar.update(1)
                return found

            seen = list(pool.map(ask, range(count)))
        elapsed = time.monotonic() - started
        _print(name, seen, count / elapsed)

    def _ask(self, prompt: str) -> tuple[float, dict[str, str], int]:
        body = {"model": self._model, "messages": [{"role": "user", "content": prompt}]}
        began = time.monotonic()
        try:
            reply = self._http.request("POST", f"{self.url}/v1/chat/completions", body=json.dumps(body), headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            raise click.ClickException(f"{self.url} does not answer ({type(error).__name__}). Is `leo up` running?") from None
        if reply.status in (401, 403, 404):
            raise click.ClickException(f"{self.url} refused: {reply.data.decode(errors='replace')[:300]}")
        return (time.monotonic() - began) * 1000, {k.lower(): v for k, v in reply.headers.items()}, reply.status


def _print(name: str, seen: list[tuple[float, dict[str, str], int]], rate: float) -> None:
    times = sorted(ms for ms, _, _ in seen)
    overheads = sorted(float(headers.get("x-leo-overhead-ms", 0)) for _, headers, _ in seen)
    failed = sum(status != 200 for _, _, status in seen)
    kinds = sorted({headers.get("x-leo-cache", "none") for _, headers, _ in seen})
    shown = ", ".join(f"{kind} {sum(h.get('x-leo-cache', 'none') == kind for _, h, _ in seen)}" for kind in kinds)
    p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    click.echo(f"{name:<12}{rate:>9.0f}{p50:>9.2f}{p99:>9.2f}{overheads[len(overheads) // 2]:>14.2f}{failed:>8}  {shown}")
