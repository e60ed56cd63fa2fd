"""Lines of a text of gene sets, cut into cells, before anybody asks what kind of sets they are."""

from __future__ import annotations

from functools import cached_property

from beadwork.io.files.delimited import find_separator, split_line
from beadwork.model.connectivity.gene_text import are_row_numbers
from beadwork.model.errors import GeneSetError
from beadwork.model.lines import split_lines

_SAMPLE = 300


class SetLines:
    """Lines that hold anything, with their numbers, and their cells; those of a large GMT are made line by line."""

    def __init__(self, texts: list[str], numbers: list[int], separator: str, first: int = 0) -> None:
        self.texts, self.numbers, self.separator, self.first = texts, numbers, separator, first

    def row(self, place: int) -> list[str]:
        """Cells of one line."""
        cells = _split(self.texts[place], self.separator)
        return cells[self.first :] if len(cells) > self.first and (place or not self._short) else cells

    @cached_property
    def _short(self) -> bool:
        """Whether the header lacks a name for the column of row numbers."""
        return (
            bool(self.first)
            and len(self.texts) > 1
            and len(_split(self.texts[0], self.separator)) < len(_split(self.texts[-1], self.separator))
        )

    @cached_property
    def rows(self) -> list[list[str]]:
        """Cells of all lines."""
        return [self.row(place) for place in range(len(self.texts))]

    @cached_property
    def sample(self) -> list[list[str]]:
        """Cells of the first lines, and of some that are spread over the rest."""
        count = len(self.texts)
        return [
            self.row(place) for place in sorted({*range(min(20, count)), *range(0, count, max(1, count // _SAMPLE))})
        ]


def lines_of(text: str) -> SetLines:
    """Lines that hold anything, without comments above them, and what separates their cells."""
    numbers, texts = [], []
    for number, line in enumerate(split_lines(text), start=1):
        if line and not line.isspace():
            numbers.append(number)
            texts.append(line)
    if not texts:
        raise GeneSetError("is empty; gene sets are needed")
    if texts[0].lstrip('"').startswith(("#1.2", "#1.3")):
        raise GeneSetError("is a GCT matrix, not gene sets; give it with --signature")
    if texts[0].lstrip().startswith(("{", "[{", '["')):
        raise GeneSetError("is JSON, not gene sets as lines of text; fetch or save them as GMT")
    while texts and texts[0].lstrip().startswith("#") and texts[0].count("\t") < 2:
        texts, numbers = texts[1:], numbers[1:]
    if not texts:
        raise GeneSetError("holds only comments; gene sets are needed")
    if any("\t" in line for line in texts):
        separator = "\t"
    elif all('" "' in line for line in texts[1:3]) and len(texts) > 1:
        separator = " "  # write.table of R with its defaults
    else:
        separator = find_separator(texts, ("\t", ";", ","))
    last = _split(texts[-1], separator)
    if 1 < len(last) <= 3:
        firsts = [_split(line, separator)[0] for line in texts]
        if are_row_numbers(firsts[1:]) or are_row_numbers(firsts):
            return SetLines(texts, numbers, separator, first=1)
    return SetLines(texts, numbers, separator)


def _split(line: str, separator: str) -> list[str]:
    """Cells of a line, the quick way where there are no quotes and blanks."""
    if separator != "\t" or '"' in line or " \t" in line or "\t " in line or line[0] == " " or line[-1] == " ":
        return split_line(line, separator)
    return line.split("\t")
