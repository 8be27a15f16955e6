"""Puts runs into a gateway's queue and stays away from them: `python -m bench.hotpath.filler HOME NAME`.

For each number on standard input it admits so many runs, as a front end does (pipeline.door.Door, the Celery
submitter), and answers with a line of JSON: how long one admission took, in milliseconds, over the last thousand at most.
Nobody follows the runs afterwards; they stand in Redis and in the queue until their deadline of an hour.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

from bench.hotpath.gateway import chat_body
from bench.hotpath.load import PADDING
from bench.hotpath.stats import percentile
from pipeline.door import Caller, Door, Limits
from pipeline.gateway import Gateway
from pipeline.request.controls import parse_controls
from pipeline.request.model import parse
from pipeline.request.plan import Policy
from pipeline.settings import load_settings
from workers.celery_app import create_celery
from workers.submit import Submitter

PATIENCE_S = 3600.0
LAST = 1000


def main(home: str, name: str) -> None:
    settings = load_settings({**os.environ, "LEO_HOME": home})
    gateway = Gateway(settings, role="web")
    submitter = Submitter(create_celery(settings, publisher=True), gateway.chain, settings.max_queue)
    nobody: Any = SimpleNamespace(id=f"bench-{name}", waiting=0, follow=lambda *given: None)
    limits = Limits(deadline=PATIENCE_S, max_deadline=PATIENCE_S, waiting=1)
    door = Door(gateway.runs, gateway.cache, nobody, submitter.submit, lambda: True, limits)
    controls, numbers = parse_controls(lambda header: None), itertools.count()
    print("ready", flush=True)
    for line in sys.stdin:
        times: list[float] = []
        for number in itertools.islice(numbers, int(line)):
            body = json.dumps(chat_body(f"Question {name}-{number} {PADDING}")).encode()
            began = time.perf_counter()
            door.enter(parse("chat/completions", body), controls, Policy(), Caller("default"))
            times.append((time.perf_counter() - began) * 1000)
        last = times[-LAST:]
        print(json.dumps({"p50": round(percentile(last, 0.5), 3), "p99": round(percentile(last, 0.99), 3)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
