"""Which numbers of a table of differential expression rank its genes.

A statistic before a fold change: the largest fold changes are those of the noisiest genes.  In order: a signed
statistic (stat, t, z, scores); an unsigned one (F, LR) with the sign of the fold change; sign of the fold change
x -log10 p; the fold change, where rows of a larger adjusted p-value count as unchanged; a column of scores; the only
column of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from beadwork.model.errors import GeneSetError, name_some
from beadwork.model.missing import WORDS

STATISTICS = ("stat", "t", "tstat", "tstatistic", "tvalue", "teststat", "teststatistic", "statistic", "wald",
              "waldstat", "waldstatistic", "moderatedt", "z", "zscore", "zstat", "zstatistic", "zvalue", "scores",
              "modz")  # fmt: skip
"""Names of signed statistics, in lower case and without marks, in order of preference."""
UNSIGNED = ("f", "fstat", "fstatistic", "fvalue", "lr", "lrt", "lrstat", "chisq", "chi2", "chisquared")
P_VALUES = ("pvalue", "pval", "p", "pvalues", "pvals", "praw", "rawp", "rawpvalue", "rawpval", "pvaluenominal")
ADJUSTED = ("padj", "adjpval", "adjpvalue", "pvaladj", "pvalsadj", "pvalueadj", "pvalueadjusted", "padjusted",
            "adjustedpvalue", "adjustedpval", "adjp", "fdr", "qvalue", "qval", "q", "fdrp", "pfdr", "bh")  # fmt: skip
FOLD_CHANGES = ("log2foldchange", "logfc", "avglog2fc", "avglogfc", "log2fc", "lfc", "logfoldchange", "logfoldchanges",
                "log2foldchanges", "logratio", "log2ratio", "log2fcshrunk", "meanlog2fc", "beta", "coef", "estimate",
                "effect", "avgdiff")  # fmt: skip
RATIOS = ("foldchange", "fc", "ratio", "foldchanges")
"""Fold changes that are not logarithms."""
SCORES = ("score", "value", "values", "rankmetricscore", "rankmetric", "metric", "weight", "nes")
_WITHIN = re.compile(r"log2?f(?:old)?c(?:hange)?|zscore|tstat|(?:^|[^a-z])stat$")
"""Names of statistics and fold changes with that of a contrast before or behind them."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_NO_NUMBER = WORDS | {"-", "--", "---", "."}
_MINUS = str.maketrans({"\u221e": "inf", "\u2212": "-", "\u2013": "-", "\u00a0": None, "\u202f": None})


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column.

    Attributes
    ----------
    values
        One a row; NaN where it is missing or no number.
    wrong
        First row (from 0) and text that is neither a number nor missing.
    n_wrong
        How many there are.
    commas
        Whether decimal commas were read.
    """

    values: np.ndarray
    wrong: tuple[int, str] | None = None
    n_wrong: int = 0
    commas: bool = False

    @property
    def n(self) -> int:
        """Number of numbers."""
        return int((~np.isnan(self.values)).sum())

    @property
    def usable(self) -> bool:
        """Whether this is a column of numbers at all."""
        return self.n > 0 and self.n >= self.n_wrong


@dataclass(frozen=True)
class ValueChoice:
    """Values that rank the rows, and how they were had, in words.

    Attributes
    ----------
    values
        One a row; NaN where there is none, 0 where the gene counts as unchanged.
    what
        Such as ``stat``, or ``sign of logFC x -log10 PValue``.
    notes
        What else is worth knowing.
    places
        Columns that they are of.
    """

    values: np.ndarray
    what: str
    notes: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


def plain_name(name: str) -> str:
    """Name of a column in lower case, letters and digits only: ``adj.P.Val`` -> ``adjpval``."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def parse_numbers(texts: Sequence[str]) -> Numbers:
    """Read a column of numbers: ``Inf``, words for missing, decimal commas (where no number has a point)."""
    values = np.full(len(texts), np.nan)
    odd: list[int] = []
    pointed = False
    for row, text in enumerate(texts):
        if text in _NO_NUMBER:
            continue
        try:
            values[row] = float(text)
            pointed = pointed or "." in text
        except ValueError:
            odd.append(row)
    commas, wrong, n_wrong = False, None, 0
    for row in odd:
        text = texts[row].translate(_MINUS).strip()
        if not pointed and _DECIMAL_COMMA.fullmatch(text):
            text, commas = text.replace(",", "."), True
        text = {"1.#INF": "inf", "+1.#INF": "inf", "-1.#INF": "-inf"}.get(text, text)
        try:
            values[row] = float(text) if "_" not in text else float("")
        except ValueError:
            n_wrong += 1
            wrong = wrong or (row, texts[row])
    return Numbers(values, wrong, n_wrong, commas)


def finite_ends(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Values whose infinite ones are just beyond the largest finite change, with their sign; and how many these are."""
    infinite = np.isinf(values)
    if not infinite.any():
        return values, 0
    finite = np.abs(values[np.isfinite(values)])
    beyond = float(finite.max()) * 1.001 if finite.size and finite.max() > 0 else 1.0
    return np.where(infinite, np.copysign(min(beyond, 1e300), values), values), int(infinite.sum())


def choose_values(
    names: Sequence[str], columns: Sequence[Sequence[str]], max_padj: float, wanted: str | None = None,
    lines: Sequence[int] = (), skip: Sequence[int] = (), p_wanted: str | None = None,
) -> ValueChoice:  # fmt: skip
    """Choose what ranks the rows of a table.

    Parameters
    ----------
    names, columns
        Names of the columns and their texts.
    max_padj
        Where fold changes rank the genes and adjusted p-values are there, rows above this count as unchanged.
    wanted
        Name of the column to take.
    lines
        Line of each row in the file, for messages.
    skip
        Columns that are not to be chosen for being the only one of numbers.
    p_wanted
        Name of the column of p-values to rank by, with the sign of `wanted`, or of the fold change.

    Raises
    ------
    GeneSetError
        There is no such column, or several may be meant, or it holds no numbers.
    """
    table = _Table(names, columns, lines)
    if p_wanted is not None:
        return _signed_p(table, column_by_name(names, p_wanted), wanted)
    if wanted is not None:
        place = column_by_name(names, wanted)
        return table.choice(place, max_padj)
    fold = table.find(FOLD_CHANGES)
    ratio = table.find(RATIOS) if fold is None else None
    signs = None if fold is None and ratio is None else table.changes(fold if fold is not None else ratio)
    statistic = table.find(STATISTICS)
    if statistic is not None:
        values = table.numbers(statistic).values
        if signs is not None and not (values < 0).any() and (signs < 0).any():
            return table.signed(statistic, values, fold if fold is not None else ratio, signs)
        return table.choice(statistic, max_padj)
    unsigned = table.find(UNSIGNED)
    if signs is not None:
        source = fold if fold is not None else ratio
        if unsigned is not None and not (table.numbers(unsigned).values < 0).any():
            return table.signed(unsigned, table.numbers(unsigned).values, source, signs)
        p = table.find(P_VALUES)
        if p is not None and table.is_probability(p):
            values, note = minus_log10(table.numbers(p).values, signs)
            if np.isfinite(values).any():
                what = f"sign of {names[source]} x -log10 {names[p]}"  # type: ignore[index]
                return ValueChoice(values, what, note + table.remarks(p), (source, p))  # type: ignore[arg-type]
        return table.choice(source, max_padj)  # type: ignore[arg-type]
    score = table.find(SCORES)
    if score is not None:
        return table.choice(score, max_padj)
    numeric = [
        place
        for place in range(len(names))
        if place not in skip
        and table.numbers(place).usable
        and plain_name(names[place]) not in (*P_VALUES, *ADJUSTED, "rank", "ranks")  # small or large first?
    ]
    if len(numeric) == 1 and table.numbers(numeric[0]).n_wrong == 0:
        return table.choice(numeric[0], max_padj)
    named = [name for name in names if plain_name(name) in (*STATISTICS, *FOLD_CHANGES, *RATIOS, *SCORES)]
    if named:
        place = names.index(named[0])
        wrong = table.numbers(place).wrong
        if wrong is None:
            raise GeneSetError(f"column {named[0]} holds no values")
        raise GeneSetError(f"column {named[0]} holds no numbers ({wrong[1]!r} in line {table.line(wrong[0])})")
    within = [
        place for place, name in enumerate(names) if _WITHIN.search(plain_name(name)) and table.numbers(place).usable
    ]
    if len(within) == 1:
        return table.choice(within[0], max_padj)
    if within:
        listed = name_some([names[place] for place in within])
        raise GeneSetError(f"several columns may rank the genes ({listed}); name one with --value-column")
    some = any(table.numbers(place).usable for place in range(len(names)))
    raise GeneSetError(
        "a signature table needs a value column (stat, t, z, log2FoldChange, logFC, score, ...); it has "
        f"{name_some([name or '(no name)' for name in names], 8)}; "
        + ("name one with --value-column" if some else "none holds numbers (gene sets go with --up and --down)")
    )


def _signed_p(table: _Table, p: int, wanted: str | None) -> ValueChoice:
    """Rank by a column of p-values that was asked for, with the sign of another one."""
    names = table.names
    remarks = table.remarks(p)
    if not table.is_probability(p):
        raise GeneSetError(f"column {names[p] or p + 1} holds no p-values (numbers from 0 to 1)")
    source = column_by_name(names, wanted) if wanted is not None else table.find((*FOLD_CHANGES, *STATISTICS))
    source = table.find(RATIOS) if source is None else source
    if source is None or source == p:
        raise GeneSetError(
            f"p-values of column {names[p] or p + 1} do not say which genes go up; name the column of the fold change "
            "with --value-column"
        )
    remarks += table.remarks(source)
    values, notes = minus_log10(table.numbers(p).values, table.changes(source))
    if not np.isfinite(values).any():
        raise GeneSetError(f"columns {names[p]} and {names[source]} hold no values in the same rows")
    return ValueChoice(values, f"sign of {names[source]} x -log10 {names[p]}", notes + remarks, (source, p))


def evidence_columns(names: Sequence[str], columns: Sequence[Sequence[str]], p_wanted: str | None = None) -> np.ndarray:
    """Fold change (log2), p and adjusted p of each row, shape (rows, 3); NaN where the table does not say them."""
    table = _Table(names, columns, ())
    found = np.full((len(columns[0]), 3), np.nan)
    for place, (kinds, wanted) in enumerate(
        ((FOLD_CHANGES, None), (P_VALUES, table.is_probability), (ADJUSTED, table.is_probability))
    ):
        with suppress(GeneSetError):  # several columns of one name: none is known to be meant
            given = p_wanted if kinds is P_VALUES else None
            column = column_by_name(names, given) if given is not None else table.find(kinds)
            if column is not None and (wanted is None or wanted(column)):
                found[:, place] = table.numbers(column).values
    return found


def minus_log10(p: np.ndarray, changes: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Sign of the change x -log10 p; p-values of 0 come before all others, the larger change first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = -np.log10(p)
    zero = p == 0
    notes: tuple[str, ...] = ()
    if zero.any():
        finite = size[np.isfinite(size)]
        top = float(finite.max()) if finite.size else 0.0
        change = np.abs(finite_ends(changes)[0])
        largest = np.nanmax(change[zero]) if np.isfinite(change[zero]).any() else 0.0
        size = np.where(zero, top + 1 + (change / largest if largest > 0 else 0.0), size)
        notes = (f"{int(zero.sum()):,} p-values are 0; among them the larger change goes first",)
    return np.sign(changes) * size, notes


def column_by_name(names: Sequence[str], wanted: str) -> int:
    """Place of a column that was asked for: by its name, else whatever its case and marks.

    Raises
    ------
    GeneSetError
        No column or several have that name.
    """
    for same in (lambda name: name == wanted, lambda name: plain_name(name) == plain_name(wanted)):
        places = [place for place, name in enumerate(names) if same(name)]
        if len(places) > 1:
            raise GeneSetError(f"column {wanted} stands {len(places)} times; rename one")
        if places:
            return places[0]
    raise GeneSetError(f"no column {wanted}; it has {name_some([name or '(no name)' for name in names], 12)}")


class _Table:
    """Columns of a table, whose numbers are read when they are needed."""

    def __init__(self, names: Sequence[str], columns: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
        self.names, self.columns, self.lines = names, columns, lines
        self._plain = [plain_name(name) for name in names]
        self._numbers: dict[int, Numbers] = {}

    def line(self, row: int) -> int:
        return self.lines[row] if row < len(self.lines) else row + 2

    def numbers(self, place: int) -> Numbers:
        if place not in self._numbers:
            self._numbers[place] = parse_numbers(self.columns[place])
        return self._numbers[place]

    def find(self, wanted: Sequence[str]) -> int | None:
        """First column of numbers that has one of the names.

        Raises
        ------
        GeneSetError
            Several have the same one.
        """
        for name in wanted:
            places = [place for place, own in enumerate(self._plain) if own == name and self.numbers(place).usable]
            if len(places) > 1:
                listed = name_some([self.names[place] for place in places])
                raise GeneSetError(f"{len(places)} columns of one name ({listed}); rename one or use --value-column")
            if places:
                return places[0]
        return None

    def is_probability(self, place: int) -> bool:
        p = self.numbers(place).values
        p = p[~np.isnan(p)]
        return bool(p.size and p.min() >= 0 and p.max() <= 1)

    def remarks(self, place: int) -> tuple[str, ...]:
        """Say what is unusual about the numbers of a column.

        Raises
        ------
        GeneSetError
            Some are no numbers.
        """
        numbers = self.numbers(place)
        if numbers.wrong is not None:
            row, text = numbers.wrong
            raise GeneSetError(
                f"column {self.names[place] or place + 1}, line {self.line(row)}: {text!r} is no number "
                f"({numbers.n_wrong} such); correct them, or leave the cells empty"
            )
        return (f"decimal commas of column {self.names[place]} were read",) if numbers.commas else ()

    def changes(self, place: int | None) -> np.ndarray:
        """Fold changes of which the sign says the direction."""
        assert place is not None
        values = self.numbers(place).values
        if self._plain[place] in RATIOS and not (values < 0).any():
            with np.errstate(divide="ignore"):
                logs: np.ndarray = np.log2(values)
                return logs
        return values

    def signed(self, place: int, values: np.ndarray, source: int | None, signs: np.ndarray) -> ValueChoice:
        assert source is not None
        with np.errstate(invalid="ignore"):
            signed = np.where(np.isnan(values) | np.isnan(signs), np.nan, np.sign(signs) * values)
        words = f"{self.names[place]} with the sign of {self.names[source]}"
        return ValueChoice(signed, words, self.remarks(place), (place, source))

    def choice(self, place: int, max_padj: float) -> ValueChoice:
        """Values of one column; of a fold change, those of rows above the limit of padj are 0."""
        numbers, name = self.numbers(place), self.names[place] or f"column {place + 1}"
        notes = self.remarks(place)
        if numbers.n == 0:
            raise GeneSetError(f"column {name} holds no values")
        if self._plain[place] not in (*FOLD_CHANGES, *RATIOS):
            return ValueChoice(numbers.values, name, notes, (place,))
        values = self.changes(place)
        if values is not numbers.values:
            name = f"log2 of {name}"
        adjusted = self.find(ADJUSTED)
        if adjusted is None or not self.is_probability(adjusted):
            notes = (*notes, "no statistic or p-value was used, so noisy genes may fill the ends")
            return ValueChoice(values, name, notes, (place,))
        padj = self.numbers(adjusted).values
        kept = padj <= max_padj
        label = self.names[adjusted]
        if not (kept & (np.abs(values) > 0)).any():
            raise GeneSetError(
                f"no row has a {label} of at most {max_padj:g}; give a larger --max-padj, or a statistic"
            )
        text = f"{name}; {int(kept.sum()):,} of {len(padj):,} rows have a {label} of at most {max_padj:g}"
        unchanged = np.where(kept | np.isnan(values), values, 0.0)
        return ValueChoice(unchanged, f"{text}, the others count as unchanged", notes, (place, adjusted))


def contrasts(
    names: Sequence[str], columns: Sequence[Sequence[str]], genes: Sequence[str], always: Mapping[str, bool]
) -> tuple[int, dict[str, list[int]]] | None:
    """Rows of each contrast, where a column distinguishes several, and its place; None where there is one.

    Parameters
    ----------
    genes
        Gene of each row.
    always
        Plain names of columns that may hold contrasts; where False, only if genes stand in several of them.
    """
    for place, name in enumerate(names):
        plain = plain_name(name)
        if plain not in always:
            continue
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(columns[place]):
            if text not in WORDS:
                rows.setdefault(text, []).append(row)
        if len(rows) < 2:
            continue
        shared = len({genes[row] for part in rows.values() for row in part})
        total = sum(len({genes[row] for row in part}) for part in rows.values())
        if always[plain] or total > 1.2 * shared:
            return place, rows
    return None
