"""Names of the Redis keys of a run. The schema stands in this package's docstring."""

from __future__ import annotations

WORKING_KEY = "leo:working"


def run_key(key: str) -> str:
    return f"leo:{{{key}}}:s"


def followers_key(key: str) -> str:
    return f"leo:{{{key}}}:f"


def answer_key(key: str) -> str:
    return f"leo:{{{key}}}:a"


def log_prefix(key: str) -> str:
    return f"leo:{{{key}}}:l:"


def channel(follower_id: str) -> str:
    """Where the notices for one front-end process go."""
    return f"leo:fe:{follower_id}"
