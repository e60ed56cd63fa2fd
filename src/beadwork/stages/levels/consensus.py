"""Level 4 to level 5: replicates of a signature become one (MODZ, of ZSNC MNZ), with the facts of siginfo."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.modz import (
    activity_score,
    correlation_q75,
    moderate_by_gene,
    moderate_zscores,
    percentile_or_nan,
    replicate_correlations,
    replicate_weights,
    sibling_ranks,
    signature_strength,
    standard_ranks,
    strong_genes,
)
from beadwork.model.errors import AlignmentError, LevelError, name_some
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.params import ConsensusParams
from beadwork.model.pert_types import is_treatment, type_mask
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.levels.groups import field_key, group_instances, read_doses, with_brew, with_plate
from beadwork.stages.levels.near_names import near_misses, spellings

log = logging.getLogger("beadwork.consensus")
INSTANCE_FIELDS = frozenset(
    ("det_plate", "det_well", "rna_plate", "lxb_digest", "count_mean", "count_cv", "qc_slope", "qc_f_logp", "qc_iqr",
     "noise_share", "noise_factor")
)  # fmt: skip
"""Facts of one well of one plate, which do not belong to a signature."""
FIRST_FIELDS = (
    "brew_prefix", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_dose", "pert_dose_unit", "pert_idose",
    "pert_time", "pert_time_unit", "pert_itime",
)  # fmt: skip
COMPUTED_FIELDS = (
    "sig_id", "n_replicates", "distil_nsample", "distil_id", "distil_wt", "det_plates", "distil_cc_q75", "distil_ss",
    "ss_ngene", "tas", "pct_self_rank_q25", "is_gold",
)  # fmt: skip
INPUT_LEVELS = (Level.ZSPC, Level.ZSVC, Level.ZSNC)
CLEANED_FIELDS = {name: f"{name}_nc" for name in ("distil_cc_q75", "distil_ss", "ss_ngene", "tas", "pct_self_rank_q25")}
"""What these are called where they are of noise-controlled values, with which CMap's thresholds do not go."""


@dataclass(frozen=True)
class ConsensusResult:
    """MODZ matrix (its columns annotated with siginfo), siginfo as a table, QC rows."""

    matrix: Matrix
    siginfo: pd.DataFrame
    qc: pd.DataFrame


def consensus(
    z: Matrix | Sequence[Matrix],
    *,
    landmarks: pd.Index | None = None,
    reliability: Matrix | Sequence[Matrix] | None = None,
    params: ConsensusParams = ConsensusParams(),  # noqa: B008 (frozen)
    names: Sequence[str] | None = None,
) -> ConsensusResult:
    """Collapse replicate z-scores to one signature per group: MODZ, or of ZSNC the plain mean, MNZ.

    Parameters
    ----------
    z
        ZSPC, ZSVC or ZSNC of one plate or of several, values (genes, samples), the same genes in each.  NaN is an
        error: it would silently re-weight replicates.  The order of the matrices does not matter.
    landmarks
        Ids of the genes that correlations and strengths are computed over; None, or none of them present: rows that
        the annotation calls landmarks, else all rows (with a warning).
    reliability
        Reliability of the scores, 0 or more, of one plate or of several in any order, as ``zscore`` gives it.  A gene
        is then averaged with the weight of each replicate times the reliability of its score; genes that they do not
        have, such as inferred ones, get the weights of the replicates alone, and so does a gene without any reliable
        score.  Weights of the replicates themselves, and what stands on them, stay as they are.
    names
        What messages call the matrices, usually their files.

    Returns
    -------
    ConsensusResult
        Signatures in the order in which their first replicate comes, by plate and well.  Control wells (pert_type
        ``ctl_...``) are grouped by well too, unless ``params.split_controls`` is False; their sig_id ends in the well.
        ``pct_self_rank_q25`` ranks among the instances of the same brew, so that it does not depend on what else is
        computed along.  ``is_gold`` is missing where correlation or rank cannot be known.  Of ZSNC, fields that
        stand on the values end in ``_nc`` (:data:`CLEANED_FIELDS`), and there is no ``is_gold``: its thresholds were
        set on MODZ.

    Raises
    ------
    LevelError
        Not level 4, or ZSPC, ZSVC and ZSNC mixed.
    AlignmentError
        Different genes, a sample twice, missing values, samples without reliabilities.
    BeadworkError
        A field to group by is absent, or a well has no perturbagen or brew.

    Notes
    -----
    Definitions: :mod:`beadwork.kernels.levels.modz`.  Memory: the joined z-scores twice, in float32.
    """
    joined = join_plates([z] if isinstance(z, Matrix) else list(z), names)
    cleaned = joined.level is Level.ZSNC
    cols = read_doses(with_brew(joined.cols))
    group, keys = group_instances(cols, params)
    _say_near_names(cols, group, keys["sig_id"], params)
    known, reliable = _join_reliabilities(joined, [reliability] if isinstance(reliability, Matrix) else reliability)
    at = _landmark_rows(joined, landmarks)
    by_sample = np.ascontiguousarray(joined.values.T)
    ranks = standard_ranks(np.clip(by_sample[:, at], -params.z_clip, params.z_clip))
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    values = np.empty((len(members), by_sample.shape[1]), dtype=np.float32)
    records = []
    for position, own in enumerate(members):
        correlation = replicate_correlations(ranks[own])
        # once noise that wells share is out, weights by agreement gain nothing over the mean
        weights = np.full(len(own), 1 / len(own)) if cleaned else replicate_weights(correlation, params.min_weight)
        modz = moderate_zscores(by_sample[own], weights, params.z_clip)
        if len(known):
            modz[known] = moderate_by_gene(by_sample[np.ix_(own, known)], weights, reliable[own], params.z_clip)
        values[position] = modz
        cc_q75 = correlation_q75(correlation)
        ss_ngene = strong_genes(modz[at], len(own), params.ss_threshold)
        records.append(
            {
                "n_replicates": len(own),
                "distil_nsample": len(own),
                "distil_id": "|".join(joined.cids[own]),
                "distil_wt": ",".join(f"{weight:.4f}" for weight in weights),
                "det_plates": "|".join(dict.fromkeys(cols["det_plate"].iloc[own].astype(str))),
                "distil_cc_q75": cc_q75,
                "distil_ss": signature_strength(modz[at]),
                "ss_ngene": ss_ngene,
                "tas": activity_score(ss_ngene, cc_q75, len(at)),
                "weight_max": weights.max(),
            }
        )
    table = pd.DataFrame(records)
    table["pct_self_rank_q25"] = _self_ranks(ranks, group, cols["brew_prefix"], params)
    table["is_gold"] = is_gold(table["distil_cc_q75"], table["pct_self_rank_q25"], params)
    weight_max = table.pop("weight_max")
    siginfo = pd.concat([keys[["sig_id"]], _common_fields(cols, group, params), table], axis=1)
    siginfo.index = pd.Index(siginfo["sig_id"], dtype=object, name=None)
    rows = [qc_rows("consensus", name, siginfo[name]) for name in ("distil_nsample", "tas", "pct_self_rank_q25")]
    rows.append(qc_rows("consensus", "distil_cc_q75", siginfo["distil_cc_q75"]))
    rows.append(qc_rows("consensus", "weight_max", weight_max.set_axis(siginfo.index)))
    for part in rows:
        part["pass"] = True  # a signature that cannot be judged, or is weak, is a finding and not a failure
    if cleaned:
        siginfo = siginfo.drop(columns="is_gold").rename(columns=CLEANED_FIELDS)
        rows = [part.assign(stage="consensus_nc") for part in rows]
    matrix = Matrix(
        values.T, joined.rows, siginfo.drop(columns="sig_id"), level=Level.MNZ if cleaned else Level.MODZ,
        space=joined.space, provenance=joined.provenance,
    )  # fmt: skip
    return ConsensusResult(matrix, siginfo.reset_index(drop=True), join_qc(rows))


def is_gold(
    cc_q75: pd.Series,
    self_rank: pd.Series,
    params: ConsensusParams = ConsensusParams(),  # noqa: B008 (frozen)
) -> pd.Series:
    """Whether signatures are reproducible and connect to themselves: 1, 0, or missing where either is unknown.

    A negative rank, which CMap's files hold, is unknown too.  As LINCS documents define it.
    """
    known = cc_q75.notna() & self_rank.notna() & (self_rank >= 0)
    gold = (cc_q75 >= params.gold_cc) & (self_rank <= params.gold_rank)
    return gold.astype(float).where(known)


def join_plates(matrices: Sequence[Matrix], names: Sequence[str] | None = None) -> Matrix:
    """Join plates side by side, columns sorted by plate and well, rows as in the first of them.

    Raises
    ------
    LevelError, AlignmentError
        As :func:`consensus` says, naming the matrix.
    """
    if not matrices:
        raise AlignmentError("no z-scores given; at least one ZSPC, ZSVC or ZSNC matrix is needed")
    names = list(names) if names is not None else [f"matrix {number}" for number in range(1, len(matrices) + 1)]
    for matrix, name in zip(matrices, names, strict=True):
        check_matrix(matrix, level=INPUT_LEVELS, finite=True, what=name)
    first = min(range(len(matrices)), key=lambda at: sorted(matrices[at].cids)[:1])
    reference = matrices[first]
    for matrix, name in zip(matrices, names, strict=True):
        if matrix.level != reference.level:
            raise LevelError(
                f"{name}: holds level {matrix.level or 'unknown'}, but {names[first]} holds "
                f"{reference.level or 'unknown'}; z-scores of one signature must be of one kind"
            )
        odd = matrix.rids.symmetric_difference(reference.rids)
        if len(odd):
            raise AlignmentError(
                f"{name}: its {len(matrix.rids):,} rows are not those of {names[first]} ({len(reference.rids):,}); "
                f"only in one of them: {name_some(odd)}; give matrices of one gene space"
            )
    cols = pd.concat([with_plate(matrix.cols) for matrix in matrices])
    if cols.index.has_duplicates:
        twice = cols.index[cols.index.duplicated()].unique()
        raise AlignmentError(f"samples stand in more than one matrix: {name_some(twice)}; give each plate once")
    if not len(cols):
        raise AlignmentError(f"{', '.join(names)}: no samples; there is nothing to make signatures of")
    values = np.hstack(
        [(m if m.rids.equals(reference.rids) else m.take_rows(reference.rids, m.space)).values for m in matrices]
    )
    position = pd.DataFrame({"plate": cols["det_plate"].astype(str), "cid": cols.index.astype(str)})
    order = np.lexsort((position["cid"].to_numpy(str), position["plate"].to_numpy(str)))
    names_of_fields = sorted(set(cols.columns) - set(reference.cols.columns))
    fields = [*with_plate(reference.cols).columns, *(name for name in names_of_fields if name != "det_plate")]
    return Matrix(
        values[:, order], reference.rows, cols.iloc[order][fields], level=reference.level, space=reference.space,
        provenance=reference.provenance,
    )  # fmt: skip


def _join_reliabilities(joined: Matrix, parts: Sequence[Matrix] | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the joined z-scores that have reliabilities, and these (samples, rows); 1 where one plate lacks a gene.

    Raises
    ------
    AlignmentError
        A sample has none, stands in two matrices, or no gene is shared; or a reliability is negative.
    """
    if parts is None:
        return np.array([], dtype=np.intp), np.empty((len(joined.cids), 0))
    where = np.zeros(len(joined.cids), dtype=int)
    known = np.flatnonzero(joined.rids.isin([gene for part in parts for gene in part.rids]))
    found = np.ones((len(joined.cids), len(known)))
    for part in parts:
        samples, genes = np.flatnonzero(joined.cids.isin(part.cids)), np.flatnonzero(joined.rids[known].isin(part.rids))
        rows, columns = part.rids.get_indexer(joined.rids[known[genes]]), part.cids.get_indexer(joined.cids[samples])
        values = part.values[np.ix_(rows, columns)].T
        if (values < 0).any():
            raise AlignmentError("--reliability: negative values; give what `beadwork zscore --reliability` wrote")
        found[np.ix_(samples, genes)] = values
        where[samples] += 1
    if (where == 0).any():
        raise AlignmentError(
            f"{int((where == 0).sum())} samples have no reliability ({name_some(joined.cids[where == 0])}); give "
            "--reliability the file of each plate that `beadwork zscore --reliability` wrote"
        )
    if (where > 1).any():
        raise AlignmentError(
            f"{int((where > 1).sum())} samples stand in two --reliability files ({name_some(joined.cids[where > 1])}); "
            "give each plate once"
        )
    if not len(known):
        raise AlignmentError("--reliability: has none of the genes of the z-scores; were their row ids changed?")
    return known, found


def _say_near_names(cols: pd.DataFrame, group: np.ndarray, names: pd.Series, params: ConsensusParams) -> None:
    """Report what is written in two ways, above all where treatments lack replicates for it."""
    keys = pd.DataFrame({name: field_key(cols, name) for name in params.group_by}, index=cols.index)
    if written := spellings(cols, keys):
        log.warning("two spellings: %s", name_some(written))
    first = np.unique(group, return_index=True)[1]
    table = pd.DataFrame({"group": group, "plate": cols["det_plate"].astype(str).to_numpy()}).drop_duplicates()
    plates = [tuple(own) for _, own in table.groupby("group")["plate"]]
    control = ~type_mask(cols["pert_type"], is_treatment) if "pert_type" in cols else np.zeros(len(cols), bool)
    brew = cols["brew_prefix"].astype(str).iloc[first].tolist()
    compared = keys.drop(columns="brew_prefix", errors="ignore").iloc[first]
    if lacking := near_misses(names.tolist(), compared, plates, brew, control[first]):
        log.warning("fewer replicates than plates, and a near name: %s", "; ".join([*lacking[:5], *_more(lacking)]))


def _more(found: list[str]) -> list[str]:
    return [f"... ({len(found)} in all)"] if len(found) > 5 else []


def _landmark_rows(matrix: Matrix, landmarks: pd.Index | None) -> np.ndarray:
    if landmarks is not None:
        at = np.flatnonzero(matrix.rids.isin(landmarks))
        if 0 < len(at) < len(landmarks):
            log.warning("%d of the %d landmarks are among the rows; these are used", len(at), len(landmarks))
        if len(at):
            return at
    for name in ("pr_is_lm", "pr_is_lmark", "is_lm"):
        if name in matrix.rows:
            at = np.flatnonzero(matrix.rows[name].to_numpy() == 1)
            if len(at):
                return at
    if landmarks is not None:
        log.warning(
            "no row is a landmark by id or by the row field pr_is_lm; replicates are correlated over all %d rows",
            len(matrix.rids),
        )
    return np.arange(len(matrix.rids))


def _self_ranks(ranks: np.ndarray, group: np.ndarray, brew: pd.Series, params: ConsensusParams) -> np.ndarray:
    found = np.full(int(group.max()) + 1, np.nan)
    codes = pd.factorize(brew, use_na_sentinel=False)[0]
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        if len(own) - 1 < params.min_rank_instances:
            continue
        local, groups = np.unique(group[own], return_inverse=True)
        percents = sibling_ranks(ranks[own], groups)
        for number, values in zip(local, percents, strict=True):
            if len(values):
                found[number] = percentile_or_nan(values, 25)
    return found


def _common_fields(cols: pd.DataFrame, group: np.ndarray, params: ConsensusParams) -> pd.DataFrame:
    """Fields of the instances that their signature keeps: the shared value, missing where replicates differ."""
    names = [name for name in FIRST_FIELDS if name in cols]
    names += [name for name in cols.columns if name not in FIRST_FIELDS]
    first = pd.Series(group).drop_duplicates().index
    table = {}
    grouped_by = set(params.group_by)
    for name in names:
        if (
            name in COMPUTED_FIELDS
            or name in CLEANED_FIELDS.values()
            or (name in INSTANCE_FIELDS and name not in grouped_by)
        ):
            continue
        equal = field_key(cols, name) if name in grouped_by else cols[name]  # as groups are: 39.6 is 39.599998
        codes, _ = pd.factorize(equal, use_na_sentinel=False)
        lowest = np.full(int(group.max()) + 1, len(cols))
        highest = np.full(int(group.max()) + 1, -1)
        np.minimum.at(lowest, group, codes)
        np.maximum.at(highest, group, codes)
        shared = lowest == highest
        if not shared.any():
            continue
        values = cols[name].iloc[first].reset_index(drop=True).astype(object).where(shared)
        if pd.api.types.is_numeric_dtype(cols[name]):
            values = pd.to_numeric(values)
        table[name] = values
    return pd.DataFrame(table)
