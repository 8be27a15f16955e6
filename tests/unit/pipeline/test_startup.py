"""What a process imports to begin with."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "pipeline.decompose.split", "pipeline.memory.extract", "pipeline.optimise.optimise")


def test_what_is_off_is_not_imported() -> None:
    code = (
        "import sys; from app import factory; from pipeline.gateway import Gateway; from pipeline.settings import Settings; "
        f"Gateway(Settings(), 'web', {{}}).chain; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
