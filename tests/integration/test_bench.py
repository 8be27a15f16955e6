"""The bench on real processes: one small part of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_startup_part_starts_gateways_and_ends_them(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    words = [sys.executable, "-m", "bench.hotpath", "--parts", "startup", "--quick", "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    part = json.loads(out.read_text())["parts"]["startup"]
    assert part["status"] == "done"
    assert len(part["result"]["starts"]) == 2
    assert all(start["seconds"] > 0 for start in part["result"]["starts"])
    assert "## Start" in out.with_suffix(".md").read_text()
