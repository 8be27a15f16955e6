"""Plans for tests."""

from __future__ import annotations

from pipeline.decompose.plan import Plan
from pipeline.decompose.split import plan


def parts(text: str) -> list[str]:
    """The texts of a prompt's parts; none when it is one task."""
    found = plan(text)
    return [] if isinstance(found, str) else [part.text for part in found.parts]


def planned(text: str) -> Plan:
    found = plan(text)
    assert isinstance(found, Plan), f"refused: {found}"
    return found
