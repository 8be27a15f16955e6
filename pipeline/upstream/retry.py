"""Which failures are worth another try, and how long to wait before it.

The waiting is 'full jitter' exponential backoff: a random share of a ceiling that doubles, so that
callers who failed together do not come back together (AWS Architecture Blog, 'Exponential Backoff
And Jitter').
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from pipeline.errors import UpstreamError
from pipeline.upstream.breaker import CIRCUIT_OPEN

TRANSIENT_STATUSES = frozenset({408, 409, 429})


def is_transient(status: int) -> bool:
    """Whether an answer with this status may be another one later or elsewhere. Other 4xx are the client's fault."""
    return status in TRANSIENT_STATUSES or status >= 500


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the upstream asks to wait: `retry-after-ms`, else `retry-after` as seconds or as a date.

    `now` is in unix seconds; header names are in lower case. None when absent or not understood.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """The upstream's own opinion on a retry, from `x-should-retry`; None when it has none."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


class RetryPolicy:
    """How often one route is tried, and the pauses between. `uniform` gives a random float in [low, high]."""

    def __init__(
        self,
        uniform: Callable[[float, float], float],
        *,
        max_attempts: int = 3,
        base_s: float = 0.25,
        cap_s: float = 8.0,
    ) -> None:
        self._uniform = uniform
        self._max_attempts = max_attempts
        self._base_s = base_s
        self._cap_s = cap_s

    def pause(self, error: UpstreamError, attempts: int, remaining_s: float) -> float | None:
        """Seconds to wait after `attempts` failed ones, or None when this route should not be tried again.

        An upstream that asks for more time than the caller has left is not asked again, and neither is
        one behind an open circuit: waiting would only use up the time of a fallback.
        """
        if not error.transient or error.should_retry is False or error.code == CIRCUIT_OPEN or attempts >= self._max_attempts:
            return None
        asked = error.retry_after
        ceiling = min(self._cap_s, self._base_s * 2 ** (attempts - 1))
        pause = asked if asked is not None else self._uniform(0.0, ceiling)
        return pause if pause < remaining_s else None
