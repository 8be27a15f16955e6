"""Stands before the peers' load generator, so that each measurement ends with the machine at rest.

Some gateways go on working when their last answer is out: this one writes its ledger. Were the next one measured
meanwhile, it would pay for that. So this program starts the load generator, then waits until all gateways of the run
are idle and this project's ledgers are empty, and only then ends. Whatever a gateway does afterwards thus falls into its
own measurement, and its CPU is counted as its own. The rule is the same for every gateway.

    fence.py CONFIG.json [options of the load generator]

CONFIG: `generator` (its path), `homes` (port of a gateway of this project -> its LEO_HOME). Standard library only, since
it is started for every measurement.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

HZ = os.sysconf("SC_CLK_TCK")
LOOK_S = 0.5
IDLE_CORES = 0.15  # ten idle gateways use about 0.05 together
REST_S = 75.0  # the harness gives up 90 seconds after the load's own time
REST_AFTER_FEW_S = 40.0  # ... and after 60 where only some requests are sent


@dataclass(frozen=True)
class Eyes:
    """What the fence looks with. `pause` in seconds."""

    cpu: Callable[[], float]
    backlog: Callable[[str], int]
    counts: Callable[[str], dict[str, int]]
    pause: float = LOOK_S


def main(config_file: str, *arguments: str, eyes: Eyes | None = None) -> int:
    """Run the generator and print its JSON with what was seen beside it."""
    eyes = eyes or Eyes(cpu_of_gateways, backlog, counts)
    with open(config_file) as file:
        config = json.load(file)
    home = config["homes"].get(_option(arguments, "-p"))
    before = eyes.counts(home) if home else {}
    started = time.monotonic()
    done = subprocess.run([config["generator"], *arguments], stdout=subprocess.PIPE, text=True, check=False)
    loaded = time.monotonic()
    rested = rest(list(config["homes"].values()), REST_AFTER_FEW_S if "-n" in arguments else REST_S, eyes)
    seen: dict[str, Any] = {"rest_s": round(time.monotonic() - loaded, 2), "rested": rested}
    if home:
        after = eyes.counts(home)
        seen["leo"] = {name: after[name] - before.get(name, 0) for name in after}
    print(_with(done.stdout, {"wall_s": round(time.monotonic() - started, 2), **seen}))
    return done.returncode


def _option(arguments: tuple[str, ...], name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def _with(output: str, seen: dict[str, Any]) -> str:
    try:
        return json.dumps({**json.loads(output), **seen})
    except ValueError:
        return output  # what the harness makes of it is its own affair


# --- rest ---


def rest(homes: list[str], patience: float, eyes: Eyes) -> bool:
    """Wait for it at most `patience` seconds; False when somebody was still at work then."""
    deadline = time.monotonic() + patience
    while True:
        before, at = eyes.cpu(), time.monotonic()
        time.sleep(eyes.pause)
        cores = (eyes.cpu() - before) / (time.monotonic() - at)
        if cores < IDLE_CORES and not any(eyes.backlog(home) for home in homes):
            return True
        if time.monotonic() > deadline:
            return False


def cpu_of_gateways() -> float:
    """CPU seconds of all process groups that whoever started this program has started, without its own."""
    processes = [_stat(int(name)) for name in os.listdir("/proc") if name.isdigit()]
    known = [process for process in processes if process]
    leaders = {pid for pid, parent, group, _ in known if parent == os.getppid() and group == pid}
    return sum(cpu for _, _, group, cpu in known if group in leaders - {os.getpid()})


def _stat(pid: int) -> tuple[int, int, int, float] | None:
    """(pid, parent, process group, CPU seconds), or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            line = file.read()
    except OSError:
        return None
    fields = line[line.rindex(")") + 2 :].split()
    return pid, int(fields[1]), int(fields[2]), (int(fields[11]) + int(fields[12])) / HZ


# --- what a gateway of this project has counted ---


def counts(home: str) -> dict[str, int]:
    """So far: messages to the queue, requests by how they were answered and calls in SQL."""
    return {"messages": messages(home), **ledger(home)}


def ledger(home: str) -> dict[str, int]:
    """Rows of the ledger: `exact`, `miss`, .. for requests, `requests` for all of them, `calls` to upstreams."""
    import sqlite3  # not needed for other gateways

    with closing(sqlite3.connect(f"file:{home}/leo.db?mode=ro", uri=True, timeout=10)) as db:
        found = dict(db.execute("select cache, count(*) from ledger_requests group by cache").fetchall())
        if db.execute("select 1 from sqlite_master where name = 'ledger_hits'").fetchone():  # hits, many to a row
            (hits,) = db.execute("select coalesce(sum(hits), 0) from ledger_hits").fetchone()
            found["exact"] = found.get("exact", 0) + hits
        (calls,) = db.execute("select count(*) from ledger_calls").fetchone()
    return {**found, "requests": sum(found.values()), "calls": calls}


def backlog(home: str) -> int:
    """Entries of the ledger's stream that are not in SQL yet."""
    return int(ask(home, "XLEN", "leo:ledger"))


def messages(home: str) -> int:
    """Messages that were put on the queue since Redis started: Celery's transport pushes each one onto a list."""
    for line in ask(home, "INFO", "commandstats").decode().splitlines():
        if line.startswith("cmdstat_lpush:calls="):
            return int(line.partition("=")[2].partition(",")[0])
    return 0


def queued(home: str) -> int:
    """Messages that wait in the queue now. The broker is database 1."""
    return int(ask(home, "LLEN", "upstream", database=1))


def ask(home: str, *words: str, database: int = 0) -> bytes:
    """One command to the gateway's private Redis; the answer as bytes, numbers too."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(f"{home}/redis.sock")
        with connection.makefile("rwb") as file:
            for command in (("SELECT", str(database)), words):
                file.write(b"*%d\r\n" % len(command))
                file.writelines(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command)
                file.flush()
                kind, rest_of_line = (line := file.readline())[:1], line[1:].strip()
                answer = rest_of_line if kind != b"$" else file.read(int(rest_of_line) + 2)[:-2]
                if kind == b"-":
                    raise RuntimeError(f"Redis refused {command[0]}: {answer.decode()}")
    return answer


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
