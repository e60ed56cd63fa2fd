"""Delimited text as people have it: tabs, commas, semicolons or blanks; quotes of R and spreadsheets."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SEPARATORS = ("\t", ";", ",", " ")
"""In the order in which they are tried; a semicolon first, since decimal commas stand beside it."""
NAMES = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "blanks"}
_PROBED = 60
_WORDS = re.compile(r'"((?:[^"\\]|\\.|"")*)"|(\S+)')
_OPEN = re.compile(r'(?:^|[\t;,])\s*"[^"]*$')
_MOST_JOINED = 20


@dataclass(frozen=True)
class Cells:
    """Cells of a text, line by line.

    Attributes
    ----------
    rows
        Cells of each line that holds anything, without quotes and blanks around them.
    lines
        Number of each of these lines in the file, from 1.
    separator
        What stands between cells.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str


def split_cells(lines: Sequence[str], separators: Sequence[str] = SEPARATORS) -> Cells:
    """Split lines at the separator that makes a table of them; empty lines are left out."""
    numbers = [number for number, line in enumerate(lines, start=1) if line.strip()]
    texts = [lines[number - 1] for number in numbers]
    separator = find_separator(texts, separators)
    if separator != " ":
        numbers, texts = _join_quoted(numbers, texts, separator)
    return Cells([split_line(line, separator) for line in texts], numbers, separator)


def split_line(line: str, separator: str) -> list[str]:
    """Cells of one line.

    >>> split_line('"a, b",1, c ', ",")
    ['a, b', '1', 'c']
    """
    if separator == " ":
        return [
            match[2] if match[2] is not None else match[1].replace('""', '"').replace('\\"', '"')
            for match in _WORDS.finditer(line)
        ]
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    plain = line.replace('\\"', '""')
    if plain.count('"') % 2 == 0:
        return [unquote(cell) for cell in next(csv.reader([plain], delimiter=separator, skipinitialspace=True))]
    return [unquote(cell) for cell in line.split(separator)]


def unquote(cell: str) -> str:
    """Cell without blanks around it, and without the quotes that R and spreadsheets put."""
    cell = cell.strip()
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"').strip()
    return cell


def find_separator(texts: Sequence[str], separators: Sequence[str] = SEPARATORS) -> str:
    """Separator by which the lines have as many cells as each other; else the first that the first lines hold."""
    step = max(1, len(texts) // _PROBED)
    probe = [*texts[:5], *texts[5::step]]
    if "\t" in separators and any("\t" in line for line in probe[:5]):
        return "\t"
    for separator in separators:
        if separator == "\t" or not any(separator in line for line in probe):
            continue
        counts = Counter(len(split_line(line, separator)) for line in (probe[1:] or probe))
        width, number = counts.most_common(1)[0]
        head = len(split_line(probe[0], separator))
        if width > 1 and head in (width, width - 1) and number >= 0.9 * counts.total():
            return separator
    return next((item for item in separators if item != " " and any(item in line for line in probe[:2])), separators[0])


def _join_quoted(numbers: list[int], texts: list[str], separator: str) -> tuple[list[int], list[str]]:
    """Join lines that a line end within a quoted cell has broken."""
    if not any('"' in line and _OPEN.search(line) and line.count('"') % 2 for line in texts):
        return numbers, texts
    kept_numbers, kept, place = [], [], 0
    while place < len(texts):
        line, end = texts[place], place + 1
        if line.count('"') % 2 and _OPEN.search(line):
            for reach in range(place + 1, min(place + 1 + _MOST_JOINED, len(texts))):
                if texts[reach].count('"') % 2:
                    line, end = " ".join(texts[place : reach + 1]), reach + 1
                    break
        kept_numbers.append(numbers[place])
        kept.append(line)
        place = end
    return kept_numbers, kept
