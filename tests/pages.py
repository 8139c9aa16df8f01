"""The scripts of docs/tables, as the pages' tests call them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parent.parent / "docs"
TABLES = DOCS / "tables"


def script(name: str) -> ModuleType:
    """A script of docs/tables, which finds the module beside it as when it is run."""
    sys.path.insert(0, str(TABLES))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(TABLES))
