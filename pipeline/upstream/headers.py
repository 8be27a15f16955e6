"""Which of an upstream's response headers reach the caller."""

from __future__ import annotations

from collections.abc import Mapping

PASSED_ON = frozenset({"x-request-id", "openai-processing-ms", "openai-organization", "openai-version"})
PASSED_ON_PREFIX = "x-ratelimit-"


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a client of the provider may rely on, as received. Names in lower case on both sides."""
    return {name: value for name, value in headers.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIX)}
