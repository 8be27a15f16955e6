"""The connection that fills the table of stored answers in this process and keeps it true to Redis.

Redis remembers which keys a connection has read and tells that connection when one of them changes, is deleted, ends or
is evicted (`CLIENT TRACKING`, https://redis.io/docs/latest/develop/reference/client-side-caching/). There are two ways
to use it. With RESP2 the news goes to a second connection (REDIRECT); then a key can be read on the first, change, and be
told of on the second before the first reply is looked at, so that the old value is stored after the news of its end.
Clients guard against that with placeholders. Here everything comes on one RESP3 connection that belongs to one thread:
Redis writes replies and news in the order in which things happened, they are handled in that order, and there is nothing
to guard. Only the keys that were read are tracked (the default mode, not BCAST), so the traffic is in proportion to what
is held here.

How old can an answer be that is served from here? Each command carries the moment at which it was sent, and its reply
comes after all news of what happened before it. So a reply to something sent at `t` proves that whatever was purged
before `t` has been dropped, and the table may be trusted until `t + TRUST_S`. While there is something in the table, a
PING goes out every BEAT_S. When the network, Redis or this thread stands still, no proof comes and the table turns itself
off; nobody has to notice. With the connection the tracking is gone too, so a lost connection empties the table.

Redis deletes what has ended when it comes to it, and tells of it only then: so each entry carries its own end.

Redis does not tell of SWAPDB (seen with 7.0: the keys change places without a word). Do not purge with it. And a process
that sleeps together with its machine does not see its monotonic clock move; after such a sleep the table may be trusted
for the rest of its 0.9 seconds.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from pipeline.admission import answer as answers
from pipeline.admission.keys import answer_key
from pipeline.cache.hot import NEVER, HotTable

log = logging.getLogger(__name__)

BEAT_S = 0.25
TRUST_S = 0.9  # the rest of the promised second is for whoever has looked and is still writing his reply
# Redis evicts what was not read for the longest time. What is read here it does not see, so it is told now and then.
TOUCH_S = 30.0
TOUCH_KEYS = 500
MAX_WANTED = 1024
MAX_IN_FLIGHT = 64
MAX_MESSAGES = 1000  # in one turn; then it is looked whether a PING is due
BACKOFF_S = (0.1, 2.0)
REFUSED_S = 60.0
CLOSE_S = 3.0

Command = tuple[str | int, ...]
_NOTHING = object()


class Push(msgspec.Struct, frozen=True):
    """What Redis says without being asked: `[b"invalidate", [key, ..]]`, or None in place of the keys for all of them."""

    content: list[Any]


class Desync(Exception):
    """A reply is not one to what was asked. Nothing on this connection can be believed any more."""


class Line:
    """One RESP3 connection with tracking on, read without waiting.

    All that this project uses of redis-py beyond its documented interface is in here: the socket of a connection, to wait
    for it together with other things, and its parser, to be handed the pushes (redis-py's own cache does that in the same
    way, `CacheProxyConnection` in redis/connection.py). A test names them, so that an upgrade without them is seen.
    """

    def __init__(self, url: str, timeout: float) -> None:
        """Connects. `timeout` (seconds) holds for connecting and for each write.

        Raises redis.ResponseError when Redis refuses RESP3 or tracking, another redis.RedisError when it is not there.
        """
        pool = redis.ConnectionPool.from_url(
            url,
            protocol=3,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            **({} if url.startswith("unix") else {"socket_keepalive": True}),
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._connection: Any = pool.make_connection()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        connection = self._connection
        connection.connect()
        # With RESP2 (`?protocol=2` in the URL) Redis would take the next command and never send any news.
        if (connection.handshake_metadata or {}).get(b"proto") != 3:
            raise redis.ResponseError("RESP3 is needed")
        parser = connection._get_parser()
        # redis-py returns from `read_response` what the handler returns. The handler must not fail: redis-py would log
        # the message with its keys, and go on as if the news had been handled.
        parser.set_invalidation_push_handler(Push)
        parser.set_pubsub_push_handler(Push)
        connection.send_command("CLIENT", "TRACKING", "ON", check_health=False)
        connection.read_response()
        self._fileno: int = connection._get_socket().fileno()

    def fileno(self) -> int:
        return self._fileno

    def send(self, commands: Iterable[Command]) -> None:
        # redis-py would connect again by itself, and without tracking.
        if not self._connection.is_connected:
            raise redis.ConnectionError("The connection is closed.")
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)

    def receive(self) -> Any:
        """The next message: a reply, a Push, or a redis.ResponseError; _NOTHING when no whole message has come yet."""
        try:
            return self._connection.read_response(push_request=True, timeout=0, disconnect_on_error=False)
        except redis.TimeoutError:
            return _NOTHING
        except redis.ResponseError as error:
            return error

    def close(self) -> None:
        self._connection.disconnect()


class Conversation:
    """What was asked on one connection and not answered yet. It makes commands and takes messages; it sends nothing.

    All times are monotonic seconds.
    """

    def __init__(self, table: HotTable) -> None:
        self._table = table
        self._open: deque[tuple[str, float, str]] = deque()  # what was asked, when, and of which content key
        self._fetching: set[str] = set()
        # A value whose end is not known yet: the reply to PTTL is the next one.
        self._half: tuple[str, bytes] | None = None

    @property
    def room(self) -> int:
        """How many more keys may be fetched now."""
        return MAX_IN_FLIGHT - len(self._fetching)

    @property
    def oldest(self) -> float | None:
        """When the first command was sent that has no reply yet."""
        return self._open[0][1] if self._open else None

    def fetch(self, keys: Iterable[str], now: float) -> list[Command]:
        commands: list[Command] = []
        for key in keys:
            if key not in self._table and key not in self._fetching:
                self._fetching.add(key)
                self._open += [("get", now, key), ("pttl", now, key)]
                commands += [("GET", answer_key(key)), ("PTTL", answer_key(key))]
        return commands

    def ping(self, now: float) -> list[Command]:
        # Redis gives back what comes with a PING: replies that have slipped by one are noticed.
        mark = repr(now)
        self._open.append(("ping", now, mark))
        return [("PING", mark)]

    def touch(self, now: float) -> list[Command]:
        used = [answer_key(key) for key in self._table.take_used()]
        commands: list[Command] = [("TOUCH", *used[at : at + TOUCH_KEYS]) for at in range(0, len(used), TOUCH_KEYS)]
        self._open += [("touch", now, "")] * len(commands)
        return commands

    def hear(self, message: Any) -> None:
        """Take the next message. Raises Desync, or the redis.ResponseError by which Redis forbids what is needed."""
        if isinstance(message, Push):
            self._invalidate(message.content)
            return
        if not self._open:
            raise Desync
        what, sent, subject = self._open.popleft()
        if isinstance(message, redis.ResponseError):
            if not _bearable(what, message):
                raise message
            message = None
        if what == "get":
            self._take_value(subject, message)
        elif what == "pttl":
            self._take_end(subject, sent, message)
        elif what == "ping" and message != subject.encode():
            raise Desync
        self._table.trust(sent + TRUST_S)

    def _take_value(self, key: str, value: Any) -> None:
        if value is not None and not isinstance(value, bytes):
            raise Desync
        self._half = None if value is None else (key, value)

    def _take_end(self, key: str, sent: float, milliseconds: Any) -> None:
        if not isinstance(milliseconds, int):
            raise Desync
        self._fetching.discard(key)
        half, self._half = self._half, None
        if half is None or milliseconds <= 0:
            return
        try:
            answer = answers.unpack(half[1])
        except msgspec.MsgspecError:
            return  # written by a version that stores answers in another form
        # It had so long to live when Redis looked, which was after it was sent.
        self._table.put(key, answer, sent + milliseconds / 1000)

    def _invalidate(self, content: list[Any]) -> None:
        if content[0] != b"invalidate":
            return
        if content[1] is None:
            self._half = None
            self._table.forget_all("invalidated")
            return
        for name in content[1]:
            key = content_key(name)
            # Other clients can come between GET and PTTL: then the value is old already, though it is not held yet.
            if self._half is not None and self._half[0] == key:
                self._half = None
            self._table.drop(key)


def _bearable(what: str, error: redis.ResponseError) -> bool:
    """Somebody else's type under this key, or a user who may not touch: that can be lived with."""
    return what == "touch" or (what == "get" and str(error).startswith("WRONGTYPE"))


_HEAD, _TAIL = answer_key("\n").encode().split(b"\n")


def content_key(name: bytes) -> str:
    """The content key of an answer's Redis key."""
    return name.removeprefix(_HEAD).removesuffix(_TAIL).decode(errors="replace")


class Tracker:
    """Fetches what is wanted into a table, and drops what is no longer true. One daemon thread owns table and connection.

    `timeout` (seconds) is how long Redis may take for a reply before the connection counts as lost. Nothing runs and
    nothing is connected before the first `want`.
    """

    def __init__(
        self,
        url: str,
        table: HotTable,
        *,
        timeout: float,
        touch_every: float = TOUCH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._table = table
        self._timeout = timeout
        self._touch_every = touch_every
        self._clock = clock
        self._lock = threading.Lock()
        self._wanted: dict[str, None] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        # Nobody is listened to before this moment: Redis was away, or has refused.
        self._quiet_until = NEVER
        # The rest belongs to the thread.
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._line: Line | None = None
        self._talk = Conversation(table)
        self._sent = NEVER
        self._touched = NEVER
        self._more = False
        self._backoff = BACKOFF_S[0]
        self._told = False

    def want(self, key: str) -> None:
        """Ask for the stored answer of a content key. Any thread; returns at once.

        What is held already, asked for already, or too much at once, is left out.
        """
        now = self._clock()
        if key in self._table or now < self._quiet_until:
            return
        with self._lock:
            if self._closed or now < self._quiet_until or key in self._wanted or len(self._wanted) >= MAX_WANTED:
                return
            self._wanted[key] = None
            if len(self._wanted) > 1:
                return  # the first one has woken the thread
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hot-table", daemon=True)
                self._thread.start()
        self._wake()

    @property
    def connected(self) -> bool:
        return self._line is not None

    def close(self) -> None:
        """Empty the table and end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake()
        if thread is not None:
            thread.join(CLOSE_S)
        else:
            self._close_sockets()

    def _wake(self) -> None:
        # An error means that it has been woken many times already, or has ended.
        with suppress(OSError):
            self._waker.send(b"!")

    # --- the thread ---

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closed:
                try:
                    self._turn(selector)
                except redis.ResponseError as error:
                    self._give_up(selector, error, REFUSED_S)
                except Exception as error:  # noqa: BLE001  whatever it was: without this thread nothing here is true
                    self._give_up(selector, error, self._backoff)
                    self._backoff = min(self._backoff * 2, BACKOFF_S[1])
            self._hang_up(selector)
        self._close_sockets()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        line = self._line
        if line is not None:
            self._speak(line)
        selector.select(self._patience())
        self._drain_wakes()
        if line is not None:
            self._listen(line)
            self._table.tend(self._clock())
        elif self._wanted and not self._closed:
            self._call(selector)

    def _call(self, selector: selectors.BaseSelector) -> None:
        self._line = Line(self._url, self._timeout)
        selector.register(self._line, selectors.EVENT_READ)
        self._talk = Conversation(self._table)
        self._sent = self._touched = self._clock()

    def _speak(self, line: Line) -> None:
        now = self._clock()
        commands = self._talk.fetch(self._take_wanted(self._talk.room), now)
        if self._table.entries and now >= self._touched + self._touch_every:
            self._touched = now
            commands += self._talk.touch(now)
        # Any reply is a proof, so a PING is needed only when there was nothing else to ask.
        if self._table.entries and not commands and now >= self._sent + BEAT_S:
            commands = self._talk.ping(now)
        if commands:
            self._sent = now
            line.send(commands)

    def _listen(self, line: Line) -> None:
        self._more = False
        for _ in range(MAX_MESSAGES):
            message = line.receive()
            if message is _NOTHING:
                break
            self._talk.hear(message)
            if not isinstance(message, Push):
                self._backoff, self._told = BACKOFF_S[0], False
        else:
            # What the parser holds already does not make the socket readable.
            self._more = True
        oldest = self._talk.oldest
        if oldest is not None and self._clock() > oldest + self._timeout:
            raise redis.TimeoutError("Redis has not answered in time.")

    def _patience(self) -> float | None:
        """How long there is nothing to do, unless something comes; None for as long as you like."""
        if self._line is None:
            return None
        if self._more or (self._wanted and self._talk.room):
            return 0.0
        ends = [] if self._talk.oldest is None else [self._talk.oldest + self._timeout]
        if self._table.entries:
            ends.append(self._sent + BEAT_S)
        return max(0.0, min(ends) - self._clock()) if ends else None

    def _take_wanted(self, most: int) -> list[str]:
        with self._lock:
            taken = list(self._wanted)[:most]
            for key in taken:
                del self._wanted[key]
        return taken

    def _drain_wakes(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _give_up(self, selector: selectors.BaseSelector, error: Exception, quiet: float) -> None:
        """Empty the table, and try again when somebody wants something after `quiet` seconds."""
        self._hang_up(selector)
        with self._lock:
            self._quiet_until = self._clock() + quiet
            self._wanted.clear()
        if not self._told:
            # Not the message: it may hold keys, an address, even a password (Redis repeats arguments that it refuses).
            log.warning("hot_table_off reason=%s", type(error).__name__)
            self._told = True

    def _hang_up(self, selector: selectors.BaseSelector) -> None:
        self._table.forget_all("connection_lost")
        line, self._line = self._line, None
        if line is not None:
            with suppress(KeyError):
                selector.unregister(line)
            line.close()

    def _close_sockets(self) -> None:
        self._waker.close()
        self._woken.close()
