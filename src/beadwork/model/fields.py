"""The registry of annotation fields: name, type, level where it first appears, and meaning.

Readers use the types (a dose is a number, a well is text), the glossary and the formats page print the meanings.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One annotation field: ``kind`` is str, float or int."""

    name: str
    kind: type
    level: int
    doc: str


_FIELDS = (
    Field("det_plate", str, 1, "plate as it was detected: {pert_plate}_{cell}_{time}_{replicate}_{bead batch}"),
    Field("det_well", str, 1, "well as it was detected, A01..P24"),
    Field("rna_well", str, 1, "well of the perturbed plate, A01..P24"),
    Field("rna_plate", str, 1, "plate of lysates"),
    Field("batch", str, 1, "your own label of the batch that the plate came with, from the plate sheet"),
    Field("bead_batch", str, 1, "batch of beads, which fixes bead set, revision and mixing ratio"),
    Field("bead_set", str, 1, "pair of bead sets, e.g. dp52,dp53"),
    Field("bead_revision", str, 1, "revision of the bead set, r1 or r2"),
    Field("lxb_digest", str, 1, "checksum of the well's LXB file"),
    Field("brew_prefix", str, 1, "pert plate, cell and time: what replicate plates share"),
    Field("pert_id", str, 1, "id of the perturbagen"),
    Field("pert_iname", str, 1, "name of the perturbagen"),
    Field("pert_type", str, 1, "trt_cp, trt_poscon, ctl_vehicle, lma_x, ..."),
    Field("pert_dose", float, 1, "dose in pert_dose_unit"),
    Field("pert_dose_unit", str, 1, "unit of pert_dose"),
    Field("pert_time", float, 1, "time of treatment in pert_time_unit"),
    Field("pert_time_unit", str, 1, "unit of pert_time"),
    Field("pert_idose", str, 1, "dose with its unit"),
    Field("pert_itime", str, 1, "time with its unit"),
    Field("cell_id", str, 1, "cell line"),
    Field("count_mean", float, 2, "mean number of good beads per analyte"),
    Field("count_cv", float, 2, "100 * sd / mean of the good beads per analyte"),
    Field("qc_slope", float, 3, "angle of the calibration curve, degrees"),
    Field("qc_f_logp", float, 3, "-log10 p of the calibration fit"),
    Field("qc_iqr", float, 3, "2^(interquartile range) of the scaled profile"),
    Field("pr_gene_id", str, 2, "Entrez gene id"),
    Field("pr_gene_symbol", str, 2, "gene symbol"),
    Field("pr_gene_title", str, 2, "gene name"),
    Field("pr_analyte_num", int, 2, "analyte (bead colour), 1..500"),
    Field("pr_analyte_id", str, 2, "analyte in words"),
    Field("pr_bset_id", str, 2, "half of the bead set, dp52 or dp53"),
    Field("bead_share", float, 2, "share of its analyte's beads that a gene has, as fitted (rows of SD)"),
    Field("bead_width", float, 2, "width of a gene's beads relative to the usual at its level (rows of SD)"),
    Field("bead_split", float, 2, "half the distance, log2, of the two subpopulations of a gene's beads (rows of SD)"),
    Field("pr_probe_id", str, 2, "CMap's probe name of a landmark"),
    Field("pr_is_lm", int, 3, "1 if the gene is a landmark"),
    Field("pr_is_bing", int, 3, "1 if the gene is a landmark or inferred well"),
    Field("pr_inference_r", float, 3, "accuracy of inference: correlation within left-out studies; missing: landmarks"),
    Field("noise_factor", float, 4, "score of a well on the first direction of the noise that wells share"),
    Field("noise_share", float, 4, "share of a profile's squared length that noise control took out"),
    Field("pr_gene_sd", float, 3, "standard deviation of the gene within studies that the inference model learnt from"),
    Field("sig_id", str, 5, "signature: {brew_prefix}:{pert_id}[:{dose}]"),
    Field("distil_id", str, 5, "ids of the replicates, joined by '|'"),
    Field("distil_wt", str, 5, "weights of the replicates, joined by ','"),
    Field("distil_nsample", int, 5, "number of replicates"),
    Field("n_replicates", int, 5, "number of replicates, the same as distil_nsample"),
    Field("det_plates", str, 5, "plates of the replicates, joined by '|'"),
    Field("distil_cc_q75", float, 5, "75th percentile of the correlations between replicates"),
    Field("distil_ss", float, 5, "mean of the top 100 minus mean of the bottom 100 landmark z-scores"),
    Field("ss_ngene", int, 5, "landmarks with |modz * sqrt(n)| >= 2"),
    Field("tas", float, 5, "transcriptional activity score, 0..1"),
    Field("pct_self_rank_q25", float, 5, "25th percentile of the rank of siblings among all instances, percent"),
    Field("distil_cc_q75_nc", float, 5, "distil_cc_q75 of noise-controlled z-scores (MNZ)"),
    Field("distil_ss_nc", float, 5, "distil_ss of noise-controlled z-scores (MNZ)"),
    Field("ss_ngene_nc", int, 5, "ss_ngene of noise-controlled z-scores (MNZ)"),
    Field("tas_nc", float, 5, "tas of noise-controlled z-scores (MNZ)"),
    Field("pct_self_rank_q25_nc", float, 5, "pct_self_rank_q25 of noise-controlled z-scores (MNZ)"),
    Field("is_gold", int, 5, "1 if reproducible and self-connected, 0 if not, missing if it cannot be known"),
)
FIELDS: dict[str, Field] = {field.name: field for field in _FIELDS}


def field_kind(name: str) -> type | None:
    """Type of a field by name, None if the field is not ours (then the values decide)."""
    return FIELDS[name].kind if name in FIELDS else None
