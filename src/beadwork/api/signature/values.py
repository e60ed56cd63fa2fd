"""Read values of samples for contrasts, cells summed up by sample, some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.connectivity.designs import read_design
from beadwork.io.matrix.expression import layer_names, open_expression
from beadwork.model.connectivity.contrast import ValueKind
from beadwork.model.errors import ParameterError, agree, counted, name_some
from beadwork.model.levels.expression_source import ExpressionSource
from beadwork.stages.connectivity.contrast.groups import label_texts, value_kind
from beadwork.stages.connectivity.filters import filter_signatures, split_filter

STEP = 1024
"""Profiles that are read at a time."""
MANY = 200
"""More profiles in a group than this, mostly zeros, look like cells."""
BATCH_FIELDS = ("dataset", "study", "batch", "det_plate", "platform")
"""Fields, in lower case, that groups should not differ by."""


@dataclass(frozen=True, eq=False)
class Values:
    """Values of samples: samples by genes, with the group, id and covariates of each."""

    values: np.ndarray
    genes: tuple[str, ...]
    labels: list[str | None]
    samples: list[str]
    covariates: dict[str, list[Any]]
    kind: ValueKind
    notes: tuple[str, ...] = ()
    batches: dict[str, list[str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class SampleFields:
    """What a file of values says of its samples, to choose groups by.

    Attributes
    ----------
    n_samples, n_genes
        Size of the values.
    levels
        Of each field its groups, the largest first, and how many samples each has.
    layers
        Layers that may be read instead of X.
    """

    n_samples: int
    n_genes: int
    levels: dict[str, dict[str, int]]
    layers: tuple[str, ...] = ()


def read_sample_fields(path: str | Path, design: str | Path | None = None) -> SampleFields:
    """Read which fields samples have, and the groups of each; fields that are the same or different for all are no use.

    Raises
    ------
    BeadworkError
        The file holds no values of samples.
    """
    with open_expression(path, every_gene=True) as source:
        levels = {}
        fields, _ = _fields(source, design)
        for name in fields:
            counts = Counter(label for label in label_texts(fields[name].tolist()) if label is not None)
            if 2 <= len(counts) < max(3, sum(counts.values())):
                levels[str(name)] = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        return SampleFields(len(source.cols), len(source.genes), levels, layer_names(path))


def read_values(
    path: str | Path,
    groupby: str,
    *,
    design: str | Path | None = None,
    sample: str | None = None,
    covariates: Sequence[str] = (),
    filters: Sequence[str] = (),
    layer: str | None = None,
    kind: ValueKind | None = None,
    probe_map: str | Path | None = None,
    min_cells: int = 10,
) -> Values:
    """Read the samples that have a group.

    Parameters
    ----------
    groupby
        Field of the samples, of the file or of `design`, that names their group.
    sample
        Field that says which sample a cell is of: cells of one sample and group are summed (counts) or averaged.
    filters
        Which samples are read, such as ``dataset=nakayama``.
    kind
        What the values are; None: found from their range.

    Raises
    ------
    BeadworkError
        A field is absent, or the values cannot be used.
    """
    with open_expression(path, probe_map, every_gene=True, layer=layer) as source:
        fields, notes = _fields(source, design)
        for name in (groupby, *([sample] if sample else []), *covariates):
            if name not in fields:
                raise ParameterError(
                    f"{source.what}: samples have no field {name!r}; there are "
                    + (name_some(fields.columns, 20) or "none")
                    + ("" if design else "; --design may name a table of samples")
                )
        labels = label_texts(fields[groupby].tolist())
        chosen = choose_samples(fields, filters, source.what)
        labels = [label if is_chosen else None for label, is_chosen in zip(labels, chosen, strict=True)]
        used = np.array([label is not None for label in labels], bool)
        if not used.any():
            raise ParameterError(f"{source.what}: {groupby} is empty for all samples{' that pass' if filters else ''}")
        if sample is None:
            keys = [(str(place), "") for place in range(len(labels))]
            names = [str(item) for item in source.cols.index]
        else:
            owners = label_texts(fields[sample].tolist())
            used &= np.array([owner is not None for owner in owners], bool)
            keys = [(str(owner), str(label)) for owner, label in zip(owners, labels, strict=True)]
            names = [f"{owner} {label}" for owner, label in keys]
        if (lost := int((~used).sum())) > 0:
            notes.append(
                f"{lost:,} of {len(used):,} profiles have no {groupby}{' or sample' if sample else ''}: unused"
            )
        sums, counts, first, seen = _sums(source, keys, used)
        kind = kind or value_kind(*seen, source.what)
        if sample is None and (note := _note_on_cells(source, sums, first)):
            notes.append(note)
        return _assembled(
            source, sums, counts, first, labels, names, fields, covariates, kind, sample, min_cells, notes
        )  # fmt: skip


def choose_samples(fields: pd.DataFrame, filters: Sequence[str], what: str) -> np.ndarray:
    """Which samples pass filters such as ``dataset=nakayama,chowdary`` or ``age>=50``.

    Raises
    ------
    ParameterError
        A filter is badly written, or names no field, or no sample passes.
    """
    table = fields.reset_index(drop=True).astype(object)
    for text in filters:
        name = split_filter(text)[0]
        if name not in table:
            known = name_some(fields.columns, 20) or "none"
            raise ParameterError(f"{what}: filter {text!r}: samples have no field {name!r}; there are {known}")
    if not filters:
        return np.ones(len(table), bool)
    passes = filter_signatures(table, filters, may_be_none=True)
    if not passes.any():
        raise ParameterError(f"{what}: no sample passes {' and '.join(map(repr, filters))}")
    return passes


def _fields(source: ExpressionSource, design: str | Path | None) -> tuple[pd.DataFrame, list[str]]:
    if design is None:
        return source.cols, []
    fields, note = read_design(design, [str(item) for item in source.cols.index])
    joined = fields.reindex(source.cols.index.astype(str))
    for name in source.cols.columns.difference(joined.columns):
        joined[name] = source.cols[name].to_numpy()
    return joined, [note] if note else []


def _sums(
    source: ExpressionSource, keys: Sequence[tuple[str, str]], used: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float, bool]]:
    """Sum up the profiles of each key; also their numbers, the first of each, and range and wholeness of the values."""
    places: dict[tuple[str, str], int] = {}
    first = []
    which = np.full(len(keys), -1)
    for row in np.flatnonzero(used).tolist():
        if keys[row] not in places:
            places[keys[row]] = len(places)
            first.append(row)
        which[row] = places[keys[row]]
    sums = np.zeros((len(places), len(source.genes)))
    low, high, whole = np.inf, -np.inf, True
    for start in range(0, len(keys), STEP):
        stop = min(start + STEP, len(keys))
        own = which[start:stop]
        if not (own >= 0).any():
            continue
        part = np.asarray(source.read(start, stop), np.float64)[own >= 0]
        finite = part[np.isfinite(part)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            whole = whole and bool((finite == np.floor(finite)).all())
        keys_of = own[own >= 0]
        order = np.argsort(keys_of, kind="stable")
        distinct, starts_of = np.unique(keys_of[order], return_index=True)
        sums[distinct] += np.add.reduceat(part[order], starts_of, axis=0)
    return sums, np.bincount(which[which >= 0], minlength=len(places)), np.array(first, np.int64), (low, high, whole)


def _note_on_cells(source: ExpressionSource, sums: np.ndarray, first: np.ndarray) -> str:
    """Say that cells of one sample were taken for replicates, if it looks so."""
    if len(first) <= MANY or (sums[:: max(1, len(sums) // MANY)] == 0).mean() <= 0.5:
        return ""
    return (
        f"{source.what}: {len(first)} profiles, mostly zeros, look like single cells; cells of one sample are no "
        "replicates, and their p-values are far too small: --sample FIELD sums them up by sample"
    )


def _assembled(
    source: ExpressionSource, sums: np.ndarray, counts: np.ndarray, first: np.ndarray, labels: Sequence[str | None],
    names: Sequence[str], fields: pd.DataFrame, covariates: Sequence[str], kind: ValueKind, sample: str | None,
    min_cells: int, notes: list[str],
) -> Values:  # fmt: skip
    kept = np.ones(len(first), bool)
    if sample is not None:
        kept = counts >= min_cells
        if not kept.all():
            few = [names[row] for row in first[~kept]]
            notes.append(
                f"{counted(len(few), 'sample')} of fewer than {min_cells} cells {agree(len(few), 'was')} left "
                f"out ({name_some(few)})"
            )
        what = "summed" if kind == "counts" else "averaged"
        notes.append(f"{int(counts[kept].sum()):,} cells were {what} to {int(kept.sum())} samples by {sample}")
        if kind == "log":
            notes.append("logarithms of cells were averaged; sums of counts are better, perhaps in --layer counts")
        if not kept.any():
            raise ParameterError(f"{source.what}: {notes[-1] if kind != 'log' else notes[-3]}; none is left")
    values = sums if kind == "counts" else sums / counts[:, None]
    if kind == "counts" and (values < 0).any():
        raise ParameterError(f"{source.what}: negative values are no counts")
    found: dict[str, list[Any]] = {}
    for name in covariates:
        column = fields[name].tolist()
        found[name] = [column[row] for row in first[kept]]
    return Values(
        values[kept], tuple(map(str, source.genes)), [labels[row] for row in first[kept]],
        [names[row] for row in first[kept]], found, kind, tuple(notes), _batches(fields, covariates, first[kept]),
    )  # fmt: skip


def _batches(fields: pd.DataFrame, covariates: Sequence[str], rows: np.ndarray) -> dict[str, list[str | None]]:
    names = [str(name) for name in fields if str(name).lower() in BATCH_FIELDS and name not in covariates]
    return {name: label_texts(fields[name].iloc[rows].tolist()) for name in names}
