"""The model table as it is written in YAML, and the errors that teach how to write it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Meta

from pipeline.money import price_from_dollars
from pipeline.upstream.pricing import Price

T = TypeVar("T", bound=msgspec.Struct)
Name = Annotated[str, Meta(min_length=1)]
Bound = Annotated[int, Meta(ge=1)]
Dollars = float | int | str


class TableError(Exception):
    """The model table cannot be used. The message names the file, the place in it, and what to do."""


class PriceEntry(msgspec.Struct, forbid_unknown_fields=True):
    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None


class UpstreamEntry(msgspec.Struct, forbid_unknown_fields=True):
    base_url: Name
    api_key_env: Name | None = None
    connect_timeout_s: Annotated[float, Meta(gt=0)] | None = None
    max_concurrency: Bound | None = None


class ModelEntry(msgspec.Struct, forbid_unknown_fields=True):
    upstream: Name
    upstream_model: Name | None = None
    price: PriceEntry | None = None
    context_window: Bound | None = None
    max_output_tokens: Bound | None = None
    fallbacks: list[Name] = []
    stream_usage: bool = True


class TableFile(msgspec.Struct, forbid_unknown_fields=True):
    upstreams: dict[str, Any] = {}
    default_upstream: Name | None = None
    models: dict[str, Any] = {}


class _UniqueKeys(yaml.SafeLoader):
    """YAML whose mappings may not name a key twice: the first of two models would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"{key!r} is named twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> TableFile:
    """The file's top level, checked; its entries are still plain data. Raises TableError."""
    try:
        data = _UniqueKeys(path.read_bytes()).get_single_data()
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}. Check LEO_MODELS_FILE.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise TableError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from None
    empty = {key: value for key, value in (data or {}).items() if value is not None} if isinstance(data, dict | None) else data
    return convert(str(path), "", empty, TableFile)


def convert(file: str, place: str, data: Any, kind: type[T]) -> T:
    """`data` as a `kind`. Raises TableError naming the place in the file and the fields that exist there."""
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        reason, _, below = str(error).partition(" - at `$")
        where = (place + below.rstrip("`")).strip(".") or "top level"
        raise TableError(f"{file}: {where}: {reason}. {_fields_hint(data, kind)}".rstrip()) from None


def _fields_hint(data: Any, kind: type[msgspec.Struct]) -> str:
    known = kind.__struct_fields__
    unknown = [key for key in data if key not in known] if isinstance(data, dict) else []
    if not unknown:
        return f"It has these fields: {', '.join(known)}."
    near = difflib.get_close_matches(str(unknown[0]), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"The fields known there are: {', '.join(known)}."


def check_url(file: str, place: str, url: str) -> str:
    """The base URL without its trailing slash. Raises TableError, which never repeats the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        problem = "" if parts.port is None or parts.port > 0 else "its port is 0"
    except ValueError:
        raise TableError(f"{file}: {place}: this is not a URL. Write one like https://api.openai.com/v1.") from None
    if parts.scheme not in ("http", "https"):
        problem = "it must start with http:// or https://"
    elif not parts.hostname:
        problem = "it names no host"
    elif "@" in parts.netloc:
        problem = "it holds credentials; put the key in an environment variable and name that in api_key_env"
    elif parts.query or parts.fragment:
        problem = "it has a query or a fragment, which cannot be part of a base URL"
    elif any(not 0x20 < ord(c) < 0x7F for c in url):
        problem = "it holds spaces or characters that must be percent-encoded"
    if problem:
        raise TableError(f"{file}: {place}: this URL cannot be used: {problem}.")
    return url.rstrip("/")


def read_price(file: str, place: str, entry: PriceEntry | None) -> Price | None:
    """The price in integers. A YAML float goes through its shortest text, so 0.15 is exactly 0.15."""
    if entry is None:
        return None
    return Price(
        input=_micros(file, f"{place}.input", entry.input),
        output=_micros(file, f"{place}.output", entry.output),
        cached_input=None if entry.cached_input is None else _micros(file, f"{place}.cached_input", entry.cached_input),
    )


def _micros(file: str, place: str, dollars: Dollars) -> int:
    try:
        return price_from_dollars(dollars)
    except (ValueError, ArithmeticError):
        raise TableError(
            f"{file}: {place}: {dollars!r} is not a price. Write dollars per million tokens, not negative "
            "and with at most six decimals, e.g. 0.15."
        ) from None
