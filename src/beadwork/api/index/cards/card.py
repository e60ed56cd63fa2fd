"""What an index knows of one thing: facts, and tables by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


TOP = 25
"""Rows of a table that ranks, from each end."""


@dataclass(frozen=True, eq=False)
class Card:
    """What an index knows of one thing: facts, and tables by name."""

    kind: str
    name: str
    facts: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def to_json(self) -> str:
        """Everything as JSON."""
        tables = {name: json.loads(table.to_json(orient="records")) for name, table in self.tables.items()}
        return json.dumps({"kind": self.kind, "name": self.name, "facts": self.facts, **tables}, indent=1, default=str)
