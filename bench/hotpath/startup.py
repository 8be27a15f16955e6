"""From the command `leo up`, in an empty folder, to the first 200 of /ready."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.hotpath.gateway import LEO, answers_ready, settings_for
from bench.hotpath.meter import Meter
from bench.hotpath.options import Options
from bench.hotpath.processes import Group, clean_environment
from tests.support.ports import free_port

POLL_S = 0.02
AT_MOST_S = 60.0


def measure(options: Options) -> dict[str, Any]:
    """The first start is not counted: it may be the first of this checkout, whose modules are not compiled yet."""
    starts = []
    for number in range(1 + (2 if options.quick else 5)):
        with Meter() as meter:
            seconds = _start()
        if number:
            starts.append({"seconds": round(seconds, 2), "other": meter.other})
            options.say(f"start {number}: {seconds:.2f} s")
    return {"starts": starts}


def _start() -> float:
    home, port = Path(tempfile.mkdtemp(prefix="leo-bench-")), free_port()
    environ = clean_environment(**settings_for(""), LEO_HOME=str(home / "home"), LEO_PORT=str(port))
    try:
        with (home / "log").open("wb") as out:
            began = time.monotonic()
            with Group([*LEO, "up"], environ, out, cwd=home) as group:
                while not answers_ready(port):
                    if group.ended() or time.monotonic() > began + AT_MOST_S:
                        raise RuntimeError(f"leo up did not start: {(home / 'log').read_text(errors='replace')[-1500:]}")
                    time.sleep(POLL_S)
                return time.monotonic() - began
    finally:
        shutil.rmtree(home, ignore_errors=True)
