"""Columns of answers as Arrow files in one folder, or in memory; what they belong to stands in the store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from beadwork.io.files.atomic import atomic_path

LEFT_SECONDS = 86_400
"""Age from which on a file that nothing knows of is a leftover."""


class ColumnFiles:
    """Arrow tables by the id of an answer and their name.

    Parameters
    ----------
    folder
        Where the files lie; None: in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._memory: dict[tuple[str, str], Any] = {}

    def path(self, key: str, name: str) -> Path:
        """File of a table."""
        assert self.folder is not None
        return self.folder / f"{key}.{name}.arrow"

    def write(self, key: str, name: str, table: Any) -> int:
        """Keep a table; its size.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        if self.folder is None:
            self._memory[key, name] = table
            return int(table.nbytes)
        import pyarrow as pa

        path = self.path(key, name)
        with atomic_path(path) as temporary:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600))
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        return path.stat().st_size

    def read(self, key: str, name: str) -> Any | None:
        """Return a table, mapped from its file; None where there is none."""
        if self.folder is None:
            return self._memory.get((key, name))
        import pyarrow as pa

        with suppress(OSError, pa.ArrowException):
            with pa.memory_map(str(self.path(key, name))) as source:
                return pa.ipc.open_file(source).read_all()
        return None

    def remove(self, key: str, name: str) -> None:
        """Remove a table; a file that cannot be removed is a leftover."""
        self._memory.pop((key, name), None)
        if self.folder is not None:
            with suppress(OSError):
                self.path(key, name).unlink(missing_ok=True)

    def remove_leftovers(self, known: Iterable[tuple[str, str]]) -> None:
        """Remove files that are not known and older than a day: a server that was killed had begun them."""
        if self.folder is None:
            return
        names = {self.path(*one).name for one in known}
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.name not in names and time.time() - path.stat().st_mtime > LEFT_SECONDS:
                    path.unlink()
