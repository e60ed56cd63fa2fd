"""What an index knows of one thing: facts, and tables by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beadwork.model.errors import counted

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

    def lines(self, rows: int = 10) -> Iterator[str]:
        """Facts and tables as text, of long tables so many rows from each end."""
        import pandas as pd

        width = max(len(key) for key in self.facts)
        for key, value in self.facts.items():
            yield f"{key:<{width}}  {f'{value:.3g}' if isinstance(value, float) else value}"
        for key, table in self.tables.items():
            shown = table if len(table) <= 2 * rows else pd.concat([table.head(rows), table.tail(rows)])
            yield f"\n{key} ({counted(len(table), 'row')})"
            yield shown.to_string(index=False, float_format=lambda number: f"{number:.3g}", na_rep="")

    def write(self, folder: Path) -> None:
        """Write ``facts.tsv`` and each table whole."""
        import pandas as pd

        from beadwork.io.files.tables import write_table

        folder.mkdir(parents=True, exist_ok=True)
        write_table(pd.DataFrame(list(self.facts.items()), columns=["fact", "value"]), folder / "facts.tsv")
        for key, table in self.tables.items():
            write_table(table, folder / f"{key}.tsv")
