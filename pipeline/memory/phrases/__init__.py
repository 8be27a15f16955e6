"""The phrases by which people tell of themselves, one module for each part of life. `TABLES` has them all, in their order."""

from __future__ import annotations

from pipeline.memory.phrases.affairs import AFFAIRS
from pipeline.memory.phrases.answers import ANSWERS
from pipeline.memory.phrases.belongings import BELONGINGS
from pipeline.memory.phrases.kin import KIN
from pipeline.memory.phrases.life import LIFE
from pipeline.memory.phrases.names import NAMES
from pipeline.memory.phrases.persona import PERSONA
from pipeline.memory.phrases.tastes import TASTES
from pipeline.memory.phrases.tools import TOOLS

TABLES = (*NAMES, *KIN, *ANSWERS, *TASTES, *TOOLS, *AFFAIRS, *PERSONA, *BELONGINGS, *LIFE)
