"""What a folder offers for an index: which matrices are taken, which tables go with them, what is left and why."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from beadwork.io.connectivity.library.annotation_tables import read_cells, read_compounds
from beadwork.io.connectivity.library.recognise import Item, Role, recognise, recognise_file
from beadwork.io.connectivity.siginfo import join_siginfo
from beadwork.io.files.large_tables import read_large_table
from beadwork.model.connectivity.annotation import CellTable, CompoundTable
from beadwork.model.connectivity.flags import read_flags
from beadwork.model.errors import FileError

log = logging.getLogger("beadwork")
UNUSED = ("det_wells", "wt", "pert_mfc_id", "cell_mfc_name", "median_recall_rank_spearman",
          "median_recall_rank_wtcs_50", "median_recall_score_spearman", "median_recall_score_wtcs_50",
          "batch_effect_tstat", "batch_effect_tstat_pct", "Unnamed: 0")  # fmt: skip
"""Columns of siginfo_beta that nothing asks for, unless a filter does."""
IDENTITY = ("pert_id", "pert_iname", "pert_type", "cell_id")


@dataclass(frozen=True, eq=False)
class Survey:
    """Files of a folder by what they are taken for."""

    folder: Path
    matrices: tuple[Item, ...]
    signatures: tuple[Item, ...]
    wells: tuple[Item, ...]
    compounds: tuple[Item, ...]
    cells: tuple[Item, ...]
    genes: tuple[Item, ...]
    left: tuple[Item, ...]

    @property
    def level(self) -> int:
        """Level of the matrices taken."""
        return self.matrices[0].level or 5

    def lines(self) -> list[str]:
        """Say what was taken for what, and what was left, one line a file."""
        groups = (
            *((item, f"{item.role} of level {item.level or '5, as nothing else is said'}") for item in self.matrices),
            *((item, str(item.role)) for item in
              (*self.signatures, *self.wells, *self.compounds, *self.cells, *self.genes)),
        )  # fmt: skip
        lines = [f"{self._name(item)}: {what}" for item, what in groups]
        return lines + [f"{self._name(item)}: left, {item.why}" for item in self.left]

    def _name(self, item: Item) -> str:
        try:
            return str(item.path.relative_to(self.folder))
        except ValueError:
            return str(item.path)


def survey(
    folder: Path,
    compounds: Sequence[Path] = (),
    cells: Sequence[Path] = (),
    genes: Sequence[Path] = (),
    without: Sequence[Path] = (),
) -> Survey:
    """Say what of a folder makes an index; further tables may be named.

    Raises
    ------
    FileError
        No matrix that an index can be made of, or a table of wells lacks for lower levels.
    """
    skipped = {path.resolve() for path in without}
    named = {path.resolve() for path in (*compounds, *cells, *genes)}
    items = [item for item in recognise(folder) if item.path.resolve() not in named | skipped]
    extra = [
        replace(_named(path), role=role)
        for paths, role in ((compounds, Role.COMPOUNDS), (cells, Role.CELLS), (genes, Role.GENES))
        for path in paths
    ]
    by_role = {role: [item for item in (*items, *extra) if item.role is role] for role in Role}
    taken, left = _matrices(folder, by_role[Role.MATRIX])
    level = taken[0].level or 5
    signatures, wells = by_role[Role.SIGNATURES], by_role[Role.WELLS]
    if level < 5:
        left += [replace(item, why="signatures are made anew of lower levels") for item in signatures]
        signatures = []
    else:
        left += [replace(item, why="tables of wells go with levels 3 and 4") for item in wells]
        wells = []
    left = [*left, *by_role[Role.NONE]]
    return Survey(
        folder, tuple(taken), tuple(sorted(signatures, key=_is_metrics)), tuple(wells),
        tuple(by_role[Role.COMPOUNDS]), tuple(by_role[Role.CELLS]), tuple(by_role[Role.GENES]),
        tuple(sorted(left, key=lambda item: item.path)),
    )  # fmt: skip


def _named(path: Path) -> Item:
    if not path.is_file():
        raise FileError(f"{path}: no such file; check the name")
    return recognise_file(path)


def _matrices(folder: Path, found: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Matrices that are taken, all of one level, and the others."""
    usable = [item for item in found if item.level is None or item.level >= 3]
    left = [replace(item, why="level 2 is linear and not scaled; `beadwork normalize` goes on from there")
            for item in found if item not in usable]  # fmt: skip
    if not usable:
        raise FileError(
            f"{folder}: no matrix of level 3, 4 or 5 (.gctx, .gctx.gz, .gct ...) among its files; an index is made of "
            "level 5, or of levels 3 and 4 with a table of wells"
        )
    signatures = [item for item in usable if item.level == 5] or [item for item in usable if item.level is None]
    levels = sorted({item.level for item in usable if item.level is not None}, reverse=True)
    if levels and not any(item.level == 5 for item in usable):
        taken = [item for item in usable if item.level == levels[0]]
    else:
        taken = signatures
    preferred = {4: ("ZSPC", "ZSPCINF", "ZSNC"), 3: ("INF",)}.get(taken[0].level or 5, ())
    tokens = {item.token for item in taken}
    if len(tokens) > 1 and (best := next((token for token in preferred if token in tokens), None)):
        taken = [item for item in taken if item.token == best]
    left += [
        replace(item, why=f"level {taken[0].level or 5} is taken ({taken[0].path.name})")
        for item in usable
        if item not in taken
    ]
    return taken, left


def _is_metrics(item: Item) -> bool:
    return not {"cell_id", "cell_iname", "pert_dose", "pert_idose", "distil_id"} & set(item.columns)


def read_signatures(found: Survey, filters: Sequence[str]) -> pd.DataFrame | None:
    """Join the tables of signatures; metrics add to what the others say, and never change it.

    Raises
    ------
    BeadworkError
        A table cannot be read, or two of them say different things of a signature.
    """
    tables, asked = [], " ".join(filters)
    known: pd.DataFrame | None = None
    for item in found.signatures:
        table = read_large_table(
            item.path, required=("sig_id",), wanted=lambda name: bool(name) and (name not in UNUSED or name in asked)
        )
        table = read_flags(table, str(item.path))
        if _is_metrics(item) and known is not None:
            table = _without_identity(table, known, item.path)
        tables.append((table, str(item.path)))
        if not _is_metrics(item):
            names = table[[name for name in ("sig_id", *IDENTITY) if name in table]].astype(object)
            known = names if known is None else pd.concat([known, names], ignore_index=True)
    return join_siginfo(tables) if tables else None


def _without_identity(metrics: pd.DataFrame, known: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Metrics without the names of perturbagens, which the table of signatures has."""
    shared = [name for name in IDENTITY if name in metrics and name in known]
    if shared:
        place = pd.Index(known["sig_id"].astype(object)).get_indexer(pd.Index(metrics["sig_id"].astype(object)))
        there = place >= 0
        for name in shared:
            ours = known[name].astype(object).to_numpy()[place[there]].astype(str)
            differ = int((metrics[name].astype(object).to_numpy()[there].astype(str) != ours).sum())
            if differ:
                log.warning(
                    "%s: %s of %d signatures is not that of the table of signatures, which is taken", path, name, differ
                )
    return metrics.drop(columns=shared)


def read_annotation(found: Survey) -> tuple[CompoundTable | None, CellTable | None]:
    """Read the tables of compounds and of cells."""
    compounds = read_compounds([item.path for item in found.compounds]) if found.compounds else None
    cells = read_cells([item.path for item in found.cells]) if found.cells else None
    return compounds, cells
