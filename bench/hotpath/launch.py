"""A whole gateway in one process group, so that whoever measures it counts all its processes.

`leo up` gives each process a group of its own; apart from that, this starts the same commands with the same settings.

    python -m bench.hotpath.launch HOME PORT [SETTING=VALUE ...]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from app.cli.private_redis import command, find_server
from app.parent import die_with_parent
from pipeline.settings import load_settings
from pipeline.storage.migrate import upgrade

LEO = [sys.executable, "-m", "app.cli"]
STOP_S = 10.0


def main() -> None:
    home, port, *rest = sys.argv[1:]
    shutil.rmtree(home, ignore_errors=True)
    Path(home).mkdir(parents=True, mode=0o700)
    environ = {**os.environ, "LEO_HOME": home, "LEO_PORT": port, **dict(word.split("=", 1) for word in rest)}
    settings = load_settings(environ)
    server = find_server()
    if server is None:
        sys.exit("no redis-server was found")
    commands = [command(server, settings), [*LEO, "ledger"], *[[*LEO, "worker"]] * settings.worker_processes, [*LEO, "web"]]
    upgrade(settings.database)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    children: list[subprocess.Popen[bytes]] = []
    try:
        for words in commands:
            children.append(subprocess.Popen(words, env=environ, preexec_fn=die_with_parent))  # noqa: PLW1509  no threads here
            if len(children) == 1:
                _wait_for(settings.redis.removeprefix("unix://"))
        while all(child.poll() is None for child in children):
            time.sleep(0.2)
        print("a process has ended:", [child.args for child in children if child.poll() is not None], file=sys.stderr)
    finally:
        for child in reversed(children):
            child.terminate()
        for child in reversed(children):
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_for(socket: str) -> None:
    for _ in range(200):
        if Path(socket).exists():
            return
        time.sleep(0.02)
    sys.exit("Redis did not come up")


if __name__ == "__main__":
    main()
