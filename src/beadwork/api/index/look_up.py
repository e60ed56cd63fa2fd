"""Look things up in an index: a perturbagen, a gene, a cell, a signature, a class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.model.connectivity.annotation import CELL_FIELDS, COMPOUND_FIELDS, MECHANISM_FIELDS
from beadwork.model.errors import GeneSetError, name_some
from beadwork.model.pert_types import is_treatment, perturbation_kind, type_mask

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex

TOP = 25
"""Rows of a table that ranks, from each end."""
DRAWS = 200
"""Random sets of perturbagens that the cohesion of a class is held against."""
SHOWN = ("sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "distil_nsample", "tas")


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


def gene_row(index: ConnectivityIndex, row: int) -> np.ndarray:
    """Scores of one gene in all signatures: one row of each block, whatever the size of the index."""
    values = np.empty(len(index), np.float32)
    rows = np.array([row])
    for block in index.store.blocks:
        values[block.start : block.stop] = block.take_genes(rows)[1][0]
    return values


def show_gene(index: ConnectivityIndex, name: str) -> Card:
    """Show a gene: the signatures and perturbagens that move it most, by type, cell and dose; its own loss and gain.

    Raises
    ------
    GeneSetError
        The index has no such gene.
    """
    import pandas as pd

    found = index.finder.find([name])[0]
    if found.row < 0:
        raise GeneSetError(f"gene {name!r}: {found.answer}{f' ({found.reason})' if found.reason else ''}")
    z = gene_row(index, found.row)
    gene, symbol = index.store.gene_ids[found.row], index.finder.name_of(found.row)
    order = np.argsort(-z, kind="stable")
    ends = order if len(order) <= 2 * TOP else np.concatenate([order[:TOP], order[-TOP:]])
    strongest = _signatures(index, ends).assign(z=z[ends])
    treated = _treated(index)
    tables = {
        "signatures": strongest,
        "perturbagens": _movers(index, z, treated),
        "types": _by(index, z, "pert_type", np.ones(len(z), bool)),
        "cells": _by(index, z, "cell_id", treated),
        "doses": _by(index, z, "pert_idose", treated),
        "own": _own(index, z, symbol),
    }
    known = _measured(gene)
    facts = {"symbol": symbol, "gene_id": gene, "values": known, "signatures": len(z), "sd": float(z.std())}
    return Card("gene", symbol, facts, {key: table for key, table in tables.items() if isinstance(table, pd.DataFrame)})


def show_perturbagen(index: ConnectivityIndex, name: str) -> Card:
    """Show a perturbagen: annotation, signatures, doses, constant genes, agreement of cells, nearest, its class.

    Raises
    ------
    GeneSetError
        The index has no such perturbagen.
    """
    import pandas as pd

    places = find_perturbagen(index, name)
    table = _signatures(index, places, [*SHOWN, "distil_cc_q75"])
    z = index.store.read_signatures(places)
    facts = _shared(index, places, ("pert_iname", "pert_id", "pert_type", *COMPOUND_FIELDS))
    facts |= {"signatures": len(places), "cells": int(table["cell_id"].nunique())}
    label = str(facts.get("pert_iname") or name)
    tables = {
        "signatures": table.sort_values(["cell_id", "pert_itime", "pert_idose"], key=_natural, kind="stable"),
        "doses": _grid(table),
        "genes": _constant_genes(index, z),
        "agreement": _agreement(table["cell_id"].astype(str).to_numpy(), z),
        "nearest": nearest(index, z, without=places),
    }
    if (classes := facts.get("moa")) and "moa" in index.annotation:
        rows = [{"class": one, **_cohesion(index, one)} for one in str(classes).split("|")]
        tables["classes"] = pd.DataFrame(rows)
    return Card("perturbagen", label, facts, tables)


def show_cell(index: ConnectivityIndex, name: str) -> Card:
    """Show a cell: what was tried there, at which doses and times, and what acted most.

    Raises
    ------
    GeneSetError
        The index has no such cell.
    """
    places = _rows_of(index, "cell_id", name)
    table = _signatures(index, places)
    facts = _shared(index, places, ("cell_id", *CELL_FIELDS))
    facts |= {"signatures": len(places), "perturbagens": int(table["pert_iname"].nunique())}
    counts = table.groupby("pert_type", dropna=False)
    tried = counts.agg(n_signatures=("sig_id", "size"), n_perturbagens=("pert_iname", "nunique")).reset_index()
    settings = table.groupby(["pert_itime", "pert_idose"], dropna=False).size().rename("n_signatures").reset_index()
    strongest = table.sort_values("tas", ascending=False, kind="stable").head(2 * TOP)
    return Card("cell", str(facts["cell_id"]), facts,
                {"tried": tried, "settings": settings, "strongest": strongest})  # fmt: skip


def show_signature(index: ConnectivityIndex, sig_id: str) -> Card:
    """Show a signature: annotation, profile, what is like it and unlike it, and where it comes from.

    Raises
    ------
    GeneSetError
        The index has no such signature.
    """
    place = index.position(sig_id)
    z = index.store.read_signatures([place])
    facts = {key: value for key, value in index.annotation.take(np.array([place])).to_pylist()[0].items()
             if value is not None and value == value}  # fmt: skip
    facts.pop("source", None)
    facts |= _origin(index, place)
    scores, note = list_scores(index, place, z[0])
    genes, by = index.genes.assign(z=z[0]), "z"
    if note:
        facts["profile_ranked_by"], by = note, "list_score"
        genes = genes.assign(list_score=scores)
    profile = genes.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)
    return Card("signature", sig_id, facts, {"profile": profile, "nearest": nearest(index, z, np.array([place]))})


def list_scores(index: ConnectivityIndex, place: int, z: np.ndarray) -> tuple[np.ndarray, str]:
    """Scores by which the genes of a signature are listed, and a sentence on it; z and no sentence if all are measured.

    Genes whose z was made with ``zscore --scale measured`` have that scale already, and keep it.
    """
    from beadwork.io.platform.inference_model import inference_accuracies
    from beadwork.stages.connectivity.explain import gene_list_scores

    accuracies = inference_accuracies()
    if not any(gene in accuracies for gene in index.store.gene_ids):
        return z, ""
    steps = [step for step in _steps(index, place)[1] if step.get("command") == "zscore"]
    if any((step.get("parameters") or {}).get("scale") == "measured" for step in steps):
        return z, "z, which has the scale of measured genes (zscore --scale measured)"
    return gene_list_scores(
        z, index.store.gene_ids, accuracies
    ), "inferred genes by z times the accuracy of their inference"


def show_class(index: ConnectivityIndex, name: str) -> Card:
    """Show a mechanism class: members, how alike they are against random sets of that size, and who stands apart.

    Raises
    ------
    GeneSetError
        The index has no mechanisms, or no such class.
    """
    import pandas as pd

    members = _members(index, name)
    profiles = [index.store.read_signatures(places).mean(axis=0) for _, places in members]
    unit = _unit(np.array(profiles))
    alike = unit @ unit.T
    np.fill_diagonal(alike, np.nan)
    rows = [
        {"pert_iname": label, "n_signatures": len(places),
         "mean_cosine": float(np.nanmean(alike[row])) if len(members) > 1 else np.nan}
        for row, (label, places) in enumerate(members)
    ]  # fmt: skip
    table = pd.DataFrame(rows).sort_values("mean_cosine", ascending=False, kind="stable")
    facts = {"class": name, "members": len(members), **_cohesion(index, name)}
    return Card("class", name, facts, {"members": table})


def find_perturbagen(index: ConnectivityIndex, name: str) -> np.ndarray:
    """Positions of the signatures of a perturbagen, by its name, else by its id, whatever the case."""
    return _rows_of(index, ("pert_iname", "pert_id"), name)


def nearest(index: ConnectivityIndex, z: np.ndarray, without: np.ndarray) -> pd.DataFrame:
    """Perturbagens whose signatures are most like, and unlike, the mean of some signatures: medians of cosines."""
    cosine = cosines(index, z.mean(axis=0))
    mask = _treated(index)
    mask[without] = False
    return _movers(index, cosine, mask, "cosine")


def cosines(index: ConnectivityIndex, profile: np.ndarray) -> np.ndarray:
    """Cosine of all signatures with a profile, block by block."""
    values = np.empty(len(index), np.float32)
    size = max(float(np.linalg.norm(profile)), 1e-12)
    for block in index.store.blocks:
        norms = np.sqrt(np.einsum("gs,gs->s", block.z, block.z))
        values[block.start : block.stop] = (profile @ block.z) / np.maximum(norms * size, 1e-12)
    return values


def _rows_of(index: ConnectivityIndex, fields: str | Sequence[str], name: str) -> np.ndarray:
    names = [fields] if isinstance(fields, str) else fields
    near: list[str] = []
    for one in names:
        if one not in index.annotation:
            continue
        codes, texts = index.annotation.texts(one)
        wanted = [code for code, text in enumerate(texts) if text.lower() == name.strip().lower()]
        if wanted:
            return np.flatnonzero(np.isin(codes, wanted))
        near += texts
    import difflib

    close = difflib.get_close_matches(name.strip().lower(), [text.lower() for text in near], n=3)
    hint = f"; near it: {name_some(close, 3)}" if close else ""
    raise GeneSetError(f"the index has no {' or '.join(names)} {name!r}{hint}")


def _signatures(
    index: ConnectivityIndex, places: np.ndarray, names: Sequence[str] = (*SHOWN, *MECHANISM_FIELDS)
) -> pd.DataFrame:
    there = [name for name in names if name in index.annotation]
    frame: pd.DataFrame = index.annotation.take(places, there).to_pandas()
    return frame.astype({name: object for name in frame if frame[name].dtype == "category"})


def _treated(index: ConnectivityIndex) -> np.ndarray:
    codes, kinds = index.annotation.texts("pert_type")
    treated: np.ndarray = np.array([*type_mask(kinds, is_treatment), True], bool)[codes]  # those without a type count
    return treated


def _movers(index: ConnectivityIndex, values: np.ndarray, mask: np.ndarray, what: str = "z") -> pd.DataFrame:
    """Perturbagens by the median of a number over their signatures, from both ends."""
    import pandas as pd

    names, kinds = (index.annotation.texts(one) for one in ("pert_iname", "pert_type"))
    rows = np.flatnonzero(mask & (names[0] >= 0))
    if not len(rows):
        return pd.DataFrame(columns=["pert_iname", "pert_type", f"median_{what}", "n_signatures", "n_positive"])
    joint = names[0][rows].astype(np.int64) * (len(kinds[1]) + 1) + kinds[0][rows] + 1
    keys, code = np.unique(joint, return_inverse=True)
    code = code.reshape(-1)
    order = np.lexsort([values[rows], code])
    starts = np.searchsorted(code[order], np.arange(len(keys) + 1))
    count = np.diff(starts)
    sorted_values = values[rows][order].astype(np.float64)
    middle = (sorted_values[starts[:-1] + (count - 1) // 2] + sorted_values[starts[:-1] + count // 2]) / 2
    positive = np.bincount(code, values[rows] > 0).astype(int)
    table = pd.DataFrame(
        {
            "pert_iname": [names[1][key // (len(kinds[1]) + 1)] for key in keys],
            "pert_type": [kinds[1][key] if (key := one % (len(kinds[1]) + 1) - 1) >= 0 else None for one in keys],
            f"median_{what}": middle, "n_signatures": count, "n_positive": positive,
        }
    ).sort_values(f"median_{what}", ascending=False, kind="stable")  # fmt: skip
    ends = table if len(table) <= 2 * TOP else pd.concat([table.head(TOP), table.tail(TOP)])
    return ends.reset_index(drop=True)


def _by(index: ConnectivityIndex, z: np.ndarray, name: str, mask: np.ndarray) -> pd.DataFrame | None:
    """How much a gene moves in each group of signatures: median, median of sizes, share beyond 2."""
    import pandas as pd

    codes, texts = index.annotation.texts(name)
    rows = np.flatnonzero(mask & (codes >= 0))
    if not len(rows):
        return None
    frame = pd.DataFrame({name: codes[rows], "z": z[rows], "size": np.abs(z[rows])})
    frame["strong"] = frame["size"] >= 2
    grouped = frame.groupby(name)
    table = grouped.agg(
        n_signatures=("z", "size"),
        median_z=("z", "median"),
        median_abs_z=("size", "median"),
        share_2=("strong", "mean"),
    ).reset_index()
    table[name] = [texts[code] for code in table[name]]
    return table.sort_values("median_abs_z", ascending=False, kind="stable").reset_index(drop=True)


def _own(index: ConnectivityIndex, z: np.ndarray, symbol: str) -> pd.DataFrame:
    """Signatures in which the gene itself is lost or gained."""
    names, texts = index.annotation.texts("pert_iname")
    kinds, types = index.annotation.texts("pert_type")
    genetic = [perturbation_kind(one) in ("loss of function", "over-expression", "mutant") for one in types]
    same = np.array([*(text.upper() == symbol.upper() for text in texts), False], bool)[names]
    places = np.flatnonzero(same & np.array([*genetic, False], bool)[kinds])
    return _signatures(index, places, SHOWN).assign(z=z[places])


def _measured(gene: str) -> str:
    from beadwork.io.platform.gene_table import gene_table

    table = gene_table()
    if gene not in table.index:
        return "not known"
    if table["pr_is_lm"][gene] == 1:
        return "measured (landmark)"
    return "inferred well" if table["pr_is_bing"][gene] == 1 else "inferred"


def _shared(index: ConnectivityIndex, places: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Values of fields of some signatures, several joined by ``|``."""
    facts: dict[str, Any] = {}
    for name in names:
        if name in index.annotation:
            codes, texts = index.annotation.texts(name)
            found = [texts[code] for code in dict.fromkeys(codes[places].tolist()) if code >= 0]
            if found:
                facts[name] = "|".join(dict.fromkeys(part for text in found for part in text.split("|")))
    return facts


def _natural(column: pd.Series) -> pd.Series:
    """Sort doses and times by their numbers."""
    from beadwork.model.quantities import read_quantity

    if column.name == "cell_id":
        return column.astype(str)
    return column.map(lambda text: read_quantity(text).number if isinstance(text, str) else None).astype(float)


def _grid(table: pd.DataFrame) -> pd.DataFrame:
    """Strength by cell, time and dose: the dose response."""
    grouped = table.groupby(["cell_id", "pert_itime", "pert_idose"], dropna=False, sort=False)
    grid = grouped.agg(n_signatures=("sig_id", "size"), median_tas=("tas", "median")).reset_index()
    return grid.sort_values(["cell_id", "pert_itime", "pert_idose"], key=_natural, kind="stable")


def _constant_genes(index: ConnectivityIndex, z: np.ndarray) -> pd.DataFrame:
    """Genes that move alike in the signatures of a perturbagen: mean, sd, share of the same sign."""
    mean, sd = z.mean(axis=0), z.std(axis=0)
    same = np.where(mean >= 0, (z > 0).mean(axis=0), (z < 0).mean(axis=0))
    table = index.genes.assign(mean_z=mean, sd_z=sd, share_same_sign=same)
    score = mean * np.sqrt(len(z)) / np.sqrt(sd**2 + 1)  # one unit of noise, so that few signatures do not win
    order = np.argsort(-score, kind="stable")
    ends = order if len(order) <= 2 * TOP else np.concatenate([order[:TOP], order[-TOP:]])
    found: pd.DataFrame = table.iloc[ends].reset_index(drop=True)
    return found


def _agreement(cells: np.ndarray, z: np.ndarray) -> pd.DataFrame:
    """Cosine of the mean profile of each cell with that of all others."""
    import pandas as pd

    rows = []
    for cell in sorted(set(cells)):
        own, rest = z[cells == cell], z[cells != cell]
        value = float((_unit(own.mean(axis=0)[None]) @ _unit(rest.mean(axis=0)[None]).T)[0, 0]) if len(rest) else np.nan
        rows.append({"cell_id": cell, "n_signatures": len(own), "cosine_with_others": value})
    table = pd.DataFrame(rows, columns=["cell_id", "n_signatures", "cosine_with_others"])
    return table.sort_values("cosine_with_others", ascending=False, kind="stable")


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _members(index: ConnectivityIndex, name: str) -> list[tuple[str, np.ndarray]]:
    """Perturbagens of a class and the positions of their signatures."""
    if "moa" not in index.annotation:
        raise GeneSetError("the index has no mechanisms (field moa); `beadwork index annotate` joins them")
    codes, texts = index.annotation.texts("moa")
    parts = [{part.strip().lower() for part in text.split("|")} for text in texts]
    wanted = np.array([*(name.strip().lower() in part for part in parts), False], bool)
    if not wanted.any():
        import difflib

        known = sorted({part for several in parts for part in several})
        near = difflib.get_close_matches(name.lower(), known, n=3)
        hint = f"near it: {name_some(near, 3)}" if near else f"there are {len(known):,}"
        raise GeneSetError(f"the index has no class {name!r}; {hint}")
    rows = np.flatnonzero(wanted[codes] & _treated(index))
    return _perturbagens(index, rows)


def _perturbagens(index: ConnectivityIndex, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    codes, texts = index.annotation.texts("pert_iname")
    found: dict[int, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(int(codes[row]), []).append(row)
    return [(texts[code], np.array(own)) for code, own in sorted(found.items()) if code >= 0]


def _cohesion(index: ConnectivityIndex, name: str) -> dict[str, Any]:
    """Mean cosine between the members of a class, and how many random sets of as many treatments reach it."""
    members = _members(index, name)
    if len(members) < 2:
        return {"members": len(members), "cohesion": None, "p_cohesion": None}
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    draw = np.random.default_rng(seed)
    others = _perturbagens(index, np.flatnonzero(_treated(index)))
    chosen = others if len(others) <= 400 else [others[at] for at in draw.choice(len(others), 400, replace=False)]
    mean: Callable[[np.ndarray], np.ndarray] = lambda places: index.store.read_signatures(places).mean(axis=0)  # noqa: E731
    own = _mean_cosine(_unit(np.array([mean(places) for _, places in members])))
    pool = _unit(np.array([mean(places) for _, places in chosen]))
    size = min(len(members), len(pool))
    random = [_mean_cosine(pool[draw.choice(len(pool), size, replace=False)]) for _ in range(DRAWS)]
    reached = sum(value >= own for value in random)
    return {"members": len(members), "cohesion": own, "p_cohesion": (1 + reached) / (1 + DRAWS)}


def _mean_cosine(unit: np.ndarray) -> float:
    size = len(unit)
    return float((np.linalg.norm(unit.sum(axis=0)) ** 2 - size) / (size * (size - 1)))


def _steps(index: ConnectivityIndex, place: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """File that a signature came from, and the steps that made it."""
    source = index.annotation.numbers("source")[place] if "source" in index.annotation else np.nan
    for segment in index.store.segments:
        if segment.start <= place < segment.start + segment.n_signatures:
            rows = index.store.segment_provenance(segment)
            for row in rows:
                if row.get("source") == source or len(rows) == 1:
                    record = json.loads(row.get("provenance") or "{}")
                    return row, [*record.get("history", ()), *([record] if "command" in record else [])]
    return {}, []


def _origin(index: ConnectivityIndex, place: int) -> dict[str, Any]:
    """File that a signature came from, and the steps before it, in words."""
    row, steps = _steps(index, place)
    made = " > ".join(f"{step.get('command')} ({step.get('version')})" for step in steps)
    return {"file": row.get("name"), "digest": row.get("digest"), "made_by": made or "not by beadwork"} if row else {}
