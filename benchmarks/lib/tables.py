"""Benchmarks whose tables stand on a page of the documentation: their command line, and where the tables go."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def measure_tables(doc: str, page: Path, measure: Callable[[Path, Path], Mapping[str, str]]) -> None:
    """Read ``SHARED_DATA [--work FOLDER] [--write]``, measure, print the tables and put them into the page if asked.

    Parameters
    ----------
    doc
        Docstring of the benchmark.
    page
        Page with marks ``<!-- NAME: start -->`` and ``<!-- NAME: end -->``.
    measure
        Takes the folder of real data and a folder that may keep files between runs; gives tables by name.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder of the real data")
    parser.add_argument("--work", type=Path, help="folder that keeps the z-scores between runs")
    parser.add_argument("--write", action="store_true", help=f"put the tables into docs/{page.parent.name}/{page.name}")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = words.work or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        tables = measure(words.shared, work)
    print("\n\n".join(tables.values()))
    if words.write:
        text = page.read_text(encoding="utf-8")
        for name, table in tables.items():
            text = between_marks(text, name, table)
        page.write_text(text, encoding="utf-8")


def between_marks(text: str, name: str, part: str) -> str:
    """Text with another part between the marks of this name."""
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    return f"{text.split(start)[0]}{start}\n{part}\n{end}{text.split(end)[1]}"
