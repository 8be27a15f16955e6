"""The deployment under test: `leo up`, a second front end beside it, and the simulator as its upstream."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import urllib3

from tests.support.gateway import LEO, GatewayProcesses, Process, SimulatedUpstream
from tests.support.ports import free_port
from tests.support.waiting import wait_until


class Site:
    """`ports` are those of the two front ends, which share everything behind them."""

    def __init__(self, gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.ports = [gateway.port, free_port()]
        self.second = self._start_second()

    def workers(self) -> list[int]:
        return self.gateway.pids(r"app\.cli worker")

    def web_processes(self, front_end: int) -> list[int]:
        """The processes that serve HTTP for one of the two front ends: the children of its starter, or it alone."""
        starters = self.gateway.pids(r"app\.cli web")[:1] if front_end == 0 else [self.second.popen.pid]
        try:
            children = [child.pid for starter in starters for child in psutil.Process(starter).children()]
            return children or starters
        except psutil.Error:
            return []

    def revive(self) -> None:
        """Start the second front end again when it has given up; `leo up` does so for the first."""
        if self.second.popen.poll() is not None:
            self.second = self._start_second()

    def _start_second(self) -> Process:
        environ = {**self.gateway.environ, "LEO_PORT": str(self.ports[1])}
        return Process([*LEO, "web"], environ, self.gateway.home / "web2.log", self.gateway.home)


@contextmanager
def running_site(latency_ms: float, **settings: str) -> Iterator[Site]:
    with SimulatedUpstream(latency_ms=latency_ms) as upstream, GatewayProcesses(upstream.base_url, **settings) as gateway:
        site = Site(gateway, upstream)
        try:
            wait_until(lambda: healthy(site.ports[1]), 60, "the second front end answering")
            upstream.reset()
            yield site
        finally:
            site.second.stop()


def healthy(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/ready", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def memory_mb(root: int) -> dict[str, float]:
    """Resident and proportional memory of a process and all its children, in MB."""
    processes = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    infos = [process.memory_full_info() for process in processes]
    return {
        "processes": len(processes),
        "rss": round(sum(i.rss for i in infos) / 2**20, 1),
        "pss": round(sum(i.pss for i in infos) / 2**20, 1),
    }
