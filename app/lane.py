"""The fast lane: a request that is known byte for byte, and whose answer this process holds, is answered at once.

The application decides what is a hit, and how it looks; here its decision is only repeated. After it has answered a request
from the exact cache it leaves a note (`remember`), and the next request with the very same bytes is answered from it in
some microseconds (`reply`), as long as nothing has changed on which the decision rests:

* the answer is held in this process's table, coherent with Redis, and not expired (pipeline/cache/hot.py);
* the key that was presented is good, by what the database said at most a second ago;
* no strategy was switched, by what the database said at most a second ago, and the model table is the same;
* the ledger takes the event of the hit.

In every other case the lane says nothing, and the request takes the ordinary way, which is always right.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from flask import Response

from app.receipt import Receipt
from app.template import Specimen, Template
from pipeline import ids
from pipeline.admission.answer import Answer
from pipeline.cache.hot import Held, HotTable
from pipeline.door import Entry
from pipeline.ledger.events import RequestEvent
from pipeline.ledger.hits import HitBatch, HitBook
from pipeline.ledger.stream import BufferedLedger
from pipeline.storage.authenticate import Authenticator, Standing
from pipeline.storage.switches import Switchboard
from pipeline.upstream.routes import ModelTable
from pipeline.upstream.table import TableHolder

PATHS = frozenset({b"/v1/chat/completions", b"/v1/embeddings"})
STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
MAX_SPELLINGS = 16  # of one answer: how many different requests for it are remembered
MAX_SEEN = 10_000
FLUSH_S = 0.05  # at most so many seconds of hits are lost when this process is killed
MAX_UNWRITTEN = 100_000  # hits that Redis has not taken yet; beyond it the ordinary way slows callers down

# No view reads these, so they may differ. Any other header is part of the key, those that nobody knows yet too.
IRRELEVANT = frozenset(
    b"host connection keep-alive content-length accept accept-encoding accept-language user-agent "
    b"traceparent tracestate baggage x-request-id x-forwarded-for x-forwarded-proto x-forwarded-host forwarded via "
    b"x-stainless-lang x-stainless-package-version x-stainless-os x-stainless-arch x-stainless-runtime "
    b"x-stainless-runtime-version x-stainless-async x-stainless-retry-count x-stainless-read-timeout "
    b"x-stainless-timeout x-stainless-helper-method x-stainless-raw-response x-stainless-poll-helper".split()
)

Headers = list[tuple[bytes, bytes]]


class Basis(NamedTuple):
    """What a decision was made by: the version of the switches, and the model table."""

    switches: int
    models: ModelTable


class _Known:
    """A request that was answered from the cache, and what the decision rests on."""

    __slots__ = ("basis", "batch", "event", "held", "standing", "template")

    def __init__(self, held: Held, template: Template, event: RequestEvent, standing: Standing, basis: Basis) -> None:
        self.held = held
        self.template = template
        self.event = event
        self.standing = standing
        self.basis = basis
        self.batch: HitBatch | None = None


class Lane:
    """One for the process. `reply` belongs to the event loop's thread; `basis` and `remember` are for any other."""

    def __init__(
        self,
        *,
        table: HotTable,
        want: Callable[[str], None],
        authenticator: Authenticator,
        switches: Switchboard,
        models: TableHolder,
        ledger: BufferedLedger,
    ) -> None:
        self.paths = PATHS if table.max_bytes else frozenset()
        self._table = table
        self._want = want
        self._authenticator = authenticator
        self._switches = switches
        self._models = models
        self._ledger = ledger
        self._book = HitBook()
        self._flushing = False
        self._known: dict[bytes, _Known] = {}
        self._spellings: dict[str, list[bytes]] = {}
        self._seen: set[bytes] = set()
        # For the two above: several threads note what they answered, and the table's own thread drops what it holds.
        self._noting = threading.Lock()
        self._new_id = ids.completion_ids()
        self._defaults: Headers | None = None
        self._prefix = STATUS_LINE
        table.on_drop = self._forget

    @staticmethod
    def key(url: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes | bytearray) -> bytes:
        """A digest of all that the application would read of a POST."""
        # No header holds a line end, so no two requests look alike here.
        lines = [name + b":" + value for name, value in headers if name not in IRRELEVANT]
        return blake2b(b"\n".join([url, *lines, b"", body]), digest_size=20).digest()

    def reply(self, key: bytes, began: float, defaults: Headers) -> bytes | None:
        """The whole response to a known request, or None. `began` is monotonic; `defaults` are the server's own headers."""
        known = self._known.get(key)
        if known is None:
            return None
        now = time.monotonic()
        if not self._holds(known, now):
            return None
        known.held.used = True
        batch = known.batch
        if batch is None or not batch.open:
            batch = known.batch = self._open(known.event)
        if defaults is not self._defaults:
            self._defaults = defaults
            self._prefix = STATUS_LINE + b"".join(b"%b: %b\r\n" % header for header in defaults)
        unix, elapsed = time.time(), time.monotonic() - began
        request_id = b"%b%012x" % (batch.prefix, batch.add(int(elapsed * 1e6)))
        age = b"%d" % max(0, unix - known.held.answer.stored_at)
        return self._prefix + known.template.render(request_id, self._new_id(), b"%d" % unix, b"%.3f" % (elapsed * 1e3), age)

    def _holds(self, known: _Known, now: float) -> bool:
        """Whether all still stands on which the decision rests. What grows old is asked for anew before it is too old."""
        standing, switches = known.standing, self._switches
        if now >= standing.stale_at:
            self._authenticator.refresh(standing)
        if now >= switches.stale_at:
            switches.refresh()
        return (
            self._table.valid(known.held, now)
            and now < standing.good_until
            and now < switches.good_until
            and known.basis.switches == switches.version
            and known.basis.models is self._models.current
            and self._ledger.waiting < MAX_UNWRITTEN
        )

    def _open(self, event: RequestEvent) -> HitBatch:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        return self._book.open(event)

    def flush(self) -> None:
        """Hand the hits since the last time over to the ledger."""
        self._flushing = False
        hits = self._book.waiting
        self._ledger.add_entries(self._book.flush(), hits)

    def basis(self) -> Basis:
        """What decisions rest on from now on: taken before one is made, so that a change in between spoils the note."""
        return Basis(self._switches.version, self._models.current)

    def remember(
        self,
        key: bytes,
        basis: Basis,
        receipt: Receipt,
        standing: Standing | None,
        render: Callable[[Receipt, Entry, Answer], Response],
    ) -> None:
        """Note what the application has just answered from the cache. `render` makes its response from a receipt.

        Only what comes a second time is noted: a client that sends another header with each request would fill the table.
        """
        entry = receipt.entry
        assert entry is not None
        plan = entry.plan
        if not (plan.lookup and entry.from_cache) or plan.idempotent or plan.max_age is not None:
            return
        if standing is None or standing.principal != receipt.principal:
            return  # the second: the key's rights have changed since the decision
        held = self._table.get(plan.content_key)
        if held is None:
            self._want(plan.content_key)
        if held is None or key not in self._seen:
            self._see(key)
            return
        specimen = Specimen(receipt)
        template = Template.of(render(specimen, entry, held.answer))
        if template:
            self._note(key, _Known(held, template, specimen.event(held.answer), standing, basis))

    def _see(self, key: bytes) -> None:
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(key)

    def _note(self, key: bytes, known: _Known) -> None:
        held = known.held
        with self._noting:
            if not held.live:
                return  # of what is dropped from now on, `_forget` hears after this
            spellings = self._spellings.setdefault(held.key, [])
            if key in spellings:
                self._drop(spellings, key)
            elif len(spellings) == MAX_SPELLINGS:
                self._drop(spellings, spellings[0])
            spellings.append(key)
            self._known[key] = known
            self._table.charge(held, known.template.size)

    def _drop(self, spellings: list[bytes], key: bytes) -> None:
        spellings.remove(key)
        known = self._known.pop(key, None)
        if known is not None:
            self._table.charge(known.held, -known.template.size)

    def _forget(self, held: Held) -> None:
        with self._noting:
            for key in self._spellings.pop(held.key, ()):
                self._known.pop(key, None)
