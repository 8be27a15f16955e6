"""The parts of the semantic cache, put together in a process and taken apart again."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Engine

from pipeline.cache.semantic.parts import SemanticParts
from pipeline.settings import Settings


def begun() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("semantic-")}


def refuse(body: bytes) -> bytes:
    raise AssertionError("the model that ships is in use")


def test_what_is_closed_while_it_is_loaded_leaves_no_thread_behind(engine: Engine, tmp_path: Path) -> None:
    before = begun()
    parts = SemanticParts(Settings(home=str(tmp_path), secret_key="of the tests"), lambda: engine, lambda: True, refuse)
    assert parts.cache() is None
    assert "semantic-load" in begun()
    parts.close()
    assert begun() == before
    parts.cache()
    assert begun() == before
