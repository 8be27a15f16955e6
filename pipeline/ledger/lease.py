"""The right to be the one that writes: a lease in Redis that its holder must keep alive."""

from __future__ import annotations

import contextlib

import redis

# Schema: `leo:ledger:writer` is a string, the id of the process that writes, with an expiry of a few seconds. It only
# saves work: two writers at once do no harm, because SQL accepts every event once.
LEASE_KEY = "leo:ledger:writer"
LEASE_MS = 3000

# KEYS[1] the lease; ARGV[1] who asks; ARGV[2] for how many milliseconds. Takes a free lease, extends one's own, and
# leaves somebody else's alone. Answers 1 when ARGV[1] holds it now.
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""

# KEYS[1] the lease; ARGV[1] who gives it back. Somebody else's lease is left alone.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lease:
    """One process's side of the lease. A holder that is killed loses it within `LEASE_MS` milliseconds."""

    def __init__(self, client: redis.Redis, holder: str, key: str = LEASE_KEY, duration_ms: int = LEASE_MS) -> None:
        self._hold = client.register_script(_HOLD)
        self._release = client.register_script(_RELEASE)
        self._holder = holder
        self._key = key
        self._duration_ms = duration_ms

    def hold(self) -> bool:
        """Takes or extends the lease and says whether it is ours. Raises redis.RedisError when Redis is in trouble."""
        return bool(self._hold(keys=[self._key], args=[self._holder, self._duration_ms]))

    def release(self) -> None:
        """Gives the lease back so that a standby need not wait; without Redis it simply runs out."""
        with contextlib.suppress(redis.RedisError, OSError):
            self._release(keys=[self._key], args=[self._holder])
