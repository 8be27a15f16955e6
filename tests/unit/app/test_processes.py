"""The supervisor of `leo up`, with real child processes: what dies comes back, and everything ends in its order."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.processes import Child, Supervisor
from tests.support.waiting import wait_until

# Children say in a file what happens to them.
STAYS = "import signal; open({log!r}, 'a').write({name!r} + ' up\\n'); signal.pause()"
ENDS_POLITELY = (
    "import signal, sys; log = open({log!r}, 'a', buffering=1)\n"
    "signal.signal(signal.SIGTERM, lambda *_: (log.write({name!r} + ' stopped\\n'), sys.exit(0)))\n"
    "log.write({name!r} + ' up\\n')\n"
    "while True: signal.pause()"
)
IS_DEAF = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "helper = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    "open({log!r}, 'a').write({name!r} + ' up ' + str(helper.pid) + '\\n')\n"
    "while True: signal.pause()"
)
DIES_AT_ONCE = "open({log!r}, 'a').write({name!r} + ' up\\n'); raise SystemExit(3)"


class House:
    def __init__(self, log: Path) -> None:
        self.log = log
        self.log.touch()
        self.said: list[str] = []
        self.supervisor = Supervisor({"PATH": os.environ["PATH"]}, self.said.append)

    def start(self, name: str, program: str, grace: float = 10.0) -> Child:
        child = Child(name, [sys.executable, "-c", program.format(log=str(self.log), name=name)], grace=grace)
        self.supervisor.start(child)
        wait_until(lambda: f"{name} up" in self.lines, what=f"{name} being up")
        return child

    @property
    def lines(self) -> str:
        return self.log.read_text()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Tend the children until something is true."""
        wait_until(lambda: (self.supervisor.tend(), condition())[1], 20, what)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "log")
    yield made
    made.supervisor.kill()


def pid(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def is_gone(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().split(")")[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_is_killed_is_started_again(house: House) -> None:
    child = house.start("web", STAYS)
    first = pid(child)
    os.kill(first, signal.SIGKILL)
    house.until(lambda: house.lines.count("web up") == 2, "web being started again")
    assert pid(child) != first
    assert "web ended (signal SIGKILL)" in house.said[0]


def test_the_others_are_left_alone_when_one_dies(house: House) -> None:
    web, worker = house.start("web", STAYS), house.start("worker", STAYS)
    before = pid(worker)
    os.kill(pid(web), signal.SIGKILL)
    house.until(lambda: house.lines.count("web up") == 2, "web being started again")
    assert pid(worker) == before
    assert house.lines.count("worker up") == 1


def test_a_child_that_dies_at_once_is_given_more_and_more_time(house: House) -> None:
    house.start("web", DIES_AT_ONCE)
    house.until(lambda: len(house.said) == 3, "three deaths")
    assert [said.partition("again")[2] for said in house.said] == [" in 0.5 s", " in 1.0 s", " in 1.5 s"]
    assert all("exit 3" in said for said in house.said)


def test_between_two_starts_a_child_is_not_running_and_can_be_stopped(house: House) -> None:
    child = house.start("web", DIES_AT_ONCE)
    house.until(lambda: house.said, "its death")
    assert child.process is None
    house.supervisor.stop()
    assert house.lines == "web up\n"


def test_children_are_stopped_in_the_reverse_order_and_may_finish(house: House) -> None:
    children = [house.start(name, ENDS_POLITELY) for name in ("redis", "worker", "web")]
    house.supervisor.stop()
    assert house.lines.split("\n")[3:] == ["web stopped", "worker stopped", "redis stopped", ""]
    assert all(child.dead for child in children)


def test_a_child_that_does_not_listen_is_killed_with_its_own_children(house: House) -> None:
    child = house.start("worker", IS_DEAF, grace=0.2)
    helper = int(house.lines.split()[-1])
    house.supervisor.stop()
    assert is_gone(pid(child))
    wait_until(lambda: is_gone(helper), what="its helper being gone")


def test_kill_asks_nobody(house: House) -> None:
    children = [house.start(name, IS_DEAF, grace=600.0) for name in ("worker", "web")]
    started = time.monotonic()
    house.supervisor.kill()
    assert time.monotonic() - started < 30
    assert all(child.dead for child in children)


def test_stopping_twice_and_killing_what_is_dead_does_no_harm(house: House) -> None:
    house.start("web", ENDS_POLITELY)
    house.supervisor.stop()
    house.supervisor.stop()
    house.supervisor.kill()
    assert house.lines.count("stopped") == 1


def test_ctrl_c_reaches_only_the_supervisor(house: House) -> None:
    child = house.start("web", STAYS)
    assert os.getpgid(pid(child)) != os.getpgid(0)
