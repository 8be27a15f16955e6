"""Loading the model table, and holding the current one.

    upstreams:
      openai: {base_url: "https://api.openai.com/v1", api_key_env: OPENAI_API_KEY}
      ollama: {base_url: "http://127.0.0.1:11434/v1"}
    default_upstream: openai
    models:
      gpt-4o-mini:
        upstream: openai
        price: {input: 0.15, cached_input: 0.075, output: 0.60}   # dollars per million tokens
        fallbacks: [llama3]
      llama3: {upstream: ollama, upstream_model: "llama3:8b"}

The upstream `simulator` is always there and needs no entry.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipeline.settings import Settings
from pipeline.upstream.pricing import Price
from pipeline.upstream.routes import SIMULATOR, ModelTable, Route, Upstream
from pipeline.upstream.secret import Secret
from pipeline.upstream.tablefile import (
    ModelEntry,
    TableError,
    TableFile,
    UpstreamEntry,
    check_url,
    convert,
    read_price,
    read_yaml,
)

__all__ = ["SIMULATOR", "ModelTable", "Price", "Route", "Secret", "TableError", "TableHolder", "Upstream", "load_table"]

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"


def load_table(path: Path | None, settings: Settings, environ: Mapping[str, str]) -> ModelTable:
    """The table from the file at `path`, or without a file just the default upstream of the settings.

    Unknown models go to the file's `default_upstream`, else to the upstream that OPENAI_BASE_URL or
    OPENAI_API_KEY name; the simulator is the default only when there is no upstream at all. Raises
    TableError.
    """
    if path is None or not _is_there(path, settings):
        return ModelTable({}, _default_of(settings, ()) or Upstream(name=SIMULATOR))
    file = read_yaml(path)
    upstreams = _upstreams(str(path), file, settings, environ)
    routes = {name: _route(str(path), name, entry, upstreams) for name, entry in file.models.items()}
    _check_fallbacks(str(path), routes)
    return ModelTable(routes, _default(str(path), file, upstreams, settings))


def _is_there(path: Path, settings: Settings) -> bool:
    if path.is_file():
        return True
    if settings.models_file:
        raise TableError(f"{path}: there is no such file. Create it, or unset LEO_MODELS_FILE.")
    return False


def _upstreams(file: str, table: TableFile, settings: Settings, environ: Mapping[str, str]) -> dict[str, Upstream]:
    entries = {name: convert(file, f"upstreams.{name}", data, UpstreamEntry) for name, data in table.upstreams.items()}
    if SIMULATOR in entries:
        raise TableError(f"{file}: upstreams.{SIMULATOR}: this name is taken by the built-in simulator. Choose another.")
    # A key may stand in `.env`, which reaches the settings but not the environment. One that was read
    # from a file often has a line end behind it, which no header may hold.
    keys = {OPENAI_KEY: settings.openai_api_key.strip(), **{name: text.strip() for name, text in environ.items() if text.strip()}}
    unset = sorted({entry.api_key_env for entry in entries.values() if entry.api_key_env and not keys.get(entry.api_key_env)})
    if unset:
        raise TableError(f"{file}: not set in the environment, but named by api_key_env: {', '.join(unset)}. Set them.")
    upstreams = {
        name: Upstream(
            name=name,
            base_url=check_url(file, f"upstreams.{name}.base_url", entry.base_url),
            api_key=Secret(keys[entry.api_key_env] if entry.api_key_env else ""),
            connect_timeout_s=entry.connect_timeout_s or settings.connect_timeout_s,
            max_concurrency=entry.max_concurrency,
        )
        for name, entry in entries.items()
    }
    return {**upstreams, SIMULATOR: Upstream(name=SIMULATOR)}


def _route(file: str, name: str, data: object, upstreams: Mapping[str, Upstream]) -> Route:
    place = f"models.{name}"
    entry = convert(file, place, data, ModelEntry)
    if entry.upstream not in upstreams:
        raise TableError(f"{file}: {place}.upstream: {_unknown('upstream', entry.upstream, upstreams)}")
    return Route(
        provider=upstreams[entry.upstream],
        model=name,
        model_there=entry.upstream_model or name,
        price=read_price(file, f"{place}.price", entry.price),
        stream_usage=entry.stream_usage,
        fallbacks=tuple(entry.fallbacks),
        context_window=entry.context_window,
        max_output_tokens=entry.max_output_tokens,
    )


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(sorted(known))}."
    return f"there is no {kind} '{name}'. {hint}"


def _check_fallbacks(file: str, routes: Mapping[str, Route]) -> None:
    for name, route in routes.items():
        for fallback in route.fallbacks:
            if fallback not in routes:
                raise TableError(f"{file}: models.{name}.fallbacks: {_unknown('model', fallback, routes)}")
    for name in routes:
        _check_cycle(file, routes, [name])


def _check_cycle(file: str, routes: Mapping[str, Route], path: list[str]) -> None:
    for fallback in routes[path[-1]].fallbacks:
        if fallback in path:
            circle = " -> ".join([*path[path.index(fallback) :], fallback])
            raise TableError(f"{file}: models.{path[-1]}.fallbacks: these fallbacks lead in a circle: {circle}. Remove one.")
        _check_cycle(file, routes, [*path, fallback])


def _default(file: str, table: TableFile, upstreams: Mapping[str, Upstream], settings: Settings) -> Upstream | None:
    if table.default_upstream is None:
        simulator = None if table.upstreams or table.models else upstreams[SIMULATOR]
        return _default_of(settings, upstreams) or simulator
    if table.default_upstream not in upstreams:
        raise TableError(f"{file}: default_upstream: {_unknown('upstream', table.default_upstream, upstreams)}")
    return upstreams[table.default_upstream]


def _default_of(settings: Settings, taken: Iterable[str]) -> Upstream | None:
    if not settings.openai_base_url and not settings.openai_api_key:
        return None
    return Upstream(
        # Breakers and the ledger go by the name, so it must not be that of another upstream.
        name="openai" if "openai" not in taken else "openai-default",
        base_url=check_url("the environment", "OPENAI_BASE_URL", settings.openai_base_url or OPENAI_URL),
        api_key=Secret(settings.openai_api_key.strip()),
        connect_timeout_s=settings.connect_timeout_s,
    )


class TableHolder:
    """The table in use. It is loaded at once, so a bad one stops the start; thread-safe."""

    def __init__(self, load: Callable[[], ModelTable]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._table = load()

    @property
    def current(self) -> ModelTable:
        return self._table

    def reload(self) -> ModelTable:
        """Load the file again. Raises TableError and keeps the old table when the new one is bad."""
        with self._lock:
            self._table = self._load()
            return self._table
